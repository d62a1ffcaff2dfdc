# SPDX-License-Identifier: MIT
"""Which reader takes a file: Pillow's, the program's own, an optional package, or none, with a name and a remedy."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from image_files import SAMPLE, animation, flat, near, needs_avif, one, outcome, packed, refused, sample
from PIL import Image, ImageFile

from refcodec.errors import SemError
from refcodec.images import formats
from refcodec.images.load import load
from refcodec.images.plugins import OPTIONAL, is_pillows, registered
from refcodec.images.signatures import media_kind

MAGIC = b"TINY"


class TinyImageFile(ImageFile.ImageFile):
    """A format of the test: magic, width, height, RGB."""

    format = "TINY"
    format_description = "a plugin of a program"

    def _open(self) -> None:
        assert self.fp is not None
        if self.fp.read(4) != MAGIC:
            raise SyntaxError("not a TINY file")
        self._size = struct.unpack("<HH", self.fp.read(4))
        self._mode = "RGB"
        self.tile = [ImageFile._Tile("raw", (0, 0, *self.size), 8, ("RGB", 0, 1))]


def tiny(pixels: Any = SAMPLE) -> bytes:
    return MAGIC + struct.pack("<HH", pixels.shape[1], pixels.shape[0]) + np.ascontiguousarray(pixels).tobytes()


@pytest.fixture(autouse=True)
def pillow_as_it_was() -> Iterator[None]:
    Image.init()  # a module registers its readers once, when it is imported
    before, order = dict(Image.OPEN), list(Image.ID)
    yield
    Image.OPEN.clear()
    Image.OPEN.update(before)
    Image.ID[:] = order


def register(name: str, reader: Any, accept: Any = None) -> None:
    Image.register_open(name, reader, accept)


# ------------------------------------------------------------------------------------------- readers of the program


@pytest.mark.parametrize("accept", [lambda head: head.startswith(MAGIC), None], ids=["with a test", "without"])
def test_a_registered_reader_is_used_for_every_source(accept: Any, tmp_path: Path) -> None:
    refused(tiny(), 103)
    register("TINY", TinyImageFile, accept)
    path = tmp_path / "picture.jpg"
    path.write_bytes(tiny())
    for source in (tiny(), bytearray(tiny()), path, str(path), io.BytesIO(tiny()), Image.open(path)):
        picture = load(source)
        assert (picture.pixels == SAMPLE).all()
        assert picture.source_format == "TINY"
        assert picture.notices == ()
    assert "TINY" in formats.readable_formats()
    assert (load(sample()).pixels == SAMPLE).all()


def test_pillows_own_readers_stay_a_list() -> None:
    """Registering Pillow's own plugins, as Image.init() does, opens no further format."""
    Image.init()
    assert registered() == {}
    assert "EPS" in Image.OPEN
    refused(packed(flat("RGB", 0, (16, 16)), "EPS"), 103)
    refused(packed(flat("RGB", 0, (16, 16)), "ICO"), 103)
    others = {name for name, (factory, _) in Image.OPEN.items() if not is_pillows(factory)}
    assert others <= {"SEM"}, "refcodec.pillow may have been imported by another test"


def test_a_registered_reader_outranks_pillows() -> None:
    class Mine(TinyImageFile):
        def _open(self) -> None:
            self._size, self._mode = (1, 1), "RGB"
            self.fp = io.BytesIO(b"\x01\x02\x03")
            self.tile = [ImageFile._Tile("raw", (0, 0, 1, 1), 0, ("RGB", 0, 1))]

    register("QOI", Mine, lambda head: head.startswith(b"qoif"))
    sys.modules.pop("PIL.QoiImagePlugin", None)  # as if the program had registered its own before Pillow's was imported
    assert one(load(sample("QOI"))) == (1, 2, 3)
    assert Image.OPEN["QOI"][0] is Mine


@pytest.mark.parametrize("error", [ValueError("no"), OSError("cut"), SyntaxError("not mine"), KeyError(1)])
def test_errors_of_a_registered_reader(error: Exception) -> None:
    def fail(*_: Any) -> Any:
        raise error

    register("TINY", fail, lambda head: head.startswith(MAGIC))
    assert isinstance(outcome(tiny()), SemError)
    register("ANY", fail, lambda head: True)
    assert (load(sample()).pixels == SAMPLE).all()  # another reader takes it


