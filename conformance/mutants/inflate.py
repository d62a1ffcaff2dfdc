# SPDX-License-Identifier: MIT
"""Inflate with errors, for mutants of the micro-decoder: each switch is a reading of RFC 1950 or 1951 that is not SEM-R-166.

It has the interface of `zlib.decompressobj()` as far as the micro-decoder uses it: bytes one at a time, `decompress` and
`eof`. It decodes from the start at every byte, which is slow, and short.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from diff_fuzz.bits import LENGTH_BITS, ORDER

SWITCHES = (
    "any-window",  # CINFO above 7 is accepted
    "declared-window",  # distances are checked against the declared window
    "distances-needed",  # a code of distances without any code is refused
    "distances-32",  # 31 and 32 distance symbols are accepted
    "lengths-288",  # 287 and 288 symbols of literals and lengths are accepted
    "end-needless",  # the end of a block need not have a code
    "incomplete",  # any prefix code may be incomplete
    "single-refused",  # a single code of one bit is refused
)


class More(Exception):
    """The stream goes on behind the bytes so far."""


def prefix_code(lengths: list[int], single: bool, switches: frozenset[str]) -> dict[tuple[int, int], int]:
    """Return (bits, code) -> symbol. `single`: whether no code, or one of one bit, may stand alone."""
    codes: dict[tuple[int, int], int] = {}
    code = 0
    for bits in range(1, 16):
        for symbol, length in enumerate(lengths):
            if length == bits:
                codes[bits, code] = symbol
                code += 1
        if code > 1 << bits:
            raise zlib.error("too many codes")
        code <<= 1
    alone = single and (not codes or (len(codes) == 1 and max(lengths) == 1 and "single-refused" not in switches))
    if code < 1 << 16 and not alone and "incomplete" not in switches:
        raise zlib.error("too few codes")
    return codes


@dataclass
class Inflate:
    """A stream that is given byte by byte."""

    switches: frozenset[str] = frozenset()
    data: bytes = b""
    given: int = 0  # octets already returned
    eof: bool = False
    text: bytearray = field(default_factory=bytearray)

    def decompress(self, data: bytes, limit: int) -> bytes:
        """Return what these bytes add to the text; zlib.error for an invalid stream."""
        self.data += data
        self.text, self.at = bytearray(), 0
        try:
            self.stream()
            self.eof = True
        except More:
            pass
        except zlib.error:
            if len(self.text) < self.given + limit:  # the limit is not reached before the error
                raise
        out = bytes(self.text[self.given :])
        self.given = len(self.text)
        return out[:limit]

    def take(self, bits: int) -> int:
        if self.at + bits > 8 * len(self.data):
            raise More
        value = int.from_bytes(self.data[self.at // 8 : (self.at + bits + 7) // 8], "little") >> self.at % 8
        self.at += bits
        return value & (1 << bits) - 1

    def symbol(self, codes: dict[tuple[int, int], int]) -> int:
        code = 0
        for bits in range(1, 16):
            code = 2 * code + self.take(1)
            if (bits, code) in codes:
                return codes[bits, code]
        raise zlib.error("no such code")

    def stream(self) -> None:
        """Decode everything."""
        first, flags = self.take(8), self.take(8)
        info = first >> 4
        if (256 * first + flags) % 31 or first & 15 != 8 or flags & 32:
            raise zlib.error("header")
        if info > 7 and "any-window" not in self.switches:
            raise zlib.error("window")
        self.window = 1 << min(info + 8, 15) if "declared-window" in self.switches else 1 << 15
        last = 0
        while not last:
            last = self.take(1)
            (self.stored, self.fixed, self.dynamic, self.reserved)[self.take(2)]()
        self.at += -self.at % 8
        if self.take(32).to_bytes(4, "little") != zlib.adler32(self.text).to_bytes(4, "big"):
            raise zlib.error("checksum")

    def reserved(self) -> None:
        raise zlib.error("block type")

    def stored(self) -> None:
        self.at += -self.at % 8
        length, complement = self.take(16), self.take(16)
        if length ^ complement != 0xFFFF:
            raise zlib.error("stored length")
        for _ in range(length):
            self.text.append(self.take(8))

    def fixed(self) -> None:
        lengths = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8
        self.block(prefix_code(lengths, False, self.switches), prefix_code([5] * 32, False, self.switches))

    def dynamic(self) -> None:
        literals, distances, coded = self.take(5) + 257, self.take(5) + 1, self.take(4) + 4
        if (literals > 286 and "lengths-288" not in self.switches) or (
            distances > 30 and "distances-32" not in self.switches
        ):
            raise zlib.error("too many symbols")
        of_lengths = [0] * 19
        for place in ORDER[:coded]:
            of_lengths[place] = self.take(3)
        codes, lengths = prefix_code(of_lengths, False, self.switches), list[int]()
        while len(lengths) < literals + distances:
            symbol = self.symbol(codes)
            if symbol == 16 and not lengths:
                raise zlib.error("repetition of nothing")
            if symbol < 16:
                lengths.append(symbol)
            else:
                value = lengths[-1] if symbol == 16 else 0
                extra, least = ((2, 3), (3, 3), (7, 11))[symbol - 16]
                lengths += [value] * (least + self.take(extra))
        if len(lengths) > literals + distances:
            raise zlib.error("repetition beyond the end")
        if not lengths[256] and "end-needless" not in self.switches:
            raise zlib.error("no end")
        if "distances-needed" in self.switches and not any(lengths[literals:]):
            raise zlib.error("no distances")
        of_literals = prefix_code(lengths[:literals], True, self.switches)
        self.block(of_literals, prefix_code(lengths[literals:], True, self.switches))

    def block(self, literals: dict[tuple[int, int], int], distances: dict[tuple[int, int], int]) -> None:
        """Decode symbols up to the end of the block."""
        while (symbol := self.symbol(literals)) != 256:
            if symbol < 256:
                self.text.append(symbol)
                continue
            if symbol > 285:
                raise zlib.error("length")
            at = symbol - 257
            base = 258 if at == 28 else 3 + sum(1 << bits for bits in LENGTH_BITS[:at])
            length = base + self.take(LENGTH_BITS[at])
            far = self.symbol(distances)
            if far > 29:
                raise zlib.error("distance")
            extra = max(far // 2 - 1, 0)
            distance = (far + 1 if far < 4 else 1 + (2 + far % 2 << extra)) + self.take(extra)
            if distance > min(len(self.text), self.window):
                raise zlib.error("distance too far")
            for _ in range(length):
                self.text.append(self.text[-distance])
