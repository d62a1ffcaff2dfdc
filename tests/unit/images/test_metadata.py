# SPDX-License-Identifier: MIT
"""EXIF, XMP and ICC profile: stored in a file, and written into decoded pictures, with the option only."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from image_files import P3, flat, needs_avif, packed, rgb_profile
from PIL import ExifTags, Image
from tiff_files import ASCII, page, tiff

import refcodec
from refcodec.images.load import load
from refcodec.images.metadata import exif_of, fitting, info_of, xmp_of
from refcodec.images.save import save

PLACE = "The metadata kept name the place where the picture was taken (GPS)."
PACKET = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:title="Bridge"/></x:xmpmeta>'
XMP = f'<?xpacket begin="" id="W5M0"?>{PACKET}{" " * 2000}\n<?xpacket end="w"?>'.encode()
PROFILE = rgb_profile("Display P3", P3, 2.2)


def tags(gps: bool = True) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Maker", "Model 5", 6
    exif[0x8769] = {0x9003: "2024:01:02 03:04:05", 0x927C: b"secret" * 99, 0xA002: 48, 0xA003: 64}
    if gps:
        exif[0x8825] = {1: "N", 2: (48.0, 8.0, 15.0), 3: "E", 4: (11.0, 34.5, 0.0)}
    return exif


def photo(format: str = "JPEG", **more: Any) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    options = {"exif": tags(), "xmp": XMP, "icc_profile": PROFILE} | more
    return packed(Image.fromarray(pixels), format, **options)


def metadata_of(data: bytes) -> dict[str, str]:
    return refcodec.read(data).metadata


def test_nothing_is_kept_by_default() -> None:
    picture = load(photo())
    assert picture.metadata == {}
    data = refcodec.encode(photo())
    assert metadata_of(data) == {}
    for secret in (b"Maker", b"Model 5", b"Bridge", b"GPS", base64.b64encode(b"Maker")[:-2]):
        assert secret not in data


@pytest.mark.parametrize("format", ["JPEG", "WEBP", pytest.param("AVIF", marks=needs_avif)])
def test_what_is_kept(format: str) -> None:
    picture = load(photo(format), keep_metadata=True)
    assert set(picture.metadata) == {"exif", "icc", "xmp"}
    assert base64.b64decode(picture.metadata["icc"]) == PROFILE
    assert 'dc:title="Bridge"' in picture.metadata["xmp"]
    assert "Orientation" not in picture.metadata["xmp"]
    assert len(picture.metadata["xmp"]) < 300
    exif = exif_of(picture.metadata)
    assert exif is not None
    assert dict(exif)[0x010F] == "Maker"
    assert exif.get(0x0112) is None  # the pixels are upright
    assert exif.get_ifd(ExifTags.IFD.Exif) == {0x9003: "2024:01:02 03:04:05"}
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[2] == (48.0, 8.0, 15.0)
    assert PLACE in picture.notices


def test_png_and_tiff() -> None:
    picture = load(packed(flat("RGB", (1, 2, 3)), "PNG", exif=tags(gps=False)), keep_metadata=True)
    assert set(picture.metadata) == {"exif"}
    assert PLACE not in picture.notices
    made = page(1, 1, bytes(3), bits=(8,) * 3, photometric=2, tags={0x010F: (ASCII, list(b"Maker\0"))})
    exif = exif_of(load(tiff(made), keep_metadata=True).metadata)
    assert exif is not None
    assert dict(exif) == {0x010F: "Maker"}  # no strips, sizes or bits of the other file


def test_a_place_in_xmp_alone_is_announced() -> None:
    data = photo(exif=tags(gps=False), xmp=b'<x:xmpmeta exif:GPSLatitude="48,8.25N"/>')
    assert PLACE in load(data, keep_metadata=True).notices


def test_a_picture_without_metadata_adds_nothing() -> None:
    plain = packed(flat("RGB", (1, 2, 3), (32, 32)), "PNG")
    assert refcodec.encode(plain, keep_metadata=True) == refcodec.encode(plain)
    assert refcodec.encode(np.zeros((32, 32, 3), np.uint8), keep_metadata=True)


def test_damaged_exif_is_not_kept() -> None:
    data = packed(flat("RGB", (1, 2, 3)), "PNG", exif=b"Exif\0\0garbage garbage")
    assert "exif" not in load(data, keep_metadata=True).metadata


def test_round_trip() -> None:
    data = refcodec.encode(photo(), keep_metadata=True, metadata={"title": "mine"})
    assert set(metadata_of(data)) == {"exif", "icc", "title", "xmp"}
    plain = refcodec.decode(data)
    assert not {"exif", "xmp"} & set(plain.info)
    picture = refcodec.decode(data, keep_metadata=True)
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=picture.info["exif"], xmp=picture.info["xmp"])
    exif = Image.open(out).getexif()
    assert exif[0x0110] == "Model 5"
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[4] == (11.0, 34.5, 0.0)


def test_entries_of_the_caller_come_first_and_the_rest_has_to_fit() -> None:
    notices: list[str] = []
    entries = {"exif": "e" * 100, "xmp": "x" * 100, "icc": "i" * 100}
    assert fitting(entries, {"xmp": "mine"}, 65_536, notices) == {**entries, "xmp": "mine"}
    assert notices == []
    assert set(fitting(entries, {"title": "t"}, 130, notices)) == {"title", "exif"}
    assert [notice.split(" have ")[0] for notice in notices] == ["The metadata XMP", "The metadata ICC"]


def test_metadata_beyond_the_level_are_left_out_with_a_notice() -> None:
    noise = "".join(chr(33 + n % 90) for n in range(70_000)).replace("<", "-").replace("&", "-")
    data = packed(flat("RGB", (1, 2, 3), (32, 32)), "PNG", exif=tags())
    image = Image.open(io.BytesIO(data))
    image.info["xmp"] = noise
    file = refcodec.encode(image, keep_metadata=True)
    assert set(metadata_of(file)) == {"exif"}


def test_metadata_need_a_picture() -> None:
    with pytest.raises(ValueError, match="keep-metadata needs a picture"):
        refcodec.encode(text="old stone bridge", size=(64, 64), keep_metadata=True)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "no base64!",
        "AAAA",
        base64.b64encode(b"II*\0\xff\xff\xff\xff").decode(),
        base64.b64encode(b"MM\0*" + bytes(99)).decode(),
    ],
)
def test_odd_entries_of_a_file_are_ignored(entry: str) -> None:
    assert exif_of({"exif": entry}) is None
    assert info_of({"exif": entry}) == {}
    assert xmp_of({}) is None


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", pytest.param("AVIF", marks=needs_avif), "BMP"])
def test_saved_pictures_carry_what_is_kept_and_still_name_their_maker(format: str) -> None:
    entries = load(photo(), keep_metadata=True).metadata
    note = {"Description": "synthesised", "Software": "refcodec 1", "Model": "painter x"}
    out = io.BytesIO()
    save(np.zeros((8, 6, 3), np.uint8), out, format=format, note=note, metadata=entries)
    image = Image.open(out)
    exif = image.getexif()
    if format == "BMP":
        return
    assert exif[0x0110] == "Model 5"
    assert exif[0x0131] == "refcodec 1; painter x"
    assert exif[0x010E] == "synthesised"
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    assert exif.get(0x0112) is None
    assert "icc_profile" not in image.info  # the pixels are sRGB
    packet = image.info.get("xmp") or image.tag_v2[700]  # type: ignore[attr-defined]
    assert b'dc:title="Bridge"' in packet
