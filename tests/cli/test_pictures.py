# SPDX-License-Identifier: MIT
"""`semtool encode` and `decode` with odd pictures: notices in every output, --lenient, --keep-metadata, formats in the help."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, refused, valid
from image_files import P3, packed, png, rgb_profile
from PIL import ExifTags, Image
from tiff_files import page, tiff

import refcodec
from refcodec.images.formats import readable_formats
from refcodec.images.plugins import OPTIONAL

torch = pytest.importorskip("torch")

PIXELS = np.random.default_rng(2).integers(0, 256, (48, 64, 3), dtype=np.uint8)
GPS = "The metadata kept name the place where the picture was taken (GPS)."


def photo(name: str = "photo.jpg", share: float = 1.0) -> Path:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 15.0)}
    data = packed(Image.fromarray(PIXELS), "JPEG", exif=exif, quality=90, icc_profile=rgb_profile("Wide", P3, 2.2))
    Path(name).write_bytes(data[: int(len(data) * share)])
    return Path(name)


def encode_args(*args: str) -> tuple[str, ...]:
    return ("encode", "--quality", "1", *args)


def hdr() -> bytes:
    return png(64, 48, 8, 2, PIXELS.tobytes(), (b"cICP", b"\x09\x10\0\1"))


def gain_map() -> bytes:
    segment = b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>'
    data = packed(Image.fromarray(PIXELS), "JPEG")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def pages() -> bytes:
    small = page(16, 12, bytes(3 * 16 * 12), bits=(8,) * 3, photometric=2, subfile=1)
    return tiff(small, page(64, 48, PIXELS.tobytes(), bits=(8,) * 3, photometric=2))


NOTICED = {
    "hdr.png": (hdr, "BT.2020 PQ was converted to sRGB, with 203 cd/m2 as white (BT.2408, BT.2390)."),
    "gain.jpg": (gain_map, "The gain map for HDR displays was ignored: the standard picture beside it was taken."),
    "pages.tif": (pages, "The image of full size was taken, not the preview before it."),
}


@pytest.mark.parametrize("name", NOTICED)
def test_conversions_are_in_json_and_on_standard_error(semtool: Semtool, name: str) -> None:
    make, notice = NOTICED[name]
    Path(name).write_bytes(make())
    done = semtool(*encode_args(name, "--json"))
    assert done.status == 0
    valid("encode", done.json)
    assert done.json["notices"] == [notice]
    assert done.err == f"note: {notice}\n"
    assert (done.json["width"], done.json["height"]) == (64, 48)


def test_a_camera_raw_file_has_one_line_and_status_7(semtool: Semtool) -> None:
    sensor = page(64, 48, bytes(2 * 64 * 48), bits=(16,), photometric=32803)
    small = page(16, 12, bytes(3 * 16 * 12), bits=(8,) * 3, photometric=2, subfile=1, below=[sensor])
    Path("photo.tif").write_bytes(tiff(small))
    done = semtool(*encode_args("photo.tif"))
    refused(done, 7, "SEM-E-103 picture-unreadable: the file is a camera raw file")
    assert not Path("photo.sem").exists()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_lenient(semtool: Semtool, format: str) -> None:
    data = packed(Image.fromarray(PIXELS), format)
    Path("cut.img").write_bytes(data[: len(data) * 2 // 3])
    done = semtool(*encode_args("cut.img"))
    refused(done, 7, "SEM-E-104 picture-truncated: ")
    assert "--lenient" in done.line
    done = semtool(*encode_args("cut.img", "--lenient", "--json"))
    assert done.status == 0
    valid("encode", done.json)
    assert "cut short" in done.json["notices"][0]
    assert done.err.startswith("note: The picture is damaged or cut short (")
    assert Path("cut.sem").read_bytes() == refcodec.encode("cut.img", quality=1, lenient=True)
    piped = semtool(*encode_args("-", "--lenient"), stdin=Path("cut.img").read_bytes())
    assert piped.out == Path("cut.sem").read_bytes()


def test_lenient_holds_for_edge_maps(semtool: Semtool) -> None:
    data = packed(Image.fromarray(PIXELS[..., 0]), "PNG")
    cut = data[: len(data) * 2 // 3]
    with pytest.raises(refcodec.SemError):
        refcodec.encode(sketch=cut, text="a cat", method="pics")
    assert refcodec.encode(sketch=cut, text="a cat", method="pics", lenient=True)


def test_metadata_stay_out_by_default(semtool: Semtool) -> None:
    photo()
    done = semtool(*encode_args("photo.jpg", "--json"))
    assert done.status == 0
    assert GPS not in done.json["notices"]
    assert refcodec.read("photo.sem").metadata == {}
    decoded = semtool("decode", "photo.sem", "-o", "out.jpg", "--keep-metadata")
    assert decoded.status == 0
    with Image.open("out.jpg") as image:
        assert image.getexif().get(ExifTags.Base.Make) is None


def test_keep_metadata_there_and_back(semtool: Semtool) -> None:
    photo()
    done = semtool(*encode_args("photo.jpg", "--keep-metadata", "--metadata", "title=Bridge", "--json"))
    assert GPS in done.json["notices"]
    assert set(refcodec.read("photo.sem").metadata) == {"exif", "icc", "title"}
    for name in ("plain.jpg", "kept.jpg", "kept.png", "kept.tif"):
        options = ["--keep-metadata"] if name.startswith("kept") else []
        assert semtool("decode", "photo.sem", "-o", name, *options).status == 0
        with Image.open(name) as image:
            exif = image.getexif()
            assert (exif.get(ExifTags.Base.Make) == "Maker") == bool(options)
            assert bool(exif.get_ifd(ExifTags.IFD.GPSInfo)) == bool(options)
            assert exif.get(ExifTags.Base.Orientation) is None
            assert exif[ExifTags.Base.ImageDescription] == "synthesised from a .sem description"
            assert image.size == (48, 64)
    stripped = semtool("inspect", "photo.sem")
    assert stripped.status == 0


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (
            ("encode", "--text", "a cat", "--size", "64x64", "--keep-metadata", "-o", "x.sem"),
            "keep-metadata needs a picture",
        ),
        (("decode", "x.sem", "--symbols", "--keep-metadata"), "--keep-metadata is for pictures"),
    ],
)
def test_options_without_effect_are_refused(semtool: Semtool, args: tuple[str, ...], word: str) -> None:
    done = semtool(*args)
    refused(done, 2, "usage: ")
    assert word in done.line


def test_the_help_lists_what_is_read_here(semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(OPTIONAL["HEIC"]), "installed", lambda self: False)
    text = " ".join(semtool("encode", "--help").text.split())
    listed = text.partition("Picture formats read by this installation: ")[2].partition(".")[0]
    assert tuple(listed.split(", ")) == readable_formats()
    assert "HEIC is read after: pip install pillow-heif." in text
    monkeypatch.setattr(type(OPTIONAL["HEIC"]), "installed", lambda self: self.install == "pillow-heif")
    text = " ".join(semtool("encode", "--help").text.split())
    assert ", HEIC. JPEG XL is read after: pip install pillow-jxl-plugin." in text


@pytest.mark.parametrize("missing", ["avif", "webp", "jpg_2000"])
def test_the_help_leaves_out_what_this_pillow_lacks(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import features

    real: Any = features.check
    monkeypatch.setattr(features, "check", lambda name: name != missing and real(name))
    assert {"avif": "AVIF", "webp": "WebP", "jpg_2000": "JPEG 2000"}[missing] not in readable_formats()


@pytest.mark.parametrize("name", readable_formats())
def test_what_the_help_lists_is_read(name: str) -> None:
    """Every format of the list that Pillow can write, too."""
    format = {"WebP": "WEBP", "JPEG 2000": "JPEG2000"}.get(name, name)
    Image.init()
    if format not in Image.SAVE:
        pytest.skip("Pillow does not write it")
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, format)
    assert refcodec.encode(out.getvalue(), quality=1)
