# SPDX-License-Identifier: MIT
"""No warning of Pillow reaches who loads or saves an image."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_warning_leaves() -> Iterator[None]:
    """Warnings are errors here, so one that got out would fail the test, and one that got in would refuse a picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
