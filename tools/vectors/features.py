# SPDX-License-Identifier: MIT
"""Keywords for a file, and the stage at which a decoder finds its defect: members of manifest.json beside the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from refcodec import spec
from refcodec.errors import SemError

STAGES: Final = ("header", "limits", "sections", "model", "payload", "check")  # in the order of SEM-R-150
STAGE_OF: Final = {2: "header", 3: "sections", 4: "payload", 5: "check", 6: "limits", 8: "model"}
STAGE_OF_CODE: Final = {607: "model", 701: "header", 702: "header", 703: "sections", 704: "payload", 705: "model"}


def features(data: bytes, expected: Mapping[str, Any], error: int | None = None) -> list[str]:
    """Return the keywords of a valid file; for an invalid one those of the valid file, and the name of the error."""
    words = ["sectioned" if data[2] & 2 else "compact", f"check-{expected['check_bits']}"]
    if expected["model_hash"] is not None:
        words.append(f"hash-{len(expected['model_hash']) // 2}")
    dim_class = 4 + (2 if data[3] == spec.PROFILE_EXTENDED else 0)
    if data[3] == spec.PROFILE_EXPLICIT:
        dim_class += 2 + len(expected["model_hash"]) // 2
    words.append("size-by-class" if data[dim_class] else "size-by-sides")
    for section in expected["sections"]:
        words.append(section["kind"] or "grease")
        words += [section["mode"]] if "mode" in section else []
    if all(section["type"] < spec.CRITICAL for section in expected["sections"]):
        words.append("no-payload")
    if any(section["bytes"] == 0 and section["type"] >= spec.CRITICAL for section in expected["sections"]):
        words.append("empty-body")
    if not expected["complete"]:
        words.append("incomplete")
    return [*dict.fromkeys(words), *([] if error is None else [SemError(error, "").name])]


def stage(error: int, tier: str, sectioned: bool) -> str:
    """Return the latest stage at which a decoder may find the defect. It follows from the family of the error.

    Except text-too-long (604), which is found at the length of a section, after the header for a compact body, and
    where neither shows it, in the payload.
    """
    if error == 604:
        return "payload" if tier != "H" else "sections" if sectioned else "limits"
    return STAGE_OF_CODE[error] if error in STAGE_OF_CODE else STAGE_OF[error // 100]
