# SPDX-License-Identifier: MIT
"""refcodec.images: every conversion on the way in, every refusal, and the way out. Arrays: test_image_arrays.py."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, PngImagePlugin, features

from refcodec.errors import SemError
from refcodec.images import formats
from refcodec.images.load import load
from refcodec.images.pillow_guard import quiet
from refcodec.images.save import save
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


@pytest.fixture(autouse=True)
def no_warning_leaves() -> Any:
    """Warnings are errors here, so one that got out would fail the test, and one that got in would refuse a picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


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


# --------------------------------------------------------------------------------------------------------------- modes


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("1", 0, (0, 0, 0)),
        ("L", 77, (77, 77, 77)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBX", (1, 2, 3, 4), (1, 2, 3)),
        ("RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("LA", (9, 255), (9, 9, 9)),
        ("La", (9, 255), (9, 9, 9)),
        ("RGBa", (1, 2, 3, 255), (1, 2, 3)),
        ("PA", (0, 255), (0, 0, 0)),
        ("HSV", (0, 255, 255), (255, 0, 0)),
        ("YCbCr", (76, 85, 255), (254, 0, 0)),
    ],
)
def test_modes_without_a_notice(mode: str, colour: Any, expected: tuple[int, int, int]) -> None:
    picture = load(flat(mode, colour))
    assert near(picture, expected, 1)
    assert picture.notices == ()


def test_lab() -> None:
    picture = load(flat("LAB", (138, 209, 198)))  # Lab (54, 81, 70): sRGB red
    assert near(picture, (255, 0, 0), 6)
    assert picture.notices == ("CIE Lab was converted to sRGB.",)
    assert near(load(packed(flat("LAB", (255, 128, 128)), "TIFF")), (255, 255, 255))


def test_palette() -> None:
    image = Image.fromarray((np.arange(6) % 3).astype(np.uint8).reshape(2, 3), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for format in ("PNG", "GIF", "BMP", "TIFF"):
        picture = load(packed(image, format))
        assert picture.pixels[0].tolist() == [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
        assert picture.notices == ()


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])], ids=["one index", "an opacity for each"])
def test_palette_with_transparency(transparency: int | bytes) -> None:
    image = Image.fromarray((np.arange(6) % 3).astype(np.uint8).reshape(2, 3), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture = load(packed(image, "PNG", transparency=transparency), background=(1, 2, 3))
    assert picture.pixels[0].tolist() == [[10, 20, 30], [1, 2, 3], [70, 80, 90]]
    assert picture.notices == ("Transparent parts were flattened on the background 1, 2, 3.",)


def test_gif_transparency() -> None:
    image = Image.fromarray((np.arange(6) % 3).astype(np.uint8).reshape(2, 3), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture = load(packed(image, "GIF", transparency=2))
    assert (picture.pixels == 255).all(-1).sum() == 2
    assert len(picture.notices) == 1


# --------------------------------------------------------------------------------------------------------------- alpha


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (10, 200, 30)])
def test_alpha_is_flattened_on_the_background(mode: str, background: tuple[int, int, int]) -> None:
    alpha = np.arange(256)
    image = flat(mode, (90,) * (len(mode) - 1) + (0,), (256, 1))
    image.putalpha(Image.fromarray(alpha.astype(np.uint8)[None]))
    picture = load(packed(image, "PNG"), background=background)
    exact = (90 * alpha[:, None] + np.array(background) * (255 - alpha[:, None])) / 255
    assert abs(picture.pixels[0] - exact).max() <= 0.51
    assert picture.notices == ("Transparent parts were flattened on the background {}, {}, {}.".format(*background),)


def test_premultiplied_alpha() -> None:
    assert near(load(flat("RGBa", (50, 100, 0, 128)), background=(0, 0, 0)), (50, 100, 0), 1)
    assert near(load(flat("La", (50, 128)), background=(0, 0, 0)), (50, 50, 50), 1)
    assert near(load(flat("RGBa", (50, 100, 0, 128))), (177, 227, 127), 1)


def test_opaque_alpha_needs_no_notice_and_a_single_clear_pixel_does() -> None:
    image = flat("RGBA", (5, 6, 7, 255))
    assert load(packed(image, "PNG")).notices == ()
    image.putpixel((2, 1), (5, 6, 7, 254))
    assert len(load(packed(image, "PNG")).notices) == 1


