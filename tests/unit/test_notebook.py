# SPDX-License-Identifier: MIT
"""What notebooks show: inspections, galleries and opened files, as HTML that is safe, bounded and keeps to itself."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import refcodec
import refcodec.pillow
from refcodec import notebook
from refcodec.notebook import PICTURES_MAX, SIDE_MAX, TEXT_MAX, side_by_side, write_html

HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style><style>*{background:url(http://x.invalid)}</style>",
    "' onmouseover='alert(1)",
    '" style="background:red" onload="alert(1)',
    "<img src=x onerror=alert(1)>",
    "<!--",
    "&lt;b&gt;",
    "\u202eevil",
    "\u0007\u001b[31m",
)
VOID = {"img", "meta", "br"}


class Parsed(HTMLParser):
    """The tags, attributes, text and style sheets of a fragment; fails where it is not well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.styles: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert len(attrs) == len(dict(attrs))
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.styles if self._open[-1:] == ["style"] else self.text).append(data)

    def all_text(self) -> str:
        return "".join(self.text)


def checked(html: str) -> Parsed:
    """Parse a fragment; assert that it is safe and keeps to itself."""
    parsed = Parsed(html)
    allowed = [
        "div",
        "style",
        "h3",
        "dl",
        "dt",
        "dd",
        "span",
        "details",
        "summary",
        "table",
        "tr",
        "th",
        "td",
        "code",
        "i",
        "figure",
        "figcaption",
        "img",
        "b",
    ]
    assert {tag for tag, _ in parsed.tags} <= {*allowed}
    for tag, attributes in parsed.tags:
        assert set(attributes) <= {"class", "title", "colspan", "src", "alt", "width", "height"}, tag
        assert "src" not in attributes or (attributes["src"] or "").startswith("data:image/png;base64,")
    [sheet] = parsed.styles
    scope = parsed.tags[0][1]["class"]
    assert scope is not None
    assert re.fullmatch(r"sem-[0-9a-f]{12}", scope)
    assert sheet.startswith(f".{scope}.{scope}{{")
    depth, ends = 0, []
    for at, character in enumerate(sheet):
        depth += (character == "{") - (character == "}")
        if character == "}" and depth == 0:
            ends.append(at)
    assert ends == [len(sheet.rstrip()) - 1]  # one rule, with all others inside
    assert not re.search(r"url\(|@import|:root|(?<![\w.-])body", sheet)
    return parsed


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    y, x = np.mgrid[:48, :64]
    return Image.fromarray(np.stack([4 * x, 5 * y, 128 + 0 * x], -1).astype(np.uint8))


@pytest.fixture(scope="module")
def data(photo: Image.Image) -> bytes:
    return refcodec.encode(photo, quality=3)


def test_an_inspection_shows_facts_shares_and_fields(data: bytes) -> None:
    inspection = refcodec.inspect(data)
    parsed = checked(inspection._repr_html_())
    text = parsed.all_text()
    assert ".sem version 1, elic, 64x48" in text
    assert f"{len(data)} bytes, {inspection.bpp:.4f} bpp" in text
    assert f"{len(inspection.fields)} fields" in text
    assert all(field.name.rpartition(".")[2] in text for field in inspection.fields)
    widths = re.findall(r"\.bar \.f(\d+)\{flex:(\d+)\}", parsed.styles[0])
    assert [int(bits) for _, bits in widths] == [field.bits for field in inspection.fields]
    assert sum(int(bits) for _, bits in widths) == 8 * len(data)


@pytest.mark.parametrize("broken", [b"", b"\xf5", b"\xf5\x9e", b"no", b"\xf5\x9e\x20\xfd\x01", bytes(100)])
def test_an_inspection_of_anything_shows_its_error(broken: bytes) -> None:
    inspection = refcodec.inspect(broken)
    parsed = checked(inspection._repr_html_())
    assert inspection.errors[0].id in parsed.all_text()
    assert ("dd", {"class": "bad"}) in parsed.tags


def test_every_prefix_and_flip_of_a_file_can_be_shown(data: bytes) -> None:
    small = refcodec.encode(caption="A cat.", size=(64, 48), metadata={"a": "b"})
    for n in range(len(small)):
        checked(refcodec.inspect(small[:n])._repr_html_())
        checked(refcodec.inspect(small[:n] + bytes([small[n] ^ 0x41]) + small[n + 1 :])._repr_html_())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str, photo: Image.Image, tmp_path: Path) -> None:
    held = refcodec.encode(caption=text, size=(64, 48), metadata={text[:60]: text})
    plain = refcodec.encode(caption="x", size=(64, 48), metadata={"x": "x"})
    with Image.open(io.BytesIO(held)) as opened:
        shown = [refcodec.inspect(held)._repr_html_(), notebook.image_html(opened)]
    with Image.open(io.BytesIO(plain)) as opened:
        harmless = [refcodec.inspect(plain)._repr_html_(), notebook.image_html(opened)]
    for hostile, other in zip(shown, harmless, strict=True):
        assert [tag for tag, _ in checked(hostile).tags] == [tag for tag, _ in checked(other).tags]
        assert text in checked(hostile).all_text() or not text.isprintable()
        assert not set("\u202e\u0007\u001b") & set(hostile)
    gallery = side_by_side({text: photo})
    parsed = checked(gallery._repr_html_())
    assert [tag for tag, _ in parsed.tags] == ["div", "style", "div", "figure", "img", "figcaption", "b"]
    write_html(tmp_path / "page.html", gallery)
    assert "<script" not in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_is_shown_is_bounded() -> None:
    many = refcodec.encode(caption="x" * 60_000, size=(64, 48), metadata={f"key {i:04}": "v" * 50 for i in range(1000)})
    inspection = refcodec.inspect(many)
    html = inspection._repr_html_()
    parsed = checked(html)
    assert f"… {len(inspection.fields) - 200} more fields" in parsed.all_text()
    assert len(html) < 150_000
    with Image.open(io.BytesIO(many)) as opened:
        text = checked(notebook.image_html(opened)).all_text()
    assert "x" * (TEXT_MAX - 1) + "…" in text
    assert "x" * TEXT_MAX not in text


