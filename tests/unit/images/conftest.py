# SPDX-License-Identifier: MIT
"""No warning of Pillow reaches who loads or saves an image; optional readers can be hidden."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from PIL import Image

from refcodec.images.plugins import OptionalPackage, registered


@pytest.fixture(autouse=True)
def no_warning_leaves() -> Iterator[None]:
    """Warnings are errors here, so one that got out would fail the test, and one that got in would refuse a picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def no_optional_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave Pillow's own readers alone, whatever is installed: the demo installs the one of JPEG XL."""
    monkeypatch.setattr(OptionalPackage, "installed", lambda self: False)
    monkeypatch.setattr(OptionalPackage, "factory", lambda self: None)
    for name in registered():
        monkeypatch.delitem(Image.OPEN, name)
        monkeypatch.setattr(Image, "ID", [each for each in Image.ID if each != name])
