# SPDX-License-Identifier: MIT
"""SPEC §13.3: codes of embeddings, at the edges of the quantiser and at random."""

from __future__ import annotations

from typing import Final

from tools.vectors.case_types.quantisation import INFINITY, SIGN, Quantisation, bits_of
from tools.vectors.symbols import Sha256Stream

FOLDER: Final = "quantise"
NANS: Final = (0x7FC0_0000, 0x7F80_0001, 0xFFC0_0000, 0xFFFF_FFFF, 0x7FBF_FFFF)
SPECIAL: Final = (0, 1, 0x007F_FFFF, 0x0080_0000, 0x3F7F_FFFF, 0x3F80_0000, 0x3F80_0001, 0x7F7F_FFFF, INFINITY)
EXAMPLE: Final = (0.3, -0.3, 1.7, -2.0, 0.0, -0.0, 0.5, -0.5001)


def _edges(b: int) -> tuple[int, ...]:
    """Return numbers at which codes of b bits change, with both neighbours, of both signs."""
    half = 1 << (b - 1)
    steps = range(1, half + 1) if half <= 8 else (1, 2, 3, half // 2, half // 2 + 1, half - 1, half)
    magnitudes = [*SPECIAL, *(bits_of(k / half) + d for k in steps for d in (-1, 0, 1))]
    return tuple(bits for magnitude in dict.fromkeys(magnitudes) for bits in (magnitude, magnitude | SIGN))


def _drawn(b: int) -> tuple[int, ...]:
    """Return pseudo-random bit patterns without NaN, and as many numbers in -1 ... 1."""
    stream = Sha256Stream(f"quantise {b}")
    patterns = [bits for bits in (stream.below(1 << 32) for _ in range(32)) if bits & ~SIGN <= INFINITY]
    numbers = [bits_of((stream.below(1 << 24) - (1 << 23)) / (1 << 23)) for _ in range(32)]
    return tuple(patterns + numbers)


VECTORS: Final = (
    Quantisation("quantise-example", (192,), "the example of SPEC §13.3", 2, tuple(map(bits_of, EXAMPLE))),
    *(
        Quantisation(f"quantise-edges-{b}", (191, 192),
            f"zeros, infinities, subnormals and {'all' if b < 8 else 'some'} edges of {b} bits", b, _edges(b), NANS)
        for b in (1, 2, 4, 8, 16)
    ),
    *(
        Quantisation(f"quantise-drawn-{b}", (192,), f"numbers of any size, {b} bits", b, _drawn(b))
        for b in (1, 3, 11, 16)
    ),
)  # fmt: skip

CASES: Final = VECTORS
