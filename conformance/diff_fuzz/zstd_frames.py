# SPDX-License-Identifier: MIT
"""zstd frames (SPEC §13.2) that are valid by construction, or have one defect at a chosen field.

Of a valid frame, and of one whose defect the text decides, all decoders have to give the same answer: it is `strict`, and
the freedoms of SEM-R-168 do not excuse a difference. Frames with a defect within a compressed block are not strict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from diff_fuzz.zstd_codes import (
    CODES,
    LITERALS,
    MATCHES,
    OFFSETS,
    Field,
    Table,
    Tree,
    backward,
    described,
    distribution,
    fse_table,
    only,
)

RAW, RUN, COMPRESSED, RESERVED = range(4)
BLOCK_LIMIT = 1 << 17
WORDS = (b"a cat ", b"on ", b"the mat", b" a man", b"zebra. ", b"e", b"  ", b"street in New York ")


@dataclass(frozen=True)
class Block:
    """A block; `size`: the number that its header has. `out`: octets of its contents."""

    kind: int
    data: bytes
    size: int
    out: int

    def bytes(self, *, last: bool) -> bytes:
        return ((self.size << 3 | self.kind << 1 | last) & 0xFFFFFF).to_bytes(3, "little") + self.data


def words(rng: Random) -> bytes:
    """Return a text of ASCII letters, mostly short."""
    return b"".join(rng.choice(WORDS) for _ in range(rng.choice((0, 1, 2, 5, 12, 60))))


class Writer:
    """Blocks one after another, with the tables that a block leaves to the next."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.tree: Tree | None = None
        self.tables: tuple[Table, ...] = ()
        self.out = 0  # octets so far

    def block(self) -> Block:
        """Return any valid block."""
        rng = self.rng
        kind = rng.choice((RAW, RUN, COMPRESSED, COMPRESSED, COMPRESSED))
        if kind == RAW:
            text = words(rng)
            made = Block(RAW, text, len(text), len(text))
        elif kind == RUN:
            size = rng.choice((0, 1, 5, 300, 65535, 65536)) if rng.random() < 0.2 else rng.randrange(40)
            made = Block(RUN, b"z", size, size)
        else:
            made = self.compressed()
        self.out += made.out
        return made

    def compressed(self, modes_or: int = 0, count_or: int = 0) -> Block:
        """Return a compressed block. modes_or, count_or: added to the modes and to the number of sequences."""
        text = words(self.rng)
        literals = self.literals(text)
        sequences, matched = self.sequences(len(text), modes_or, count_or)
        return Block(COMPRESSED, literals + sequences, len(literals + sequences), len(text) + matched)

    def literals(self, text: bytes) -> bytes:
        rng = self.rng
        form = rng.randrange(4) if len(text) < 32 else rng.choice((1, 3) if len(text) < 4096 else (3,))
        if len(text) > 1 and len({*text}) == 1 and rng.random() < 0.7:
            return self.plain_head(1, len(text), form) + text[:1]
        if len(text) < 12 or rng.random() < 0.4:
            return self.plain_head(0, len(text), form) + text
        return self.huffman(text)

    @staticmethod
    def plain_head(kind: int, size: int, form: int) -> bytes:
        width, shift, form = ((1, 3, 0), (2, 4, 1), (1, 3, 0), (3, 4, 3))[form]
        return (size << shift | form << 2 | kind).to_bytes(width, "little")

    def huffman(self, text: bytes) -> bytes:
        rng = self.rng
        again = self.tree is not None and all(octet in self.tree.codes for octet in text) and rng.random() < 0.5
        if not again:
            self.tree = Tree(rng, text)
        tree = self.tree
        assert tree is not None
        body = b"" if again else tree.description()
        form = rng.randrange(4)
        if form == 0:
            body += tree.stream(text)
        else:
            part = (len(text) + 3) // 4
            streams = [tree.stream(text[part * i : part * (i + 1)]) for i in range(4)]
            body += b"".join(len(stream).to_bytes(2, "little") for stream in streams[:3]) + b"".join(streams)
        while max(len(text), len(body)) >= 1 << (10, 10, 14, 18)[form]:
            if form == 0:
                return self.plain_head(0, len(text), 3) + text
            form += 1
        bits = (10, 10, 14, 18)[form]
        head = (3 if again else 2) | form << 2 | len(text) << 4 | len(body) << 4 + bits
        return head.to_bytes((3, 3, 4, 5)[form], "little") + body

    def sequences(self, literals: int, modes_or: int, count_or: int) -> tuple[bytes, int]:
        """Return the sequences of a block with that many literals, and the octets of their matches."""
        rng = self.rng
        count = rng.choice((0, 1, 1, 2, 3, 8, 140))
        if not count:
            return b"\0", 0
        steps, matched = [], 0
        for _ in range(count):
            length = rng.randrange(literals + 1) if rng.random() < 0.6 else 0
            literals -= length
            match = rng.choice((3, 3, 4, 7, 20, 40, 131 if count < 9 else 5))
            near = rng.choice((4 + self.out % 7, 1000, 20000, 4, 12, 259))
            steps.append((LITERALS.of(length), OFFSETS.of(near), MATCHES.of(match)))
            matched += match
        number = count + count_or
        head = bytes([number]) if number < 128 and rng.random() < 0.9 else bytes([128 + (number >> 8), number & 255])
        modes, tables, descriptions = modes_or, [], b""
        for at in range(len(CODES)):
            symbols = [step[at][0] for step in steps]
            mode, table, description = self.table(at, symbols)
            modes |= mode << 6 - 2 * at
            tables.append(table)
            descriptions += description
        self.tables = tuple(tables)
        return head + bytes([modes]) + descriptions + backward(fields(steps, tables)), matched

    def table(self, at: int, symbols: list[int]) -> tuple[int, Table, bytes]:
        """Return the mode, the table and its description for these codes."""
        rng, code = self.rng, CODES[at]
        if self.tables and {*symbols} <= {*self.tables[at].symbols} and rng.random() < 0.4:
            return 3, self.tables[at], b""
        if len({*symbols}) == 1 and rng.random() < 0.5:
            return 1, only(symbols[0]), bytes(symbols[:1])
        if max(symbols) < len(code.predefined) and rng.random() < 0.5:
            return 0, fse_table(code.log, code.predefined), b""
        if len({*symbols}) == 1:
            symbols = [*symbols, 1 if symbols[0] != 1 else 2]
        log, probabilities = distribution(rng, symbols, code.most_log)
        return 2, fse_table(log, probabilities), described(log, probabilities)


