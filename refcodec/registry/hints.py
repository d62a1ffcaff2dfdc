# SPDX-License-Identifier: MIT
"""Define the render hints and the forms of their values (SPEC §6). They occur in files and in rows of the registry."""

from __future__ import annotations

import re
from typing import Final

NUMBER: Final = r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?"
# key -> pattern of the entire value; other keys may have any value
HINTS: Final = {
    "candidate": r"0|[1-9][0-9]{0,5}",
    "generator": r"cpu|cuda",
    "guidance": NUMBER,
    "noise-level": r"0|[1-9][0-9]{0,2}",
    "norm-scale": NUMBER,
    "scheduler": r"[a-z0-9][a-z0-9-]{0,31}",
    "seed": r"0|[1-9][0-9]{0,18}",
    "steps": r"[1-9][0-9]{0,5}",
    "strength": NUMBER,
}


def is_valid_value(key: str, value: str) -> bool:
    """Return whether a value has the form of its key, or the key has no form (SEM-R-054)."""
    return key not in HINTS or re.fullmatch(HINTS[key], value) is not None
