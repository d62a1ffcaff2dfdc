# SPDX-License-Identifier: MIT
"""Outputs that cannot be written are refused before the work starts, and not after it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from refcodec.cli import output_probe
from refcodec.cli.main import main
from refcodec.errors import SemError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
BAD = ("/dev/full", "missing/out", "folder", "file/out", "socket", "long" * 70, "link/out")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("gone")
    os.mknod(tmp_path / "socket", 0o140600)
    Image.fromarray(np.zeros((96, 96, 3), np.uint8)).save(tmp_path / "a.png")
    return tmp_path


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pieces of work that were started."""
    from refcodec import codec, reconstruct
    from refcodec.cli.bench import measure, speed
    from refcodec.foundation import identity

    started: list[str] = []

    def replaced(name: str) -> Callable[..., Any]:
        def work(*_: Any, **__: Any) -> Any:
            started.append(name)
            raise ValueError(f"{name} was started")

        return work

    for module, name in ((codec, "encode_file"), (reconstruct, "reconstruct"), (measure, "load"), (speed, "measured")):
        monkeypatch.setattr(module, name, replaced(name))
    monkeypatch.setattr(identity, "identify", replaced("identify"))
    return started


VARY = ["bench", "vary", "a.png", "--method", "clip", "--vary", "steps=1,2"]
RATE = ["bench", "rate", "a.png", "--anchors", "none"]
# a command, without the name of its output
COMMANDS: dict[str, list[str]] = {
    "vary -o": [*VARY, "-o"], "vary --cache": [*VARY, "--cache"], "rate -o": [*RATE, "-o"], "rate --plot": [*RATE, "--plot"],
    "rate --html": [*RATE, "--html"], "rate --cache": [*RATE, "--cache"], "encode -o": ["encode", "a.png", "-o"],
    "identify -o": ["models", "identify", "image_embedder=folder", "-o"],
}  # fmt: skip
INTO_FOLDERS = ("vary --cache", "rate --cache", "identify -o")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_output_is_refused_before_the_work(place: Path, worked: list[str], command: str, name: str) -> None:
    """`bench vary -o /dev/full` failed after hours of measuring."""
    before = sorted(place.rglob("*"))
    if command in INTO_FOLDERS and name in ("missing/out", "folder"):
        return  # the folder is created, or is there
    if command.startswith(("vary", "rate")):
        pytest.importorskip("scipy")
    assert main([*COMMANDS[command], name]) in (2, 7)
    assert worked == []
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_good_output_lets_the_work_start(place: Path, worked: list[str], command: str) -> None:
    if command.startswith(("vary", "rate")):
        pytest.importorskip("scipy")
    assert main([*COMMANDS[command], "new"]) == 2
    assert len(worked) == 1


@pytest.mark.parametrize(
    "words", [[*VARY], [*RATE], ["bench", "speed"], ["models", "identify", "image_embedder=folder"]]
)
@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize("sink", [">/dev/full", ">&-", "1</dev/null"])
def test_results_that_cannot_be_printed(place: Path, words: list[str], more: list[str], sink: str) -> None:
    """The folder and the picture are no model and no large picture: with another output each has another error."""
    pytest.importorskip("scipy")
    line = f'exec "$@" {sink}'
    call = ["sh", "-c", line, "sh", sys.executable, "-m", "refcodec.cli", *words, *more]
    done = subprocess.run(call, capture_output=True, cwd=place, timeout=120, check=False)
    text = done.stderr.decode()
    assert (done.returncode, text.count("\n")) == (7, 1), text
    assert "SEM-E-102 cannot-write: standard output" in text


def test_an_existing_package_is_refused_before_it_is_read(place: Path, worked: list[str]) -> None:
    (place / "folder" / "x").touch()
    for words in ([], ["--replace"]):
        assert main(["models", "identify", "image_embedder=folder", "-o", "folder", *words]) == 2
    assert worked == []


@pytest.mark.parametrize("name", ["/dev/full", "folder/../socket", "missing/x", "\0", "long" * 70])
def test_the_probe_names_the_output(place: Path, name: str) -> None:
    with pytest.raises(SemError) as caught:
        output_probe.probe_file(name)
    assert caught.value.code == 102
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["new", "a.png", "/dev/null", "folder/new"])
def test_the_probe_changes_nothing(place: Path, name: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*") if path.exists()}
    output_probe.probe_file(name)
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*") if path.exists()} == before
