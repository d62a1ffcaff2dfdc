# SPDX-License-Identifier: MIT
"""refcodec.images: palettes, transparency and more than 8 bits become 8 bits of red, green and blue."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from image_files import flat, near, needs_avif, packed, png, sample
from PIL import Image

from refcodec.images.load import load

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
