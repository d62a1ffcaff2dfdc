# SPDX-License-Identifier: MIT
"""`semtool batch`: what it refuses before Ray is started, each in one line with its status."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_harness import Semtool, refused

from refcodec.batch import ray_batch
from refcodec.batch.ray_batch import Batch, Row
from refcodec.cli.commands import COMMANDS


@pytest.fixture
def photo(place: Path) -> Path:
    (place / "in").mkdir()
    (place / "in" / "a.png").write_bytes(b"x")
    return place / "in"


@pytest.mark.parametrize(
    ("args", "start"),
    [
        (["encode", "in"], "usage: Missing option '-o'"),
        (["encode", "-o", "out"], "usage: Missing argument"),
        (["encode", "in", "-o", "out", "--resume", "--force"], "usage: --force and --resume exclude each other"),
        (["encode", "in", "-o", "out", "--workers", "0"], "usage: Invalid value for '--workers'"),
        (["encode", "in", "-o", "out", "--quality", "11"], "usage: Invalid value for '--quality'"),
        (["decode", "in", "-o", "out", "--format", "txt"], "usage: "),
        (["verify", "in", "--resume"], "usage: --resume needs the folder"),
        (["encode", "in", "-o", "out", "--trace"], "usage: No such option"),
        (["encode", "in", "-o", "out", "--text", "x"], "usage: No such option"),
    ],
)
def test_usage(photo: Path, semtool: Semtool, args: list[str], start: str) -> None:
    refused(semtool("batch", *args), 2, start)
    assert not Path("out").exists()


@pytest.mark.parametrize("missing", ["pyarrow", "ray"])
def test_without_the_extra(photo: Path, semtool: Semtool, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.setitem(sys.modules, missing, None)
    refused(semtool("batch", "encode", "in", "-o", "out"), 5, "SEM-E-805 dependency-missing: ")
    assert not Path("out").exists()


class TestWithParquet:
    """What needs pyarrow, but not Ray."""

    @pytest.fixture(autouse=True)
    def pyarrow(self) -> None:
        pytest.importorskip("pyarrow")

    def test_a_folder_with_outputs_is_not_written_into(self, photo: Path, semtool: Semtool) -> None:
        Path("out").mkdir()
        Path("out", "x").touch()
        refused(semtool("batch", "encode", "in", "-o", "out"), 2, "usage: out is not empty: go on with --resume")

    def test_a_file_is_no_folder(self, photo: Path, semtool: Semtool) -> None:
        Path("out").touch()
        refused(semtool("batch", "encode", "in", "-o", "out", "--force"), 2, "usage: out is not a folder")

    @pytest.mark.parametrize("name", ["nothing*", "empty"])
    def test_no_input(self, photo: Path, semtool: Semtool, name: str) -> None:
        Path("empty").mkdir()
        refused(semtool("batch", "encode", name, "-o", "out"), 7, f"SEM-E-101 cannot-read: {name}: no file to work on")

    def test_two_inputs_of_one_output(self, photo: Path, semtool: Semtool) -> None:
        (photo / "a.jpg").write_bytes(b"x")
        done = semtool("batch", "encode", "in", "-o", "out")
        refused(done, 2, "usage: ")
        assert "would both be written to out/a.sem" in done.line

    @pytest.mark.parametrize(
        ("args", "suffix", "data"),
        [
            (["encode"], ".sem", None),
            (["encode", "--parquet"], None, "sem"),
            (["decode"], ".png", None),
            (["decode", "--format", "jpg"], ".jpg", None),
            (["decode", "--format", "jpg", "--parquet"], None, "picture"),
            (["verify"], None, None),
        ],
    )
    def test_what_is_written(
        self,
        photo: Path,
        semtool: Semtool,
        monkeypatch: pytest.MonkeyPatch,
        args: list[str],
        suffix: str | None,
        data: str | None,
    ) -> None:
        (photo / "a.sem").write_bytes(b"x")
        batches: list[Batch] = []

        def no_rows(batch: Batch, *_: object) -> Iterator[Row]:
            batches.append(batch)
            yield Row("a", "done", bytes=3)

        monkeypatch.setattr(ray_batch, "rows_of", no_rows)
        done = semtool("batch", *args, "in", "-o", "out", "--json")
        assert done.status == 0
        assert done.json["summary"] | {"seconds": 0} == {"done": 1, "kept": 0, "failed": 0, "bytes": 3, "seconds": 0}
        assert [(batch.suffix, batch.data) for batch in batches] == [(suffix, data)]

    def test_an_unknown_profile(self, photo: Path, semtool: Semtool) -> None:
        refused(semtool("batch", "encode", "in", "-o", "out", "--profile", "nope"), 4, "SEM-E-702")
        assert not Path("out").exists()

    def test_a_cluster_that_is_not_there(self, photo: Path, semtool: Semtool) -> None:
        pytest.importorskip("ray")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        refused(
            semtool("batch", "encode", "in", "-o", "out", "--address", address),
            7,
            "SEM-E-101 cannot-read: Ray cannot be",
        )
        assert not Path("out").exists()


def test_help_lists_it_once(semtool: Semtool) -> None:
    assert list(COMMANDS).count("batch") == 1
    text = semtool("batch", "encode", "--help").text
    assert "--quality" in text
    assert text.count("--force") == 1