def fields(steps: Sequence[tuple[tuple[int, Field], ...]], tables: Sequence[Table]) -> list[Field]:
    """Return the bits of sequences in the order in which they are read."""
    states = [table.states([step[at][0] for step in steps]) for at, table in enumerate(tables)]
    out = [(states[at][0], table.log) for at, table in enumerate(tables)]
    for i, step in enumerate(steps):
        out += [step[1][1], step[2][1], step[0][1]]
        if i < len(steps) - 1:
            for at in (0, 2, 1):
                state = states[at][i]
                out.append((states[at][i + 1] - tables[at].bases[state], tables[at].bits[state]))
    return out


@dataclass(frozen=True)
class Header:
    """The fields of a frame header."""

    single: bool
    width: int  # of the content size: 0, 1, 2, 4, 8 bytes
    size: int
    window: int = 0x38  # 2^17 octets
    flags: int = 0  # bits 3 and 4 of the descriptor
    checksum: bytes = b""
    identity: bytes = b""

    def bytes(self) -> bytes:
        code = {0: 0, 1: 0, 2: 1, 4: 2, 8: 3}[self.width]
        of_identity = {0: 0, 1: 1, 2: 2, 4: 3}[len(self.identity)]
        descriptor = code << 6 | self.single << 5 | self.flags | bool(self.checksum) << 2 | of_identity
        size = (self.size - 256 * (self.width == 2)) % (1 << 8 * self.width) if self.width else 0
        out = bytes([descriptor]) + (b"" if self.single else bytes([self.window])) + self.identity
        return out + size.to_bytes(self.width, "little")


def frame(rng: Random) -> tuple[bytes, bool]:
    """Return a frame without its magic number, and whether it is strict."""
    writer = Writer(rng)
    blocks = [writer.block() for _ in range(rng.choice((1, 1, 2, 3)))]
    total = sum(block.out for block in blocks)
    sized = rng.random() < 0.5 and total >= 256
    header = Header(False, rng.choice((2, 4, 8)) if sized and total < 65792 else rng.choice((0, 4, 8)), total)
    header = replace(header, identity=rng.choice((b"", b"", b"\0", b"\0\0", b"\0\0\0\0")))
    if all(block.size <= total for block in blocks) and rng.random() < 0.3 and header.width:
        header = replace(header, single=True)
    strict = True
    match rng.randrange(16):
        case 0:
            header = replace(header, flags=rng.choice((8, 16, 24)))
        case 1:
            header = replace(header, identity=rng.choice((b"\1", b"\0\1", b"\1\0\0\0", rng.randbytes(4))))
        case 2 if header.width:
            header = replace(header, size=rng.choice((total + 1, max(total - 1, 256), 65536, 65537, 1 << 20)))
            strict = not header.single  # another size is another window
        case 3:
            header = replace(header, window=rng.choice((0x68, 0x69, 0x70, 0xFF)), single=False)
        case 4:
            header = replace(header, window=rng.choice((0, 1, 0x10, rng.randrange(256))), single=False)
            strict = False  # blocks and offsets may be beyond the window
        case 5:
            blocks[rng.randrange(len(blocks))] = Block(RESERVED, b"", rng.randrange(9), 0)
        case 6:
            size = rng.choice((65536, 65537, BLOCK_LIMIT, BLOCK_LIMIT + 1, (1 << 21) - 1))
            blocks.insert(rng.randrange(len(blocks) + 1), Block(RUN, b"z", size, size))
        case 7:
            blocks.append(writer.compressed(modes_or=rng.randrange(1, 4)))
            strict = False
        case 8:
            blocks.append(writer.compressed(count_or=1))
            strict = False
        case 9 | 10:
            at = rng.randrange(len(blocks))
            blocks[at], strict = damaged(rng, blocks[at]), False
        case 11:
            header = replace(header, checksum=rng.randbytes(4))
    strict = strict and not (header.single and any(block.size > header.size for block in blocks))
    out = header.bytes() + b"".join(block.bytes(last=at == len(blocks) - 1) for at, block in enumerate(blocks))
    out += header.checksum
    if rng.random() < 0.05:
        out += rng.choice((b"\0", b"\x01\0\0"))
    return (out[: -rng.randrange(1, 6)] if rng.random() < 0.03 else out), strict


def damaged(rng: Random, block: Block) -> Block:
    """Return a block with one change to its data: a bit, a byte more or less."""
    data = bytearray(block.data)
    at = rng.randrange(len(data) + 1)
    match rng.randrange(4):
        case 0 | 1 if at < len(data):
            data[min(at, rng.randrange(12)) if rng.random() < 0.5 else at] ^= 1 << rng.randrange(8)
        case 2:
            data[at:at] = rng.choice((b"\0", b"\x01", rng.randbytes(2)))
        case _:
            del data[at : at + 1]
    return replace(block, data=bytes(data), size=len(data) if block.kind != RUN else block.size)
