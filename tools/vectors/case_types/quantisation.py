# SPDX-License-Identifier: MIT
"""Vectors of binary32 numbers and the codes that an encoder makes of them (SPEC §13.3).

Numbers are written as their 32 bits, sign first.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from refcodec.payloads import clip_bits
from tools.vectors.case import Output, Vectors
from tools.vectors.entry import common_members, file_members
from tools.vectors.json_files import lined_json

INFINITY: Final = 0x7F80_0000
SIGN: Final = 0x8000_0000


def bits_of(z: float) -> int:
    """Return the bits of the nearest binary32 number."""
    return int.from_bytes(struct.pack(">f", z), "big")


def code(bits: int, b: int) -> int:
    """Return the code of b bits of a number, computed with rational numbers."""
    half = 1 << (b - 1)
    negative = bits >= SIGN
    if bits & ~SIGN == INFINITY:
        return 0 if negative else 2 * half - 1
    z = Fraction(struct.unpack(">f", bits.to_bytes(4, "big"))[0])
    highest = 2 * half - 1
    return min(max(math.floor(z * half) + half, 0), highest)


@dataclass(frozen=True)
class Quantisation:
    """One number for each dimension; `refused` are numbers that a vector must not contain."""

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

    def build(self, _: Vectors) -> Output:
        path, data = f"quantise/{self.id}.json", lined_json(self.to_json())
        entry = {"id": self.id, "file": path, **file_members(data), **common_members(self.rules, self.note)}
        return Output({path: data}, (("quantise", entry),))
