# SPDX-License-Identifier: MIT
"""Change pictures; the checks of PNG chunks are corrected, so that changes reach the pixels."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from random import Random

from tools.fuzz.mutators import plain

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def with_valid_checks(data: bytes) -> bytes:
    """Return a PNG with the CRC of each chunk corrected; other bytes unchanged."""
    if not data.startswith(SIGNATURE):
        return data
    out, at = bytearray(data), len(SIGNATURE)
    while at + 12 <= len(out):
        end = at + 8 + int.from_bytes(out[at : at + 4], "big")
        if end + 4 > len(out):
            break
        out[end : end + 4] = zlib.crc32(out[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out)


def repair(rng: Random, data: bytes) -> bytes:
    """Return the picture, mostly with valid checks."""
    return with_valid_checks(data) if rng.random() < 0.8 else data


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return another picture."""
    return repair(rng, plain.mutate(rng, data, others))
