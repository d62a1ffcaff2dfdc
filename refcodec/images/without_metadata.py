# SPDX-License-Identifier: MIT
"""Remove metadata from a PNG, JPEG or WebP file without decoding it: EXIF, XMP, comments, and bytes after its end.

What its pixels need stays: their coding, colours (ICC profile, code points), animation and EXIF orientation. Standard
library and the header of Pillow only.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from PIL import Image

from refcodec.images.orientation import UPRIGHT, remaining
from refcodec.images.pillow_guard import quiet

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    b"tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD hIST pHYs sPLT acTL fcTL fdAT".split()
)  # and all that are critical
_WEBP_KEPT: Final = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04  # flags of VP8X
_END_OF_SCAN: Final = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_SOS, _EOI = 0xDA, 0xD9
_JPEG_KEPT: Final = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xE0)})  # frames, scans and their tables
_JPEG_COLOURS: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}  # APP0, APP2, APP14


def without_metadata(data: bytes) -> bytes:
    """Return a PNG, JPEG or WebP file without metadata; the same bytes if it has none.

    Raises ValueError for a file whose parts cannot be told apart.
    """
    try:
        if data.startswith(_PNG):
            return _PNG + b"".join(_png_chunks(data))
        if data.startswith(b"\xff\xd8"):
            return b"\xff\xd8" + b"".join(_jpeg_segments(data))
        return _webp(data)
    except (struct.error, IndexError) as error:
        raise ValueError("it is cut short") from error


def _png_chunks(data: bytes) -> Iterator[bytes]:
    at, exif = len(_PNG), _orientation(data)
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise ValueError("it is cut short")
        if exif and kind in (b"IDAT", b"IEND"):
            yield struct.pack(">I4s", len(exif), b"eXIf") + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
            exif = b""
        if not kind[0] & 0x20 or kind in _PNG_KEPT:
            yield data[at:end]
        if kind == b"IEND":
            return
        at = end


def _jpeg_segments(data: bytes) -> Iterator[bytes]:
    at, exif = 2, _orientation(data)
    while True:
        if data[at] != 0xFF:
            raise ValueError("it has bytes between its segments")
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if exif and marker != 0xE0:
            yield struct.pack(">HH", 0xFFE1, 8 + len(exif)) + b"Exif\0\0" + exif
            exif = b""
        if marker == _EOI:
            yield data[at : at + 2]
            return
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if end > len(data):
            raise ValueError("it is cut short")
        if marker in _JPEG_KEPT or (marker in _JPEG_COLOURS and data.startswith(_JPEG_COLOURS[marker], at + 4)):
            yield data[at:end]
        at = end
        if marker == _SOS:
            found = _END_OF_SCAN.search(data, at)
            if found is None:
                raise ValueError("it is cut short")
            yield data[at : found.start()]
            at = found.start()


def _webp(data: bytes) -> bytes:
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    if not data.startswith(b"RIFF") or data[8:12] != b"WEBP" or end > len(data):
        raise ValueError("it is cut short")
    at, exif, chunks = 12, _orientation(data), b""
    while at < end:
        kind, length = struct.unpack_from("<4sI", data, at)
        chunk = data[at : at + 8 + length + length % 2]
        if at + 8 + length > end:
            raise ValueError("it is cut short")
        if kind == b"VP8X" and length:
            flags = chunk[8] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if exif else 0)
            chunk = chunk[:8] + bytes((flags,)) + chunk[9:]
        chunks += chunk if kind in _WEBP_KEPT else b""
        at += len(chunk)
    if exif:
        chunks += struct.pack("<4sI", b"EXIF", len(exif)) + exif
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _orientation(data: bytes) -> bytes:
    """Return EXIF with the orientation of a file alone, from its TIFF header on; empty if the file is upright."""
    try:
        with quiet(), Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            number = remaining(image)
    except Exception:  # noqa: BLE001 - Pillow raises any exception for damaged headers; the file is copied all the same
        return b""
    if number not in UPRIGHT:
        return b""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, number, 0, 0)
