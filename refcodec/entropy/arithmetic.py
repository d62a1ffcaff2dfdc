# SPDX-License-Identifier: MIT
"""SPEC §9: constants of the range coder, and its arithmetic on the bytes already written."""

from __future__ import annotations

from typing import Final

RANGE: Final = (1 << 32) - 1  # initial range
MASK: Final = (1 << 32) - 1
BOTTOM: Final = 1 << 24  # the coder renormalises when the range is below
PREFIX_LIMIT: Final = 16  # longest Exp-Golomb prefix: it codes values up to 2^16 - 1, more than any int16 value needs


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
