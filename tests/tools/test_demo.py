# SPDX-License-Identifier: MIT
"""The demonstration: other codecs at equal bytes, the sheet, and what it says about the path."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, features

from tools.demo import PHOTO, ROOT, __main__, anchors, sheet, steps

avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    with Image.open(PHOTO) as image:
        return np.asarray(image.convert("RGB").resize((300, 200)))


@pytest.mark.parametrize("wanted", [2500, 4000, 9000])
@pytest.mark.parametrize("codec", [anchors.jpeg, pytest.param(anchors.avif, marks=avif)])
def test_an_anchor_has_the_wanted_bytes(codec: anchors.Codec, wanted: int, photo: NDArray[np.uint8]) -> None:
    found = codec(photo, wanted)
    assert found is not None
    assert found.equal
    assert abs(len(found.data) / wanted - 1) <= 0.04
    assert found.pixels.shape == photo.shape
    assert __main__.psnr(photo, found.pixels) > 20


def test_a_codec_that_cannot_reach_the_bytes_gets_a_reduced_picture(photo: NDArray[np.uint8]) -> None:
    at_full_size = anchors.jpeg(photo, 500)
    assert not at_full_size.equal
    found = anchors.reduced(anchors.jpeg, photo, 500)
    assert found is not None
    assert (found.factor > 1, found.smallest, found.pixels.shape) == (True, len(at_full_size.data), photo.shape)
    panel = __main__.anchor_panel("JPEG", found, photo)
    assert f"at 1/{found.factor} size (at full size {len(at_full_size.data):,} bytes or more)" in panel.note


def test_a_row_marks_the_best(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    (tmp_path / "a.sem").write_bytes(bytes(3000))
    worse = steps.Coded(tmp_path / "a.sem", np.full_like(photo, 128))
    row = __main__.compared("heading", ".sem", worse, {"JPEG": anchors.jpeg(photo, 3000), "AVIF": None}, photo)
    assert ["best of the row" in panel.note for panel in row.panels] == [False, True, False]
    assert row.panels[0].title == ".sem: 3,000 bytes, 0.4000 bpp"
    assert row.panels[2].title == "AVIF: not available here"


@pytest.mark.parametrize("size", [(600, 400), (400, 600), (40, 1000), (1, 1)])
def test_the_sheet_holds_pictures_of_any_shape(size: tuple[int, int]) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    panel = sheet.Panel("a title that is much longer than a panel is wide " * 3, "note", pixels)
    text = sheet.Panel("words", "note", "\tsmall\nlarge words", own=True)
    drawn = sheet.draw_sheet("title", "subtitle", [sheet.Row("heading", (panel, text))], size)
    assert drawn.dtype == np.uint8
    assert drawn.ndim == 3
    assert max(drawn.shape) < 2000


@pytest.mark.parametrize(
    ("shell", "script"),
    [("/bin/bash", "activate"), ("/usr/bin/fish", "activate.fish"), ("/bin/tcsh", "activate.csh"), ("", "activate")],
)
def test_the_demonstration_says_how_semtool_gets_on_the_path(
    shell: str, script: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHELL", shell)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(ROOT / ".venv/bin/python"))
    assert steps.activation() == f"source .venv/bin/{script}"


def test_nothing_is_said_where_semtool_is_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "semtool").write_text("#!/bin/sh\n")
    (tmp_path / "semtool").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert steps.activation() is None


def test_the_demonstration_installs_no_more_than_it_imports() -> None:
    """`make demo` needs the base install: its modules import what that brings, and the Makefile asks for no more."""
    rules = dict(re.findall(r"^([\w-]+|\$\(VENV\)/\.\w+):(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert rules["demo"].split()[0] == "setup-base"
    assert rules["setup-base"].split()[0] == "$(VENV)/.base"
    sources = "".join(path.read_text() for path in (ROOT / "tools/demo").glob("*.py"))
    found = set(re.findall(r"^\s*(?:from|import) (\w+)", sources, re.MULTILINE)) - sys.stdlib_module_names
    assert found == {"numpy", "PIL", "pillow_jxl", "refcodec", "tools"}


def test_a_large_photo_is_shrunk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (1600, 900), "teal").save(tmp_path / "large.png")
    path, pixels = steps.prepared(tmp_path / "large.png", tmp_path)
    assert pixels.shape[0] * pixels.shape[1] <= steps.PIXELS_MAX + 2000
    assert path.name == f"large-{pixels.shape[1]}x{pixels.shape[0]}.png"
    assert "uses it as" in capsys.readouterr().out
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "small.png")
    assert steps.prepared(tmp_path / "small.png", tmp_path)[0] == tmp_path / "small.png"


@pytest.mark.parametrize(
    ("photo", "given", "caption", "printed"),
    [
        (PHOTO, None, "a red cup of coffee on a wooden table", ""),
        (PHOTO, "a cup", "a cup", ""),
        (Path("mine.jpg"), "a cat", "a cat", ""),
        (Path("mine.jpg"), None, "a photograph", "described as 'a photograph'; say what it shows with CAPTION"),
    ],
)
def test_another_photo_is_not_described_as_a_cup(
    photo: Path, given: str | None, caption: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.caption_for(photo, given) == caption
    assert capsys.readouterr().out.startswith(printed)
