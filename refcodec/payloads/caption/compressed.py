# SPDX-License-Identifier: MIT
"""Read captions compressed as a zlib stream or a zstd frame, with a limit on their output (SPEC §13.2), and write some.

Many streams decode to the same text, so neither form is canonical, and an edit copies the body.

A zstd frame without magic (RFC 8878 §3.1.1):

    descriptor 1 | window 0, 1 | dictionary id 0, 1, 2, 4 | content size 0, 1, 2, 4, 8 | blocks | checksum 0, 4

    descriptor:  7 6   size of content size     5   single segment, no window     2   checksum     1 0   size of id
    block:       u24 little-endian = 8 · size + 2 · type + last | `size` bytes, or 1 of a run
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from refcodec.errors import Code, SemError
from refcodec.payloads.caption.ppm import too_long
from refcodec.table_files import TableFile

if TYPE_CHECKING:
    import zstandard

DICTIONARY_SHA256: Final = "8ba4fd19a4f2723e857057476cb9f57ddf031ef6ace31c34af11734bbe1aa09d"
WINDOW_OF_SIZE: Final = 0x50  # window byte for 2^20, at least the content size that any level allows
WINDOW_LIMIT: Final = 1 << 23  # which every decoder should support (RFC 8878 §3.1.1.1.2)
LEVEL: Final = 19


def deflate(text: bytes) -> bytes:
    """Return a zlib stream as PerCo and Text+Sketch write it."""
    import zlib

    return zlib.compress(text, 9)


def inflate(data: bytes, limit: int) -> bytes:
    """Return the octets of exactly one zlib stream, as zlib reads it (SEM-R-166).

    Raise LIMIT_TEXT (SEM-E-604) for more octets than `limit`, STREAM_INVALID (SEM-E-401) for anything else.
    """
    import zlib

    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, limit + 1)
    except zlib.error as error:
        if _reaches(data, limit + 1):  # the limit is exceeded before the error
            raise too_long(limit) from error
        raise SemError(Code.STREAM_INVALID, f"no zlib stream: {error}", offset=1) from error
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
    """Return whether an invalid zlib stream yields `count` octets before its error.

    It is fed byte by byte, so that output before the error is not lost.
    """
    import zlib

    stream, produced = zlib.decompressobj(), 0
    try:
        for i in range(len(data)):
            produced += len(stream.decompress(data[i : i + 1]))
            if produced >= count:
                return True
    except zlib.error:
        pass
    return False


def compress(text: bytes, dictionary: zstandard.ZstdCompressionDict) -> bytes:
    """Return a zstd frame without magic, checksum and dictionary id, with its content size."""
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
    """Return the octets of exactly one zstd frame (SEM-R-167; of SEM-R-168 what the library accepts).

    Raise LIMIT_TEXT (SEM-E-604) for more octets than `limit`, STREAM_INVALID (SEM-E-401) for anything else.
    """
    library = _library()
    frame = parse_frame(data)
    declared = frame.content_size
    if declared is not None and declared > limit:
        raise too_long(limit)
    if frame.end != len(data):
        raise SemError(Code.STREAM_INVALID, "bytes follow the zstd frame", offset=1 + frame.end)
    stream = library.ZstdDecompressor(
        dict_data=dictionary, max_window_size=WINDOW_LIMIT, format=library.FORMAT_ZSTD1_MAGICLESS
    ).decompressobj()
    text = bytearray()
    try:
        for part in parts_without_content_size(frame):
            text += stream.decompress(part)
            if len(text) > limit:
                raise too_long(limit)
    except (library.ZstdError, MemoryError) as error:
        raise SemError(Code.STREAM_INVALID, f"no zstd frame: {error}", offset=1) from error
    if declared is not None and declared != len(text):
        raise SemError(Code.STREAM_INVALID, "the zstd frame does not hold what it declares", offset=1)
    return bytes(text)


class Frame(NamedTuple):
    """The parts of a zstd frame that matter for its decoding."""

    descriptor: int
    window: int  # the window byte; of a single segment one that is large enough
    identity: bytes  # dictionary id
    content_size: int | None  # as declared; None if the frame does not have it
    blocks: tuple[bytes, ...]
    checksum: bytes  # 4 bytes, or none
    end: int  # bytes of the frame


def parts_without_content_size(frame: Frame) -> tuple[bytes, ...]:
    """Return the same frame with a window and without its content size: its header, each block, and its checksum.

    The library decodes a frame of declared size in one call, which neither limits the window nor stops after a block.
    Without the size it streams; block by block, since it may read ahead and report the error of a later block.
    """
    header = bytes([frame.descriptor & 0x1F, frame.window]) + frame.identity
    return header, *frame.blocks, *([frame.checksum] if frame.checksum else [])


def parse_frame(data: bytes) -> Frame:
    """Return the first zstd frame of `data`. Raise STREAM_INVALID if it is truncated or has a reserved block type."""

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
    content_size = take(at, size) + 256 * (size == 2) if size else None
    at += size
    blocks, last = [], 0
    while not last:
        header = take(at, 3)
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        if kind == 3:
            raise SemError(Code.STREAM_INVALID, "a reserved kind of block", offset=1 + at)
        end = at + 3 + (1 if kind == 1 else size)
        blocks.append(data[at:end])
        at = end
    end = at + 4 * (descriptor >> 2 & 1)
    take(end, 0)
    return Frame(descriptor, window, identity, content_size, tuple(blocks), data[at:end], end)


def _library() -> Any:
    """Return the zstandard package; raise DEPENDENCY_MISSING (SEM-E-805) without it."""
    try:
        import zstandard
    except ImportError as error:
        raise SemError(Code.DEPENDENCY_MISSING, "zstandard is not installed", hint="pip install zstandard") from error
    return zstandard


def loaded(data: bytes) -> zstandard.ZstdCompressionDict:
    """Return a dictionary of the standard format, RFC 8878 §5."""
    library = _library()
    dictionary: zstandard.ZstdCompressionDict = library.ZstdCompressionDict(data, dict_type=library.DICT_TYPE_FULLDICT)
    return dictionary


DICTIONARY: Final = TableFile("refcodec.payloads", "caption.zdict", DICTIONARY_SHA256, loaded)