def test_limits_hold_for_a_registered_reader() -> None:
    register("TINY", TinyImageFile, lambda head: head.startswith(MAGIC))
    refused(MAGIC + struct.pack("<HH", 60_000, 60_000), 105)
    refused(tiny()[:-9], 104)


# -------------------------------------------------------------------------------------------------- optional packages


def brand(major: bytes, *others: bytes) -> bytes:
    body = major + bytes(4) + b"".join(others)
    return struct.pack(">I4s", 8 + len(body), b"ftyp") + body + struct.pack(">I4sI", 12, b"meta", 0)


HEICS = [
    *((name,) for name in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")),
    (b"mif1", b"heic"),
    (b"msf1", b"hevc"),
    (b"miaf", b"mif1", b"heic"),
    (b"mif1", b"miaf", b"heix"),
    (b"heic", b"mif1", b"avif"),
]


@pytest.mark.parametrize("brands", HEICS, ids=lambda brands: b"+".join(brands).decode())
def test_heic_by_any_brand(brands: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(OPTIONAL["HEIC"]), "installed", lambda self: False)
    assert media_kind(brand(*brands)) == "HEIC"
    message = refused(brand(*brands), 103)
    assert "HEIC" in message
    assert "pip install pillow-heif" in message


@pytest.mark.parametrize("brands", [(b"avif",), (b"avis", b"msf1"), (b"mif1", b"avif"), (b"miaf", b"avif", b"mif1")])
def test_avif_by_any_brand_is_not_called_heic(brands: tuple[bytes, ...]) -> None:
    assert media_kind(brand(*brands)) == "AVIF"
    result = outcome(brand(*brands))
    assert isinstance(result, SemError)
    assert "HEIC" not in str(result)


@needs_avif
def test_an_avif_under_another_first_brand_is_read() -> None:
    data = packed(flat("RGB", (200, 100, 50), (16, 16)), "AVIF")
    assert data[8:12] == b"avif"
    for first in (b"mif1", b"miaf"):
        assert near(load(data[:8] + first + data[12:]), (200, 100, 50), 4)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (brand(b"mif1", b"miaf") + b"hvc1", "HEIC"),
        (brand(b"mif1", b"miaf") + b"av01", "AVIF"),
        (brand(b"mif1") + b"vvc1", "HEIF"),
    ],
)
def test_general_brands_are_told_apart_by_their_items(data: bytes, kind: str) -> None:
    assert media_kind(data) == kind


