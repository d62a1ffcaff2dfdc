# SPDX-License-Identifier: MIT
"""drafts/grids.md: the parameters of a row with grids of indices, and the shapes that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from refcodec.payloads.base import is_integer

GRIDS_MAX: Final = 16
WORDS_MAX: Final = 65536
SIDE_MAX: Final = 1024  # pixels of a stride, or rows and columns of a grid of fixed shape


def valid_grids(grids: Any) -> bool:
    """Return whether a JSON value lists grids: each a stride in pixels, or [rows, columns] for pictures of any size."""

    def valid(entry: Any) -> bool:
        sides = entry if isinstance(entry, list) and len(entry) == 2 else [entry]
        return all(is_integer(side, 1, SIDE_MAX) for side in sides)

    return isinstance(grids, list) and 1 <= len(grids) <= GRIDS_MAX and all(map(valid, grids))


def well_formed(parameters: dict[str, Any]) -> bool:
    """Return whether the parameters of a row are valid: code words, and strides or shapes of grids."""
    named = set(parameters) == {"v", "grids"} and is_integer(parameters["v"], 2, WORDS_MAX)
    return named and valid_grids(parameters["grids"])


def shapes(parameters: Mapping[str, Any], size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return (h, w) of each grid of a picture of size (width, height)."""
    width, height = size
    return [
        (entry[0], entry[1]) if isinstance(entry, list) else (-(-height // entry), -(-width // entry))
        for entry in parameters["grids"]
    ]


def symbol_count(parameters: Mapping[str, Any], width: int, height: int) -> int:
    """Return the number of indices of a picture."""
    return sum(h * w for h, w in shapes(parameters, (width, height)))
