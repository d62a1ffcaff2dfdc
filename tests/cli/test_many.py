# SPDX-License-Identifier: MIT
"""Many files and folders by one command: each as a call for it alone would make it, no two in one place, none lost."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, contents, refused, valid
from PIL import Image

from refcodec import codec
from refcodec.batch import inputs as batch_inputs
from refcodec.batch import outputs as batch_outputs
from refcodec.batch import run as batch_run
from refcodec.errors import Code, SemError
from refcodec.images.formats import _READERS
from refcodec.images.suffixes import PICTURE_SUFFIXES

posix = pytest.mark.skipif(os.name == "nt", reason="links and names of POSIX")
NOTES = ".semtool-encode.jsonl"


def picture(path: str | Path, seed: int = 0, size: tuple[int, int] = (48, 32)) -> Path:
    """Write a small picture, and the folders around it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def photos(place: Path) -> Path:
    """Five pictures, three of them in folders of the folder."""
    for i, name in enumerate(["a.png", "b.jpg", "in/c.png", "in/deep er/d.webp", "z/a.png"]):
        picture(Path("photos", name), i)
    return Path("photos")


def made(folder: str | Path) -> dict[str, bytes]:
    """The files of a folder but notes, by their paths in it."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and not path.name.startswith(".semtool-"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def alone(names: dict[str, str]) -> dict[str, bytes]:
    """What `refcodec.encode` makes of each picture, by the name of its output."""
    return {output: codec.encode_file(source).data for output, source in names.items()}


NAMES = {
    "a.sem": "photos/a.png",
    "b.sem": "photos/b.jpg",
    "in/c.sem": "photos/in/c.png",
    "in/deep er/d.sem": "photos/in/deep er/d.webp",
    "z/a.sem": "photos/z/a.png",
}


@pytest.mark.parametrize("jobs", [["--jobs", "1"], ["--jobs", "3"], []])
def test_a_folder_is_mirrored(semtool: Semtool, photos: Path, jobs: list[str]) -> None:
    done = semtool("encode", "photos", "-o", "out", *jobs)
    assert done.status == 0
    assert made("out") == alone(NAMES)
    assert [line.split(": ")[0] for line in done.text.splitlines()] == [f"out/{name}" for name in NAMES]
    assert done.line.startswith("5 encoded, ")
    # and back, with lines, bytes and statuses of calls for each
    decoded = semtool("decode", "out", "-o", "pictures/", *jobs)
    assert (decoded.status, len(made("pictures"))) == (0, 5)
    for name in NAMES:
        semtool("decode", f"out/{name}", "-o", "one.png")
        assert made("pictures")[name.replace(".sem", ".png")] == Path("one.png").read_bytes()
    verified = semtool("verify", "out", *jobs)
    assert verified.text == "".join(semtool("verify", f"out/{name}").text for name in NAMES)
    assert verified.status == 0


def test_files_go_by_their_last_names(semtool: Semtool, photos: Path) -> None:
    assert semtool("encode", "photos/a.png", "photos/in/c.png", "-o", "new/deep", "--quality", "2").status == 0
    quality = {name: codec.encode_file(f"photos/{path}", quality=2).data for name, path in (("a.sem", "a.png"), ("c.sem", "in/c.png"))}  # fmt: skip
    assert made("new/deep") == quality


def test_one_file_into_a_folder_with_a_slash(semtool: Semtool, photos: Path) -> None:
    """So that `*.png` that means one file does what it does for two."""
    assert semtool("encode", "photos/a.png", "-o", "out/").status == 0
    assert set(made("out")) == {"a.sem"}
    assert semtool("decode", "out/a.sem", "-o", "out/").status == 0
    assert set(made("out")) == {"a.sem", "a.png"}


@pytest.mark.parametrize(("suffix", "format"), [("jpg", "JPEG"), ("webp", "WEBP"), ("ppm", "PPM")])
def test_formats_of_pictures(semtool: Semtool, photos: Path, suffix: str, format: str) -> None:
    semtool("encode", "photos/a.png", "photos/b.jpg", "-o", "out/")
    assert semtool("decode", "out", "-o", "pictures", "--format", suffix).status == 0
    names = {f"{stem}.{suffix}" for stem in "ab"}
    assert set(made("pictures")) == names
    for name in names:
        with Image.open(Path("pictures", name)) as image:
            assert image.format == format


def test_inspect_shows_each_in_turn(semtool: Semtool, photos: Path) -> None:
    semtool("encode", "photos", "-o", "out/")
    both = semtool("inspect", "out/a.sem", "out/b.sem")
    assert both.text == semtool("inspect", "out/a.sem").text + semtool("inspect", "out/b.sem").text
    done = semtool("inspect", "out", "--json").json
    valid("inspect-many", done)
    rows = done["files"]
    assert [row.pop("file") for row in rows] == [f"out/{name}" for name in NAMES]
    for row in rows:
        valid("inspect", row)


# --- objects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_objects_of_many_files(semtool: Semtool, photos: Path, jobs: str) -> None:
    Path("photos/broken.png").write_bytes(b"no picture")
    done = semtool("encode", "photos", "-o", "out/", "--json", "--jobs", jobs)
    assert done.status == 7
    rows, summary = done.json["files"], done.json["summary"]
    assert [row["source"] for row in rows] == sorted([*NAMES.values(), "photos/broken.png"])
    assert (summary["done"], summary["kept"], summary["failed"]) == (5, 0, 1)
    assert summary["bytes"] == sum(map(len, made("out").values()))
    for row in rows:
        state, error, source = row.pop("state"), row.pop("error"), row.pop("source")
        if source == "photos/broken.png":
            assert (state, error["code"]) == ("failed", "SEM-E-103")
            continue
        assert (state, error) == ("done", None)
        valid("encode", row)
    one = semtool("encode", "photos/a.png", "-o", "out/a.sem", "--json")
    valid("encode", one.json)
    assert rows[0] == one.json
    valid("verify", semtool("verify", "out", "--json", "--jobs", jobs).json)
    decoded = semtool("decode", "out", "-o", "pictures/", "--json", "--jobs", jobs).json
    assert {row["state"] for row in decoded["files"]} == {"done"}


# --- broken inputs ------------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[Callable[[Path], object], str, int]] = {
    "empty": (lambda path: path.write_bytes(b""), "SEM-E-103", 7),
    "text": (lambda path: path.write_text("no picture"), "SEM-E-103", 7),
    "cut": (lambda path: path.write_bytes(Path("photos/a.png").read_bytes()[:-100]), "SEM-E-104", 7),
    "link to nothing": (lambda path: path.symlink_to("nothing"), "SEM-E-101", 7),
    "link to itself": (lambda path: path.symlink_to(path.name), "SEM-E-101", 7),
}


@posix
@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_broken_pictures_among_good_ones(semtool: Semtool, photos: Path, kind: str, jobs: str) -> None:
    spoil, code, status = BROKEN[kind]
    spoil(Path("photos/in/broken.png"))
    done = semtool("encode", "photos", "-o", "out/", "--jobs", jobs)
    assert done.status == status
    assert made("out") == alone(NAMES)
    failure, summary = done.err.splitlines()
    assert "photos/in/broken.png" in failure
    assert code in failure
    assert summary.startswith("5 encoded, 1 failed, ")


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(("command", "more"), [("decode", ["-o", "pictures/"]), ("verify", []), ("inspect", [])])
def test_broken_files_among_good_ones(semtool: Semtool, photos: Path, command: str, more: list[str], jobs: str) -> None:
    """The status is that of the first, in the order of the inputs."""
    semtool("encode", "photos", "-o", "out/")
    data = Path("out/a.sem").read_bytes()
    Path("out/aa.sem").write_bytes(data[:4])
    Path("out/b.sem").write_bytes(b"")
    Path("out/in/c.sem").write_bytes(bytes([data[0], data[1], data[2] | 0xF0, *data[3:]]))
    done = semtool(command, "out", *more, *(["--jobs", jobs] if command != "inspect" else []))
    lines = done.err.splitlines()
    assert [line.split(": ")[0] for line in lines[:-1]] == ["out/aa.sem", "out/b.sem", "out/in/c.sem"]
    assert lines[-1].startswith(
        f"3 {command.removesuffix('e').removesuffix('y') if command != 'verify' else 'verifi'}ed, 3 failed"
    )
    assert done.status == 3
    if command == "decode":
        assert set(made("pictures")) == {"a.png", "in/deep er/d.png", "z/a.png"}


def test_named_files_that_are_not_there(semtool: Semtool, photos: Path) -> None:
    done = semtool("encode", "photos/a.png", "gone.png", "", "photos/b.jpg", "-o", "out/")
    assert (done.status, set(made("out"))) == (7, {"a.sem", "b.sem"})
    assert [line.split(":")[0] for line in done.err.splitlines()[:-1]] == ["SEM-E-101 cannot-read"] * 2


def test_the_status_is_that_of_the_first_failure(semtool: Semtool, photos: Path) -> None:
    semtool("encode", "photos", "-o", "out/")
    Path("out/a.sem").write_bytes(Path("out/a.sem").read_bytes() + b"x")
    assert semtool("verify", "out", "gone.sem").status == 3
    assert semtool("verify", "gone.sem", "out").status == 7


# --- two inputs, one output ---------------------------------------------------------------------------------------

CLASHES: dict[str, tuple[list[str], list[str]]] = {
    "suffixes": (["p/a.png", "p/a.jpg"], ["p"]),
    "two folders": (["p/a.png", "q/a.png"], ["p", "q"]),
    "folder and file": (["p/a.png", "q/a.png"], ["p", "q/a.png"]),
    "two files": (["p/a.png", "q/a.jpg"], ["p/a.png", "q/a.jpg"]),
    "deep": (["p/x/y/a.png", "p/x/y/a.webp"], ["p"]),
}


@pytest.mark.parametrize("kind", CLASHES)
@pytest.mark.parametrize("option", [[], ["--force"], ["--no-clobber"], ["--resume"]])
def test_two_inputs_onto_one_output(semtool: Semtool, place: Path, kind: str, option: list[str]) -> None:
    files, args = CLASHES[kind]
    for name in files:
        picture(name)
    before = contents(place)
    done = semtool("encode", *args, "-o", "out/", *option)
    refused(done, 2, "usage: ")
    assert all(name in done.line for name in files)
    assert contents(place) == before


def test_suffixes_that_are_kept(semtool: Semtool, place: Path) -> None:
    for name in ("p/a.png", "p/a.jpg"):
        picture(name)
    assert semtool("encode", "p", "-o", "out/", "--keep-suffix").status == 0
    assert set(made("out")) == {"a.png.sem", "a.jpg.sem"}
    assert semtool("decode", "out", "-o", "back/", "--keep-suffix").status == 0
    assert set(made("back")) == {"a.png.sem.png", "a.jpg.sem.png"}


@pytest.mark.parametrize("args", [["p/a.png", "p/a.png"], ["p", "p/a.png"], ["p", "p"], ["p/a.png", "./p/../p/a.png"]])
def test_an_input_that_is_named_twice_is_taken_once(semtool: Semtool, place: Path, args: list[str]) -> None:
    picture("p/a.png")
    done = semtool("encode", *args, "-o", "out/")
    assert (done.status, set(made("out"))) == (0, {"a.sem"})
    assert done.line.startswith("1 encoded, ")


@posix
@pytest.mark.parametrize("names", [("A.png", "a.jpg"), ("é.png", "e\u0301.png"), ("in/x.png", "IN/x.png")])
@pytest.mark.parametrize("ignores", [True, False])
def test_names_that_differ_in_case(
    semtool: Semtool, place: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str], ignores: bool
) -> None:
    for name in names:
        picture(Path("p", name))
    monkeypatch.setattr(batch_outputs, "ignores_case", lambda folder: ignores)
    done = semtool("encode", "p", "-o", "out/")
    if ignores:
        refused(done, 2, "usage: ")
        assert not Path("out").exists()
    else:
        assert (done.status, len(made("out"))) == (0, 2)


@pytest.mark.parametrize("ignores", [True, False])
@pytest.mark.parametrize("folder", ["", "here", "here/not/yet"])
def test_whether_a_file_system_ignores_case(place: Path, folder: str, ignores: bool) -> None:
    Path("here").mkdir()
    seen = []

    def exists(name: str) -> bool:
        seen.append(name)
        lower = os.path.join(os.path.dirname(name), os.path.basename(name).lower())
        assert os.path.lexists(lower)
        return ignores

    assert batch_outputs.ignores_case(folder, exists) is ignores
    assert len(seen) == 1
    assert contents(place) == {place / "here": None}


def test_outputs_among_the_inputs(semtool: Semtool, photos: Path) -> None:
    """A folder of outputs within the inputs is not searched, and outputs beside the inputs are not taken for them."""
    assert semtool("encode", "photos", "-o", "photos/out").status == 0
    assert made("photos/out") == alone(NAMES)
    assert semtool("decode", "photos/out", "-o", "photos/out/pictures").status == 0
    again = semtool("encode", "photos", "-o", "photos/out", "--force")
    assert (again.status, again.line.split(",")[0]) == (0, "5 encoded")
    assert semtool("encode", "photos/in", "-o", "photos/in").status == 0
    assert set(made("photos/in")) == {"c.png", "c.sem", "deep er/d.webp", "deep er/d.sem"}


def test_an_output_that_is_an_input(semtool: Semtool, photos: Path) -> None:
    os.rename("photos/a.png", "photos/a.sem")
    before = contents(Path())
    done = semtool("encode", "photos/a.sem", "photos/b.jpg", "-o", "photos/", "--force")
    refused(done, 2, "usage: photos/a.sem is one of the inputs")
    assert contents(Path()) == before


# --- outputs that are there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["encode", "decode"])
def test_what_is_done_about_outputs_that_are_there(semtool: Semtool, photos: Path, command: str) -> None:
    semtool("encode", "photos", "-o", "sems/")
    call = [command, "photos" if command == "encode" else "sems", "-o", "out/"]
    assert semtool(*call).status == 0
    expected = made("out")
    (first, second, *_) = sorted(expected)
    Path("out", first).write_bytes(b"mine")
    Path("out", second).unlink()
    before = contents(Path("out"))
    done = semtool(*call)
    refused(done, 2, "usage: 4 outputs, such as out/a.")
    assert all(option in done.line for option in ("--resume", "--no-clobber", "--force"))
    assert contents(Path("out")) == before
    kept = semtool(*call, "--no-clobber")
    assert (kept.status, made("out")) == (0, expected | {first: b"mine"})
    assert kept.line.startswith(f"1 {command}d, 4 kept")
    assert semtool(*call, "--force").line.startswith(f"5 {command}d")
    assert made("out") == expected


@pytest.mark.parametrize("command", ["encode", "decode"])
@pytest.mark.parametrize("pair", [("--force", "--no-clobber"), ("--force", "--resume"), ("--no-clobber", "--resume")])
@pytest.mark.parametrize("many", [True, False])
def test_options_that_contradict(
    semtool: Semtool, photos: Path, command: str, pair: tuple[str, str], many: bool
) -> None:
    if not many and "--resume" in pair:
        pytest.skip("--resume is for many files")
    target = ["photos", "-o", "out/"] if many else ["photos/a.png", "-o", "x.sem"]
    refused(semtool(command, *target, *pair), 2, "usage: --")


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("command", "source", "output"), [("encode", "photos/a.png", "photos/a.sem"), ("decode", "a.sem", "a.png")]
)
def test_one_file_that_is_there(
    semtool: Semtool, photos: Path, command: str, source: str, output: str, named: bool
) -> None:
    """--no-clobber and --force mean the same for both commands, and whoever names the output."""
    semtool("encode", "photos/a.png", "-o", "a.sem")
    call = [command, source, *(["-o", output] if named else [])]
    assert semtool(*call, "--no-clobber").status == 0
    expected = Path(output).read_bytes()
    Path(output).write_bytes(b"mine")
    refused(semtool(*call, "--no-clobber"), 2, f"usage: {output} is there already")
    assert Path(output).read_bytes() == b"mine"
    assert semtool(*call, "--force").status == 0
    assert Path(output).read_bytes() == expected


# --- names --------------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("name", ["a b", "a\nb", "-o", "ü", "*", "a.b.c", os.fsdecode(b"\xff\xfe"), "x" * 200])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_unusual_names(semtool: Semtool, place: Path, name: str, jobs: str) -> None:
    try:
        source = picture(Path("p", name, f"{name}.png"))
    except OSError:
        pytest.skip("not a name here")
    picture("p/z.png")
    done = semtool("encode", "p", "-o", "out/", "--jobs", jobs)
    assert done.status == 0
    assert len(done.text.splitlines()) == 2
    assert made("out")[f"{name}/{name}.sem"] == codec.encode_file(source).data
    rows = semtool("encode", "p", "-o", "out/", "--resume", "--json").json["files"]
    assert [(row["file"], row["state"]) for row in rows] == [("out/z.sem", "kept"), (f"out/{name}/{name}.sem", "kept")]
    assert semtool("decode", "out", "-o", "back/").status == 0
    assert set(made("back")) == {"z.png", f"{name}/{name}.png"}


@posix
def test_links(semtool: Semtool, photos: Path) -> None:
    """They are followed, unless to a folder around them."""
    Path("photos/in/loop").symlink_to("..")
    Path("photos/self").symlink_to("self")
    Path("elsewhere").mkdir()
    picture("elsewhere/e.png")
    Path("photos/linked").symlink_to("../elsewhere")
    Path("elsewhere/back").symlink_to("../photos")
    Path("photos/f.png").symlink_to("a.png")
    done = semtool("encode", "photos", "-o", "out/")
    assert done.status == 0
    assert made("out") == alone(NAMES | {"linked/e.sem": "elsewhere/e.png", "f.sem": "photos/a.png"})
    loops = [line for line in done.err.splitlines() if "leads to a folder around it" in line]
    assert [line.split()[1] for line in loops] == ["photos/in/loop", "photos/linked/back"]


@posix
def test_what_is_left_out_of_folders(semtool: Semtool, photos: Path) -> None:
    """Other suffixes, hidden files and folders, pipes; and what is left out is counted."""
    for name in ("a.txt", "b.txt", "c.pdf", ".hidden.png", "Makefile"):
        Path("photos", name).write_bytes(b"")
    picture("photos/.git/x.png")
    picture("photos/B2.PNG")
    os.mkfifo("photos/pipe.png")
    done = semtool("encode", "photos", "-o", "out/")
    assert done.status == 0
    assert set(made("out")) == {*NAMES, "B2.sem"}
    assert done.err.splitlines()[:2] == [
        "note: left out what is no regular file: photos/pipe.png",
        "note: left out 4 files of other suffixes: .txt (2), .pdf (1), none (1)",
    ]
    os.mkfifo("photos/pipe.jpg")
    Path("photos/zero.bmp").symlink_to("/dev/zero")
    for name in ("a.txt", "b.txt", "c.pdf"):
        Path("photos", name).unlink()
    assert semtool("encode", "photos", "-o", "out/", "--resume").err.splitlines()[:2] == [
        "note: left out what is no regular file: photos/pipe.jpg, and 2 more",
        "note: left out 1 file of other suffixes: none (1)",
    ]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_full_disk_ends_the_work(
    semtool: Semtool, photos: Path, monkeypatch: pytest.MonkeyPatch, jobs: str, number: int
) -> None:
    """Each further output would fail for it; what is there stays, and --resume does the rest."""
    real, written = batch_run.write_atomic, list[str]()

    def write(path: str, data: bytes, **options: Any) -> None:
        written.append(path)
        if len(written) > 2:
            raise SemError(Code.CANNOT_WRITE, f"{path}: {os.strerror(number)}") from OSError(number, "full")
        real(path, data, **options)

    monkeypatch.setattr(batch_run, "write_atomic", write)
    done = semtool("encode", "photos", "-o", "out/", "--jobs", jobs)
    assert (done.status, len(written), len(made("out"))) == (7, 3, 2)
    line = f"SEM-E-102 cannot-write: {written[2]}: {os.strerror(number)}; free some space, then go on with --resume"
    assert done.err.splitlines() == [line]
    monkeypatch.setattr(batch_run, "write_atomic", real)
    again = semtool("encode", "photos", "-o", "out/", "--resume")
    assert (again.status, made("out")) == (0, alone(NAMES))
    assert again.line.startswith("3 encoded, 2 kept")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_another_error_of_an_output_is_of_that_one(
    semtool: Semtool, photos: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = batch_run.write_atomic

    def write(path: str, data: bytes, **options: Any) -> None:
        if path.endswith("b.sem"):
            raise SemError(Code.CANNOT_WRITE, f"{path}: no") from OSError(number, "no")
        real(path, data, **options)

    monkeypatch.setattr(batch_run, "write_atomic", write)
    done = semtool("encode", "photos", "-o", "out/")
    assert (done.status, set(made("out"))) == (7, {*NAMES} - {"b.sem"})
    assert done.err.splitlines()[-1].startswith("4 encoded, 1 failed")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_folders_that_cannot_be_read(
    semtool: Semtool, photos: Path, monkeypatch: pytest.MonkeyPatch, jobs: str
) -> None:
    real = os.scandir

    def scandir(name: str) -> Any:
        if Path(name).name == "in":
            raise PermissionError(13, "Permission denied", name)
        return real(name)

    monkeypatch.setattr(batch_inputs.os, "scandir", scandir)
    done = semtool("encode", "photos", "-o", "out/", "--jobs", jobs)
    assert (done.status, set(made("out"))) == (7, {"a.sem", "b.sem", "z/a.sem"})
    failure, summary = done.err.splitlines()
    assert failure.startswith("SEM-E-101 cannot-read: photos/in: Permission denied; ")
    assert summary.startswith("3 encoded, 1 failed")


@pytest.mark.parametrize("output", ["out", "out/in"])
def test_folders_of_outputs_that_cannot_be_made(semtool: Semtool, photos: Path, output: str) -> None:
    Path("out").mkdir() if output == "out/in" else None
    Path(output).write_bytes(b"")
    done = semtool("encode", "photos", "-o", "out/")
    assert done.status == 7
    if output == "out":
        assert done.line.startswith("SEM-E-102 cannot-write: out/ is not a folder")
    else:
        assert set(made("out")) == {"a.sem", "b.sem", "z/a.sem", "in"}
        assert [line.split(":")[0] for line in done.err.splitlines()[:-1]] == ["SEM-E-102 cannot-write"] * 2


def test_suffixes_are_those_of_the_formats_that_are_read() -> None:
    Image.init()
    own = {suffix for suffix, name in Image.registered_extensions().items() if name in _READERS}
    assert own <= PICTURE_SUFFIXES
    assert PICTURE_SUFFIXES - own <= {".jxl", ".heic", ".heif", ".heics", ".heifs", ".hif", ".dib", ".pfm"}


# --- command lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "status", "start"),
    [
        (["encode", "photos/a.png", "photos/b.jpg"], 2, "usage: 2 inputs need more than one output: name a folder for the outputs, such as -o out/"),
        (["decode", "a.sem", "b.sem"], 2, "usage: 2 inputs need more than one output: name a folder"),
        (["encode", "photos"], 7, "SEM-E-101 cannot-read: photos: Is a directory; name a folder for the outputs, such as -o out/"),
        (["encode", "photos", "photos/a.png"], 7, "SEM-E-101 cannot-read: photos: Is a directory; name a folder"),
        (["decode", "photos"], 7, "SEM-E-101 cannot-read: photos: Is a directory; name a folder for the outputs"),
        (["encode", "photos", "-o", "-"], 7, "SEM-E-101 cannot-read: photos: Is a directory; name a folder"),
        (["encode", "photos/a.png", "-", "-o", "out/"], 2, "usage: standard input is one file"),
        (["inspect", "photos/a.png", "-"], 2, "usage: standard input is one file"),
        (["encode", "photos/a.png", "--resume"], 2, "usage: this is for many files: name a folder"),
        (["encode", "photos/a.png", "--keep-suffix"], 2, "usage: this is for many files: name a folder"),
        (["decode", "a.sem", "--format", "png"], 2, "usage: this is for many files: name a folder"),
        (["encode", "photos", "-o", "photos/a.png"], 7, "SEM-E-102 cannot-write: photos/a.png is not a folder"),
        (["encode", "photos", "-o", "out/", "--trace"], 2, "usage: --trace is for one file"),
        (["encode", "photos", "-o", "out/", "--size", "8x8"], 2, "usage: --size is for one file"),
        (["encode", "photos", "-o", "out/", "--quality", "3", "--bpp", "1"], 2, "usage: give quality or bpp, not both"),
        (["encode", "photos", "-o", "out/", "--method", "x"], 2, "usage: method 'x' is unknown"),
        (["encode", "photos", "-o", "out/", "--profile", "77"], 4, "SEM-E-702 "),
        (["encode", "photos", "-o", "out/", "--model", "no"], 5, "SEM-E-801 "),
        (["encode", "photos", "-o", "out/", "--jobs", "0"], 2, "usage: "),
        (["encode", "nothing", "-o", "out/"], 7, "SEM-E-101 cannot-read: nothing: no file in this folder has one of the suffixes"),
        (["verify", "nothing"], 7, "SEM-E-101 cannot-read: nothing: no file in this folder has one of the suffixes .sem"),
        (["verify", "nothing", "--trace"], 2, "usage: --trace and standard input are for named files"),
        (["inspect", "photos", "nothing"], 7, "SEM-E-101 cannot-read: "),
        (["inspect", "a.sem", "b.sem", "--html", "x.html"], 2, "usage: --html is for one file"),
        (["inspect", "a.sem", "b.sem", "--memory"], 2, "usage: --memory is for one file"),
        (["decode", "nothing", "-o", "out/", "--symbols"], 2, "usage: --symbols is for one file"),
        (["decode", "nothing", "-o", "out/", "--text"], 2, "usage: --text is for one file"),
        (["decode", "nothing", "-o", "out/", "--progressive"], 2, "usage: --progressive is for one file"),
        (["decode", "nothing", "-o", "out/", "--samples", "2"], 2, "usage: --samples is for one file"),
        (["decode", "nothing", "-o", "out/", "--trace", "t"], 2, "usage: --trace is for one file"),
        (["decode", "nothing", "-o", "out/", "--format", "gif"], 2, "usage: Invalid value for '--format': "),
        (["decode", "nothing", "-o", "out/", "--format", "npy"], 2, "usage: Invalid value for '--format': "),
    ],
)  # fmt: skip
def test_what_is_refused_before_any_work(
    semtool: Semtool, photos: Path, args: list[str], status: int, start: str
) -> None:
    Path("nothing").mkdir()
    before = contents(Path())
    done = semtool(*args)
    assert (done.status, done.out) == (status, b"")
    assert done.err.splitlines()[-1].startswith(start), done.err
    assert contents(Path()) == before


def test_existing_calls_with_a_folder_of_outputs(semtool: Semtool, photos: Path) -> None:
    """A folder without a slash is no output of one file, as ever."""
    Path("out").mkdir()
    refused(semtool("encode", "photos/a.png", "-o", "out"), 7, "SEM-E-102 cannot-write: out is a folder")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_model_that_each_picture_would_need(semtool: Semtool, photos: Path, jobs: str) -> None:
    """One line, not one for each picture."""
    done = semtool("encode", "photos", "-o", "out/", "--method", "clip", "--jobs", jobs)
    refused(done, 5, "SEM-E-801 model-unavailable: nothing fills the role image_embedder")
    assert made("out") == {}


def test_an_option_that_does_not_fit_a_picture(semtool: Semtool, photos: Path) -> None:
    done = semtool("encode", "photos", "-o", "out/", "--caption", "x")
    assert (done.status, made("out")) == (2, {})
    assert all(": usage: model elic-small has no text adapter" in line for line in done.err.splitlines()[:-1])


def test_limits_are_those_of_each_file(semtool: Semtool, photos: Path) -> None:
    picture("photos/large.png", size=(200, 100))
    done = semtool("encode", "photos", "-o", "out/", "--max-pixels", "10000")
    assert (done.status, made("out")) == (7, alone(NAMES))
    assert done.err.splitlines()[0].startswith("photos/large.png: SEM-E-105 ")


def test_more_memory_than_the_caller_allows(semtool: Semtool, photos: Path) -> None:
    done = semtool("encode", "photos", "-o", "out/", "--max-memory", "1M", "--jobs", "2")
    assert (done.status, made("out")) == (6, {})
    assert [line.split(": ")[1] for line in done.err.splitlines()[:-1]] == ["SEM-E-605 limit-symbols"] * 5


# --- a bar --------------------------------------------------------------------------------------------------------


@posix
def test_a_bar_on_a_terminal(photos: Path) -> None:
    """Failures stand above it, each on its line; standard output is not a terminal here, and has its lines."""
    import pty
    import subprocess

    Path("photos/broken.png").write_bytes(b"")
    master, slave = pty.openpty()
    code = "import sys; from refcodec.cli.main import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "60"}
    with subprocess.Popen(
        [sys.executable, "-c", code, "encode", "photos", "-o", "out/", "--jobs", "1"],
        stdout=subprocess.PIPE,
        stderr=slave,
        env=environment,
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                more = os.read(master, 1 << 16)
            except OSError:
                break
            if not more:
                break
            shown += more
        out, _ = process.communicate()
    os.close(master)
    assert process.returncode == 7
    assert b"encoded" in shown
    assert b"6/6" in shown
    lines = [line.split(b"\x1b[2K")[-1] for line in shown.replace(b"\r", b"").split(b"\n")]
    assert any(line.startswith(b"photos/broken.png: SEM-E-103 ") for line in lines), shown
    assert b"5 encoded, 1 failed, " in shown
    assert len(out.splitlines()) in (0, 5)


def test_notes_are_lines_of_ascii(semtool: Semtool, photos: Path) -> None:
    semtool("encode", "photos", "-o", "out/")
    lines = Path("out", NOTES).read_text("ascii").splitlines()
    assert [set(json.loads(line)) for line in lines[1:]] == [{"output", "sha256", "size", "time_ns", "options"}] * 5


@posix
@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_time_of_the_entire_command(semtool: Semtool, place: Path, jobs: str) -> None:
    """What is done by then stays, and is not done again."""
    for i in range(200):
        picture(f"photos/{i:03}.png", i)
    done = semtool("encode", "photos", "-o", "out/", "--jobs", jobs, "--timeout", "1")
    assert done.status == 6
    assert done.err.splitlines()[-1].startswith(
        "SEM-E-605 limit-symbols: not done in 1 s, the time limit of the caller"
    )
    first = made("out")
    assert len(first) < 200
    for name, data in first.items():
        assert data == codec.encode_file(f"photos/{Path(name).stem}.png").data
    again = semtool("encode", "photos", "-o", "out/", "--jobs", jobs, "--resume", "--json").json
    assert again["summary"]["kept"] >= len(first)
    assert len(made("out")) == 200