@pytest.fixture
def heif_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for pillow-heif: its class reads a PNG behind the brands."""

    def reader(stream: Any, name: str) -> Any:
        data = stream.read()
        return Image.open(io.BytesIO(data[data.index(b"\x89PNG") :]))

    module = ModuleType("pillow_heif")
    module.HeifImageFile = reader  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", module)
    monkeypatch.setattr(type(OPTIONAL["HEIC"]), "installed", lambda self: self.install == "pillow-heif")


@pytest.mark.usefixtures("heif_package")
def test_an_installed_package_is_used_without_registration() -> None:
    for brands in HEICS:
        assert (load(brand(*brands) + sample()).pixels == SAMPLE).all()
    assert "HEIC" in formats.readable_formats()
    assert registered() == {}


@pytest.mark.usefixtures("heif_package")
def test_a_package_that_fails_gives_an_error() -> None:
    refused(brand(b"heic"), 104)


@pytest.mark.usefixtures("no_optional_package")
def test_jpeg_xl_names_its_package() -> None:
    for data in (b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a\xfa\x1f"):
        assert "JPEG XL; pip install pillow-jxl-plugin" in refused(data, 103)


# -------------------------------------------------------------------------------------------------------- what is not


@pytest.mark.parametrize(
    ("data", "name", "remedy"),
    [
        (b"IIRO\x08\0\0\0", "camera raw file (ORF)", "raw converter"),
        (b"IIU\0\x18\0\0\0", "camera raw file (RW2)", "raw converter"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw file (RAF)", "raw converter"),
        (b"FOVb\0\0\x02\0", "camera raw file (X3F)", "raw converter"),
        (b"\0MRM\0\0\0\0", "camera raw file (MRW)", "raw converter"),
        (brand(b"crx ", b"isom"), "camera raw file (CR3)", "raw converter"),
        (b"v/1\x01\x02\0\0\0", "OpenEXR", "tone-map"),
        (b"#?RADIANCE\n", "Radiance HDR", "tone-map"),
        (b"PF\n2 2\n-1.0\n" + bytes(48), "PFM", "tone-map"),
        (b"\0\0\x01\0\x01\0\x10\x10", "icon (ICO)", "largest image"),
        (b"icns\0\0\0\x08", "icon (ICNS)", "largest image"),
        (b"%PDF-1.7", "PDF", "page"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript", "page"),
        (b"\xc5\xd0\xd3\xc6" + bytes(26), "EPS", "page"),
        (b"8BPS\0\x02" + bytes(20), "PSB", "PNG"),
        (b"P7\nWIDTH 1\n", "PAM", "PPM"),
        (b"DDS " + bytes(124), "DDS", "PNG"),
        (b"II\xbc\x01\x20\0\0\0", "JPEG XR", "PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", "size"),
        (b"<?xml version='1.0'?>\n<svg/>", "SVG", "size"),
        (brand(b"isom", b"mp41"), "video", "frame"),
        (b"\xf5\x9e\x18", ".sem", "decode it"),
        (bytes(128) + b"DICM", "DICOM", "PNG"),
    ],
)
def test_files_that_are_not_read_are_named_with_a_remedy(data: bytes, name: str, remedy: str) -> None:
    message = refused(data, 103)
    assert name in message
    assert remedy in message.partition("; ")[2]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "heic", "sem", "txt", ""])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
def test_the_name_of_a_file_does_not_matter(format: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{suffix}"
    path.write_bytes(packed(flat("RGB", (255, 0, 0), (16, 16)), format))
    picture = load(path)
    assert near(picture, (255, 0, 0), 3)
    assert picture.source_format == format


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ((1, 0xC3), "lossless or hierarchical JPEG"),
        ((1, 0xC5), "lossless or hierarchical JPEG"),
        ((1, 0xCB), "lossless or hierarchical JPEG"),
        ((1, 0xF7), "JPEG-LS"),
        ((4, 12), "JPEG of 12 bits"),
    ],
)
def test_jpegs_of_other_processes_are_not_called_damaged(change: tuple[int, int], name: str) -> None:
    data = bytearray(packed(flat("RGB", (200, 60, 60), (16, 16)), "JPEG"))
    data[data.index(b"\xff\xc0") + change[0]] = change[1]
    message = refused(bytes(data), 103)
    assert name in message
    assert "export it as PNG" in message


# ---------------------------------------------------------------------------------------------------- PSD, animations


def psd(mode: int, channels: list[int], depth: int = 8, palette: bytes = b"") -> bytes:
    """A PSD of 2 x 1 pixels of one colour."""
    head = b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", len(channels), 1, 2, depth, mode)
    body = b"".join(bytes([level]) * 2 * (depth // 8) for level in channels)
    return head + struct.pack(">I", len(palette)) + palette + bytes(4) + bytes(4) + b"\0\0" + body


@pytest.mark.parametrize(
    ("mode", "channels", "expected"),
    [
        (1, [77], (77, 77, 77)),
        (3, [200, 100, 50], (200, 100, 50)),
        (4, [255, 0, 0, 255], (255, 0, 0)),  # Photoshop stores 255 - ink
        (9, [138, 209, 198], (251, 5, 4)),  # L * 255 / 100, a + 128, b + 128
    ],
)
def test_psd(mode: int, channels: list[int], expected: tuple[int, int, int]) -> None:
    assert near(load(psd(mode, channels)), expected, 6)


def test_psd_of_16_bits_is_refused() -> None:
    refused(psd(3, [200, 100, 50], 16), 103)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "MPO", pytest.param("AVIF", marks=needs_avif)])
def test_an_animation_is_announced(format: str) -> None:
    picture = load(animation(format))
    assert near(picture, (255, 0, 0), 5)
    assert picture.notices == ("The first of 3 frames was taken.",)
