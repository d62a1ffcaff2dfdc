# SPDX-License-Identifier: MIT
"""Bodies of every kind: such as an encoder might write, such as none writes, and any bytes.

A body comes with its S (SPEC §7) where that is known, so that a right check can be put beside it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from diff_fuzz.coder import END, SPELL, Captions, Coder, chain, likely, put

MODES = (240, 8, 1, 1, 1, 5)
WORDS = (
    "a",
    "cat",
    " ",
    "  ",
    ".",
    "..",
    "A",
    "I AM",
    "Ab",
    "'",
    "é",
    "日本",
    "10",
    "\n",
    "\0",
    "aB",
    "AB",
    "b.",
    "🦆",
    "Z",
    "the",
)
BROKEN = (
    b"\x80",
    b"\xc3",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xff",
    b"\xe6\x97",
    b"\xf0\x80\x80\x80",
    b"\xef\xbb\xbf",
)
STARTS = (
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xfe",
    b"\xef\xff\xff\xff",
    b"\xef\xff\xff\xfe",
    b"\xf7\xff\xff\xff",
    b"\xf0",
    b"\xf0\0\0\0",
    b"\xff",
    b"\0",
)

Body = tuple[bytes, bytes | None]


@dataclass
class Tables:
    consonant: bytes
    captions: Captions
    zstd: Sequence[bytes]  # bodies of mode zstd, to be damaged


def noise(rng: Random, most: int = 40) -> bytes:
    """Any bytes, short ones above all."""
    length = rng.choice((rng.randrange(9), rng.randrange(9), rng.randrange(most + 1)))
    data = rng.randbytes(length)
    match rng.randrange(10):
        case 0:
            return rng.choice(STARTS) + data
        case 1:
            return data + b"\0" * rng.randrange(1, 6)
        case 2:
            return bytes(rng.choice((0, 1, 0x80, 0xFF)) for _ in data)
        case 3:
            return rng.choice(STARTS)[: rng.randrange(1, 5)] + data + rng.choice((b"", b"\0", b"\xff"))
        case 4:
            return b"\0" * length + data[:3]
    return data


def text(rng: Random) -> bytes:
    words = [
        rng.choice(WORDS).encode() if rng.random() < 0.93 else rng.choice(BROKEN)
        for _ in range(rng.choice((0, 1, 2, 3, 5, 9)))
    ]
    out = rng.choice((b"", b" ")).join(words)
    if rng.random() < 0.03:  # at the limit
        return (out or b"a")[:1] * rng.choice((65535, 65536, 65537, 66000))
    return out * rng.choice((1,) * 30 + (300, 3000, 20000)) if len(out) < 12 else out


def consonant(rng: Random, parameters: dict[str, Any], tables: Tables) -> Body:
    length = rng.choice((0, 1, 2, 3, 7, 20, rng.randrange(60)) * 9 + (65535, 65536, 65537))
    codes = [rng.choice((rng.randrange(16), rng.randrange(16), 0, 1)) for _ in range(length)]
    if length > 60 or rng.random() < 0.2:
        codes = [rng.randrange(16)] * length
    if codes and codes[-1] == 0 and rng.random() < 0.8:
        codes[-1] = rng.randrange(1, 16)
    if parameters["code"] == "fixed":
        even = codes + [0] * (len(codes) % 2)
        body = bytes(16 * a + b for a, b in zip(even[::2], even[1::2], strict=True))
        return body, bytes(codes) if not codes or codes[-1] else None
    coder, seen = Coder(), [0, 0, 0]
    for code in codes:
        at = 17 * (256 * seen[-3] + 16 * seen[-2] + seen[-1])
        coder.symbol(tables.consonant[at : at + 17], 1 + code)
        seen.append(code)
    at = 17 * (256 * seen[-3] + 16 * seen[-2] + seen[-1])
    coder.symbol(tables.consonant[at : at + 17], 0)
    return coder.finish(), bytes(codes)


def static(rng: Random, tables: Tables) -> bytes:
    """Any style and pieces: now and then the text has others, no UTF-8, or a piece without octets."""
    captions, coder, history = tables.captions, Coder(), [END]
    coder.symbol(MODES, 0 if rng.random() < 0.97 else rng.randrange(6))
    coder.symbol(captions.styles, rng.choice((0, 0, 1, 2, 2, 3, 4, 5)))
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 7, 12))):
        nodes = chain(captions.pieces, history, 3)
        id_ = SPELL if rng.random() < 0.3 else likely(rng, nodes)
        if id_ == END:
            break
        put(coder, nodes, id_)
        history.append(id_)
        if id_ == SPELL:
            spell(rng, captions, coder)
    put(coder, chain(captions.pieces, history, 3), END)
    return coder.finish()


def spell(rng: Random, captions: Captions, coder: Coder) -> None:
    history, wanted = [END], None
    if rng.random() < 0.6:
        wanted = rng.choice((b"", b" ")) + rng.choice(
            (rng.choice(WORDS).encode(), rng.choice(captions.words[3:]), rng.choice(BROKEN))
        )
    for at in range(20 if wanted is None else len(wanted)):
        nodes = chain(captions.octets, history, 4)
        id_ = likely(rng, nodes) if wanted is None else 2 + wanted[at]
        if id_ == END:
            break
        put(coder, nodes, id_)
        history.append(id_)
    put(coder, chain(captions.octets, history, 4), END)


def tokens(rng: Random, vocabulary: int) -> Body:
    coder = Coder()
    coder.symbol(MODES, 1 if rng.random() < 0.97 else rng.randrange(6))
    ids = [rng.choice((0, vocabulary - 1, rng.randrange(vocabulary))) for _ in range(rng.choice((0, 1, 2, 16, 75)))]
    coder.symbol([76 if n == 16 else 1 for n in range(76)], len(ids))
    for id_ in ids:
        coder.uniform(id_, vocabulary)
    return coder.finish(), b"\xff" + b"".join(id_.to_bytes(2, "big") for id_ in ids)


def deflated(rng: Random) -> Body:
    """A zlib stream: of a compressor, or with blocks that one would not write."""
    octets = text(rng)
    if rng.random() < 0.6:
        maker = zlib.compressobj(
            rng.randrange(10), zlib.DEFLATED, rng.randrange(9, 16), rng.randrange(1, 10), rng.randrange(5)
        )
        out = maker.compress(octets) + (
            maker.flush(rng.choice((zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH))) if rng.random() < 0.2 else b""
        )
        return out + maker.flush(), octets
    bits = Bits()
    for last in [0] * rng.choice((0, 0, 1)) + [1]:
        block(rng, bits, last, octets[:50])
    head = rng.choice(
        (b"\x78\xda",) * 20 + (b"\x08\x1d", b"\x18\x19", b"\x78\xbb", b"\x88\x1c", b"\x78\x00", b"\x77\x85")
    )
    return head + bits.bytes() + zlib.adler32(octets[:50]).to_bytes(4, "big"), None


class Bits:
    """Least significant first, as RFC 1951 has them."""

    def __init__(self) -> None:
        self.number, self.length = 0, 0

    def put(self, value: int, bits: int) -> None:
        self.number, self.length = self.number | value << self.length, self.length + bits

    def code(self, value: int, bits: int) -> None:
        """A prefix code, most significant first."""
        for at in reversed(range(bits)):
            self.put(value >> at & 1, 1)

    def bytes(self) -> bytes:
        return self.number.to_bytes((self.length + 7) // 8, "little")


def block(rng: Random, bits: Bits, last: int, octets: bytes) -> None:
    kind = rng.choice((0, 1, 1, 2, 2, 2, 3) if rng.random() < 0.2 else (0, 1, 2))
    bits.put(last, 1)
    bits.put(kind, 2)
    if kind == 0:
        bits.length += -bits.length % 8
        size = len(octets)
        bits.put(size, 16)
        bits.put(size ^ 0xFFFF if rng.random() < 0.9 else rng.randrange(65536), 16)
        for octet in octets:
            bits.put(octet, 8)
    elif kind == 1:
        for octet in octets:
            bits.code(*((0x30 + octet, 8) if octet < 144 else (0x190 + octet - 144, 9)))
            if rng.random() < 0.2:  # a copy, of any length and distance, 286, 287, 30 and 31 too
                length = rng.choice((1, 2, 8, 23, 24, 29, 30, 31))
                bits.code(*((length, 7) if length < 24 else (0xC0 + length - 24, 8)))
                bits.put(rng.randrange(32), 0 if length < 9 else (length - 5) // 4 if length < 29 else 0)
                distance = rng.choice((0, 0, 1, 2, 4, 29, 30, 31))
                bits.code(distance, 5)
                bits.put(0, max(distance // 2 - 1, 0) if distance < 30 else 0)
        if rng.random() < 0.9:
            bits.code(0, 7)
    elif kind == 2:
        dynamic(rng, bits)


def dynamic(rng: Random, bits: Bits) -> None:
    """A block with codes of its own: complete or not, of one length or of several, with any bits behind."""
    lengths = [0] * 256 + [1]  # end of the block
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        lengths[rng.randrange(256)] = rng.choice((1, 1, 2, 2, 3))
    lengths += [rng.choice((0, 0, 1, 2))] * rng.choice((0, 0, 1, 29, 30))
    distances = rng.choice(([0], [1], [2], [1, 1], [1, 2], [1, 1, 1], [0, 1], [1] * 2 + [0] * 28, [5] * 30, [5] * 32))
    bits.put(len(lengths) - 257, 5)
    bits.put(len(distances) - 1, 5)
    # the code lengths 0 … 15 and the repetitions 16 … 18, each by five bits, or fewer where only some are used
    used = sorted(set(lengths + distances))
    size = max((len(used) - 1).bit_length(), rng.choice((0, 1, 1, 1)))
    order = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
    bits.put(15, 4)
    full = used + [n for n in range(16) if n not in used][: (1 << size) - len(used)] if rng.random() < 0.8 else used
    for n in order:
        bits.put(size if n in full else 0, 3)
    code = {n: at for at, n in enumerate(sorted(full))}
    for n in lengths + distances:
        bits.code(code[n], size)
    for _ in range(rng.choice((0, 8, 40))):
        bits.put(rng.randrange(2), 1)


def zstd(rng: Random, tables: Tables) -> Body:
    """A frame without its magic number: damaged, or put together from blocks of any kind."""
    if rng.random() < 0.3 and tables.zstd:
        return rng.choice(tables.zstd)[1:], None
    octets, blocks = b"", []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        kind, part = rng.choice((0, 0, 1, 2, 2)), rng.choice((b"", text(rng)[:3000]))
        if kind == 0:
            blocks.append((0, len(part), part))
        elif kind == 1:
            size = rng.choice((0, 1, 5, 1000, 65536, 131072, 131073))
            part = b"x" * size
            blocks.append((1, size, b"x"))
        else:
            packed = compressed(rng, part)
            blocks.append((2, len(packed), packed))
        octets += part
    out = bytearray()
    for at, (kind, size, data) in enumerate(blocks):
        last = at == len(blocks) - 1
        out += ((size << 3 | kind << 1 | last) & 0xFFFFFF).to_bytes(3, "little") + data
    size = len(octets) if rng.random() < 0.9 else rng.choice((0, 1, 65536, 65537, len(octets) + 1))
    single, checksum, identity, width = (
        rng.random() < 0.6,
        rng.random() < 0.05,
        rng.choice((0, 0, 0, 1)),
        rng.randrange(4),
    )
    if width == 1 and size < 256:
        width = 2
    flags = (
        width << 6 | single << 5 | (rng.random() < 0.03) << 4 | (rng.random() < 0.03) << 3 | checksum << 2 | identity
    )
    head = bytes([flags]) + (b"" if single else bytes([rng.choice((0, 1, 0x40, 0x68, 0x69, 0x70, rng.randrange(256)))]))
    head += bytes(rng.choice((0, 1)) for _ in range(identity))
    length = (1 if single else 0, 2, 4, 8)[width]
    head += ((size - 256 if width == 1 else size) % (1 << 8 * length)).to_bytes(length, "little") if length else b""
    return head + bytes(out) + (rng.randbytes(4) if checksum else b""), None


def compressed(rng: Random, octets: bytes) -> bytes:
    """A compressed block: literals as they are, then sequences by tables of any mode and any bits."""
    octets = octets[:31]
    match rng.randrange(8):
        case 0:
            literals = bytes([len(octets) << 3 | 1]) + b"y"
        case 1:
            size, stored = rng.randrange(64), rng.randrange(40)
            literals = (rng.choice((2, 3)) | size << 4 | stored << 14).to_bytes(3, "little") + rng.randbytes(stored)
        case _:
            literals = bytes([len(octets) << 3]) + octets
    count = rng.choice((0, 0, 1, 1, 2, 3))
    if count == 0:
        return literals + b"\0" + (b"" if rng.random() < 0.9 else rng.randbytes(1))
    modes = [rng.choice((0, 1, 1, 2, 3) if rng.random() < 0.3 else (0, 1)) for _ in range(3)]
    out = literals + bytes([count, modes[0] << 6 | modes[1] << 4 | modes[2] << 2 | (rng.random() < 0.05)])
    for mode, most in zip(modes, (36, 32, 53), strict=True):
        if mode == 1:
            out += bytes([rng.randrange(5) if rng.random() < 0.9 else rng.randrange(most)])
        elif mode == 2:
            out += rng.randbytes(rng.randrange(1, 5))
    return out + rng.randbytes(rng.randrange(6)) + bytes([rng.choice((1, 2, 4, 8, 16, 32, 64, 128, 0, 3))])


def caption(rng: Random, parameters: dict[str, Any], tables: Tables) -> Body:
    match rng.randrange(12):
        case 0:
            octets = text(rng)
            return b"\xf8" + octets, octets
        case 1 | 2:
            body, symbols = deflated(rng)
            return b"\xf9" + body, symbols
        case 3 | 4:
            body, symbols = zstd(rng, tables)
            return b"\xfa" + body, symbols
        case 5:
            return tokens(rng, parameters["vocabulary"])
        case 6 | 7 | 8 | 9:
            return static(rng, tables), None
        case 10:
            return bytes([rng.randrange(0xE8, 0x100)]) + noise(rng), None
    return noise(rng), None


def codes(rng: Random, sizes: Sequence[int]) -> Body:
    """One code of each size."""
    found = [rng.choice((0, size - 1, rng.randrange(size))) for size in sizes]
    coder = Coder()
    for code, size in zip(found, sizes, strict=True):
        coder.uniform(code, size)
    return coder.finish(), b"".join(struct.pack(">H", code) for code in found)


def body(rng: Random, kind: int, parameters: dict[str, Any], size: tuple[int, int], tables: Tables) -> Body:
    if rng.random() < 0.25:
        return noise(rng, 120), None
    if kind == 1:
        return consonant(rng, parameters, tables)
    if kind == 2:
        return caption(rng, parameters, tables)
    if kind == 3 and not parameters["prior"]:
        return codes(rng, [2 ** parameters["b"]] * parameters["d"])
    if kind == 4:
        return codes(rng, [parameters["v"]] * parameters["m"])
    if kind == 5 and not parameters["usage"]:
        places = -(-size[0] // parameters["stride"]) * -(-size[1] // parameters["stride"])
        if places <= 4096:
            return codes(rng, [parameters["v"]] * places)
    return noise(rng, 120), None
