# SPDX-License-Identifier: MIT
"""SPEC §9, §10: streams of a few symbols with the state after each, to be followed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from refcodec.entropy.arithmetic import BOTTOM, MASK, RANGE, carry, tail
from tools.vectors.vector import digests, shared

Symbol = tuple[int, int, int]  # c, f, T
BIT: Final[tuple[Symbol, Symbol]] = ((0, 1, 2), (1, 1, 2))


@dataclass(frozen=True)
class Stream:
    id: str
    rules: tuple[int, ...]
    note: str
    symbols: tuple[Symbol, ...]

    def to_json(self) -> dict[str, Any]:
        """States after each symbol, the first before any: numbers are in decimal, bytes in hexadecimal."""
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
        body = tail(low, size, out).hex()
        return {
            "id": self.id,
            "note": self.note,
            "symbols": [list(s) for s in self.symbols],
            "states": states,
            "body": body,
        }

    def to_dict(self, data: bytes) -> dict[str, Any]:
        """The entry of the manifest; `data` is the file."""
        return {"id": self.id, "file": f"coder/{self.id}.json", **digests(data), **shared(self.rules, self.note)}


def _state(low: int, size: int, out: bytearray) -> dict[str, Any]:
    return {"low": low, "range": size, "bytes": out.hex()}


STREAMS = (
    Stream("coder-worked-example", (70,), "the worked example of SPEC §9",
           ((5, 3, 10), (8, 2, 10), (7, 1, 1000), (200, 1, 256))),
    Stream("coder-carry", (70,), "a carry through a byte FF: twelve symbols 1 of uniform(3), then 2",
           (*([(1, 1, 3)] * 12), (2, 1, 3))),
    Stream("coder-carry-at-the-end", (70,), "the twelve alone: the carry is that of the finish, and a zero byte goes",
           ((1, 1, 3),) * 12),
    Stream("coder-nothing", (70,), "symbols that all begin at 0 leave no bytes", ((0, 60_000, 65_536),) * 40),
    Stream("coder-escape", (70,), "5 by Gaussian table 0: the escape, side 0, prefix 110, bits 00",
           ((65_535, 1, 65_536), BIT[0], BIT[1], BIT[1], BIT[0], BIT[0], BIT[0])),
    Stream("coder-clip", (70, 190), "the example of SPEC §13.3: eight codes of two bits",
           tuple((c, 1, 4) for c in (2, 1, 3, 0, 2, 2, 3, 0))),
    Stream("coder-pq", (70, 200), "the example of SPEC §13.4: three codes of 1000",
           tuple((c, 1, 1000) for c in (7, 999, 500))),
    Stream("coder-largest-total", (70,), "T = 2^16 and frequency 1 at both ends of the range",
           ((65_535, 1, 65_536), (0, 1, 65_536), (65_535, 1, 65_536), (32_768, 1, 65_536))),
)  # fmt: skip
