# SPDX-License-Identifier: MIT
"""refcodec.images: every error of `load`, and no warning beside it."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from image_files import EXACT, SAMPLE, flat, needs_avif, one, outcome, packed, png, refused, sample
from PIL import Image, ImageFile, PngImagePlugin

from refcodec.errors import SemError
from refcodec.images import formats
from refcodec.images.load import load
from refcodec.images.pillow_guard import quiet
from refcodec.images.types import Loaded

# ------------------------------------------------------------------------------------------------------------ refusals


def test_101_what_cannot_be_read(tmp_path: Path) -> None:
    assert "none.png" in refused(tmp_path / "none.png", 101)
    refused(str(tmp_path), 101)
    refused("", 101)
    refused("nul\0byte", 101)
    locked = tmp_path / "locked.png"
    locked.write_bytes(sample())
    locked.chmod(0)
    if os.name == "posix" and os.geteuid():
        refused(locked, 101)


def test_101_a_failing_stream() -> None:
    class Failing(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("the disk is on fire")

    assert "on fire" in refused(Failing(), 101)


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"hello, world\n", b"P", b"\n" * 99, bytes(1000), b"<svg/>", b"GIF88a" * 9]
)
def test_103_no_picture(data: bytes) -> None:
    refused(data, 103)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"%PDF-1.7", "PDF"),
        (b"\xf5\x9e\x18", ".sem"),
    ],
)
@pytest.mark.usefixtures("no_optional_package")
def test_103_names_what_people_try(data: bytes, name: str) -> None:
    assert name in refused(data, 103)


def test_103_no_pixels() -> None:
    refused(Image.new("RGB", (0, 5)), 103)


def test_103_unsupported_pixels() -> None:
    data = bytearray(packed(flat("L", 0, (4, 4)), "TIFF"))
    at = data.index(struct.pack("<HHI", 262, 3, 1))
    data[at + 8 : at + 10] = struct.pack("<H", 32803)  # a raw sensor mosaic
    refused(bytes(data), 103)


def test_104_damaged() -> None:
    data = bytearray(sample())
    data[data.index(b"IDAT") + 6] ^= 0xFF
    refused(bytes(data), 104)
    refused(b"\xff\xd8\xff\xe0 no more", 104)
    refused(b"GIF89a\1\0\1\0\0\0\0;", 104)


@pytest.mark.parametrize(("format", "options"), [*EXACT, ("JPEG", {}), ("JPEG", {"progressive": True}), ("GIF", {})])
def test_104_cut_short(format: str, options: dict[str, Any]) -> None:
    """No beginning of a picture is a picture, except one that lacks nothing but the end of its file."""
    data = sample(format, **options)
    whole = load(data).pixels
    taken = 0
    for end in range(len(data)):
        result = outcome(data[:end])
        if isinstance(result, Loaded):
            assert (result.pixels == whole).all()
            taken += 1
        else:
            assert result.code in (103, 104)
    assert taken <= 26  # a TGA footer, the longest of these ends


@needs_avif
def test_104_avif_cut_short() -> None:
    data = sample("AVIF")
    for end in range(1, len(data), 3):
        with pytest.raises(SemError):
            load(data[:end])


def test_104_a_lazy_pillow_image() -> None:
    refused(Image.open(io.BytesIO(sample()[:-30])), 104)


HUGE = [
    pytest.param(png(40_000, 40_000, 8, 2, None), id="PNG"),
    pytest.param(png(0x7FFFFFFF, 0x7FFFFFFF, 8, 2, None), id="PNG, the largest"),
    pytest.param(b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b";", id="GIF"),
    pytest.param(
        b"GIF89a\x01\0\x01\0\x80\0\0"
        + bytes(6)
        + b"!\xfe\x02ab\0!\xf9\x04\x08\0\0\0\0,"
        + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0)
        + b"\x08",
        id="GIF frame beyond its screen, disposed of",
    ),
    pytest.param(b"RIFF\x80\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xfe\x3f\0\xfe\x3f\0" + bytes(98), id="WebP"),
    pytest.param(
        b"BM" + bytes(8) + struct.pack("<IIiiHHIIiiII", 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0), id="BMP"
    ),
    pytest.param(b"P6 50000 50000 255\n", id="PPM"),
    pytest.param(b"qoif" + struct.pack(">IIBB", 99_999, 99_999, 3, 0), id="QOI"),
]


@pytest.mark.parametrize("limit", [89_478_485, None, 5])
@pytest.mark.parametrize("data", HUGE)
def test_105_is_found_in_the_header(data: bytes, limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: Any) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)  # ours holds whatever a program made of Pillow's
    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    refused(data, 105)


def test_105_own_limits() -> None:
    data = sample()
    assert load(data, max_side=7, max_pixels=35).notices == ()
    assert "5x7" in refused(data, 105, max_side=6)
    assert "5x7" in refused(data, 105, max_pixels=34)
    refused(Image.fromarray(SAMPLE), 105, max_side=6)
    with pytest.raises(TypeError):
        load(data, max_side="7")  # type: ignore[arg-type]


def test_105_a_file_too_long_to_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(formats, "MAX_BYTES", 50)
    path = tmp_path / "long.png"
    path.write_bytes(sample())
    refused(path, 105)
    refused(io.BytesIO(sample()), 105)


def test_105_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    refused(sample(), 105)


def test_large_pictures_do_not_meet_pillows_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    for format in ("PNG", "JPEG", "BMP", "PPM"):
        assert load(sample(format)).notices == ()
    for format in ("TIFF", "WEBP"):  # these ask Pillow's limit themselves, and must do so quietly
        refused(sample(format), 105)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # 35 pixels: Pillow would warn
    for format in ("TIFF", "WEBP"):
        assert load(sample(format)).pixels.shape == SAMPLE.shape


def test_a_reader_that_raises_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    for fault in (
        ZeroDivisionError(),
        struct.error("x"),
        EOFError(),
        RecursionError(),
        SyntaxError("two\nlines"),
        KeyError(1),
    ):

        def fail(*_: Any, fault: Exception = fault) -> None:
            raise fault

        monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
        refused(sample(), 104)


def test_leave_to_load_damaged_pictures_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert load(sample()).notices == ("Pillow is set to accept damaged pictures: parts may be missing.",)


# ------------------------------------------------------------------------------------------------------------- silence


def noisy_tiff() -> bytes:
    """A good picture with a tag that makes Pillow warn."""
    data = bytearray(packed(flat("RGB", (1, 2, 3)), "TIFF", tiffinfo={305: "a longer software name"}))
    at = data.index(struct.pack("<HH", 305, 2))
    data[at + 8 : at + 12] = struct.pack("<I", 0x00FFFFFF)
    return bytes(data)


def test_warnings_neither_leave_nor_refuse(recwarn: pytest.WarningsRecorder) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with Image.open(io.BytesIO(noisy_tiff())) as image:
            image.load()
        assert seen, "the sample must make Pillow warn"
        seen.clear()
        assert one(load(noisy_tiff())) == (1, 2, 3)
        assert not seen
    assert one(load(noisy_tiff())) == (1, 2, 3)  # here warnings are errors


def test_silence_is_kept_to_its_thread() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet():
            warnings.warn("not heard", stacklevel=1)
            other = threading.Thread(target=warnings.warn, args=("heard from another thread",))
            other.start()
            other.join()
        warnings.warn("heard afterwards", stacklevel=1)
    assert [str(warning.message) for warning in seen] == ["heard from another thread", "heard afterwards"]


def test_many_threads_at_once() -> None:
    wrong: list[object] = []

    def work() -> None:
        for _ in range(20):
            try:
                if one(load(noisy_tiff())) != (1, 2, 3):
                    wrong.append("pixels")
            except Exception as error:  # noqa: BLE001 - a thread must hand on whatever it meets
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_pillows_settings_stay() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    load(sample())
    refused(sample()[:-30], 104)
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
