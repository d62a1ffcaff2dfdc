# SPDX-License-Identifier: MIT
"""SPEC §9, the numbers of the range coder and its arithmetic on the bytes already written."""

from __future__ import annotations

from typing import Final

RANGE: Final = (1 << 32) - 1  # of a fresh coder
MASK: Final = (1 << 32) - 1
BOTTOM: Final = 1 << 24  # below it the coder renormalises
PREFIX_LIMIT: Final = 16  # longest Exp-Golomb prefix: the 2^16 - 1 it can spell is beyond every int16 value


def carry(out: bytearray) -> None:
    """Add 1 to the number that `out` writes. It never overflows: the first interval ends below 2^32."""
    at = len(out) - 1
    while out[at] == 0xFF:
        out[at] = 0
        at -= 1
    out[at] += 1


def borrow(out: bytearray) -> None:
    """Take 1 from the number that `out` writes, which is not 0: no low is below the first one."""
    at = len(out) - 1
    while out[at] == 0:
        out[at] = 0xFF
        at -= 1
    out[at] -= 1


def tail(low: int, size: int, written: bytes | bytearray) -> bytes:
    """End the stream: the shortest number in [low, low + size), the least of its length, without trailing zeros.

    `size` is at least 2^24, so one byte after those written is always enough (SPEC states the rule for 0 … 4).
    """
    out = bytearray(written)
    if 0 < low <= (1 << 32) - size:
        out.append(-(-low >> 24))
    elif low:
        carry(out)
    return bytes(out.rstrip(b"\0"))


def first_difference(one: bytes, other: bytes) -> int:
    """The first offset where they differ, the shorter one's length if it begins the longer."""
    common = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(common) if a != b), min(len(one), len(other)))
