# SPDX-License-Identifier: MIT
"""`semtool decode --progressive`: what is in the output at each stage, at the end, and after an error."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, contents, refused
from PIL import Image

import refcodec
from refcodec import fileio

pytest.importorskip("torch")

PREVIEWS = 5


@pytest.fixture
def source(place: Path) -> Path:
    """A .sem file of a small picture."""
    rows, cols = np.mgrid[0:70, 0:100]
    pixels = np.stack([128 + 100 * np.sin(cols / 11), 128 + 90 * np.cos((rows + cols) / 13), rows * 2 + cols], -1)
    path = place / "photo.sem"
    path.write_bytes(refcodec.encode(np.clip(pixels, 0, 255).astype(np.uint8)))
    return path


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """Every file that is written, as it was at that time."""
    files: list[tuple[str, bytes]] = []
    write = fileio.write_atomic

    def note(name: str, data: bytes, **more: Any) -> None:
        files.append((name, data))
        write(name, data, **more)

    monkeypatch.setattr(fileio, "write_atomic", note)
    return files


def test_each_stage_replaces_the_output(semtool: Semtool, source: Path, written: list[tuple[str, bytes]]) -> None:
    done = semtool("decode", source, "-o", "out.png", "--progressive")
    assert (done.status, done.err) == (0, "")
    assert [name for name, _ in written] == ["out.png"] * (PREVIEWS + 1)
    assert done.text.splitlines() == [
        *[f"out.png: preview {n}, 100x70, not verified" for n in range(1, PREVIEWS + 1)],
        "out.png: picture, 100x70, check ok",
    ]
    assert semtool("decode", source, "-o", "plain.png").text == "plain.png: picture, 100x70, check ok\n"
    assert Path("out.png").read_bytes() == Path("plain.png").read_bytes() == written[PREVIEWS][1]
    pictures = [Image.open(io.BytesIO(data)) for _, data in written[: PREVIEWS + 1]]
    assert {picture.size for picture in pictures} == {(100, 70)}
    notes = [picture.info["Description"] for picture in pictures]
    assert notes == ["unverified preview of a .sem description"] * PREVIEWS + ["synthesised from a .sem description"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
def test_every_format_ends_as_without_it(semtool: Semtool, source: Path, suffix: str) -> None:
    for name, more in (("a", ("--progressive",)), ("b", ())):
        assert semtool("decode", source, "-o", f"{name}.{suffix}", *more).status == 0
    assert Path(f"a.{suffix}").read_bytes() == Path(f"b.{suffix}").read_bytes()


def test_json_is_that_of_decode(semtool: Semtool, source: Path) -> None:
    first, second = (semtool("decode", source, "-o", "out.png", "--json", *more) for more in ((), ("--progressive",)))
    assert (first.status, second.status) == (0, 0)
    assert first.json == second.json


def test_default_names_replace_nothing(semtool: Semtool, source: Path, place: Path) -> None:
    assert semtool("decode", source, "--progressive").status == 0
    assert (place / "photo.png").exists()
    before = contents(place)
    refused(semtool("decode", source, "--progressive"), 2, "usage: ")
    assert contents(place) == before
    assert semtool("decode", source, "--progressive", "--force").status == 0


def test_times_are_those_of_the_source_at_the_end(semtool: Semtool, source: Path, place: Path) -> None:
    assert semtool("decode", source, "-o", "out.png", "--progressive", "--preserve-times").status == 0
    assert (place / "out.png").stat().st_mtime_ns == source.stat().st_mtime_ns


def test_after_a_failed_check_the_last_preview_remains(semtool: Semtool, source: Path, place: Path) -> None:
    data = bytearray(source.read_bytes())
    at = next(field.offset for field in refcodec.inspect(bytes(data)).fields if field.name == "check")
    data[at] ^= 1
    source.write_bytes(data)
    plain = semtool("decode", source, "-o", "plain.png")
    done = semtool("decode", source, "-o", "out.png", "--progressive")
    assert done.status == plain.status == 3
    assert done.err.splitlines() == [f"note: out.png is preview {PREVIEWS}, which is not verified", plain.line]
    assert not (place / "plain.png").exists()
    with Image.open(place / "out.png") as picture:
        assert picture.info["Description"] == "unverified preview of a .sem description"
    done = semtool("decode", source, "-o", "out.png", "--progressive", "--json")
    assert done.status == 3
    assert done.json["error"]["family"] == "check"


def test_an_error_before_the_first_preview_writes_nothing(semtool: Semtool, source: Path, place: Path) -> None:
    source.write_bytes(source.read_bytes()[:4])
    before = contents(place)
    refused(semtool("decode", source, "-o", "out.png", "--progressive"), 3, "SEM-E-")
    assert contents(place) == before


def test_limits_hold(semtool: Semtool, source: Path, place: Path) -> None:
    for limit in (("--timeout", "0.000001"), ("--max-memory", "1M"), ("--max-pixels", "100")):
        refused(semtool("decode", source, "-o", "out.png", "--progressive", *limit), 6, "SEM-E-")
    assert not (place / "out.png").exists()


def test_other_methods_write_one_picture(semtool: Semtool, place: Path, written: list[tuple[str, bytes]]) -> None:
    Path("x.sem").write_bytes(refcodec.encode(np.full((64, 64, 3), 90, np.uint8), method="perco"))
    done = semtool("decode", "x.sem", "-o", "out.png", "--progressive")
    assert (done.status, len(written)) == (0, 1)
    assert semtool("decode", "x.sem", "-o", "plain.png").text.replace("plain", "out") == done.text
    assert Path("out.png").read_bytes() == Path("plain.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("-o", "-"), "name a file with -o"),
        (("--symbols",), "--progressive is for pictures"),
        (("--text",), "--progressive is for pictures"),
        (("-o", "o.png", "--samples", "2"), "exclude each other"),
        (("-o", "o.png", "--trace", "steps"), "exclude each other"),
        (("-o", "o.png", "--steps", "3"), "has no steps"),
        (("-o", "o.npz"), "is not a picture"),
    ],
)
def test_options_that_exclude_it(semtool: Semtool, source: Path, place: Path, words: Any, reason: str) -> None:
    before = contents(place)
    done = semtool("decode", source, "--progressive", *words)
    refused(done, 2, "usage: ")
    assert reason in done.line
    assert contents(place) == before


def test_standard_input_needs_a_name(semtool: Semtool, source: Path) -> None:
    done = semtool("decode", "-", "--progressive")
    refused(done, 2, "usage: ")
    assert "name a file with -o" in done.line