def test_colour_keys() -> None:
    grey, rgb = flat("L", 40), flat("RGB", (40, 50, 60))
    grey.putpixel((0, 0), 41)
    rgb.putpixel((0, 0), (40, 50, 61))
    for image, key, kept in ((grey, 40, [41, 41, 41]), (rgb, (40, 50, 60), [40, 50, 61])):
        picture = load(packed(image, "PNG", transparency=key))
        assert picture.pixels[0, 0].tolist() == kept
        assert picture.pixels[1].tolist() == [[255, 255, 255]] * 3


def test_transparency_of_a_bilevel_image() -> None:
    image = flat("1", 0)
    image.putpixel((0, 0), 1)
    picture = load(packed(image, "PNG", transparency=0), background=(9, 9, 9))
    assert picture.pixels[:, :, 0].tolist() == [[255, 9, 9], [9, 9, 9]]


@pytest.mark.parametrize("format", ["WEBP", "TIFF", "TGA", "QOI", pytest.param("AVIF", marks=needs_avif)])
def test_alpha_in_other_formats(format: str) -> None:
    picture = load(packed(flat("RGBA", (255, 0, 0, 128), (16, 16)), format), background=(0, 0, 255))
    assert near(picture, (128, 0, 127), 4)
    assert len(picture.notices) == 1


@pytest.mark.parametrize(
    "background", [(1, 2), (1, 2, 3, 4), (256, 0, 0), (-1, 0, 0), (1.0, 2, 3), (True, 0, 0), 5, "red"]
)
def test_a_background_is_three_levels(background: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        load(sample(), background=background)


# --------------------------------------------------------------------------------------------------------- more than 8


def test_16_bit_grey() -> None:
    values = np.array([[0, 128, 129, 257, 32767, 65535]], np.uint16)
    expected = [0, 0, 1, 1, 127, 255]
    for data in (
        packed(Image.fromarray(values), "PNG"),
        packed(Image.fromarray(values), "TIFF"),
        b"P5 6 1 65535\n" + values.astype(">u2").tobytes(),
    ):
        picture = load(data)
        assert picture.pixels[0, :, 1].tolist() == expected
        assert picture.notices == ("16-bit grey was reduced to 8 bits.",)
    big_endian = Image.frombytes("I;16B", (6, 1), values.astype(">u2").tobytes())
    assert load(big_endian).pixels[0, :, 1].tolist() == expected


def test_16_bit_grey_with_a_colour_key() -> None:
    rows = struct.pack(">3H", 0x1234, 0x1235, 0xFFFF)
    picture = load(png(3, 1, 16, 0, rows, (b"tRNS", struct.pack(">H", 0x1234))), background=(0, 0, 0))
    assert picture.pixels[0, :, 0].tolist() == [0, 18, 255]
    assert len(picture.notices) == 2


@pytest.mark.parametrize(("colour", "samples"), [(2, (0xFF00, 0x8001, 0x0000)), (6, (0xFF00, 0x8001, 0x0000, 0xFFFF))])
def test_16_bit_colour(colour: int, samples: tuple[int, ...]) -> None:
    picture = load(png(1, 1, 16, colour, struct.pack(f">{len(samples)}H", *samples)))
    assert near(picture, (255, 128, 0), 1)
    assert picture.notices == ("16 bits a channel were reduced to 8.",)


def test_16_bit_colour_with_a_colour_key() -> None:
    rows = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0, 0, 0)
    picture = load(png(2, 1, 16, 2, rows, (b"tRNS", struct.pack(">3H", 0x1234, 0x5678, 0x9ABC))))
    assert picture.pixels[0].tolist() == [[255, 255, 255], [0, 0, 0]]


def test_16_bit_ppm() -> None:
    picture = load(b"P6 1 1 65535\n" + struct.pack(">3H", 65535, 32768, 0))
    assert near(picture, (255, 128, 0), 0)
    assert picture.notices == ("16 bits a channel were reduced to 8.",)


