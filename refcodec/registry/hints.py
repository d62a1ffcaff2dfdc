# SPDX-License-Identifier: MIT
"""SPEC §6, the hints that painters act on and the forms of their values. Files and rows of the registry both give them."""

from __future__ import annotations

import re
from typing import Final

NUMBER: Final = r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?"
# key -> what the whole value matches; other keys of hints may have any value
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


def fits(key: str, value: str) -> bool:
    """SEM-R-054: whether the value has the form of its key, or the key has none."""
    return key not in HINTS or re.fullmatch(HINTS[key], value) is not None
