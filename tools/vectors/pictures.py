# SPDX-License-Identifier: MIT
"""Reference pictures of tier P: their files and the limits that `pixel_tolerance.py` measured."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

OUT: Final = Path(__file__).resolve().parents[2] / "test_vectors"
MEASURED: Final = Path(__file__).with_name("pixels.json")  # shape, limits and spread by id


def picture_path(case_id: str) -> str:
    """Return the path of a reference picture in test_vectors/."""
    return f"paint/{case_id}.bin"


def pixel_members(case_id: str) -> dict[str, Any]:
    """Return the member `pixels` of a vector."""
    measured = json.loads(MEASURED.read_bytes())[case_id]
    path = picture_path(case_id)
    return {"file": path, "sha256": hashlib.sha256((OUT / path).read_bytes()).hexdigest(), **measured}