@pytest.mark.parametrize(
    ("values", "expected", "read_as"),
    [
        ([0, 100, 255], [0, 100, 255], "0 to 255"),
        ([0, 257, 65535], [0, 1, 255], "0 to 65535"),
        ([-100, 0, 100], [0, 128, 255], "-100 to 100"),
        ([0, 1 << 30, (1 << 31) - 1], [0, 128, 255], "0 to 2.14748e+09"),
        ([70_000, 70_000, 70_000], [0, 0, 0], "70000 to 70000"),
    ],
)
def test_32_bit_integers(values: list[int], expected: list[int], read_as: str) -> None:
    image = Image.fromarray(np.array([values], np.int32))
    assert image.mode == "I"
    for source in (image, packed(image, "TIFF")):
        picture = load(source)
        assert picture.pixels[0, :, 2].tolist() == expected
        assert len(picture.notices) == 1
        assert read_as in picture.notices[0]


@pytest.mark.parametrize(
    ("values", "expected", "read_as"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255], "0 to 1"),
        ([0.0, 100.4, 255.0], [0, 100, 255], "0 to 255"),
        ([-1.0, 0.0, 1.0], [0, 128, 255], "-1 to 1"),
        ([float("nan"), float("inf"), float("-inf")], [0, 255, 0], "0 to 1"),
        ([float("nan"), float("inf"), 0.5], [0, 255, 128], "0 to 1"),
        ([-3e38, 0.0, 3e38], [0, 128, 255], "-3e+38 to 3e+38"),
    ],
)
def test_floats(values: list[float], expected: list[int], read_as: str) -> None:
    image = Image.fromarray(np.array([values], np.float32))
    for source in (image, packed(image, "TIFF")):
        picture = load(source)
        assert picture.pixels[0, :, 0].tolist() == expected
        assert len(picture.notices) == 1
        assert read_as in picture.notices[0]


# --------------------------------------------------------------------------------------------------------- orientation

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


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


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


# ---------------------------------------------------------------------------------------------------------------- CMYK


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format: str) -> None:
    picture = load(packed(flat("CMYK", (0, 255, 255, 0), (16, 16)), format))
    assert near(picture, (255, 0, 0))
    assert picture.notices == ("CMYK without a usable profile was converted to RGB by the plain formula.",)


def test_ycck_jpeg() -> None:
    # Pillow stores 255 - ink: YCC red and no black. The decoder turns that to RGB, and its complement is the ink.
    data = packed(flat("CMYK", (255 - 76, 255 - 85, 255 - 255, 0), (16, 16)), "JPEG", quality=95)
    at = data.index(b"Adobe")
    ycck = data[: at + 11] + b"\x02" + data[at + 12 :]
    assert near(load(ycck), (0, 255, 255), 3)


# ---------------------------------------------------------------------------------------------------------------- ICC

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


def test_srgb_profiles_change_nothing_and_are_not_told() -> None:
    curve = np.arange(1024) / 1023
    curve = np.where(curve <= 0.04045, curve / 12.92, ((curve + 0.055) / 1.055) ** 2.4)
    trc = b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *(curve * 65535).round().astype(int))
    columns = {"rXYZ": xyz(SRGB[0]), "gXYZ": xyz(SRGB[1]), "bXYZ": xyz(SRGB[2]), "rTRC": trc, "gTRC": trc, "bTRC": trc}
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
    for profile in (srgb_profile(), icc(b"RGB ", b"XYZ ", "by another name", **columns)):
        picture = load(packed(Image.fromarray(pixels), "PNG", icc_profile=profile))
        assert (picture.pixels == pixels).all()
        assert picture.notices == ()


def test_a_wide_gamut_is_converted() -> None:
    profile = rgb_profile("Display P3", P3, 2.2)
    light = np.array(P3).T @ (np.array([200, 60, 60]) / 255) ** 2.2
    light = np.clip(np.linalg.solve(np.array(SRGB).T, light), 0, 1)
    levels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    picture = load(packed(flat("RGB", (200, 60, 60)), "PNG", icc_profile=profile))
    assert abs(picture.pixels[0, 0] - levels).max() < 2
    assert picture.notices == ('The ICC profile "Display P3" was converted to sRGB.',)
    assert near(load(packed(flat("RGB", (128, 128, 128)), "PNG", icc_profile=profile)), (128, 128, 128), 2)


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "WEBP", pytest.param("AVIF", marks=needs_avif)])
def test_profiles_of_other_formats(format: str) -> None:
    profile = rgb_profile("Linear", SRGB, 1.0)
    picture = load(packed(flat("RGB", (55, 55, 55), (16, 16)), format, icc_profile=profile))
    assert near(picture, (128, 128, 128), 4)
    assert len(picture.notices) == 1


