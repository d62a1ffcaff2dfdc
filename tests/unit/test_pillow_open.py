# SPDX-License-Identifier: MIT
"""`Image.open` of `.sem` files, as Pillow's own tests try its plugins: lazy, closed in time, picklable, without torch."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from PIL import Image, ImageFile
from pillow_files import SIZE, file_bytes, opened, pixels, resized, same

import refcodec
import refcodec.pillow
from refcodec.errors import SemError
from refcodec.images.plugins import registered

TITLED = {"metadata": (("title", "squares"),)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "squares.sem"
    file.write_bytes(file_bytes())
    return file


def test_the_format_is_registered_once() -> None:
    before = list(Image.ID)
    refcodec.pillow.register()
    refcodec.pillow.register()
    assert before == Image.ID
    assert Image.ID.count("SEM") == 1
    assert Image.MIME["SEM"] == "image/x-sem"
    assert Image.registered_extensions()[".sem"] == "SEM"
    assert "SEM" in Image.SAVE


def test_a_picture_to_encode_is_never_read_by_this_plugin() -> None:
    assert "SEM" not in registered()
    with pytest.raises(SemError, match="already; decode it instead"):
        refcodec.encode(file_bytes())


def test_sanity(path: Path) -> None:
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size) == ("SEM", "RGB", SIZE)
        assert image.get_format_mimetype() == "image/x-sem"
        assert image.format_description == "Semantic image"
        assert image.filename == str(path)
        assert same(image, refcodec.decode(path))


@pytest.mark.parametrize("form", ["text", "path", "stream", "bytes", "buffered", "unseekable"])
def test_whatever_pillow_opens(path: Path, form: str) -> None:
    class Unseekable:
        def __init__(self, data: bytes) -> None:
            self.read = io.BytesIO(data).read

    with path.open("rb") as stream:
        source = {
            "text": str(path),
            "path": path,
            "stream": stream,
            "bytes": io.BytesIO(file_bytes()),
            "buffered": io.BufferedReader(io.BytesIO(file_bytes())),
            "unseekable": Unseekable(file_bytes()),
        }[form]
        with Image.open(source) as image:  # type: ignore[arg-type]
            assert same(image.convert("RGB"), refcodec.decode(file_bytes()))


def test_opening_imports_neither_torch_nor_numpy_and_decodes_nothing(path: Path) -> None:
    photo = path.with_name("photo.sem")  # of 768 × 512, never decoded
    photo.write_bytes(resized(file_bytes(), 768, 512))
    script = (
        "import sys, refcodec.pillow\n"
        "from PIL import Image\n"
        f"image = Image.open({str(photo)!r})\n"
        "print(image.size, image.mode, image.info['method'], image.info['check'])\n"
        "print([name for name in ('torch', 'numpy', 'numba', 'refcodec.transforms') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "(768, 512) RGB elic unchecked\n[]\n"


def test_loading_the_shipped_model_imports_no_torch(path: Path) -> None:
    script = (
        "import sys, refcodec.pillow\n"
        "from PIL import Image\n"
        f"image = Image.open({str(path)!r}).convert('L')\n"
        "print(image.size, 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "(48, 32) False\n"


def test_info_before_and_after_loading() -> None:
    image = opened(file_bytes())
    assert image.info == {
        "method": "elic",
        "profile": "elic",
        "bytes": len(file_bytes()),
        "bpp": 8 * len(file_bytes()) / (48 * 32),
        "check": "unchecked",
        "complete": True,
    }
    image.load()
    assert image.info["check"] == "ok"
    assert image.info["Model"] == "painter elic-small"


@pytest.mark.parametrize("bits", [0, 16, 32])
def test_the_check_of_info(bits: int) -> None:
    image = opened(file_bytes(check=bits))
    assert image.info["check"] == ("unchecked" if bits else "absent")
    image.load()
    assert image.info["check"] == ("ok" if bits else "absent")


def test_info_has_the_texts_of_the_file() -> None:
    caption = opened(refcodec.encode(caption="Old stone bridge.", size=(64, 48)))
    assert (caption.size, caption.info["caption"]) == ((64, 48), "Old stone bridge.")
    assert "consonants" not in caption.info
    words = opened(refcodec.encode(text="old stone bridge", size=(64, 48)))
    assert words.info["consonants"] == "ld stn brdg"
    assert words.info["method"] == "consonant"


def test_info_has_the_ancillary_sections_of_the_file() -> None:
    data = refcodec.encode(pixels(), provenance=True, hints={"seed": "7"}, metadata={"title": "squares"})
    info = opened(data).info
    assert info["provenance"]["setting"] == "quality 5"
    assert info["hints"] == {"seed": "7"}
    assert info["metadata"] == {"title": "squares"}


def test_exif_and_xmp_are_where_pillow_looks_for_them() -> None:
    exif = Image.Exif()
    exif[0x010E] = "coloured squares"
    picture = pixels().copy()
    picture.info |= {"exif": exif.tobytes(), "xmp": b"<x:xmpmeta>squares</x:xmpmeta>"}
    image = opened(refcodec.encode(picture, keep_metadata=True))
    assert image.getexif()[0x010E] == "coloured squares"
    assert image.info["xmp"] == b"<x:xmpmeta>squares</x:xmpmeta>"
    assert image.info["metadata"] == {}


def test_a_file_without_what_it_needs_opens_and_says_so_on_loading() -> None:
    image = opened(refcodec.encode(text="old stone bridge", size=(64, 48)))
    assert image.size == (64, 48)
    with pytest.raises(OSError, match=r"SEM-E-80\d") as caught:
        image.load()
    assert isinstance(caught.value.__cause__, SemError)


def test_load_again_changes_nothing() -> None:
    image = opened(file_bytes())
    image.load()
    image.putpixel((0, 0), (1, 2, 3))
    image.load()
    assert image.getpixel((0, 0)) == (1, 2, 3)


def test_seek_and_tell() -> None:
    image = opened(file_bytes())
    assert image.tell() == 0
    image.seek(0)
    with pytest.raises(EOFError):
        image.seek(1)
    assert image.tell() == 0


def test_draft_leaves_the_image_as_it_is() -> None:
    image = opened(file_bytes())
    assert image.draft("L", (8, 8)) is None
    assert (image.mode, image.size) == ("RGB", SIZE)
    image.thumbnail((24, 24))
    assert image.size == (24, 16)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("loaded", [False, True])
def test_pickling(protocol: int, loaded: bool) -> None:
    image = opened(file_bytes())
    if loaded:
        image.load()
    again = pickle.loads(pickle.dumps(image, protocol))
    assert same(again, refcodec.decode(file_bytes()))
    assert again.info == image.info
    again.load()


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, Image.Image.copy])
def test_copies_outlive_the_image(way: object) -> None:
    assert callable(way)
    with opened(file_bytes()) as image:
        twin = way(image)
    image.close()
    assert same(twin, refcodec.decode(file_bytes()))


def test_the_file_is_open_until_the_pixels_are_loaded(path: Path) -> None:
    image = Image.open(path)
    stream = image.fp
    assert stream is not None
    assert not stream.closed
    image.load()
    assert stream.closed
    assert image.fp is None


def test_a_stream_of_the_caller_stays_open(path: Path) -> None:
    with path.open("rb") as stream:
        for _ in range(2):
            with Image.open(stream) as image:
                image.load()
        assert not stream.closed


def test_no_resource_warning_of_a_closed_file(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = Image.open(path)
        image.load()
        image.close()
        with Image.open(path):
            pass
        del image
        gc.collect()


@pytest.mark.parametrize("way", ["close", "with", "verify"])
def test_a_closed_image_has_no_pixels(path: Path, way: str) -> None:
    image = Image.open(path)
    if way == "with":
        with image:
            pass
    else:
        getattr(image, way)()
    with pytest.raises(ValueError, match="Operation on closed image"):
        image.load()


def test_verify_accepts_a_good_file(path: Path) -> None:
    with Image.open(path) as image:
        image.verify()
        assert image.fp is None


def test_the_parser_of_pillow() -> None:
    data = file_bytes()
    with ImageFile.Parser() as parser:
        for at in range(0, len(data), 7):
            parser.feed(data[at : at + 7])
        image = parser.close()
    assert same(image, refcodec.decode(data))


@pytest.mark.parametrize("shared", [False, True])
def test_threads(shared: bool) -> None:
    expected, failures = refcodec.decode(file_bytes()), list[object]()
    common = opened(file_bytes())

    def work() -> None:
        try:
            for _ in range(3):
                image = common if shared else opened(file_bytes())
                if not same(image.copy(), expected):
                    failures.append("differs")
        except Exception as error:  # noqa: BLE001 - reported by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "JPEG2000", "ICO", "TGA", "PDF"])
def test_info_does_not_disturb_the_writers_of_pillow(name: str) -> None:
    data = refcodec.encode(pixels(), provenance=True, hints={"seed": "7"}, metadata={"title": "squares"})
    stream = io.BytesIO()
    opened(data).save(stream, name)
    plain = io.BytesIO()
    refcodec.decode(data).save(plain, name)
    assert abs(len(stream.getvalue()) - len(plain.getvalue())) < 8  # PDF has the time
