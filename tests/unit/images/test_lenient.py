# SPDX-License-Identifier: MIT
"""Damaged and truncated pictures: refused with the option that takes them, or taken with a notice."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pytest
from image_files import exif, packed, refused
from PIL import Image, ImageFile

from refcodec.images.load import load
from refcodec.images.types import Loaded

NOISE = np.random.default_rng(3).integers(0, 256, (64, 48, 3), dtype=np.uint8)
GREY = [128, 128, 128]
FORMATS: list[tuple[str, dict[str, Any], bool]] = [  # format, options, whether what is missing is grey
    ("JPEG", {"quality": 90}, True),
    ("JPEG", {"quality": 90, "progressive": True}, False),
    ("PNG", {}, True),
    ("WEBP", {"quality": 90}, False),
    ("GIF", {}, False),
    ("BMP", {}, True),
    ("PPM", {}, True),
    ("TGA", {}, True),
    ("TIFF", {}, True),
]


def cut(format: str, options: dict[str, Any], share: float = 0.6) -> tuple[bytes, Loaded]:
    data = packed(Image.fromarray(NOISE), format, **options)
    return data[: int(len(data) * share)], load(data)


@pytest.mark.parametrize(("format", "options", "grey"), FORMATS)
def test_a_truncated_picture(format: str, options: dict[str, Any], grey: bool) -> None:
    data, whole = cut(format, options)
    message = refused(data, 104, lenient=False)
    assert message.endswith("fetch it again, or take what can be read of it with --lenient (in Python: lenient=True)")
    assert "lenient" not in refused(data, 104)
    picture = load(data, lenient=True)
    assert picture.pixels.shape == NOISE.shape
    assert picture.notices[0].startswith("The picture is damaged or cut short (the ")
    first, last = (0, -1) if format not in ("BMP", "TGA") else (-1, 0)  # these begin with the last row
    assert abs(picture.pixels[first].astype(int) - whole.pixels[first]).mean() < (
        40 if options.get("progressive") else 8
    )
    assert picture.notices[0].endswith(
        "the rest was filled with grey." if format not in ("WEBP", "GIF") else "the rest was filled."
    )
    if grey:
        assert picture.pixels[last, -1].tolist() == GREY
    assert load(data, lenient=True).pixels.tobytes() == picture.pixels.tobytes()


def test_a_whole_picture_is_read_as_ever() -> None:
    for format, options, _ in FORMATS:
        data = packed(Image.fromarray(NOISE), format, **options)
        for lenient in (True, False, None):
            picture = load(data, lenient=lenient)
            assert picture.notices == load(data).notices
            assert (picture.pixels == load(data).pixels).all()


def test_a_wrong_checksum_and_a_damaged_stream() -> None:
    data = bytearray(packed(Image.fromarray(NOISE), "PNG"))
    data[29] ^= 1  # the checksum of IHDR
    refused(bytes(data), 104, lenient=False)
    assert (load(bytes(data), lenient=True).pixels == NOISE).all()
    data[29] ^= 1
    data[len(data) // 2] ^= 0xFF
    picture = load(bytes(data), lenient=True)
    assert (picture.pixels[:10] == NOISE[:10]).all()


def test_orientation_and_alpha_still_hold() -> None:
    data = packed(Image.fromarray(NOISE), "JPEG", exif=exif(6), quality=90)
    picture = load(data[: len(data) * 3 // 4], lenient=True)
    assert picture.pixels.shape == (48, 64, 3)
    rgba = np.dstack([NOISE, np.full(NOISE.shape[:2], 255, np.uint8)])
    png = packed(Image.fromarray(rgba), "PNG")
    picture = load(png[: len(png) // 2], lenient=True)
    assert (picture.pixels[0] == NOISE[0]).all()
    assert picture.pixels[-1, -1].tolist() == GREY


def test_what_cannot_be_read_at_all_is_refused() -> None:
    for format, end in (("PNG", 12), ("PNG", 20), ("PNG", 40), ("WEBP", 16), ("QOI", 60), ("JPEG2000", 200)):
        message = refused(packed(Image.fromarray(NOISE), format)[:end], 104, lenient=True)
        assert message.endswith("fetch it again: nothing of it can be read")
    refused(b"hello", 103, lenient=True)
    refused(b"", 103, lenient=True)


def test_limits_hold() -> None:
    data, _ = cut("PNG", {})
    refused(data, 105, lenient=True, max_pixels=100)
    claim = b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xfe\x3f\0\xfe\x3f\0" + bytes(98)
    refused(claim, 105, lenient=True)


def test_the_switch_of_the_program_is_not_touched() -> None:
    data, _ = cut("JPEG", {"quality": 90})
    seen: list[bool] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.append(ImageFile.LOAD_TRUNCATED_IMAGES)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        load(data, lenient=True)
    stop.set()
    watcher.join()
    assert not any(seen)
    refused(data, 104)
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(data)).load()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_any_end_gives_a_picture_or_an_error(format: str) -> None:
    data = packed(Image.fromarray(NOISE[:16, :16]), format)
    for end in range(0, len(data), 7):
        try:
            picture = load(data[:end], lenient=True)
        except Exception as error:  # noqa: BLE001 - its kind is what is tested
            assert getattr(error, "code", 0) in (103, 104), repr(error)  # noqa: PT017
        else:
            assert picture.pixels.shape == (16, 16, 3)