def test_a_profile_with_alpha_palette_and_orientation() -> None:
    profile = rgb_profile("Linear", SRGB, 1.0)
    picture = load(
        packed(flat("RGBA", (55, 55, 55, 0)), "PNG", icc_profile=profile, exif=exif(6)), background=(7, 8, 9)
    )
    assert one(picture) == (7, 8, 9)
    assert picture.pixels.shape == (3, 2, 3)
    assert len(picture.notices) == 3
    assert near(load(packed(flat("RGBA", (55, 55, 55, 255)), "PNG", icc_profile=profile)), (128, 128, 128))
    palette = flat("P", 0)
    palette.putpalette([55, 55, 55])
    assert near(load(packed(palette, "PNG", icc_profile=profile)), (128, 128, 128))


def test_grey_profiles() -> None:
    for mode, colour in (("L", 55), ("LA", (55, 255))):
        picture = load(packed(flat(mode, colour), "PNG", icc_profile=grey_profile(1.0)))
        assert near(picture, (128, 128, 128))
        assert picture.notices == ('The ICC profile "Grey" was converted to sRGB.',)
    deep = Image.fromarray(np.full((2, 3), 55 * 257, np.uint16))
    assert near(load(packed(deep, "PNG", icc_profile=grey_profile(1.0))), (128, 128, 128))


def test_grey_pixels_with_a_colour_profile() -> None:
    picture = load(packed(flat("L", 55), "PNG", icc_profile=rgb_profile("Linear", SRGB, 1.0)))
    assert near(picture, (128, 128, 128))
    assert load(packed(flat("L", 55), "PNG", icc_profile=srgb_profile())).notices == ()


def test_cmyk_profiles() -> None:
    for format in ("JPEG", "TIFF"):
        paper = load(packed(flat("CMYK", (0, 0, 0, 0), (8, 8)), format, icc_profile=cmyk_profile()))
        ink = load(packed(flat("CMYK", (255, 0, 0, 0), (8, 8)), format, icc_profile=cmyk_profile()))
        assert near(paper, (255, 255, 255))
        assert near(ink, (0, 255, 0), 25)
        assert ink.notices == ('The ICC profile "Press" was converted to sRGB.',)


@pytest.mark.parametrize(
    ("mode", "colour", "profile", "space"),
    [
        ("RGB", (1, 2, 3), grey_profile(1.0), "GRAY"),
        ("RGB", (1, 2, 3), cmyk_profile(), "CMYK"),
        ("L", 9, cmyk_profile(), "CMYK"),
    ],
)
def test_a_profile_of_another_colour_space_is_ignored(mode: str, colour: Any, profile: bytes, space: str) -> None:
    image = flat(mode, colour)
    picture = load(packed(image, "PNG", icc_profile=profile))
    assert one(picture) == image.convert("RGB").getpixel((0, 0))
    assert len(picture.notices) == 1
    assert f"for {space} pixels" in picture.notices[0]
    assert picture.notices[0].endswith("was ignored.")


def test_a_colour_profile_on_cmyk_is_ignored() -> None:
    picture = load(packed(flat("CMYK", (0, 255, 255, 0)), "TIFF", icc_profile=srgb_profile()))
    assert near(picture, (255, 0, 0))
    assert len(picture.notices) == 2


@pytest.mark.parametrize("profile", [b"x", b"\0" * 200, srgb_profile()[:150], srgb_profile()[:400]])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    picture = load(sample(icc_profile=profile))
    assert (picture.pixels == SAMPLE).all()
    assert len(picture.notices) == 1
    assert picture.notices[0].endswith("was ignored.")


def test_a_profile_name_fits_in_a_line() -> None:
    profile = rgb_profile("two\nlines \x1b[31m" + "long" * 50, P3, 1.0)
    (notice,) = load(sample(icc_profile=profile)).notices
    assert notice.isprintable()
    assert len(notice) < 120
    damaged = srgb_profile().replace(b"RGB ", b"R\0B ", 1)
    (notice,) = load(sample(icc_profile=damaged)).notices
    assert notice.isprintable()
    assert notice.endswith("was ignored.")


