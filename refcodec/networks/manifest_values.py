# SPDX-License-Identifier: MIT
"""Check JSON values of a manifest for their form. `require_…` raise Code.MODEL_MALFORMED (SEM-E-803)."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

from refcodec.errors import Code, SemError


def malformed(what: str, path: str) -> SemError:
    """Return a MODEL_MALFORMED error at a path of the manifest."""
    return SemError(Code.MODEL_MALFORMED, what, path=path)


def is_digest(value: object) -> bool:
    """Return whether `value` is a SHA-256 in lower-case hexadecimal."""
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def require_integer(value: object, lo: int, hi: int, path: str) -> int:
    """Return `value`, an integer from lo to hi; true and false are not integers."""
    if type(value) is not int or not lo <= value <= hi:
        raise malformed(f"not an integer from {lo} to {hi}" if lo <= hi else "there is no layer before it", path)
    return value


def require_list(value: object, minimum: int, maximum: int, path: str) -> list[Any]:
    """Return `value`, a list of `minimum` to `maximum` entries."""
    if not isinstance(value, list) or not minimum <= len(value) <= maximum:
        lengths = f"{minimum} to {maximum}" if minimum < maximum else f"{minimum}"
        raise malformed(f"not a list of {lengths}", path)
    return value


def require_members(value: object, needed: Set[str], path: str, optional: Set[str] = frozenset()) -> dict[str, Any]:
    """Return `value`, an object with all `needed` members, and no others than these and `optional` ones."""
    if not isinstance(value, dict) or not needed <= set(value) <= needed | optional:
        raise malformed(f"its members are not {sorted(needed)}", path)
    return value
