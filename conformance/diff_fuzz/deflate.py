# SPDX-License-Identifier: MIT
"""zlib streams (SPEC §13.2, SEM-R-166) that are valid by construction, or have one defect at a chosen field."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from random import Random

from diff_fuzz.bits import LENGTH_BITS, ORDER, Bits

END = 256
DISTANCE_BITS = (0, 0, *[n // 2 for n in range(28)])
WORDS = (b"a cat", b" on", b" a mat", b"zzzz", b"e", b"  ", b".", b"1 2 3 ")
DEFECTS = (
    "hlit", "hdist", "hclen", "kind", "length", "no-end", "incomplete", "single-2", "too-far", "symbol", "header",
    "checksum", "cut", "trailing", "bit", "unfinished", "runs", "stored",
)  # fmt: skip
HEADERS = (
    b"\x88\x1c",
    b"\xf8\x00",
    b"\x78\xdb",
    b"\x79\xd7",
    b"\x78\xbb",
    b"\x08\x1d",
    b"\x18\x19",
    b"\x58\x09",
    b"\x00\x00",
)

Token = int | tuple[int, int]  # a literal, or the length and distance of a match


def symbol_of(value: int, bits: tuple[int, ...], first: int) -> tuple[int, int, int]:
    """Return the symbol of a length or distance, and its extra value and bits."""
    base = first
    for symbol, extra in enumerate(bits):
        if value < base + (1 << extra):
            return symbol, value - base, extra
        base += 1 << extra
    raise ValueError(value)


def length_symbol(length: int) -> tuple[int, int, int]:
    """Return the symbol of a length, from 257; 258 octets have one of their own."""
    symbol, value, extra = (28, 0, 0) if length == 258 else symbol_of(length, LENGTH_BITS, 3)
    return 257 + symbol, value, extra


def complete(rng: Random, symbols: set[int], size: int, most: int) -> list[int]:
    """Return the lengths of a complete prefix code of two or more symbols, for symbols 0 ... size - 1."""
    used = sorted(symbols)
    lengths = [1, 1]
    while len(lengths) < len(used):
        at = rng.choice([at for at, length in enumerate(lengths) if length < most])
        lengths[at] += 1
        lengths.append(lengths[at])
    rng.shuffle(lengths)
    out = [0] * size
    for symbol, length in zip(used, lengths, strict=True):
        out[symbol] = length
    return out


def prefix_codes(lengths: list[int]) -> dict[int, tuple[int, int]]:
    """Return symbol -> (code, bits); the code may be incomplete, or have too many codes."""
    codes: dict[int, tuple[int, int]] = {}
    code = 0
    for bits in range(1, 16):
        for symbol, length in enumerate(lengths):
            if length == bits:
                codes[symbol] = code & (1 << bits) - 1, bits
                code += 1
        code <<= 1
    return codes


@dataclass
class Writer:
    """A stream under construction; `defect` is put into one of its blocks."""

    rng: Random
    defect: str
    bits: Bits = field(default_factory=Bits)
    text: bytearray = field(default_factory=bytearray)

    def tokens(self) -> list[Token]:
        """Return literals and matches, and add them to the text; rarely more octets than the level allows."""
        rng, out = self.rng, list[Token]()
        for _ in range(rng.choice((0, 1, 2, 4, 9))):
            word = rng.choice(WORDS)
            out += word
            self.text += word
            if rng.random() < 0.5:
                length, distance = (
                    rng.choice((3, 4, 10, 35, 257, 258)),
                    rng.randrange(1, min(len(self.text), 1 << 15) + 1),
                )
                self.match(out, length, distance)
        if self.text and rng.random() < 0.03:
            while len(self.text) < 65278:
                self.match(out, 258, 1)
            for _ in range(rng.randrange(6)):
                self.match(out, rng.choice((3, 100, 258)), 1)
        return out

    def match(self, out: list[Token], length: int, distance: int) -> None:
        out.append((length, distance))
        for _ in range(length):
            self.text.append(self.text[-distance])

    def block(self, last: int, defect: str) -> None:
        """Write a block of any kind."""
        kind = 0 if defect == "stored" else 1 if defect == "symbol" else self.rng.choice((0, 1, 2, 2, 2))
        if defect in ("hlit", "hdist", "hclen", "length", "no-end", "incomplete", "single-2", "runs"):
            kind = 2
        self.bits.put(last, 1)
        self.bits.put(3 if defect == "kind" else kind, 2)
        if kind == 0:
            self.stored(defect)
        elif kind == 1:
            self.fixed(defect)
        else:
            self.dynamic(defect)

    def stored(self, defect: str) -> None:
        word = self.rng.choice(WORDS)
        self.text += word
        self.bits.length += -self.bits.length % 8
        self.bits.put(len(word), 16)
        self.bits.put(len(word) ^ (0xFFFE if defect == "stored" else 0xFFFF), 16)
        for octet in word:
            self.bits.put(octet, 8)

    def fixed(self, defect: str) -> None:
        literals = prefix_codes([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8)
        distances = prefix_codes([5] * 32)
        self.write(self.tokens(), literals, distances, defect)

    def dynamic(self, defect: str) -> None:
        """Write a block with codes of its own."""
        rng, tokens = self.rng, self.tokens()
        used = {token if isinstance(token, int) else length_symbol(token[0])[0] for token in tokens} | {END}
        if defect == "no-end":
            used = used - {END} | {97, 98}
        elif len(used) > 1 or rng.random() < 0.5:
            used |= {rng.randrange(286) for _ in range(rng.choice((1, 1, 3, 20)))}
        size = max(257, max(used) + 1, rng.choice((257, 257, 260, 286)))
        literals = complete(rng, used, size, 15) if len(used) > 1 else [0] * 256 + [1] + [0] * (size - 257)
        far = {symbol_of(token[1], DISTANCE_BITS, 1)[0] for token in tokens if not isinstance(token, int)}
        distances = self.distances(far, defect)
        if defect == "incomplete":
            literals[rng.choice([at for at, length in enumerate(literals) if length])] = 0
        if defect == "length":
            changed = rng.choice((literals, literals, distances))
            at = rng.choice([at for at, length in enumerate(changed) if length] or [0])
            changed[at] = min(max(changed[at] + rng.choice((-1, 1)), 0), 15)
        self.codes(literals, distances, defect)
        self.write(tokens, prefix_codes(literals), prefix_codes(distances), defect)

    def distances(self, far: set[int], defect: str) -> list[int]:
        """Return the lengths of distance codes."""
        rng = self.rng
        if defect == "single-2":
            return [0] * (min(far) if far else 0) + [2]
        if not far and rng.random() < 0.6:
            return [0] * rng.choice((1, 1, 2, 30))
        if len(far) == 1 and rng.random() < 0.5:
            return [0] * min(far) + [1] + [0] * rng.choice((0, 0, 29 - min(far)))
        while len(far) < 2:
            far = far | {rng.randrange(30)}
        return complete(rng, far, rng.choice((max(far) + 1, 30)), 15)

    def codes(self, literals: list[int], distances: list[int], defect: str) -> None:
        """Write the numbers of codes and the code lengths."""
        rng, bits = self.rng, self.bits
        hlit, hdist = len(literals) - 257, len(distances) - 1
        bits.put(rng.choice((29, 30, 31, hlit + 1)) % 32 if defect == "hlit" else hlit, 5)
        bits.put(rng.choice((29, 30, 31, hdist + 1)) % 32 if defect == "hdist" else hdist, 5)
        runs = self.runs([*literals, *distances])
        if defect == "runs":
            runs.insert(rng.randrange(len(runs) + 1), rng.choice(((16, 3, 2), (17, 7, 3), (18, 127, 7))))
        used = {symbol for symbol, _, _ in runs}
        while len(used) < 2:
            used.add(rng.randrange(19))
        lengths = complete(rng, used, 19, 7)
        count = max(at + 1 for at, symbol in enumerate(ORDER) if lengths[symbol])
        count = max(count, 4, rng.choice((4, 19)))
        bits.put((count if defect != "hclen" else rng.randrange(4, 20)) - 4, 4)
        for symbol in ORDER[:count]:
            bits.put(lengths[symbol], 3)
        codes = prefix_codes(lengths)
        for symbol, value, extra in runs:
            bits.code(*codes[symbol])
            bits.put(value, extra)

    def runs(self, lengths: list[int]) -> list[tuple[int, int, int]]:
        """Return code lengths as symbols of the code of code lengths, with runs of any length."""
        rng, out, at = self.rng, list[tuple[int, int, int]](), 0
        while at < len(lengths):
            end = at
            while end < len(lengths) and lengths[end] == lengths[at]:
                end += 1
            run = end - at
            if lengths[at] == 0 and run >= 3 and rng.random() < 0.95:
                run = min(run, rng.choice((10, 138, 138)))
                out.append((17, run - 3, 3) if run < 11 else (18, run - 11, 7))
            elif at and lengths[at] == lengths[at - 1] and run >= 3 and rng.random() < 0.7:
                run = min(run, 6)
                out.append((16, run - 3, 2))
            else:
                run = 1
                out.append((lengths[at], 0, 0))
            at += run
        return out

    def write(
        self,
        tokens: list[Token],
        literals: dict[int, tuple[int, int]],
        distances: dict[int, tuple[int, int]],
        defect: str,
    ) -> None:
        """Write the symbols of a block; those without a code, which a defect has taken away, as one bit."""
        bits, none = self.bits, (0, 1)
        for token in tokens:
            if isinstance(token, int):
                bits.code(*literals.get(token, none))
                continue
            symbol, value, extra = length_symbol(token[0])
            bits.code(*literals.get(symbol, none))
            bits.put(value, extra)
            symbol, value, extra = symbol_of(token[1], DISTANCE_BITS, 1)
            bits.code(*distances.get(symbol, none))
            bits.put(value, extra)
        if defect in ("too-far", "symbol") and distances:
            length = self.rng.choice((286, 287)) if defect == "symbol" and self.rng.random() < 0.5 else 257
            bits.code(*literals.get(length, none))
            bits.code(
                *distances.get(max(distances) if defect == "symbol" else max(set(distances) & {*range(30)}), none)
            )
            bits.put(0x1FFF, 13)
        bits.code(*literals.get(END, none))


def stream(rng: Random) -> bytes:
    """Return a zlib stream, in two of three cases with one defect."""
    defect = rng.choice(DEFECTS) if rng.random() < 0.66 else ""
    writer, count = Writer(rng, defect), rng.choice((1, 1, 1, 2, 3))
    at = rng.randrange(count)
    for number in range(count):
        writer.block(int(number == count - 1 and defect != "unfinished"), defect if number == at else "")
    head = rng.choice(HEADERS) if defect == "header" else rng.choice((b"\x78\xda", b"\x78\x01", b"\x78\x9c"))
    checksum = zlib.adler32(writer.text) ^ (rng.choice((1, 1 << 16, 1 << 31)) if defect == "checksum" else 0)
    out = bytearray(head + writer.bits.bytes() + checksum.to_bytes(4, "big"))
    if defect == "cut":
        del out[rng.randrange(len(out)) :]
    elif defect == "trailing":
        out += rng.choice((b"\0", b"\0\0\0\0", bytes(out)))
    elif defect == "bit":
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)
