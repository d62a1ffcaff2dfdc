# SPDX-License-Identifier: MIT
"""Bits and constants of deflate (RFC 1951). Standard library only."""

from __future__ import annotations

ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)  # of the lengths of code length codes
LENGTH_BITS = (*[0] * 8, *[1] * 4, *[2] * 4, *[3] * 4, *[4] * 4, *[5] * 4, 0)  # extra bits of the symbols 257 to 285


class Bits:
    """Bit writer of RFC 1951, least significant bit first."""

    def __init__(self) -> None:
        self.number, self.length = 0, 0

    def put(self, value: int, bits: int) -> None:
        self.number, self.length = self.number | value << self.length, self.length + bits

    def code(self, value: int, bits: int) -> None:
        """Write a prefix code, most significant bit first."""
        for at in reversed(range(bits)):
            self.put(value >> at & 1, 1)

    def bytes(self) -> bytes:
        return self.number.to_bytes((self.length + 7) // 8, "little")
