# SPDX-License-Identifier: MIT
"""The size of a file that a caller asks for in bits per pixel, and the notice or error that it is out of reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from refcodec.errors import Code, SemError

BPP_MAX: Final = 64  # which no target reaches
TOLERANCE: Final = 0.01  # of the target: how far below it a file may stay


class RateNotice(str):
    """A notice for the user that a target is out of reach. Its type marks it among other notices."""

    __slots__ = ()


@dataclass(frozen=True)
class RateTarget:
    """A file of at most `bpp` bits per pixel, for a picture of size (width, height). strict: a miss is an error."""

    bpp: float
    size: tuple[int, int]
    strict: bool = False

    @property
    def file_bytes(self) -> float:
        """The largest size of the file in bytes, which need not be an integer."""
        return self.bpp * self.size[0] * self.size[1] / 8

    @property
    def lowest(self) -> float:
        """The size in bytes below which a file is further from the target than it should be."""
        return (1 - TOLERANCE) * self.file_bytes

    @property
    def _shown(self) -> str:
        return repr(float(self.bpp)).removesuffix(".0")

    def missed(self, reason: str) -> RateNotice:
        """Return the notice of a miss. reason: what the file is instead."""
        return RateNotice(f"{self._shown} bpp cannot be reached: {reason}")

    def error(self, smallest: int, largest: int) -> SemError:
        """Return the error of a miss (Code.LIMIT_FILE), with the range of sizes in bytes that can be reached."""
        low, high = self._bpp_of(smallest), self._bpp_of(largest)
        what = (
            f"{self._shown} bpp cannot be reached: files of this picture have {low} to {high} bpp "
            f"({smallest} to {largest} bytes)"
        )
        bound, least = f"at most {high}", 8 * smallest / (self.size[0] * self.size[1])
        if self.file_bytes < smallest:
            bound = f"at least {low}"
        hint = "leave out strict-bpp for the file that comes closest"
        if least < BPP_MAX:
            hint = f"ask for {bound} bpp, or {hint}"
        return SemError(Code.LIMIT_FILE, what, path="bpp", hint=hint)

    def _bpp_of(self, size: int) -> str:
        """Return bits per pixel, with few digits, of which a file of `size` bytes is within the tolerance."""
        pixels = self.size[0] * self.size[1]
        for digits in range(4, 17):
            value = math.ceil(8 * size / pixels * 10**digits) / 10**digits
            if size <= value * pixels / 8 <= size * (1 + TOLERANCE / 2):
                return f"{value:.{digits}f}".rstrip("0").rstrip(".")
        return repr(8 * size / pixels)
