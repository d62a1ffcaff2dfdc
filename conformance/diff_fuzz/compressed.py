# SPDX-License-Identifier: MIT
"""Caption bodies of the modes zlib and zstd (SPEC §13.2), including streams that no compressor writes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from random import Random

from diff_fuzz.bits import ORDER, Bits
from diff_fuzz.noise import text

Body = tuple[bytes, bytes | None]  # body, and its S (SPEC §7) if known


def deflated(rng: Random) -> Body:
    """Return a zlib stream: from a compressor, or with blocks that no compressor writes."""
    octets = text(rng)
    if rng.random() < 0.6:
        compressor = zlib.compressobj(
            rng.randrange(10), zlib.DEFLATED, rng.randrange(9, 16), rng.randrange(1, 10), rng.randrange(5)
        )
        out = compressor.compress(octets) + (
            compressor.flush(rng.choice((zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH))) if rng.random() < 0.2 else b""
        )
        return out + compressor.flush(), octets
    bits = Bits()
    for last in [0] * rng.choice((0, 0, 1)) + [1]:
        block(rng, bits, last, octets[:50])
    head = rng.choice(
        (b"\x78\xda",) * 20 + (b"\x08\x1d", b"\x18\x19", b"\x78\xbb", b"\x88\x1c", b"\x78\x00", b"\x77\x85")
    )
    return head + bits.bytes() + zlib.adler32(octets[:50]).to_bytes(4, "big"), None


def block(rng: Random, bits: Bits, last: int, octets: bytes) -> None:
    """Write a deflate block: stored, with fixed codes, with dynamic codes, or of the reserved type."""
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
            if rng.random() < 0.2:  # any length and distance symbol, including the invalid 286, 287, 30 and 31
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
    """Write a dynamic block: code lengths that may be incomplete or oversubscribed, then random bits."""
    lengths = [0] * 256 + [1]  # end of the block
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        lengths[rng.randrange(256)] = rng.choice((1, 1, 2, 2, 3))
    lengths += [rng.choice((0, 0, 1, 2))] * rng.choice((0, 0, 1, 29, 30))
    distances = rng.choice(([0], [1], [2], [1, 1], [1, 2], [1, 1, 1], [0, 1], [1] * 2 + [0] * 28, [5] * 30, [5] * 32))
    bits.put(len(lengths) - 257, 5)
    bits.put(len(distances) - 1, 5)
    # symbols 0 to 15 are code lengths, 16 to 18 repetitions; all codes have the same length
    used = sorted(set(lengths + distances))
    size = max((len(used) - 1).bit_length(), rng.choice((0, 1, 1, 1)))
    bits.put(15, 4)
    full = used + [n for n in range(16) if n not in used][: (1 << size) - len(used)] if rng.random() < 0.8 else used
    for n in ORDER:
        bits.put(size if n in full else 0, 3)
    code = {n: at for at, n in enumerate(sorted(full))}
    for n in lengths + distances:
        bits.code(code[n], size)
    for _ in range(rng.choice((0, 8, 40))):
        bits.put(rng.randrange(2), 1)


def zstd(rng: Random, frames: Sequence[bytes]) -> Body:
    """Return a zstd frame without its magic number: one of the suite, or one made from blocks of any type."""
    if rng.random() < 0.3 and frames:
        return rng.choice(frames)[1:], None
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
    """Return a compressed block: literals, then sequences with tables of any mode and random bits."""
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
    for mode, symbols in zip(modes, (36, 32, 53), strict=True):
        if mode == 1:
            out += bytes([rng.randrange(5) if rng.random() < 0.9 else rng.randrange(symbols)])
        elif mode == 2:
            out += rng.randbytes(rng.randrange(1, 5))
    return out + rng.randbytes(rng.randrange(6)) + bytes([rng.choice((1, 2, 4, 8, 16, 32, 64, 128, 0, 3))])
