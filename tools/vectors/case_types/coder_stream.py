# SPDX-License-Identifier: MIT
"""Streams of the range coder with the state after each symbol (SPEC §9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refcodec.entropy.arithmetic import BOTTOM, MASK, RANGE, carry, tail
from tools.vectors.case import Output, Vectors
from tools.vectors.entry import common_members, file_members
from tools.vectors.json_files import lined_json

Symbol = tuple[int, int, int]  # c, f, T of SPEC §9


@dataclass(frozen=True)
class CoderStream:
    """A few symbols to code in both directions."""

    id: str
    rules: tuple[int, ...]
    note: str
    symbols: tuple[Symbol, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the states before the first and after each symbol: integers, and the bytes so far in hexadecimal."""
        low, size, out = 0, RANGE, bytearray()
        states = [_state(low, size, out)]
        for c, f, total in self.symbols:
            a, b = size * c // total, size * (c + f) // total
            low, size = low + a, b - a
            if low > MASK:
                low &= MASK
                carry(out)
            while size < BOTTOM:
                out.append(low >> 24)
                low, size = low << 8 & MASK, size << 8
            states.append(_state(low, size, out))
        symbols = [list(s) for s in self.symbols]
        body = tail(low, size, out).hex()
        return {"id": self.id, "note": self.note, "symbols": symbols, "states": states, "body": body}

    def build(self, _: Vectors) -> Output:
        path, data = f"coder/{self.id}.json", lined_json(self.to_json())
        entry = {"id": self.id, "file": path, **file_members(data), **common_members(self.rules, self.note)}
        return Output({path: data}, (("coder", entry),))


def _state(low: int, size: int, out: bytearray) -> dict[str, Any]:
    return {"low": low, "range": size, "bytes": out.hex()}