# ----------------------------------------------------------------------------------------------------------- PNG gamma


def test_png_gamma() -> None:
    body = bytes([55] * 3)
    linear = load(png(1, 1, 8, 2, body, (b"gAMA", struct.pack(">I", 100_000))))
    assert near(linear, (128, 128, 128))
    assert linear.notices == ("The PNG gamma 1 was converted to sRGB.",)
    usual = load(png(1, 1, 8, 2, body, (b"gAMA", struct.pack(">I", 45_455))))
    assert one(usual) == (55, 55, 55)
    assert usual.notices == ()


@pytest.mark.parametrize("value", [0, 1, 2_000_000, 0xFFFFFFFF])
def test_absurd_gamma_is_ignored(value: int) -> None:
    assert one(load(png(1, 1, 8, 2, b"\x37" * 3, (b"gAMA", struct.pack(">I", value))))) == (55, 55, 55)


def test_srgb_and_icc_chunks_outrank_gamma() -> None:
    gama = (b"gAMA", struct.pack(">I", 100_000))
    profile = (b"iCCP", b"x\0\0" + zlib.compress(srgb_profile()))
    for rank in ((b"sRGB", b"\0"), profile):
        assert one(load(png(1, 1, 8, 2, b"\x37" * 3, gama, rank))) == (55, 55, 55)


# -------------------------------------------------------------------------------------------------------------- frames


def animation(format: str, count: int = 3, **options: Any) -> bytes:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    first, *rest = (flat("RGB", colours[at % 3], (16, 16)) for at in range(count))
    return packed(first, format, save_all=True, append_images=rest, **options)


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


# ----------------------------------------------------------------------------------------------------------- any bytes

SEEDS: list[bytes] = [
    sample(),
    sample(exif=exif(6), icc_profile=rgb_profile("Display P3", P3, 2.2)),
    animation("PNG"),
    png(3, 1, 16, 0, b"\x12\x34" * 3, (b"tRNS", b"\x12\x34"), (b"gAMA", struct.pack(">I", 100_000))),
    sample("JPEG", exif=exif(8)),
    sample("JPEG", progressive=True, icc_profile=srgb_profile()),
    packed(flat("CMYK", (9, 99, 199, 9), (9, 9)), "JPEG", icc_profile=cmyk_profile()),
    animation("MPO"),
    animation("GIF"),
    packed(flat("P", 3), "GIF", transparency=3),
    animation("WEBP"),
    sample("WEBP", exif=exif(3)),
    packed(flat("RGBA", (1, 2, 3, 4)), "WEBP", lossless=True),
]
OTHERS: list[bytes] = [
    *(sample(format, **options) for format, options in EXACT if format not in ("PNG", "WEBP")),
    animation("TIFF"),
    sample("TIFF", exif=exif(5), icc_profile=grey_profile(2.0)),
    *([sample("AVIF", exif=exif(7))] if features.check("avif") else []),
]
fuzz = settings(deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))


def harmless(data: bytes) -> None:
    """A picture or one of our errors; the fixture makes a warning an error."""
    result = outcome(data, max_side=2000, max_pixels=1 << 20)
    if isinstance(result, Loaded):
        assert result.pixels.dtype == np.uint8
        assert result.pixels.ndim == 3
        assert all(notice.isprintable() for notice in result.notices)
    else:
        assert result.code in (103, 104, 105)
        assert "\n" not in str(result)


@fuzz
@given(st.binary(max_size=200), st.sampled_from([b"", *{seed[:24] for seed in SEEDS + OTHERS}]))
def test_any_bytes(data: bytes, start: bytes) -> None:
    harmless(start + data)


@fuzz
@given(st.sampled_from(SEEDS), st.integers(0, 1 << 20))
def test_any_truncation(data: bytes, end: int) -> None:
    harmless(data[: end % len(data)])


@fuzz
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6),
    st.booleans(),
)
@example(SEEDS[0], [(17, 0x80)], True)
def test_any_change(data: bytes, changes: list[tuple[int, int]], mend: bool) -> None:
    """Bytes changed anywhere; `mend` makes PNG checksums right again, so that the change gets past them."""
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    harmless(mended(bytes(changed)) if mend else bytes(changed))


