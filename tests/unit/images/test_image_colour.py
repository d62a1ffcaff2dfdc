# SPDX-License-Identifier: MIT
"""refcodec.images: CMYK, ICC profiles and gamma become sRGB."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from image_files import (
    P3,
    SAMPLE,
    SRGB,
    cmyk_profile,
    exif,
    flat,
    grey_profile,
    icc,
    near,
    needs_avif,
    one,
    packed,
    png,
    rgb_profile,
    sample,
    srgb_profile,
    xyz,
)
from PIL import Image

from refcodec.images.load import load

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


def test_the_gamma_of_a_png_is_that_of_the_curve() -> None:
    """Every level, as the formula of sRGB gives it."""
    chunk = (b"gAMA", struct.pack(">I", 60_000))
    levels = load(png(256, 1, 8, 0, bytes(range(256)), chunk)).pixels[0, :, 0].tolist()
    light = [(n / 255) ** (1 / 0.6) for n in range(256)]
    wanted = [12.92 * each if each <= 0.0031308 else 1.055 * each ** (1 / 2.4) - 0.055 for each in light]
    assert levels == [round(255 * each) for each in wanted]


@pytest.mark.parametrize("value", [0, 1, 2_000_000, 0xFFFFFFFF])
def test_absurd_gamma_is_ignored(value: int) -> None:
    assert one(load(png(1, 1, 8, 2, b"\x37" * 3, (b"gAMA", struct.pack(">I", value))))) == (55, 55, 55)


def test_srgb_and_icc_chunks_outrank_gamma() -> None:
    gama = (b"gAMA", struct.pack(">I", 100_000))
    profile = (b"iCCP", b"x\0\0" + zlib.compress(srgb_profile()))
    for rank in ((b"sRGB", b"\0"), profile):
        assert one(load(png(1, 1, 8, 2, b"\x37" * 3, gama, rank))) == (55, 55, 55)
