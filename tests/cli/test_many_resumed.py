# SPDX-License-Identifier: MIT
"""Many files that are interrupted and resumed: nothing twice, nothing half written, and nothing kept that is not right."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_harness import Semtool
from PIL import Image

from refcodec import codec
from refcodec.networks import package_search
from refcodec.temporary_files import NAME

NOTES = Path("out/.semtool-encode.jsonl")
STEMS = ("a", "b", "c")

HEARS_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from refcodec.cli.main import main
sys.exit(main())
"""


def picture(path: str, shade: int, size: tuple[int, int] = (48, 32)) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Image.linear_gradient("L").resize(size).point(lambda value: value * (shade + 1) // 32).convert("RGB").save(path)


@pytest.fixture
def encoded(semtool: Semtool) -> dict[str, bytes]:
    """Three pictures, encoded into a folder; what is in it."""
    for i, stem in enumerate(STEMS):
        picture(f"photos/{stem}.png", i)
    assert semtool("encode", "photos", "-o", "out/").status == 0
    return outputs()


def outputs() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path("out").glob("*.*")) if not path.name.startswith(".")}


def remake(semtool: Semtool, *options: str) -> list[str]:
    """Resume; return the outputs that were made again."""
    before = {path: path.stat().st_mtime_ns for path in Path("out").glob("*.sem")}
    done = semtool("encode", "photos", "-o", "out/", "--resume", "--json", *options)
    assert done.status == 0
    states = {row["file"]: row["state"] for row in done.json["files"]}
    for path, mtime in before.items():
        assert (path.stat().st_mtime_ns == mtime) == (states[str(path)] == "kept")
    return [Path(name).name for name, state in states.items() if state == "done"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 0x40
    path.write_bytes(data)


def older(path: Path, seconds: int = -100) -> None:
    now = time.time()
    os.utime(path, (now + seconds, now + seconds))


def without_notes(path: Path) -> None:
    NOTES.unlink()


def in_folder(source: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        picture(source, 9)

    return change


KINDS: dict[str, tuple[list[Callable[[Path], None]], list[str]]] = {
    "nothing": ([], []),
    "deleted": ([Path.unlink], ["b.sem"]),
    "empty": ([lambda path: path.write_bytes(b"")], ["b.sem"]),
    "cut short": ([cut], ["b.sem"]),
    "a flipped bit": ([flip], ["b.sem"]),
    "another format": ([lambda path: picture("x.png", 3), lambda path: os.replace("x.png", path)], ["b.sem"]),
    "another input": ([in_folder("photos/b.png")], ["b.sem"]),
    "a new input": ([in_folder("photos/d.png")], ["d.sem"]),
    "no notes": ([without_notes], []),
    "no notes, cut short": ([without_notes, cut], ["b.sem"]),
    "no notes, a flipped bit": ([without_notes, flip], ["b.sem"]),
    "no notes, a newer input": ([without_notes, lambda path: older(path, -100)], ["b.sem"]),
    "a torn note": ([lambda path: NOTES.write_bytes(NOTES.read_bytes()[:-40])], []),
    "notes that are none": ([lambda path: NOTES.write_bytes(b"\xff\n[]\n{\n7\nnull\n" + b"[" * 9999)], []),
    "notes of no use": ([lambda path: NOTES.write_text('{"output": "b.sem"}\n{"options": 7}\n{"output": 3, "x": 1}\n')], ["a.sem", "b.sem", "c.sem"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_is_made_again(semtool: Semtool, encoded: dict[str, bytes], kind: str, jobs: str) -> None:
    changes, expected = KINDS[kind]
    for change in changes:
        change(Path("out/b.sem"))
    assert remake(semtool, "--jobs", jobs) == expected
    after = outputs()
    assert after == {f"{path.stem}.sem": codec.encode_file(path).data for path in sorted(Path("photos").glob("*.png"))}
    assert remake(semtool) == []


def test_a_file_that_was_edited_is_kept(semtool: Semtool, encoded: dict[str, bytes]) -> None:
    """It is valid, and whoever edited it meant to."""
    assert semtool("add", "out/b.sem", "-o", "out/b.sem2", "--metadata", "title=b").status == 0
    os.replace("out/b.sem2", "out/b.sem")
    edited = outputs()
    assert remake(semtool) == []
    assert outputs() == edited


@pytest.mark.parametrize("options", [["--quality", "3"], ["--check", "32"], ["--metadata", "a=b"], ["--bpp", "2"]])
def test_outputs_of_other_options_are_made_again(
    semtool: Semtool, encoded: dict[str, bytes], options: list[str]
) -> None:
    assert remake(semtool, *options) == ["a.sem", "b.sem", "c.sem"]
    assert outputs() != encoded
    assert remake(semtool, *options) == []
    assert remake(semtool) == ["a.sem", "b.sem", "c.sem"]
    assert outputs() == encoded


def test_pictures_that_are_made_again(semtool: Semtool, encoded: dict[str, bytes]) -> None:
    call = ["decode", "out", "-o", "pictures/", "--format", "png", "--json"]
    semtool(*call)
    Path("pictures/a.png").write_bytes(Path("pictures/a.png").read_bytes()[:-50])
    Path("pictures/b.png").unlink()
    with Image.open("pictures/c.png") as image:
        image.save("pictures/c.png")  # other bytes, the same picture
    states = [row["state"] for row in semtool(*call, "--resume").json["files"]]
    assert states == ["done", "done", "kept"]
    other = [row["state"] for row in semtool(*call, "--resume", "--any-model").json["files"]]
    assert other == ["done"] * 3


def test_files_of_a_model_that_is_only_in_a_folder_of_the_call(
    semtool: Semtool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are valid, and are kept without notes, too."""
    shutil.copytree(package_search.SHIPPED / "elic-small", "mine")
    Path("empty").mkdir()
    monkeypatch.setattr(package_search, "SHIPPED", Path("empty"))
    for i, stem in enumerate(STEMS):
        picture(f"photos/{stem}.png", i)
    call = ["encode", "photos", "-o", "out/", "--json", "--jobs", "1", "--model", "mine"]
    assert [row["state"] for row in semtool(*call).json["files"]] == ["done"] * 3
    before = outputs()
    assert semtool("verify", "out/a.sem").status == 5
    NOTES.unlink()
    cut(Path("out/b.sem"))
    assert [row["state"] for row in semtool(*call, "--resume").json["files"]] == ["kept", "done", "kept"]
    assert outputs() == before


def test_times_of_inputs_on_outputs(semtool: Semtool, encoded: dict[str, bytes]) -> None:
    for stem in STEMS:
        older(Path(f"photos/{stem}.png"), -1000)
    assert semtool("encode", "photos", "-o", "out/", "--force", "--preserve-times").status == 0
    for stem in STEMS:
        assert Path(f"out/{stem}.sem").stat().st_mtime_ns == Path(f"photos/{stem}.png").stat().st_mtime_ns
    assert remake(semtool) == []


# --- killed -------------------------------------------------------------------------------------------------------

FILES = 40


def start(jobs: int, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C, "encode", "photos", "-o", "out/", "--jobs", str(jobs), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGKILL, -9, b""),
        (signal.SIGINT, 130, b"interrupted; no file is left half written\n"),
        (signal.SIGTERM, 143, b"terminated; no file is left half written\n"),
    ],
)
def test_killed_and_resumed(semtool: Semtool, jobs: int, number: int, status: int, line: bytes) -> None:
    for i in range(FILES):
        picture(f"photos/{i:02}.png", i, (160, 96))
    with start(jobs) as process:
        deadline = time.monotonic() + 120
        while len(list(Path("out").glob("*.sem"))) < 5:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (status, line)
    first = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in Path("out").glob("*.sem")}
    assert 5 <= len(first) < FILES
    for path in first:  # none is half written
        assert path.read_bytes() == codec.encode_file(Path("photos", f"{path.stem}.png")).data
    if number != signal.SIGKILL:
        assert not [path for path in Path("out").iterdir() if NAME.fullmatch(path.name)]
    done = semtool("encode", "photos", "-o", "out/", "--resume", "--jobs", str(jobs), "--json")
    assert done.status == 0
    assert done.json["summary"]["kept"] == len(first)
    assert done.json["summary"]["done"] == FILES - len(first)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in first} == first  # none is made twice
    assert len(list(Path("out").glob("*.sem"))) == FILES
    noted = [json.loads(each) for each in NOTES.read_text("ascii").splitlines()]
    assert sum("output" in each for each in noted) >= FILES - 1  # a kill may come between an output and its note
