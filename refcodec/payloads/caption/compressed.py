# SPDX-License-Identifier: MIT
"""SPEC §13.2, captions that other programs compressed: zlib streams and zstd frames. Read with a cap, never rewritten.

Both may be coded in many ways for the same text, so neither is canonical.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

from refcodec.errors import Code, SemError
from refcodec.payloads.caption.ppm import too_long
from refcodec.table_files import TableFile

if TYPE_CHECKING:
    import zstandard

DICTIONARY_SHA256: Final = "8ba4fd19a4f2723e857057476cb9f57ddf031ef6ace31c34af11734bbe1aa09d"
WINDOW_OF_SIZE: Final = 0x50  # byte of a window of 2^20, which holds what a frame may declare at any level
WINDOW_LIMIT: Final = 1 << 23  # what RFC 8878 §3.1.1.1.2 asks every decoder to support
LEVEL: Final = 19


def deflate(text: bytes) -> bytes:
    """A zlib stream as PerCo and Text+Sketch write it."""
    import zlib

    return zlib.compress(text, 9)


def inflate(data: bytes, limit: int) -> bytes:
    """The octets of exactly one zlib stream; SemError 401 for anything else, 604 for more octets than `limit`."""
    import zlib

    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, limit + 1)
    except zlib.error as fault:
        if _reaches(data, limit + 1):  # what is wrong stands behind the octet that is too many
            raise too_long(limit) from fault
        raise SemError(Code.STREAM_INVALID, f"no zlib stream: {fault}", offset=1) from fault
    if len(text) > limit:
        raise too_long(limit)
    if not stream.eof:
        raise SemError(Code.STREAM_INVALID, "the zlib stream is cut short", offset=1 + len(data))
    if stream.unused_data:
        raise SemError(
            Code.STREAM_INVALID, "bytes follow the zlib stream", offset=1 + len(data) - len(stream.unused_data)
        )
    return text


def _reaches(data: bytes, count: int) -> bool:
    """Whether a faulty zlib stream gives so many octets before its fault: fed byte by byte, it reads no further ahead."""
    import zlib

    stream, given = zlib.decompressobj(), 0
    try:
        for at in range(len(data)):
            given += len(stream.decompress(data[at : at + 1]))
            if given >= count:
                return True
    except zlib.error:
        pass
    return False


def compress(text: bytes, dictionary: zstandard.ZstdCompressionDict) -> bytes:
    """A zstd frame without magic, checksum and dictionary id, with its content size."""
    library = _library()
    settings = library.ZstdCompressionParameters.from_level(
        LEVEL,
        source_size=len(text),
        dict_size=len(dictionary),
        format=library.FORMAT_ZSTD1_MAGICLESS,
        write_content_size=1,
        write_checksum=0,
        write_dict_id=0,
    )
    return bytes(library.ZstdCompressor(compression_params=settings, dict_data=dictionary).compress(text))


def decompress(data: bytes, limit: int, dictionary: zstandard.ZstdCompressionDict) -> bytes:
    """The octets of exactly one frame; SemError 401 for anything else, 604 for more octets than `limit`."""
    library = _library()
    end, declared, window, blocks = _frame(data)
    if declared is not None and declared > limit:
        raise too_long(limit)
    if end != len(data):
        raise SemError(Code.STREAM_INVALID, "bytes follow the zstd frame", offset=1 + end)
    # Of a frame with a size the library decodes all blocks at once: it judges no window then, and not block by block.
    data = bytes([data[0] & 0x1F, window, *blocks])
    reader = library.ZstdDecompressor(
        dict_data=dictionary, max_window_size=WINDOW_LIMIT, format=library.FORMAT_ZSTD1_MAGICLESS
    ).stream_reader(io.BytesIO(data))
    text = bytearray()
    try:
        while len(text) <= limit and (part := reader.read(limit + 1 - len(text))):
            text += part
    except (library.ZstdError, MemoryError) as fault:
        raise SemError(Code.STREAM_INVALID, f"no zstd frame: {fault}", offset=1) from fault
    if len(text) > limit:
        raise too_long(limit)
    if declared is not None and declared != len(text):
        raise SemError(Code.STREAM_INVALID, "the zstd frame does not hold what it declares", offset=1)
    return bytes(text)


def _frame(data: bytes) -> tuple[int, int | None, int, bytes]:
    """By RFC 8878 §3.1.1, without the magic: where the first frame ends, its declared content size if it has one, the
    byte of its window, and what stands behind both: id, blocks, checksum."""

    def take(at: int, size: int) -> int:
        if at + size > len(data):
            raise SemError(Code.STREAM_INVALID, "the zstd frame is cut short", offset=1 + len(data))
        return int.from_bytes(data[at : at + size], "little")

    descriptor = take(0, 1)
    single = descriptor >> 5 & 1
    window = WINDOW_OF_SIZE if single else take(1, 1)
    begin = 2 - single
    at = begin + (0, 1, 2, 4)[descriptor & 3]
    identity = data[begin:at]
    size = (single, 2, 4, 8)[descriptor >> 6]
    declared = take(at, size) + 256 * (size == 2) if size else None
    at += size
    begin = at
    last = 0
    while not last:
        header = take(at, 3)
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        if kind == 3:
            raise SemError(Code.STREAM_INVALID, "a reserved kind of block", offset=1 + at)
        at += 3 + (1 if kind == 1 else size)
    at += 4 * (descriptor >> 2 & 1)
    take(at, 0)
    return at, declared, window, identity + data[begin:at]


def _library() -> Any:
    """The zstandard package; SemError 805 without it."""
    try:
        import zstandard
    except ImportError as fault:
        raise SemError(Code.DEPENDENCY_MISSING, "zstandard is not installed", hint="pip install zstandard") from fault
    return zstandard


def loaded(data: bytes) -> zstandard.ZstdCompressionDict:
    """A dictionary of the standard format, RFC 8878 §5."""
    library = _library()
    dictionary: zstandard.ZstdCompressionDict = library.ZstdCompressionDict(data, dict_type=library.DICT_TYPE_FULLDICT)
    return dictionary


DICTIONARY: Final = TableFile("refcodec.payloads", "caption.zdict", DICTIONARY_SHA256, loaded)
