# SPDX-License-Identifier: MIT
"""refcodec.images: every source and format of an image, and the first of its frames. Arrays: test_image_arrays.py."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import EXACT, SAMPLE, animation, exif, flat, near, needs_avif, packed, refused, sample
from PIL import Image

from refcodec.images.load import load

# ------------------------------------------------------------------------------------------------------------- sources


def test_every_kind_of_source_gives_the_same(tmp_path: Path) -> None:
    data = sample()
    path = tmp_path / "a picture without suffix"
    path.write_bytes(data)
    stream = io.BytesIO(b"head" + data)
    stream.seek(4)
    for source in (data, bytearray(data), memoryview(data), path, str(path), stream, Image.open(io.BytesIO(data))):
        picture = load(source)
        assert (picture.pixels == SAMPLE).all()
        assert picture.notices == ()
        assert picture.source_format == "PNG"
        assert (picture.width, picture.height) == (5, 7)
    assert not stream.closed
    with path.open("rb") as file:
        assert (load(file).pixels == SAMPLE).all()
    assert load(Image.fromarray(SAMPLE)).source_format is None


@pytest.mark.skipif(os.name != "posix", reason="pipes in the file system are POSIX")
def test_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(sample(),))
    writer.start()
    assert (load(pipe).pixels == SAMPLE).all()
    writer.join()


@pytest.mark.parametrize("source", [None, 3, 2.5, [b"x"], SAMPLE.tolist(), object()])
def test_another_type_is_a_type_error(source: Any) -> None:
    with pytest.raises(TypeError):
        load(source)


def test_a_text_stream_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        load(io.StringIO("text"))  # type: ignore[arg-type]


def test_a_pillow_image_is_not_changed() -> None:
    image = Image.open(io.BytesIO(packed(flat("RGBA", (1, 2, 3, 4)), "PNG", exif=exif(6))))
    load(image)
    assert image.mode == "RGBA"
    assert image.size == (3, 2)
    assert image.getpixel((0, 0)) == (1, 2, 3, 4)
    assert image.getexif()[0x0112] == 6


def test_a_pillow_image_is_taken_at_its_frame() -> None:
    for format in ("GIF", "PNG"):
        image = Image.open(io.BytesIO(animation(format)))
        image.seek(1)
        assert near(load(image), (0, 255, 0))
        assert image.tell() == 1
    assert load(image).notices == ("Number 2 of 3 frames was taken.",)


def test_pixels_are_read_only_and_contiguous() -> None:
    for mode in ("RGB", "L", "RGBA", "I;16", "CMYK", "P"):
        pixels = load(flat(mode, 0, (300, 200))).pixels
        assert pixels.dtype == np.uint8
        assert pixels.shape == (200, 300, 3)
        assert pixels.flags.c_contiguous
        assert not pixels.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            pixels[0, 0, 0] = 1


def test_a_picture_is_frozen() -> None:
    picture = load(sample())
    with pytest.raises(AttributeError):
        picture.notices = ()  # type: ignore[misc]


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (257, 3), (2, 9)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P", "I;16"])
def test_any_size(size: tuple[int, int], mode: str) -> None:
    picture = load(packed(flat(mode, 0, size), "PNG"))
    assert picture.pixels.shape == (size[1], size[0], 3)


def test_bands_of_a_large_picture_join() -> None:
    """An image is converted 2^20 pixels at a time: this one has three bands, the last one shorter."""
    levels = (np.arange(1300 * 2000, dtype=np.uint32) % 251).astype(np.uint8).reshape(1300, 2000)
    assert (load(Image.fromarray(levels)).pixels == levels[..., None]).all()
    assert (load(Image.fromarray(levels.astype(np.uint16) * 257)).pixels == levels[..., None]).all()


# ------------------------------------------------------------------------------------------------------------- formats


@pytest.mark.parametrize(("format", "options"), EXACT)
def test_lossless_formats(format: str, options: dict[str, Any]) -> None:
    picture = load(sample(format, **options))
    assert (picture.pixels == SAMPLE).all()
    assert picture.notices == ()
    assert picture.source_format == format


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("WEBP", {"quality": 95}),
        pytest.param("AVIF", {"quality": 95}, marks=needs_avif),
        ("TIFF", {"compression": "jpeg"}),
    ],
)
def test_lossy_formats(format: str, options: dict[str, Any]) -> None:
    picture = load(packed(flat("RGB", (200, 100, 50), (40, 30)), format, **options))
    assert near(picture, (200, 100, 50), 3)
    assert picture.notices == ()
    assert picture.source_format == format


def test_an_icon_is_not_read() -> None:
    refused(packed(flat("RGB", 0, (16, 16)), "ICO"), 103)


def test_no_format_that_runs_a_program_is_read() -> None:
    refused(packed(flat("RGB", 0, (16, 16)), "EPS"), 103)


# -------------------------------------------------------------------------------------------------------------- frames


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "MPO", pytest.param("AVIF", marks=needs_avif)])
def test_the_first_frame_is_taken(format: str) -> None:
    picture = load(animation(format))
    assert near(picture, (255, 0, 0), 5)
    assert picture.notices == ("The first of 3 frames was taken.",)
    assert picture.source_format == format


@pytest.mark.parametrize("format", ["GIF", "TIFF"])
def test_a_fault_in_a_later_frame_does_not_matter(format: str) -> None:
    data = animation(format)
    whole = load(data)
    for end in range(len(data) - 1, len(data) * 2 // 3, -1):
        picture = load(data[:end]) if format == "GIF" else whole
        assert (picture.pixels == whole.pixels).all()
        assert len(picture.notices) <= 1


def test_many_frames_are_not_counted() -> None:
    """In a GIF over 4 MiB, or a TIFF of 100 pages and more."""
    frames = [flat("RGB", (i, 0, 0)) for i in range(100)]
    for number, notice in ((100, "The first of several frames was taken."), (99, "The first of 99 frames was taken.")):
        assert load(packed(frames[0], "TIFF", save_all=True, append_images=frames[1:number])).notices == (notice,)
    assert load(animation("GIF") + bytes(1 << 22)).notices == ("The first of several frames was taken.",)


def test_a_default_image_outside_the_animation_is_the_first() -> None:
    picture = load(animation("PNG", default_image=True))
    assert near(picture, (255, 0, 0))
