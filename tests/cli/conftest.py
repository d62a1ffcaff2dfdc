# SPDX-License-Identifier: MIT
"""Every test of this folder runs in an empty folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def in_an_empty_folder(place: Path) -> None:
    """Leave nothing in the repository, and see no models or registry of this machine."""
