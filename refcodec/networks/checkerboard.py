# SPDX-License-Identifier: MIT
"""SPEC §13.7: the sites of a pass, one half of the squares of a checkerboard, in bands of rows.

Grids are arrays [C, h, w] of numpy or torch with h and w even; values at the sites of a band are [C, n], in raster order.
Each pair of rows has its sites in columns first, first + 2 … of the upper and 1 - first, 3 - first … of the lower row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Squares:
    """The sites of one pass in rows top … bottom - 1 of a grid, both even. `first`: column of the first site, 0 or 1."""

    first: int
    top: int
    bottom: int
    width: int

    @property
    def count(self) -> int:
        """The number of sites."""
        return (self.bottom - self.top) * self.width // 2

    def bands(self, rows: int) -> Iterator[tuple[Squares, slice]]:
        """Yield bands of at most `rows` rows, at least 2, and the part of the sites that each has."""
        step = max(2, rows // 2 * 2)
        for top in range(self.top, self.bottom, step):
            band = replace(self, top=top, bottom=min(top + step, self.bottom))
            start = (top - self.top) * self.width // 2
            yield band, slice(start, start + band.count)

    def of_grid(self, x: Any) -> tuple[Any, Any]:
        """Return views of the sites in the upper and the lower rows of the pairs, of a grid."""
        upper, lower = slice(self.top, self.bottom, 2), slice(self.top + 1, self.bottom, 2)
        return x[:, upper, self.first :: 2], x[:, lower, 1 - self.first :: 2]

    def of_values(self, values: Any) -> tuple[Any, Any]:
        """Return views of the same sites, of contiguous values at the sites of this band."""
        pairs = values.reshape(len(values), (self.bottom - self.top) // 2, 2, self.width // 2)
        return pairs[:, :, 0], pairs[:, :, 1]

    def read(self, x: Any, values: Any) -> None:
        """Copy from a grid to values at the sites."""
        for site, source in zip(self.of_values(values), self.of_grid(x), strict=True):
            site[...] = source

    def write(self, x: Any, values: Any) -> None:
        """Copy from values at the sites to a grid."""
        for target, source in zip(self.of_grid(x), self.of_values(values), strict=True):
            target[...] = source


def passes(h: int, w: int, parity: int) -> tuple[Squares, Squares]:
    """Return (anchors, others) of a grid; anchors have (r + c) % 2 == parity."""
    return Squares(parity, 0, h, w), Squares(1 - parity, 0, h, w)
