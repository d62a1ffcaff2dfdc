# SPDX-License-Identifier: MIT
"""Members that the entries of manifest.json have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from refcodec.errors import SemError

REVISION: Final = 2  # the document revision of SPEC.md for which new vectors are written
REVISION_OF_RELEASE: Final = {"1.0.0": 1}  # that of the vectors of each release


def common_members(rules: Iterable[int], note: str) -> dict[str, Any]:
    """Return the members that every entry has beside its id."""
    return {"rules": rule_ids(rules), "note": note, "since": REVISION, "until": None}


def rule_ids(rules: Iterable[int]) -> list[str]:
    """Return the ids of rules, in ascending order."""
    return [f"SEM-R-{rule:03}" for rule in sorted(rules)]


def file_members(data: bytes) -> dict[str, Any]:
    """Return the digest and size of the file of an entry."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def error_members(code: int) -> dict[str, Any]:
    """Return the id of the error that a decoder must give, and its exit status."""
    error = SemError(code, "")
    return {"error": error.id, "status": error.status}
