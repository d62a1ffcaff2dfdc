# SPDX-License-Identifier: MIT
"""SPEC Appendix A, the dim classes: the commonest sizes in one byte. The table is `dims.json`."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def sizes() -> dict[int, tuple[int, int]]:
    """class -> (width, height) in pixels."""
    rows = json.loads((Path(__file__).parent / "dims.json").read_bytes())["classes"]
    return {row["class"]: (row["width"], row["height"]) for row in rows}


@lru_cache(maxsize=1)
def _classes() -> dict[tuple[int, int], int]:
    return {size: dim_class for dim_class, size in sizes().items()}


def dim_class(width: int, height: int) -> int | None:
    """The class of this size, or None where it has none."""
    return _classes().get((width, height))


def dim_size(dim_class: int) -> tuple[int, int]:
    """(width, height) of a class; KeyError where there is no such class."""
    return sizes()[dim_class]
