# SPDX-License-Identifier: MIT
"""Compressed captions: zlib streams and zstd frames of any bytes, against what the libraries make of them in one call.

An input is the first byte of a body (F9 zlib, else zstd) and a stream. Changes keep the form of a frame: its descriptor,
window and sizes are written anew around changed blocks.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from random import Random

import zstandard

from refcodec.errors import Code, SemError
from refcodec.payloads.caption import compressed
from refcodec.table_files import SHIPPED
from tools.fuzz.mutators import plain
from tools.fuzz.target import Target, refusal, require

LIMIT = 1 << 12
ZLIB, ZSTD = b"\xf9", b"\xfa"
MAGICS = (
    b"\x78\x9c",
    b"\x78\xda",
    b"\x78\x01",
    b"\x20\x00",
    b"\x60\x00\x00",
    b"\x24\x05",
    b"\x01\x00\x00",
    b"\x03\xff\xff",
    b"\x05\x00\x00",
    b"\x28\xb5\x2f\xfd",
)


def seeds() -> list[bytes]:
    """Return streams of each library at several levels, with and without the optional fields of a frame."""
    dictionary = SHIPPED.load(compressed.DICTIONARY)
    found = []
    for text in (b"", b"A cat on a mat.", "ÄÖÜ 🦆 ".encode() * 40, b"ab" * 900, bytes(range(256))):
        found += [ZLIB + zlib.compress(text, level) for level in (0, 1, 9)]
        raw = zlib.compressobj(9, zlib.DEFLATED, 9)
        found.append(ZLIB + raw.compress(text) + raw.flush())
        found.append(ZSTD + compressed.compress(text, dictionary))
        for size, check, identity in ((0, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1)):
            form = zstandard.ZstdCompressionParameters.from_level(
                3,
                format=zstandard.FORMAT_ZSTD1_MAGICLESS,
                write_content_size=size,
                write_checksum=check,
                write_dict_id=identity,
            )
            found.append(ZSTD + zstandard.ZstdCompressor(compression_params=form, dict_data=dictionary).compress(text))
    return found


def run(data: bytes) -> str:
    """Decompress a stream; compare with the library."""
    data = data or ZSTD
    zlib_stream = data[:1] == ZLIB
    try:
        if zlib_stream:
            text = compressed.inflate(data[1:], LIMIT)
        else:
            text = compressed.decompress(data[1:], LIMIT, SHIPPED.load(compressed.DICTIONARY))
    except SemError as error:
        require(error.code in (Code.STREAM_INVALID, Code.LIMIT_TEXT), f"a stream gives {error.id}")
        return f"{'zlib' if zlib_stream else 'zstd'} {refusal(error, len(data))}"
    require(len(text) <= LIMIT, "a text is within the limit")
    if zlib_stream:
        require(zlib.decompress(data[1:]) == text, "zlib decompresses another text")
    else:
        require(_whole(data[1:]) in (text, None), "zstd decompresses another text")
    return "zlib accepted" if zlib_stream else "zstd accepted"


def _whole(frame: bytes) -> bytes | None:
    """Return the frame decompressed in one call, None if the library refuses that."""
    dictionary = SHIPPED.load(compressed.DICTIONARY)
    reader = zstandard.ZstdDecompressor(dict_data=dictionary, format=zstandard.FORMAT_ZSTD1_MAGICLESS)
    try:
        return reader.decompress(frame, max_output_size=LIMIT + 1)
    except zstandard.ZstdError:
        return None


def mutate(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return another stream: changed bytes, a zlib stream with its checksum corrected, or a frame of changed blocks."""
    if rng.random() < 0.4 or len(data) < 4:
        changed = _PLAIN(rng, data, others)
        return data[:1] + changed[1:]
    if data[:1] == ZLIB:
        stream = zlib.decompressobj(-15)
        body = plain.mutate(rng, data[3:-4], [other[3:-4] for other in others[:4]])
        try:
            text = stream.decompress(body, 1 << 16)
        except zlib.error:
            return data[:3] + body + data[-4:]
        return data[:3] + body[: len(body) - len(stream.unused_data)] + zlib.adler32(text).to_bytes(4, "big")
    return ZSTD + _frame(rng)


def _frame(rng: Random) -> bytes:
    """Return a frame of raw, run and arbitrary blocks whose sizes are mostly right."""
    blocks, total = b"", 0
    count = rng.choice((1, 1, 2, 3))
    for index in range(count):
        kind, last = rng.choice((0, 0, 1, 1, 2, 3)), index == count - 1
        size = rng.choice((0, 1, 5, 17, 300))
        contents = rng.randbytes(1 if kind == 1 else size)
        total += size
        blocks += (size << 3 | kind << 1 | last).to_bytes(3, "little") + contents
    single, code = rng.randrange(2), rng.randrange(4)
    width = (single, 2, 4, 8)[code]
    declared = (total + rng.choice((0, 0, 0, 1))) - 256 * (width == 2)
    size_field = max(declared, 0).to_bytes(8, "little")[:width]
    identity_code = rng.choice((0, 0, 0, 1, 2, 3))
    identity = rng.randbytes((0, 1, 2, 4)[identity_code])
    check = rng.choice((0, 0, 0, 4))
    descriptor = code << 6 | single << 5 | check | identity_code
    window = b"" if single else bytes([rng.choice((0, 8, 0x50, 0xFF))])
    return bytes([descriptor]) + window + identity + size_field + blocks + rng.randbytes(check)


_PLAIN = plain.inserting(MAGICS)
TARGET = Target("frames", seeds, run, mutate, dictionary=MAGICS, max_bytes=1024)
