# SPDX-License-Identifier: MIT
"""refcodec.images: EXIF and XMP say how an image is turned."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from image_files import SAMPLE, Pixels, exif, needs_avif, packed, png, sample
from PIL import Image, PngImagePlugin

from refcodec.images.load import load

STORED: dict[int, Callable[[Pixels], Pixels]] = {  # how the pixels lie in the file when they should be seen upright
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    ("format", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})],
)
def test_exif_orientation(orientation: int, format: str, options: dict[str, Any]) -> None:
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation](SAMPLE)))
    data = packed(image, format, exif=exif(orientation), **options)
    for source in (data, Image.open(io.BytesIO(data))):
        picture = load(source)
        assert (picture.pixels == SAMPLE).all()
        assert picture.notices == ((f"EXIF orientation {orientation} was applied.",) if orientation > 1 else ())


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format", ["JPEG", pytest.param("AVIF", marks=needs_avif)])
def test_exif_orientation_of_lossy_formats(orientation: int, format: str) -> None:
    large = np.zeros((48, 32, 3), np.uint8)
    large[:16, :16] = 255, 0, 0
    large[32:, :16] = 0, 255, 0
    large[32:, 16:] = 0, 0, 255
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation](large)))
    picture = load(packed(image, format, quality=95, exif=exif(orientation)))
    assert picture.pixels.shape == (48, 32, 3)
    assert abs(picture.pixels[8::16, 8::16].astype(int) - large[8::16, 8::16]).max() < 12


@pytest.mark.parametrize("orientation", [0, 9, 255, 60_000])
def test_an_unknown_orientation_is_none(orientation: int) -> None:
    picture = load(sample(exif=exif(orientation)))
    assert (picture.pixels == SAMPLE).all()
    assert picture.notices == ()


def test_orientation_from_xmp() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="3"/>')
    assert (load(sample(pnginfo=text)).pixels == SAMPLE[::-1, ::-1]).all()


@pytest.mark.parametrize(
    "body", [b"Exif\0\0", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03", b"II*\0\xff\xff\xff\xff", b"garbage!"]
)
def test_damaged_exif_never_costs_the_picture(body: bytes) -> None:
    for data in (
        png(5, 7, 8, 2, SAMPLE.tobytes(), (b"eXIf", body)),
        sample("WEBP", lossless=True, exif=body),
    ):
        picture = load(data)
        assert (picture.pixels == SAMPLE).all()
        assert len(picture.notices) <= 1
    assert load(sample("JPEG", exif=b"Exif\0\0" + body)).pixels.shape == SAMPLE.shape


def test_damaged_exif_is_told() -> None:
    picture = load(png(5, 7, 8, 2, SAMPLE.tobytes(), (b"eXIf", b"garbage!")))
    assert picture.notices == ("The EXIF data are damaged: the picture may lie on its side.",)
