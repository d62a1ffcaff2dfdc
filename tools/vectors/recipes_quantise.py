# SPDX-License-Identifier: MIT
"""SPEC §13.3: how an encoder makes codes of binary32 numbers, each given by its four bytes, the highest first."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from refcodec.payloads import clip_bits
from tools.vectors.symbols import Sha256Stream
from tools.vectors.vector import digests, shared

INFINITY: Final = 0x7F80_0000
SIGN: Final = 0x8000_0000
NANS: Final = (0x7FC0_0000, 0x7F80_0001, 0xFFC0_0000, 0xFFFF_FFFF, 0x7FBF_FFFF)
SPECIAL: Final = (0, 1, 0x007F_FFFF, 0x0080_0000, 0x3F7F_FFFF, 0x3F80_0000, 0x3F80_0001, 0x7F7F_FFFF, INFINITY)
EXAMPLE: Final = (0.3, -0.3, 1.7, -2.0, 0.0, -0.0, 0.5, -0.5001)


def of(z: float) -> int:
    """The bits of the nearest binary32 number."""
    return int.from_bytes(struct.pack(">f", z), "big")


def code(bits: int, b: int) -> int:
    """SPEC §13.3 in rational numbers."""
    half = 1 << (b - 1)
    negative = bits >= SIGN
    if bits & ~SIGN == INFINITY:
        return 0 if negative else 2 * half - 1
    z = Fraction(struct.unpack(">f", bits.to_bytes(4, "big"))[0])
    highest = 2 * half - 1
    return min(max(math.floor(z * half) + half, 0), highest)


@dataclass(frozen=True)
class Quantise:
    """Numbers as their bits, in the order of the dimensions; `refused`: those that no vector may hold."""

    id: str
    rules: tuple[int, ...]
    note: str
    b: int
    numbers: tuple[int, ...]
    refused: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        codes = [code(number, self.b) for number in self.numbers]
        body = clip_bits.encode(codes, {"d": len(codes), "b": self.b, "prior": False})
        return {
            "id": self.id,
            "note": self.note,
            "b": self.b,
            "vector": [f"{number:08x}" for number in self.numbers],
            "codes": codes,
            "body": body.hex(),
            "refused": [f"{number:08x}" for number in self.refused],
        }

    def to_dict(self, data: bytes) -> dict[str, Any]:
        """The entry of the manifest; `data` is the file."""
        return {"id": self.id, "file": f"quantise/{self.id}.json", **digests(data), **shared(self.rules, self.note)}


def _edges(b: int) -> tuple[int, ...]:
    """Numbers at which codes change, with their neighbours on both sides, of both signs."""
    half = 1 << (b - 1)
    steps = range(1, half + 1) if half <= 8 else (1, 2, 3, half // 2, half // 2 + 1, half - 1, half)
    magnitudes = [*SPECIAL, *(of(k / half) + d for k in steps for d in (-1, 0, 1))]
    return tuple(bits for magnitude in dict.fromkeys(magnitudes) for bits in (magnitude, magnitude | SIGN))


def _drawn(b: int) -> tuple[int, ...]:
    """Any bits at all, and as many within -1 … 1."""
    stream = Sha256Stream(f"quantise {b}")
    anything = [bits for bits in (stream.below(1 << 32) for _ in range(32)) if bits & ~SIGN <= INFINITY]
    within = [of((stream.below(1 << 24) - (1 << 23)) / (1 << 23)) for _ in range(32)]
    return tuple(anything + within)


VECTORS: Final = (
    Quantise("quantise-example", (192,), "the example of SPEC §13.3", 2, tuple(map(of, EXAMPLE))),
    *(
        Quantise(
            f"quantise-edges-{b}",
            (191, 192),
            f"zeros, infinities, subnormals and all edges of {b} bits"
            if b < 8
            else f"zeros, infinities, subnormals and some edges of {b} bits",
            b,
            _edges(b),
            NANS,
        )
        for b in (1, 2, 4, 8, 16)
    ),
    *(Quantise(f"quantise-drawn-{b}", (192,), f"numbers of any size, {b} bits", b, _drawn(b)) for b in (1, 3, 11, 16)),
)
