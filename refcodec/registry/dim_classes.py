# SPDX-License-Identifier: MIT
"""Map dim classes to sizes (SPEC Appendix A): one byte for each of the most common sizes, from `dims.json`."""

from __future__ import annotations

import json
from functools import lru_cache

from refcodec.fileio import package_data


@lru_cache(maxsize=1)
def sizes() -> dict[int, tuple[int, int]]:
    """Return dim class -> (width, height) in pixels."""
    rows = json.loads(package_data("refcodec.registry", "dims.json"))["classes"]
    return {row["class"]: (row["width"], row["height"]) for row in rows}


@lru_cache(maxsize=1)
def _classes() -> dict[tuple[int, int], int]:
    return {size: dim_class for dim_class, size in sizes().items()}


def dim_class(width: int, height: int) -> int | None:
    """Return the class of a size, None if it has none."""
    return _classes().get((width, height))


def dim_size(dim_class: int) -> tuple[int, int]:
    """Return (width, height) of a class; KeyError if there is no such class."""
    return sizes()[dim_class]