@fuzz
@given(
    st.sampled_from(OTHERS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(1, 1 << 20),
)
def test_any_change_of_other_formats(data: bytes, changes: list[tuple[int, int]], end: int) -> None:
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    harmless(bytes(changed) if end % 3 else bytes(changed[: end % len(changed)]))


def mended(data: bytes) -> bytes:
    if not data.startswith(b"\x89PNG"):
        return data
    out, at = data[:8], 8
    while at + 12 <= len(data):
        length = min(int.from_bytes(data[at : at + 4], "big"), len(data) - at - 12)
        out += chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length])
        at += 12 + length
    return out


# ---------------------------------------------------------------------------------------------------------------- save


@pytest.mark.parametrize("suffix", ["png", "PNG", "bmp", "tif", "TIFF", "webp", "ppm"])
def test_saving_without_loss(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    save(SAMPLE, path)
    assert (load(path).pixels == SAMPLE).all()
    assert load(path).notices == ()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", pytest.param("avif", marks=needs_avif)])
def test_saving_with_loss(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    save(np.full((24, 32, 3), (200, 90, 30), np.uint8), path)
    assert near(load(path), (200, 90, 30), 3)


def test_png_is_the_default(tmp_path: Path) -> None:
    stream = io.BytesIO()
    save(SAMPLE, stream)
    save(SAMPLE, tmp_path / "bare")
    for data in (stream.getvalue(), (tmp_path / "bare").read_bytes()):
        assert load(data).source_format == "PNG"
        assert (load(data).pixels == SAMPLE).all()


@pytest.mark.parametrize("format", ["jpg", ".jpg", "JPEG", "jpeg"])
def test_a_given_format_wins(tmp_path: Path, format: str) -> None:
    save(SAMPLE, tmp_path / "out.png", format=format)
    assert load(tmp_path / "out.png").source_format == "JPEG"
    stream = io.BytesIO()
    save(SAMPLE, stream, format=format)
    assert load(stream.getvalue()).source_format == "JPEG"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM"])
def test_saving_grey(format: str) -> None:
    stream = io.BytesIO()
    save(np.full((16, 24), 90, np.uint8), stream, format=format)
    assert near(load(stream.getvalue()), (90, 90, 90), 1)


def test_saving_what_load_gave_and_any_memory_order() -> None:
    for pixels in (load(sample()).pixels, SAMPLE[::-1][::-1], np.asfortranarray(SAMPLE)):
        stream = io.BytesIO()
        save(pixels, stream)
        assert (load(stream.getvalue()).pixels == SAMPLE).all()


@pytest.mark.parametrize("name", ["out.gif", "out.xyz", "out.sem", "out.png.bak", "out.eps"])
def test_an_unknown_suffix_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot write pictures as \..*png"):
        save(SAMPLE, tmp_path / name)
    with pytest.raises(ValueError, match="cannot write pictures as nope"):
        save(SAMPLE, io.BytesIO(), format="nope")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pixels", "fault"),
    [
        (SAMPLE.tolist(), TypeError),
        (Image.fromarray(SAMPLE), TypeError),
        (SAMPLE.astype(np.float32), TypeError),
        (SAMPLE[..., :2], ValueError),
        (SAMPLE[:0], ValueError),
        (SAMPLE[None], ValueError),
        (SAMPLE[0, 0], ValueError),
    ],
)
def test_only_pixels_are_saved(pixels: Any, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        save(pixels, io.BytesIO())


@pytest.mark.parametrize("target", [None, 3, b"out.png", io.StringIO()])
def test_only_a_path_or_binary_stream_is_a_target(target: Any) -> None:
    with pytest.raises(TypeError):
        save(SAMPLE, target)


def test_102_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.png").mkdir()
    closed = io.BytesIO()
    closed.close()
    wide = np.zeros((1, 70_000, 3), np.uint8)
    for pixels, target, format in (
        (SAMPLE, tmp_path / "folder.png", None),
        (SAMPLE, tmp_path / "none" / "out.png", None),
        (SAMPLE, closed, None),
        (wide, tmp_path / "wide.jpg", None),
        (wide, io.BytesIO(), "WEBP"),
    ):
        with pytest.raises(SemError) as caught:
            save(pixels, target, format=format)
        assert caught.value.code == 102
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.png"]


def test_102_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SemError, match="No space left"):
        save(SAMPLE, path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.png"]
