# SPDX-License-Identifier: MIT
"""Files of JPEG, AVIF and JPEG XL of nearly the same bytes as a file of another codec."""

from __future__ import annotations

import bisect
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, features

CLOSE: Final = 0.01  # a file this close to the wanted bytes ends a search
EQUAL: Final = 0.04  # files that differ by at most this share are called equal
AVIF_SPEEDS: Final = (6, 5, 4)  # Pillow's default and slower ones, which fill the steps between its qualities
AROUND: Final = 2  # qualities tried below and above the nearest one of the speed before
JPEG_SCALES: Final = (0.02, 30.0)  # factors on the standard quantisation tables
REDUCED: Final = (2, 4, 8)  # factors by which a picture is made smaller where a codec cannot reach the bytes
STEPS: Final = 14  # halvings of an interval


@dataclass(frozen=True)
class Anchor:
    """A file of another codec, uint8[H, W, 3] decoded from it, and the bytes that were wanted.

    factor: by which the picture was reduced before it was encoded; then `smallest`: bytes of the smallest file without.
    """

    name: str
    data: bytes
    pixels: NDArray[np.uint8]
    wanted: int
    factor: int = 1
    smallest: int | None = None

    @property
    def equal(self) -> bool:
        """Return whether the file has the wanted bytes to within a few percent."""
        return abs(len(self.data) / self.wanted - 1) <= EQUAL


Codec: TypeAlias = Callable[[NDArray[np.uint8], int], Anchor | None]


def jpeg(pixels: NDArray[np.uint8], wanted: int) -> Anchor:
    """Return the JPEG nearest to `wanted` bytes: optimised, progressive, 4:2:0, standard tables times a factor."""
    tables = _standard_tables()

    def encode(log_scale: float) -> bytes:
        scaled = {i: [min(255, max(1, round(v * math.exp(log_scale)))) for v in table] for i, table in tables.items()}
        return _saved(pixels, "JPEG", qtables=scaled, optimize=True, progressive=True, subsampling="4:2:0")

    low, high = map(math.log, JPEG_SCALES)
    return _anchor("JPEG", _bisected(encode, high, low, wanted), wanted)


def avif(pixels: NDArray[np.uint8], wanted: int) -> Anchor | None:
    """Return the AVIF nearest to `wanted` bytes of all qualities at speeds 6 to 4; None if Pillow cannot write AVIF."""
    if not features.check("avif"):
        return None
    found: list[bytes] = []
    qualities = range(101)  # sizes grow with them
    for speed in AVIF_SPEEDS:

        def size_at(quality: int, speed: int = speed) -> int:
            found.append(_saved(pixels, "AVIF", quality=quality, speed=speed))
            return len(found[-1])

        nearest = bisect.bisect_left(qualities, wanted, key=size_at)
        if _distance(_nearest(found, wanted), wanted) <= CLOSE:
            break
        first = max(0, qualities.start + nearest - AROUND)
        qualities = range(first, min(101, first + 2 * AROUND))
    return _anchor("AVIF", _nearest(found, wanted), wanted)


def jpeg_xl(pixels: NDArray[np.uint8], wanted: int) -> Anchor | None:
    """Return the JPEG XL nearest to `wanted` bytes of qualities 0 to 100; None without pillow-jxl-plugin."""
    try:
        import pillow_jxl  # noqa: F401  # registers the format
    except ImportError:
        return None
    return _anchor("JPEG XL", _bisected(lambda quality: _saved(pixels, "JXL", quality=quality), 0, 100, wanted), wanted)


def reduced(codec: Codec, pixels: NDArray[np.uint8], wanted: int) -> Anchor | None:
    """Return the file of a codec nearest to `wanted` bytes, of a reduced picture if its smallest file is too large.

    The picture is halved until a file has the wanted bytes, and enlarged again after decoding.
    """
    at_full_size = anchor = codec(pixels, wanted)
    height, width = pixels.shape[:2]
    for factor in REDUCED:
        if anchor is None or at_full_size is None or len(anchor.data) <= (1 + EQUAL) * wanted:
            break
        small = Image.fromarray(pixels).resize((width // factor, height // factor), Image.Resampling.LANCZOS)
        anchor = codec(np.asarray(small), wanted)
        if anchor is not None:
            large = Image.fromarray(anchor.pixels).resize((width, height), Image.Resampling.BICUBIC)
            anchor = replace(anchor, pixels=np.asarray(large), factor=factor, smallest=len(at_full_size.data))
    return anchor


def _standard_tables() -> dict[int, list[int]]:
    """Return the luma and chroma tables of the JPEG standard, which libjpeg uses at quality 50, in Pillow's order."""
    sample = Image.open(io.BytesIO(_saved(np.zeros((8, 8, 3), np.uint8), "JPEG", quality=50)))
    assert isinstance(sample, JpegImagePlugin.JpegImageFile)
    return {i: list(table) for i, table in sample.quantization.items()}


def _bisected(encode: Callable[[float], bytes], small: float, large: float, wanted: int) -> bytes:
    """Return the file nearest to `wanted` bytes between the parameter of the smallest file and that of the largest."""
    found = [encode(small)]
    if len(found[0]) >= wanted:
        return found[0]
    for _ in range(STEPS):
        middle = (small + large) / 2
        found.append(encode(middle))
        if _distance(found[-1], wanted) <= CLOSE:
            break
        small, large = (middle, large) if len(found[-1]) < wanted else (small, middle)
    return _nearest(found, wanted)


def _nearest(files: Iterable[bytes], wanted: int) -> bytes:
    return min(files, key=lambda data: _distance(data, wanted))


def _distance(data: bytes, wanted: int) -> float:
    return abs(len(data) / wanted - 1)


def _saved(pixels: NDArray[np.uint8], kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def _anchor(name: str, data: bytes, wanted: int) -> Anchor:
    return Anchor(name, data, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), wanted)
