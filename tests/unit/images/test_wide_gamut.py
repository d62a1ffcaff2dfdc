# SPDX-License-Identifier: MIT
"""HDR and wide gamut without an ICC profile, or with one that only names them: converted, or announced.

Expected levels are computed here from the published formulas, one pixel at a time.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from image_files import P3, flat, near, needs_avif, one, packed, png, rgb_profile, sample
from image_files import SRGB as SRGB_D50
from PIL import Image

from refcodec.images.colour_tags import has_gain_map
from refcodec.images.load import load

HDR = "was converted to sRGB, with 203 cd/m2 as white (BT.2408, BT.2390)."
WHITE_D65 = (0.3127, 0.3290)
BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
BT2020 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
DISPLAY_P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
Level = tuple[int, int, int]


def cicp(*values: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes(values)


def chromaticities(*values: float) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


def gamma_chunk(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def pixel(colour: Level, *chunks: tuple[bytes, bytes]) -> bytes:
    return png(1, 1, 8, 2, bytes(colour), *chunks)


# ------------------------------------------------------------------------------------------- formulas, pixel by pixel


def rgb_to_xyz(primaries: tuple[float, ...]) -> np.ndarray[Any, Any]:
    """The matrix of primaries with the white D65."""
    columns = np.array([[x, y, 1 - x - y] for x, y in zip(primaries[::2], primaries[1::2], strict=True)]).T
    x, y = WHITE_D65
    white = np.array([x / y, 1, (1 - x - y) / y])
    return np.asarray(columns @ np.diag(np.linalg.inv(columns) @ white))


def srgb_levels(light: list[float], primaries: tuple[float, ...]) -> list[int]:
    linear = np.linalg.inv(rgb_to_xyz(BT709)) @ rgb_to_xyz(primaries) @ np.array(light)
    out = []
    for value in linear.clip(0, 1):
        coded = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
        out.append(round(coded * 255))
    return out


def srgb_light(level: float) -> float:
    value = level / 255
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)


def pq_nits(signal: float) -> float:
    """SMPTE ST 2084, with its constants as printed."""
    p = signal ** (1 / 78.84375)
    return float(10_000 * (max(p - 0.8359375, 0) / (18.8515625 - 18.6875 * p)) ** (1 / 0.1593017578125))


def pq_signal(nits: float) -> float:
    y = (nits / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375)


def eetf(nits: float) -> float:
    """ITU-R BT.2390-8, 5.4.1: from 1000 to 203 cd/m2."""
    e1, maximum = min(pq_signal(nits) / pq_signal(1000), 1), pq_signal(203) / pq_signal(1000)
    knee = 1.5 * maximum - 0.5
    if e1 >= knee:
        t = (e1 - knee) / (1 - knee)
        e1 = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * maximum
    return pq_nits(e1 * pq_signal(1000))


def tone_mapped(nits: list[float]) -> list[float]:
    peak = max(nits)
    return [value * eetf(peak) / peak / 203 if peak else 0.0 for value in nits]


def hlg_nits(signals: list[float], primaries: tuple[float, ...]) -> list[float]:
    """ITU-R BT.2100: the display of 1000 cd/m2."""
    a, b, c = 0.17883277, 1 - 4 * 0.17883277, 0.5 - 0.17883277 * np.log(4 * 0.17883277)
    scene = [s * s / 3 if s <= 0.5 else float((np.exp((s - c) / a) + b) / 12) for s in signals]
    luminance = float(rgb_to_xyz(primaries)[1] @ np.array(scene))
    return [1000 * luminance**0.2 * value if luminance else 0.0 for value in scene]


def close(data: Any, expected: list[int], within: int = 1) -> bool:
    return bool(abs(load(data).pixels[0, 0].astype(int) - expected).max() <= within)


COLOURS: list[Level] = [(0, 0, 0), (255, 255, 255), (148, 148, 148), (200, 60, 60), (90, 130, 110), (20, 21, 200)]


# --------------------------------------------------------------------------------------------------------- cICP of PNG


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("code", "primaries"), [(1, BT709), (9, BT2020), (12, DISPLAY_P3)])
def test_pq(colour: Level, code: int, primaries: tuple[float, ...]) -> None:
    expected = srgb_levels(tone_mapped([pq_nits(level / 255) for level in colour]), primaries)
    data = pixel(colour, cicp(code, 16, 0, 1))
    assert close(data, expected)
    (notice,) = load(data).notices
    assert notice.endswith(f"PQ {HDR}")


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("code", "primaries"), [(9, BT2020), (12, DISPLAY_P3)])
def test_hlg(colour: Level, code: int, primaries: tuple[float, ...]) -> None:
    expected = srgb_levels(tone_mapped(hlg_nits([level / 255 for level in colour], primaries)), primaries)
    data = pixel(colour, cicp(code, 18, 0, 1))
    assert close(data, expected)
    (notice,) = load(data).notices
    assert notice.endswith(f"HLG {HDR}")


def test_anchors_of_hdr() -> None:
    """Black; HDR reference white, 203 cd/m2, in PQ and HLG; the peak of 1000 cd/m2, and whatever is above it."""
    for transfer, white in ((16, 148), (18, 191)):
        assert one(load(pixel((0, 0, 0), cicp(9, transfer, 0, 1)))) == (0, 0, 0)
        assert near(load(pixel((white, white, white), cicp(9, transfer, 0, 1))), (229, 229, 229), 1)
        assert one(load(pixel((255, 255, 255), cicp(9, transfer, 0, 1)))) == (255, 255, 255)
    assert near(load(pixel((192, 192, 192), cicp(9, 16, 0, 1))), (255, 255, 255), 1)
    levels = [int(load(pixel((v, v, v), cicp(9, 16, 0, 1))).pixels[0, 0, 0]) for v in range(256)]
    assert levels == sorted(levels)


def test_hdr_in_16_bits_grey_and_alpha() -> None:
    deep = png(1, 1, 16, 2, struct.pack(">3H", 148 << 8, 148 << 8, 148 << 8), cicp(9, 16, 0, 1))
    assert near(load(deep), (229, 229, 229), 1)
    assert load(deep).notices[0] == "16 bits a channel were reduced to 8."
    assert near(load(png(1, 1, 8, 0, bytes([148]), cicp(9, 16, 0, 1))), (229, 229, 229), 1)
    assert near(load(png(1, 1, 8, 6, bytes([148, 148, 148, 0]), cicp(9, 16, 0, 1)), background=(1, 2, 3)), (1, 2, 3))


@pytest.mark.parametrize("colour", COLOURS)
def test_display_p3(colour: Level) -> None:
    data = pixel(colour, cicp(12, 13, 0, 1))
    assert close(data, srgb_levels([srgb_light(level) for level in colour], DISPLAY_P3))
    assert load(data).notices == ("Display P3 was converted to sRGB.",)


@pytest.mark.parametrize(
    ("transfer", "light"),
    [(4, lambda v: v**2.2), (5, lambda v: v**2.8), (8, lambda v: v), (17, lambda v: min(v**2.6 * 52.37 / 48, 1))],
)
def test_other_curves(transfer: int, light: Callable[[float], float]) -> None:
    data = pixel((200, 60, 90), cicp(1, transfer, 0, 1))
    assert close(data, srgb_levels([light(level / 255) for level in (200, 60, 90)], BT709))
    assert len(load(data).notices) == 1


@pytest.mark.parametrize("code", [4, 5, 6, 7, 8, 9, 11, 12, 22])
def test_primaries_keep_white_and_grey(code: int) -> None:
    for level in (0, 77, 128, 255):
        assert near(load(pixel((level, level, level), cicp(code, 13, 0, 1))), (level, level, level), 1)


@pytest.mark.parametrize(("values"), [(1, 13, 0, 1), (2, 2, 0, 1), (1, 2, 0, 1)])
def test_srgb_is_left_alone(values: tuple[int, ...]) -> None:
    picture = load(pixel((1, 100, 200), cicp(*values)))
    assert one(picture) == (1, 100, 200)
    assert picture.notices == ()


@pytest.mark.parametrize("transfer", [1, 6, 14, 15])
def test_curves_of_video_are_announced(transfer: int) -> None:
    picture = load(pixel((1, 100, 200), cicp(1, transfer, 0, 1)))
    assert one(picture) == (1, 100, 200)
    assert picture.notices == (f"The transfer curve {transfer} of video was read as that of sRGB.",)


@pytest.mark.parametrize(
    ("values", "word"), [((99, 13, 0, 1), "primaries 99"), ((1, 9, 0, 1), "curve 9"), ((1, 13, 9, 1), "matrix 9")]
)
def test_what_is_not_converted_is_announced(values: tuple[int, ...], word: str) -> None:
    picture = load(pixel((1, 100, 200), cicp(*values)))
    assert one(picture) == (1, 100, 200)
    assert any(word in notice for notice in picture.notices)


def test_the_narrow_range_is_expanded() -> None:
    picture = load(pixel((16, 126, 235), cicp(1, 13, 0, 0)))
    assert one(picture) == (0, 128, 255)
    assert picture.notices == ("Levels in the narrow range, 16 to 235, were expanded.",)
    assert one(load(pixel((0, 1, 255), cicp(1, 13, 0, 0)))) == (0, 0, 255)


def test_cicp_outranks_profile_gamma_and_srgb() -> None:
    profile = (b"iCCP", b"x\0\0" + zlib.compress(rgb_profile("Linear", SRGB_D50, 1.0)))
    for other in (profile, (b"sRGB", b"\0"), gamma_chunk(1.0)):
        assert one(load(pixel((200, 60, 60), cicp(12, 13, 0, 1), other))) == (217, 42, 52)


@pytest.mark.parametrize("body", [b"", b"\x09\x10\0", b"\x09\x10\0\x01\0"])
def test_a_chunk_of_another_length_is_ignored(body: bytes) -> None:
    assert one(load(pixel((1, 2, 3), (b"cICP", body)))) == (1, 2, 3)


def test_a_pillow_image_is_converted_like_its_file(tmp_path: Any) -> None:
    data = pixel((200, 60, 60), cicp(12, 13, 0, 1))
    path = tmp_path / "p3.png"
    path.write_bytes(data)
    loaded = Image.open(path)
    loaded.load()
    for image in (Image.open(io.BytesIO(data)), Image.open(path), loaded):
        assert one(load(image)) == (217, 42, 52)


# -------------------------------------------------------------------------------------------------- other tags of PNG


def test_primaries_of_a_png() -> None:
    data = pixel((200, 60, 60), chromaticities(*WHITE_D65, *DISPLAY_P3))
    assert one(load(data)) == (217, 42, 52)
    assert load(data).notices == ("Colours with primaries of their own were converted to sRGB.",)
    usual = pixel((200, 60, 60), gamma_chunk(0.45455), chromaticities(*WHITE_D65, *DISPLAY_P3))
    assert one(load(usual)) == (217, 42, 52)
    linear = pixel((200, 60, 60), gamma_chunk(1), chromaticities(*WHITE_D65, *DISPLAY_P3))
    assert close(linear, srgb_levels([200 / 255, 60 / 255, 60 / 255], DISPLAY_P3))
    assert "gamma 1" in load(linear).notices[0]


def test_primaries_that_change_nothing() -> None:
    own = chromaticities(*WHITE_D65, *BT709)
    for chunks in ((own,), (own, gamma_chunk(0.45455)), ((b"sRGB", b"\0"), chromaticities(*WHITE_D65, *DISPLAY_P3))):
        picture = load(pixel((200, 60, 60), *chunks))
        assert one(picture) == (200, 60, 60)
        assert picture.notices == ()


@pytest.mark.parametrize(
    "values", [(0.3,) * 8, (0.0,) * 8, (0.9,) * 8, (0.3127, 0.329, 0.64, 0.33, 0.64, 0.33, 0.64, 0.33)]
)
def test_absurd_primaries_are_ignored(values: tuple[float, ...]) -> None:
    assert one(load(pixel((200, 60, 60), chromaticities(*values)))) == (200, 60, 60)


# ---------------------------------------------------------------------------------------------------------- ICC, EXIF


def with_cicp(profile: bytes, *values: int) -> bytes:
    """An ICC profile with a cicp tag in place of its copyright."""
    at = profile.index(b"cprt")
    offset, _ = struct.unpack(">II", profile[at + 4 : at + 12])
    made = bytearray(profile)
    made[at : at + 12] = b"cicp" + struct.pack(">II", offset, 12)
    made[offset : offset + 12] = b"cicp\0\0\0\0" + bytes(values)
    return bytes(made)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("transfer", [16, 18])
def test_a_profile_that_names_hdr(format: str, transfer: int) -> None:
    white = {16: 148, 18: 191}[transfer]
    profile = with_cicp(rgb_profile("HDR", P3, 2.2), 9, transfer, 0, 1)
    picture = load(packed(flat("RGB", (white,) * 3, (16, 16)), format, icc_profile=profile))
    assert near(picture, (229, 229, 229), 2)
    assert picture.notices[0] == "The ICC profile names HDR by its cicp tag, which was followed."
    assert picture.notices[1].endswith(HDR)


def test_a_profile_whose_cicp_tag_is_of_standard_range_is_used_itself() -> None:
    profile = with_cicp(rgb_profile("Display P3", P3, 2.2), 12, 13, 0, 1)
    picture = load(packed(flat("RGB", (200, 60, 60)), "PNG", icc_profile=profile))
    assert picture.notices == ('The ICC profile "Display P3" was converted to sRGB.',)


def adobe_exif(space: int, interoperability: str | None) -> Image.Exif:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: space} | ({0xA005: {1: interoperability}} if interoperability else {})
    return exif


def adobe_rgb(colour: Level) -> list[int]:
    return srgb_levels([(level / 255) ** (563 / 256) for level in colour], (0.64, 0.33, 0.21, 0.71, 0.15, 0.06))


@pytest.mark.parametrize(("space", "interoperability"), [(0xFFFF, "R03"), (2, None)])
def test_adobe_rgb_by_exif(space: int, interoperability: str | None) -> None:
    exif = adobe_exif(space, interoperability)
    data = packed(flat("RGB", (100, 160, 90), (16, 16)), "PNG", exif=exif)
    assert close(data, adobe_rgb((100, 160, 90)))
    assert load(data).notices == ("Adobe RGB, which EXIF names, was converted to sRGB.",)
    assert close(
        packed(flat("RGB", (100, 160, 90), (16, 16)), "JPEG", quality=100, exif=exif), adobe_rgb((100, 160, 90)), 3
    )


def test_an_uncalibrated_picture_without_a_profile_is_announced() -> None:
    picture = load(sample(exif=adobe_exif(0xFFFF, None)))
    assert picture.notices == ("EXIF names no colour space and there is no profile: the levels were read as sRGB.",)
    assert load(sample(exif=adobe_exif(1, "R98"))).notices == ()
    profile = rgb_profile("Display P3", P3, 2.2)
    assert len(load(sample(exif=adobe_exif(0xFFFF, None), icc_profile=profile)).notices) == 1


# -------------------------------------------------------------------------------------------------- nclx, gain maps


def avif(colour: Level, primaries: int, transfer: int) -> bytes:
    data = packed(flat("RGB", colour, (32, 32)), "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@needs_avif
def test_nclx() -> None:
    assert close(avif((200, 60, 60), 12, 13), [217, 42, 52], 3)
    assert load(avif((200, 60, 60), 12, 13)).notices == ("Display P3 was converted to sRGB.",)
    assert close(avif((148, 148, 148), 9, 16), [229] * 3, 2)
    assert close(avif((191, 191, 191), 9, 18), [229] * 3, 2)
    assert load(avif((9, 9, 9), 9, 18)).notices == (f"BT.2020 HLG {HDR}",)
    assert load(avif((9, 9, 9), 1, 13)).notices == ()
    assert one(load(Image.open(io.BytesIO(avif((200, 60, 60), 12, 13))))) == one(load(avif((200, 60, 60), 12, 13)))


@needs_avif
def test_a_profile_outranks_nclx_of_standard_range() -> None:
    profile = rgb_profile("Linear", SRGB_D50, 1.0)
    data = packed(flat("RGB", (55, 55, 55), (16, 16)), "AVIF", icc_profile=profile)
    assert near(load(data), (128, 128, 128), 4)


GAIN_MAP = "The gain map for HDR displays was ignored: the standard picture beside it was taken."
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description hdrgm:Version="1.0"/></x:xmpmeta>'


@pytest.mark.parametrize(
    "segment",
    [
        b"http://ns.adobe.com/xap/1.0/\0" + XMP,
        b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4),
        b"http://ns.adobe.com/xap/1.0/\0urn:com:apple:photo:2020:aux:hdrgainmap",
    ],
)
def test_a_gain_map_is_announced(segment: bytes) -> None:
    plain = sample("JPEG")
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
    assert load(data).notices == (GAIN_MAP,)
    assert (load(data).pixels == load(plain).pixels).all()
    assert load(plain).notices == ()


def test_a_gain_map_of_an_avif_is_seen_by_its_brand() -> None:
    head = struct.pack(">I4s4s4s", 28, b"ftyp", b"avif", bytes(4)) + b"mif1avif"
    assert not has_gain_map(head + b"avif")
    assert has_gain_map(head + b"tmap")
    assert not has_gain_map(head + b"avif" + b"tmap")


# ------------------------------------------------------------------------------------- profiles that Pillow leaves out


def jp2_box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def jp2(colour: Level, description: bytes) -> bytes:
    """A JPEG 2000 file with another description of its colours."""
    data = packed(flat("RGB", colour, (16, 16)), "JPEG2000", irreversible=False)
    at = data.index(b"jp2h") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    header = data[at + 8 : at + length]
    colr = header.index(b"colr") - 4
    size = int.from_bytes(header[colr : colr + 4], "big")
    header = header[:colr] + jp2_box(b"colr", description) + header[colr + size :]
    return data[:at] + jp2_box(b"jp2h", header) + data[at + length :]


def test_the_profile_of_a_jpeg_2000() -> None:
    picture = load(jp2((55, 55, 55), b"\x02\0\0" + rgb_profile("Linear", SRGB_D50, 1.0)))
    assert near(picture, (128, 128, 128))
    assert picture.notices == ('The ICC profile "Linear" was converted to sRGB.',)
    assert load(jp2((55, 55, 55), b"\x01\0\0" + struct.pack(">I", 16))).notices == ()
    picture = load(jp2((55, 55, 55), b"\x01\0\0" + struct.pack(">I", 21)))
    assert picture.notices == ("The colour space 21 of JPEG 2000 is not known and was read as sRGB.",)


def test_the_profile_of_a_bmp() -> None:
    profile = rgb_profile("Linear", SRGB_D50, 1.0)
    head = struct.pack("<IiiHHIIiiII", 124, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(16) + b"DEBM" + bytes(36 + 12)
    head += struct.pack("<IIII", 4, 124 + 4, len(profile), 0)
    assert len(head) == 124
    data = (
        b"BM" + struct.pack("<IHHI", 14 + 124 + 4 + len(profile), 0, 0, 138) + head + bytes([55, 55, 55, 0]) + profile
    )
    assert near(load(data), (128, 128, 128))
    assert one(load(data.replace(b"DEBM", b"BGRs"))) == (55, 55, 55)


def test_the_informative_byte_of_a_qoi_is_not_heeded() -> None:
    data = bytearray(packed(flat("RGB", (55, 55, 55)), "QOI"))
    for value in (0, 1):
        data[13] = value
        assert one(load(bytes(data))) == (55, 55, 55)


def test_nclx_that_a_reader_of_heif_leaves_with_the_image() -> None:
    image = flat("RGB", (200, 60, 60))
    image.info["nclx_profile"] = {"color_primaries": 12, "transfer_characteristics": 13}
    assert one(load(image)) == (217, 42, 52)
    for odd in ({}, {"color_primaries": "x"}, 3, {"color_primaries": 1}):
        image.info["nclx_profile"] = odd
        assert one(load(image)) == (200, 60, 60)
