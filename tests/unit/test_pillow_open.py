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
from PIL import Image, ImageFile, UnidentifiedImageError
from pillow_files import SIZE, file_bytes, opened, pixels, same

import refcodec
import refcodec.pillow
from refcodec.errors import CheckError, SemError
from refcodec.images.plugins import registered
from refcodec.pillow import SemImageFile, configure

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
    photo.write_bytes(refcodec.write(_of_size(refcodec.read(file_bytes()), 768, 512)))
    script = (
        "import sys, refcodec.pillow\n"
        "from PIL import Image\n"
        f"image = Image.open({str(photo)!r})\n"
        "print(image.size, image.mode, image.info['method'], image.info['check'])\n"
        "print([name for name in ('torch', 'numpy', 'numba', 'refcodec.transforms') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "(768, 512) RGB elic unchecked\n[]\n"


def _of_size(container: refcodec.Container, width: int, height: int) -> refcodec.Container:
    from dataclasses import replace

    return replace(container, header=replace(container.header, width=width, height=height))


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


def test_threads_with_an_image_each() -> None:
    expected, failures = refcodec.decode(file_bytes()), list[object]()

    def work() -> None:
        for _ in range(3):
            if not same(opened(file_bytes()).copy(), expected):
                failures.append("differs")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_data_set_that_only_knows_image_open(tmp_path: Path) -> None:
    """What `torchvision.datasets.ImageFolder` does with each file: open the path's stream, convert."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.sem").write_bytes(file_bytes())
        pixels().save(tmp_path / name / "1.png")
    extensions = tuple(Image.registered_extensions())
    rows = []
    for file in sorted(each for each in tmp_path.rglob("*") if each.suffix in extensions):
        with file.open("rb") as stream:
            rows.append((Image.open(stream).convert("RGB"), file.parent.name))
    assert [(row.size, label) for row, label in rows] == [(SIZE, "a"), (SIZE, "a"), (SIZE, "b"), (SIZE, "b")]
    assert same(rows[0][0], refcodec.decode(file_bytes()))


class TestConfigure:
    @pytest.fixture(autouse=True)
    def defaults(self) -> object:
        yield
        configure()

    def test_arguments_of_decode_are_those_of_images_opened_later(self) -> None:
        before = opened(file_bytes())
        configure(level=2, keep_metadata=True)
        after = opened(file_bytes())
        assert (before.decode_options, after.decode_options) == ({}, {"level": 2, "keep_metadata": True})
        configure(level=1)
        assert opened(file_bytes()).decode_options == {"level": 1}
        configure()
        assert opened(file_bytes()).decode_options == {}

    def test_an_image_has_its_own(self) -> None:
        shares = list[float]()
        first, second = opened(file_bytes()), opened(file_bytes())
        first.decode_options["progress"] = shares.append
        second.load()
        assert not shares
        first.load()
        assert shares[-1] == 1

    def test_models_reach_the_decoder(self, tmp_path: Path) -> None:
        image = opened(refcodec.encode(text="old stone bridge", size=(64, 48)))
        image.decode_options["models"] = {"painter": tmp_path / "absent"}
        with pytest.raises(OSError, match="absent"):
            image.load()

    def test_limits_reach_the_decoder(self) -> None:
        configure(limits=refcodec.Limits(max_pixels=100))
        with pytest.raises(OSError, match="SEM-E-602"):
            opened(file_bytes()).load()

    @pytest.mark.parametrize("name", ["sample", "samples", "path", "modls"])
    def test_unknown_arguments_are_refused(self, name: str) -> None:
        configure(level=2)
        with pytest.raises(TypeError, match=rf"configure\(\) got an unexpected keyword argument '{name}'"):
            configure(**{name: 1})  # type: ignore[misc]
        assert opened(file_bytes()).decode_options == {"level": 2}

    def test_wrong_values_are_refused_on_loading(self) -> None:
        image = opened(file_bytes())
        image.decode_options["seed"] = 7  # not read by method elic
        with pytest.raises(ValueError, match="seed"):
            image.load()


class TestRefused:
    @pytest.mark.parametrize("data", [b"", b"\xf5", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"text " * 10, b"\x9e\xf5"])
    def test_foreign_data_is_not_this_formats(self, data: bytes) -> None:
        with pytest.raises(SyntaxError, match=r"not a \.sem file"):
            SemImageFile(io.BytesIO(data))
        with pytest.raises(UnidentifiedImageError, match="cannot identify image file"):
            Image.open(io.BytesIO(data), formats=["SEM"])

    def test_foreign_files_are_read_by_their_own_plugin(self) -> None:
        stream = io.BytesIO()
        pixels().save(stream, "PNG")
        assert Image.open(stream).format == "PNG"

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ((2, 0xEC), "SEM-E-701"),  # version 7
            ((2, 0x2D), "SEM-E-203"),  # the reserved bit
            ((2, 0x28), "SEM-E-204"),  # no such check code
        ],
    )
    def test_a_bad_header_is_named_by_its_code(self, path: Path, change: tuple[int, int], code: str) -> None:
        data = bytearray(file_bytes())
        data[change[0]] = change[1]
        path.write_bytes(data)
        with pytest.raises(UnidentifiedImageError, match=code) as caught:
            Image.open(path)
        assert isinstance(caught.value.__cause__, SemError)
        path.unlink()  # it is closed

    def test_an_unknown_profile_opens_and_is_named_on_loading(self) -> None:
        data = bytearray(file_bytes())
        data[3] = 199
        image = opened(bytes(data))
        assert (image.size, image.info["method"], image.info["profile"]) == (SIZE, None, None)
        with pytest.raises(OSError, match="SEM-E-702"):
            image.load()

    def test_more_pixels_than_pillow_allows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 32 - 1)
        with pytest.warns(Image.DecompressionBombWarning):
            Image.open(io.BytesIO(file_bytes()))
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 16 - 1)
        with pytest.raises(Image.DecompressionBombError):
            Image.open(io.BytesIO(file_bytes()))

    def test_a_size_beyond_the_level_is_refused_on_opening(self) -> None:
        container = refcodec.read(file_bytes())
        data = refcodec.write(_of_size(container, 40_000, 16), level=2)
        with pytest.raises(OSError, match="SEM-E-601"):
            Image.open(io.BytesIO(data))

    def test_an_invalid_registry_is_named(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEM_REGISTRY", str(path))
        with pytest.raises(OSError, match="SEM-E-101"):
            Image.open(path)

    def test_errors_of_verify_have_the_code_and_its_cause(self) -> None:
        data = bytearray(file_bytes())
        data[-20] ^= 1
        with pytest.raises(SyntaxError, match=r"SEM-E-(401|402|501)") as caught:
            opened(bytes(data)).verify()
        assert isinstance(caught.value.__cause__, SemError | CheckError)
