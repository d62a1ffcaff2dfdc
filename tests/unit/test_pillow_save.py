# SPDX-License-Identifier: MIT
"""`Image.save` of `.sem` files: the bytes of `refcodec.encode`, every mode, and nothing written for a wrong option."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool
from PIL import Image, ImageOps
from pillow_files import SIZE, file_bytes, opened, pixels, same, saved

import refcodec
from refcodec.codec import OPTIONS
from refcodec.errors import SemError

MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
DEEP = ("I;16", "I;16B", "I;16L", "I", "F")


def in_mode(mode: str) -> Image.Image:
    """The picture in a mode of Pillow; half of it transparent where the mode can be."""
    if mode in DEEP:
        grey = np.asarray(pixels().convert("L"))
        types = {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2", "I": "<i4", "F": "<f4"}
        values = grey.astype(types[mode]) * (256 if mode != "F" else np.float32(1 / 255))
        return Image.frombytes(mode, SIZE, values.astype(types[mode]).tobytes())
    if mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        colour = pixels().convert("RGBA")
        colour.putalpha(Image.linear_gradient("L").resize(SIZE))
        through = {"La": "LA", "PA": "LA"}.get(mode)
        return (colour.convert(through) if through else colour).convert(mode)
    if mode == "LAB":
        from PIL import ImageCms

        return ImageCms.profileToProfile(  # type: ignore[return-value]
            pixels(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    return pixels().convert(mode)


@pytest.mark.parametrize("mode", [*MODES, *DEEP])
def test_every_mode_is_what_encode_makes_of_it(mode: str) -> None:
    image = in_mode(mode)
    assert image.mode == mode
    data = saved(image)
    assert data == refcodec.encode(image)
    assert opened(data).size == SIZE


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_file_in_that_mode_is_what_semtool_makes_of_it(mode: str, semtool: Semtool, place: Path) -> None:
    in_mode(mode).save("squares.png")
    with Image.open("squares.png") as image:
        assert image.mode == mode
        image.save("plugin.sem")
    assert semtool("encode", "squares.png", "-o", "tool.sem").status == 0
    assert Path("plugin.sem").read_bytes() == Path("tool.sem").read_bytes()


def test_semtool_replaces_its_own_output_where_the_format_is_registered(semtool: Semtool) -> None:
    pixels().save("squares.png")
    for _ in range(2):
        assert semtool("encode", "squares.png").status == 0
    assert Path("squares.sem").read_bytes() == file_bytes()


def test_transparent_parts_go_on_white_or_the_background() -> None:
    clear = Image.new("RGBA", SIZE, (255, 0, 0, 0))
    assert saved(clear) == saved(Image.new("RGB", SIZE, "white"))
    assert saved(clear, background=(0, 0, 255)) == saved(Image.new("RGB", SIZE, "blue"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("argument", ["of the file", "bytes", "object"])
def test_exif_orientation(orientation: int, argument: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    pixels().save(stream, "PNG", exif=exif)
    upright = saved(ImageOps.exif_transpose(Image.open(stream)))
    if argument == "of the file":
        assert saved(Image.open(stream)) == upright
    else:
        data = saved(pixels(), exif=exif.tobytes() if argument == "bytes" else exif)
        assert same(opened(data).copy(), refcodec.decode(upright))
        assert "exif" not in opened(data).info  # it named the orientation alone


def test_exif_and_xmp_are_stored_if_they_are_passed() -> None:
    exif = Image.Exif()
    exif[0x010E] = "coloured squares"
    xmp = b"<x:xmpmeta>squares</x:xmpmeta>"
    data = saved(pixels(), exif=exif, xmp=xmp, metadata={"title": "squares"})
    image = opened(data)
    assert image.getexif()[0x010E] == "coloured squares"
    assert (image.info["xmp"], image.info["metadata"]) == (xmp, {"title": "squares"})
    assert saved(pixels(), xmp=xmp.decode()) == saved(pixels(), xmp=xmp)


def test_metadata_of_the_image_are_left_out_unless_asked_for() -> None:
    exif = Image.Exif()
    exif[0x010E] = "coloured squares"
    image = pixels().copy()
    image.info["exif"] = exif.tobytes()
    assert saved(image) == saved(pixels(), exif=None, xmp=None) == file_bytes()
    assert opened(saved(image, keep_metadata=True)).getexif()[0x010E] == "coloured squares"


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 1},
        {"quality": 9.5},
        {"bpp": 0.8},
        {"effort": 2},
        {"check": 32},
        {"provenance": True},
        {"method": "perco", "profile": "perco-small", "caption": "Squares."},
        {"method": "consonant", "text": "coloured squares"},
        {"metadata": {"title": "squares"}, "hints": {"seed": "7"}},
        {"explicit_model": True},
    ],
    ids=str,
)
def test_options_are_those_of_encode(options: dict[str, Any]) -> None:
    try:
        expected: bytes | str = refcodec.encode(pixels(), **options)
    except SemError as error:
        expected = str(error)
    if isinstance(expected, bytes):
        assert saved(pixels(), **options) == expected
    else:
        with pytest.raises(OSError, match=expected.split()[0]):
            saved(pixels(), **options)


def test_quality_changes_the_file() -> None:
    sizes = [len(saved(pixels(), quality=quality)) for quality in (1, 5, 10)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("target", ["text", "path", "stream", "file"])
def test_whatever_pillow_writes_to(target: str, tmp_path: Path) -> None:
    path = tmp_path / "squares.sem"
    if target == "stream":
        stream = io.BytesIO(b"before")
        stream.seek(6)
        pixels().save(stream, "SEM")
        assert stream.getvalue() == b"before" + file_bytes()
        return
    if target == "file":
        with path.open("wb") as file:
            pixels().save(file, format="sem")
            assert not file.closed
    else:
        pixels().save(str(path) if target == "text" else path)
    assert path.read_bytes() == file_bytes()


def test_a_stream_without_seek() -> None:
    class Pipe:
        data = b""

        def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

    pipe = Pipe()
    pixels().save(pipe, "SEM")  # type: ignore[arg-type]
    assert pipe.data == file_bytes()


WRONG = [
    ({"quality": 0}, ValueError, "quality is a number from 1 to 10"),
    ({"quality": 85}, ValueError, "quality is a number from 1 to 10"),
    ({"quality": "high"}, TypeError, "quality is a number"),
    ({"quality": 5, "bpp": 0.2}, ValueError, "quality or bpp, not both"),
    ({"bpp": 0}, ValueError, "bpp is a number above 0"),
    ({"effort": 10}, ValueError, "effort"),
    ({"method": "jpeg"}, ValueError, "method 'jpeg' is unknown"),
    ({"check": 8}, ValueError, "check"),
    ({"profile": 1.5}, TypeError, "a profile is named by its id or name"),
    ({"background": (0, 0, 300)}, ValueError, "background"),
    ({"metadata": {"title": 7}}, TypeError, "an entry is a text"),
    ({"qualty": 5}, TypeError, r"save\(\) got an unexpected keyword argument 'qualty'"),
    ({"optimize": True}, TypeError, "unexpected keyword argument 'optimize'"),
    ({"strict_bpp": True}, ValueError, "strict_bpp needs a bpp"),
    ({"exif": 7}, TypeError, "exif is bytes"),
    ({"exif": b"invalid"}, ValueError, "exif cannot be read"),
    ({"xmp": 7}, TypeError, "xmp is bytes or text"),
    ({"append_images": [1]}, ValueError, "one picture"),
    ({"progress": 7}, TypeError, "progress is a function"),
    ({"models": 7}, (TypeError, ValueError), "models"),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG, ids=lambda each: str(each)[:40])
def test_wrong_options_write_nothing(
    options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    stream = io.BytesIO()
    with pytest.raises(error, match=message):
        pixels().save(stream, "SEM", **options)
    assert stream.getvalue() == b""
    with pytest.raises(error, match=message):
        pixels().save(tmp_path / "squares.sem", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "code"),
    [({"method": "clip"}, "SEM-E-801"), ({"profile": "no-such"}, "SEM-E-702"), ({"model": "absent"}, "SEM-E-")],
)
def test_what_encode_refuses_is_an_os_error_with_its_code(
    options: dict[str, Any], code: str, tmp_path: Path, no_models_of_this_machine: None
) -> None:
    with pytest.raises(OSError, match=code) as caught:
        pixels().save(tmp_path / "squares.sem", **options)
    assert isinstance(caught.value.__cause__, SemError)
    assert not (tmp_path / "squares.sem").exists()


@pytest.mark.parametrize("size", [(0, 0), (0, 8), (8, 0)])
def test_an_empty_image_is_refused(size: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot write empty image"):
        Image.new("RGB", size).save(tmp_path / "squares.sem")
    assert not list(tmp_path.iterdir())


def test_an_image_beyond_the_level_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="SEM-E-105"):
        Image.new("L", (20_000, 1)).save(tmp_path / "wide.sem")
    assert not list(tmp_path.iterdir())


def test_one_frame_of_several() -> None:
    stream = io.BytesIO()
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    animation = Image.open(stream)
    assert getattr(animation, "n_frames", 1) == 2
    animation.seek(1)
    assert saved(animation) == refcodec.encode(animation)
    with pytest.raises(ValueError, match="one picture"):
        saved(animation, save_all=True)
    assert saved(pixels(), save_all=True) == file_bytes()
    assert saved(pixels(), save_all=True, append_images=[]) == file_bytes()


def test_saving_leaves_the_image_alone() -> None:
    image = in_mode("RGBA")
    image.info["note"] = "kept"
    before = image.copy()
    options = {"exif": Image.Exif(), "metadata": {"title": "squares"}}
    saved(image, **options)
    assert same(image, before)
    assert image.info == before.info
    assert options == {"exif": options["exif"], "metadata": {"title": "squares"}}


def test_a_file_that_was_opened_can_be_saved_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "squares.sem"
    path.write_bytes(file_bytes())
    with Image.open(path) as image:
        image.save(path, quality=2)
    assert path.read_bytes() == refcodec.encode(refcodec.decode(file_bytes()), quality=2)
    with Image.open(path) as image:
        image.save(tmp_path / "squares.png")
    with Image.open(tmp_path / "squares.png") as png:
        assert same(png, refcodec.decode(path))


@pytest.mark.parametrize("loaded", [False, True])
def test_an_opened_file_is_a_picture_for_encode(loaded: bool) -> None:
    image = opened(file_bytes())
    if loaded:
        image.load()
    assert refcodec.encode(image, quality=3) == refcodec.encode(refcodec.decode(file_bytes()), quality=3)


def test_a_rate_out_of_reach_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="bpp"):
        saved(pixels(), bpp=0.001)
    with pytest.raises(OSError, match="SEM-E-6"):
        saved(pixels(), bpp=0.001, strict_bpp=True)


def test_no_option_of_encode_has_a_name_of_pillows_own() -> None:
    assert not OPTIONS & {"exif", "xmp", "save_all", "append_images", "append", "format", "fp"}
