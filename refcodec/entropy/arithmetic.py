# SPDX-License-Identifier: MIT
"""SPEC §9: constants of the range coder, and its arithmetic on the bytes already written.

The loops over arrays hold low, code and range in floats, which Python computes with faster than with integers of more
than 30 bits. All of it is exact: with c = C / 2^16, a product range·c has at most 32 bits before the point and 16 behind
it. It is rounded down by

    floor(x) = x - BELOW + UNITS - UNITS

x - BELOW lies within (floor(x) - 1/2, floor(x) + 1/2), and floats near UNITS are integers, so adding UNITS rounds to the
nearest of them. A comparison needs no floor: floor(x) <= code < floor(y) if and only if x < code + 1 <= y.
"""

from __future__ import annotations

from typing import Final

RANGE: Final = (1 << 32) - 1  # initial range
MASK: Final = (1 << 32) - 1
BOTTOM: Final = 1 << 24  # the coder renormalises when the range is below
SCALE: Final = 2.0**-16  # of the frequencies, in the loops over arrays
BELOW: Final = 0.5 - SCALE / 2
UNITS: Final = 1.5 * 2.0**52
PREFIX_LIMIT: Final = 16  # longest Exp-Golomb prefix: it codes values up to 2^16 - 1, more than any int16 value needs


def rounds_to_nearest() -> bool:
    """Return whether sums of floats are rounded to the nearest, as they are unless the program has changed that."""
    return [x / 4 - BELOW + UNITS - UNITS for x in (3, 4, 7)] == [0, 1, 1]


def carry(out: bytearray) -> None:
    """Add 1 to `out` as a big-endian number. It cannot overflow, since the first interval ends below 2^32."""
    at = len(out) - 1
    while out[at] == 0xFF:
        out[at] = 0
        at -= 1
    out[at] += 1


def borrow(out: bytearray) -> None:
    """Subtract 1 from `out` as a big-endian number, which is not 0, since low never decreases."""
    at = len(out) - 1
    while out[at] == 0:
        out[at] = 0xFF
        at -= 1
    out[at] -= 1


def tail(low: int, size: int, written: bytes | bytearray) -> bytes:
    """Return the bytes of a finished stream: the shortest number in [low, low + size), without trailing zero bytes.

    Of several numbers of that length the smallest is taken. `size` is at least 2^24, so one byte after those written is
    always enough (SPEC states the rule for 0 … 4).
    """
    out = bytearray(written)
    if 0 < low <= (1 << 32) - size:
        out.append(-(-low >> 24))
    elif low:
        carry(out)
    return bytes(out.rstrip(b"\0"))


def first_difference(one: bytes, other: bytes) -> int:
    """Return the first offset at which two byte strings differ; if one is a prefix of the other, its length."""
    common = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(common) if a != b), min(len(one), len(other)))
