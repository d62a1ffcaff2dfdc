# SPDX-License-Identifier: MIT
"""Images and profiles as files, made by Pillow or by hand, and what `load` makes of them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from refcodec.errors import SemError
from refcodec.images.load import load
from refcodec.images.types import Loaded

Pixels = NDArray[Any]


# 7 rows, 5 columns, no symmetry
SAMPLE: Pixels = (np.arange(7)[:, None, None] * 30 + np.arange(5)[None, :, None] * 9 + np.array([0, 20, 35])).astype(
    np.uint8
)


needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")


def packed(image: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def sample(format: str = "PNG", **options: Any) -> bytes:
    return packed(Image.fromarray(SAMPLE), format, **options)


def flat(mode: str, colour: Any, size: tuple[int, int] = (3, 2)) -> Image.Image:
    return Image.new(mode, size, colour)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes | None, *before: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand: `rows` are the raw samples, or None for a header with nothing behind it."""
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    head += b"".join(chunk(*pair) for pair in before)
    if rows is None:
        return head + chunk(b"IDAT", b"")
    step = len(rows) // height
    lines = b"".join(b"\0" + rows[at : at + step] for at in range(0, len(rows), step))
    return head + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def refused(source: Any, code: int, **options: Any) -> str:
    with pytest.raises(SemError) as caught:
        load(source, **options)
    assert caught.value.code == code, str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def outcome(data: bytes, **options: Any) -> Loaded | SemError:
    try:
        return load(data, **options)
    except SemError as error:
        return error


def one(picture: Loaded) -> tuple[int, int, int]:
    """The colour of a picture that has only one."""
    assert (picture.pixels == picture.pixels[0, 0]).all()
    red, green, blue = (int(level) for level in picture.pixels[0, 0])
    return red, green, blue


def near(picture: Loaded, colour: tuple[int, int, int], within: int = 2) -> bool:
    return all(abs(a - b) <= within for a, b in zip(one(picture), colour, strict=True))


EXACT: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", {"compression": "packbits"}),
    ("BMP", {}),
    ("DIB", {}),
    ("PPM", {}),
    ("TGA", {}),
    ("TGA", {"compression": "tga_rle"}),
    ("SGI", {}),
    ("PCX", {}),
    ("QOI", {}),
    ("JPEG2000", {"irreversible": False}),
]


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


D50 = (0.9642, 1.0, 0.8249)


P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))


def fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*values)


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def icc(space: bytes, connection: bytes, name: str, **tags: bytes) -> bytes:
    """An ICC v2 profile."""
    text = name.encode() + b"\0"
    tags |= {
        "desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        "cprt": b"text\0\0\0\0none\0",
        "wtpt": xyz(D50),
    }
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for key, value in tags.items():
        table += key.encode() + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4s4s4s4s4s", at + len(body), b"", b"\x02\x40\0\0", b"mntr", space, connection)
    head += bytes(12) + b"acsp" + bytes(28) + fixed(*D50) + bytes(48)
    return head + table + body


def rgb_profile(name: str, primaries: tuple[tuple[float, ...], ...], exponent: float) -> bytes:
    curves = {key: gamma(exponent) for key in ("rTRC", "gTRC", "bTRC")}
    return icc(
        b"RGB ", b"XYZ ", name, **dict(zip(("rXYZ", "gXYZ", "bXYZ"), map(xyz, primaries), strict=True)), **curves
    )


def grey_profile(exponent: float) -> bytes:
    return icc(b"GRAY", b"XYZ ", "Grey", kTRC=gamma(exponent))


def cmyk_profile() -> bytes:
    """White paper; any ink at all is the green Lab (88, -79, 81)."""
    ramp = bytes(range(256))
    nodes = b"\xff\x80\x80" + bytes([224, 49, 209]) * 15
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + ramp * 4 + nodes + ramp * 3
    return icc(b"CMYK", b"Lab ", "Press", A2B0=table)


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def animation(format: str, count: int = 3, **options: Any) -> bytes:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    first, *rest = (flat("RGB", colours[at % 3], (16, 16)) for at in range(count))
    return packed(first, format, save_all=True, append_images=rest, **options)


def mended(data: bytes) -> bytes:
    if not data.startswith(b"\x89PNG"):
        return data
    out, at = data[:8], 8
    while at + 12 <= len(data):
        length = min(int.from_bytes(data[at : at + 4], "big"), len(data) - at - 12)
        out += chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length])
        at += 12 + length
    return out