def test_a_gallery_has_the_sizes_of_files(photo: Image.Image, data: bytes, tmp_path: Path) -> None:
    out = io.BytesIO()
    photo.save(out, "PNG")
    (tmp_path / "photo.png").write_bytes(out.getvalue())
    (tmp_path / "photo.sem").write_bytes(data)
    gallery = side_by_side(
        {
            "pixels": np.asarray(photo),
            "picture": photo,
            "bytes": out.getvalue(),
            "path": tmp_path / "photo.png",
            "sem": data,
            "sem as text": str(tmp_path / "photo.sem"),
        }
    )
    sizes = [entry.file_bytes for entry in gallery.entries]
    assert sizes == [None, None, len(out.getvalue()), len(out.getvalue()), len(data), len(data)]
    assert gallery.entries[0].note == "64x48"
    assert gallery.entries[4].note == f"{len(data):,} bytes, {8 * len(data) / (64 * 48):.4f} bpp"
    assert np.array_equal(gallery.entries[4].image, refcodec.decode(data))
    images = [attributes for tag, attributes in checked(gallery._repr_html_()).tags if tag == "img"]
    assert [image["alt"] for image in images] == ["pixels", "picture", "bytes", "path", "sem", "sem as text"]
    assert {(image["width"], image["height"]) for image in images} == {("64", "48")}
    png = base64.b64decode((images[0]["src"] or "").partition(",")[2])
    assert np.array_equal(Image.open(io.BytesIO(png)), photo)
    joined = gallery.picture(columns=3)
    assert joined.size == (3 * 64 + 2 * 8, 2 * (48 + 40) + 8)
    assert np.array_equal(np.asarray(joined)[40:88, :64], photo)


@pytest.mark.parametrize("columns", [0, -1])
def test_a_picture_has_columns(columns: int, photo: Image.Image) -> None:
    with pytest.raises(ValueError, match=f"at least one column, not {columns}"):
        side_by_side({"x": photo, "y": photo}).picture(columns)


@pytest.mark.parametrize("size", [(2000, 100), (100, 2000), (641, 641)])
def test_large_pictures_are_shown_smaller(size: tuple[int, int]) -> None:
    [image] = [
        attributes
        for tag, attributes in checked(side_by_side({"x": Image.new("RGB", size)})._repr_html_()).tags
        if tag == "img"
    ]
    assert max(int(image["width"] or 0), int(image["height"] or 0)) == SIDE_MAX


@pytest.mark.parametrize("count", [0, PICTURES_MAX + 1])
def test_a_gallery_has_some_pictures_and_not_too_many(count: int, photo: Image.Image) -> None:
    with pytest.raises(ValueError, match=f"1 to {PICTURES_MAX} pictures, not {count}"):
        side_by_side({str(i): photo for i in range(count)})


def test_bad_files_raise_before_anything_is_shown(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(refcodec.CheckError):
        side_by_side({"x": data[:-3]})
    with pytest.raises(OSError, match="cannot identify"):
        side_by_side({"x": b"junk"})
    with pytest.raises(FileNotFoundError):
        side_by_side({"x": tmp_path / "absent.png"})
    with pytest.raises(refcodec.InputOutputError):
        write_html(tmp_path / "absent" / "page.html", refcodec.inspect(data))


def test_an_opened_file_shows_its_picture_and_its_size(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as opened:
        parsed = checked(opened._repr_html_())  # type: ignore[attr-defined]
    [image] = [attributes for tag, attributes in parsed.tags if tag == "img"]
    png = base64.b64decode((image["src"] or "").partition(",")[2])
    assert np.array_equal(Image.open(io.BytesIO(png)), refcodec.decode(data))
    assert f"file{len(data):,} bytes" in parsed.all_text()
    assert "checkok" in parsed.all_text()


def test_an_opened_file_without_a_picture_shows_why(data: bytes) -> None:
    for broken, reason in ((data[:-3], "SEM-E-501"), (refcodec.encode(caption="A cat.", size=(64, 48)), "SEM-E-801")):
        with Image.open(io.BytesIO(broken)) as opened:
            parsed = checked(opened._repr_html_())  # type: ignore[attr-defined]
        assert "img" not in [tag for tag, _ in parsed.tags]
        assert reason in parsed.all_text()


def test_two_outputs_on_one_page_have_styles_of_their_own(data: bytes) -> None:
    first = checked(refcodec.inspect(data)._repr_html_())
    second = checked(refcodec.inspect(data[:-1])._repr_html_())
    assert first.tags[0] != second.tags[0]
    assert checked(refcodec.inspect(data)._repr_html_()).tags == first.tags
