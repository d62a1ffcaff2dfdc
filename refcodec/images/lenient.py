# SPDX-License-Identifier: MIT
"""Decode as much as possible of a picture that is damaged or cut short, for callers who ask for it.

Pillow has a global switch for this, `ImageFile.LOAD_TRUNCATED_IMAGES`. It belongs to the program and is left alone: the data
are mended where a format allows it, and the loop that reads them runs with a switch of its own.
"""

from __future__ import annotations

import struct
import zlib
from types import FunctionType, MethodType
from typing import Any, Final

from PIL import ImageFile

_GREY: Final = 128
_FILLED: Final = {"L": (_GREY,), "LA": (_GREY, 255), "RGB": (_GREY,) * 3, "RGBA": (_GREY,) * 3 + (255,)}
_GROWTH: Final = 16  # a file may claim that many times the bytes it has


def mended(data: bytes) -> bytes:
    """Return the data with an end, for a JPEG, PNG or WebP file that lacks it; PNG also with its checksums corrected."""
    if data.startswith(b"\xff\xd8"):
        return data + b"\xff\xd9"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _mended_png(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return data.ljust(min(8 + int.from_bytes(data[4:8], "little"), _GROWTH * len(data)), b"\0")
    return data


def make_tolerant(image: ImageFile.ImageFile) -> bool:
    """Let an opened image accept an early end; return whether what is missing will be grey."""
    image.load_prepare = MethodType(_prepare_grey, image)  # type: ignore[method-assign]
    raw = all(tile[0] != "libtiff" for tile in image.tile)
    if type(image).load is ImageFile.ImageFile.load or (image.format == "TIFF" and raw):
        image.load = MethodType(_tolerant(ImageFile.ImageFile.load), image)  # type: ignore[method-assign]
    return image.mode in _FILLED and image.format != "WEBP"  # whose decoder continues what it has


def _prepare_grey(image: ImageFile.ImageFile) -> None:
    """Prepare the pixels as the class of the image does, and fill them with grey."""
    fresh = image._im is None
    type(image).load_prepare(image)
    colour = _FILLED.get(image.mode)
    if fresh and colour and image._im is not None:
        image.im.paste(colour if len(colour) > 1 else colour[0], (0, 0, *image.im.size))


def _tolerant(load: Any) -> Any:
    """Return Pillow's loop with the switch on in a copy of its module's names."""
    if not isinstance(load, FunctionType):
        return load
    names = {**load.__globals__, "LOAD_TRUNCATED_IMAGES": True}
    return FunctionType(load.__code__, names, load.__name__, load.__defaults__, load.__closure__)


def _mended_png(data: bytes) -> bytes:
    """Return a PNG whose chunks have correct lengths and checksums, up to the first invalid one, and an end."""
    out, at = bytearray(data[:8]), 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if not kind.isalpha() or kind == b"IEND":
            break
        body = data[at + 8 : at + 8 + length]
        if kind[0] & 32 == 0 or zlib.crc32(kind + body) == int.from_bytes(
            data[at + 8 + length : at + 12 + length], "big"
        ):
            out += struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
        at += 12 + length
    return bytes(out + struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND")))
