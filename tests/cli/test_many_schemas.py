# SPDX-License-Identifier: MIT
"""The objects of many files with --json: done, kept and failed, of each command, are what the schemas say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli_harness import Done, Semtool, schemas, valid
from PIL import Image

import refcodec
from refcodec.batch.decode import Decode
from refcodec.batch.encode import Encode
from refcodec.batch.inspect import Inspect
from refcodec.batch.task import Source
from refcodec.batch.verify import Verify

JOBS = pytest.mark.parametrize("jobs", ["1", "2"])
COUNTS = ("done", "kept", "failed")


@pytest.fixture
def photos(place: Path) -> None:
    """Two pictures and a file that is none."""
    Path("photos").mkdir()
    for i, name in enumerate(("a.png", "b.png")):
        Image.new("RGB", (40, 30), (60 * i, 90, 120)).save(f"photos/{name}")
    Path("photos/c.png").write_bytes(b"no picture")


@pytest.fixture
def files(photos: None, semtool: Semtool) -> None:
    """Two files, one cut short, one of a text without a painter, and one that cannot be read."""
    semtool("encode", "photos/a.png", "photos/b.png", "-o", "sems/")
    Path("sems/cut.sem").write_bytes(Path("sems/a.sem").read_bytes()[:3])
    Path("sems/text.sem").write_bytes(refcodec.encode(text="a red barn", size=(64, 64)))
    Path("sems/void.sem").symlink_to("nowhere")


def states(done: Done) -> list[str]:
    """Return the states of the entries, which the summary counts."""
    found = [row["state"] for row in done.json["files"]]
    assert [done.json["summary"][state] for state in COUNTS] == [found.count(state) for state in COUNTS]
    return found


@JOBS
def test_encode(photos: None, semtool: Semtool, jobs: str) -> None:
    call = ("encode", "photos", "-o", "out/", "--json", "--jobs", jobs)
    for more, expected in (
        ([], ["done", "done", "failed"]),
        (["--resume"], ["kept", "kept", "failed"]),
        (["--no-clobber"], ["kept", "kept", "failed"]),
        (["--force", "--bpp", "0.5"], ["done", "done", "failed"]),
    ):
        done = semtool(*call, *more)
        valid("encode-many", done.json)
        assert (done.status, states(done)) == (7, expected)
    row = done.json["files"][0]
    assert (row["bpp_target"], row["error"]) == (0.5, None)


@JOBS
def test_decode(files: None, semtool: Semtool, jobs: str) -> None:
    call = ("decode", "sems", "-o", "out/", "--json", "--jobs", jobs)
    first, again = semtool(*call), semtool(*call, "--resume")
    for done in (first, again):
        valid("decode-many", done.json)
    assert states(first) == ["done", "done", "failed", "failed", "failed"]
    assert states(again) == ["kept", "kept", "failed", "failed", "failed"]
    codes = [row["error"] and row["error"]["code"] for row in first.json["files"]]
    assert codes[:2] == [None, None]
    assert {code[:6] for code in codes[2:]} == {"SEM-E-"}


def test_a_file_that_the_options_do_not_fit(files: None, semtool: Semtool) -> None:
    done = semtool("decode", "sems/a.sem", "sems/b.sem", "-o", "out/", "--json", "--seed", "3")
    valid("decode-many", done.json)
    assert (done.status, states(done)) == (2, ["failed", "failed"])
    assert [(row["error"]["code"], row["error"]["family"]) for row in done.json["files"]] == [(None, "usage")] * 2


@JOBS
def test_verify(files: None, semtool: Semtool, jobs: str) -> None:
    done = semtool("verify", "sems", "--json", "--jobs", jobs)
    valid("verify", done.json)
    assert [row["valid"] for row in done.json["files"]] == [True, True, False, True, None]
    assert [row["error"] and row["error"]["family"] for row in done.json["files"]][3:] == [None, "io"]


def test_inspect(files: None, semtool: Semtool) -> None:
    done = semtool("inspect", "sems", "--json")
    valid("inspect-many", done.json)
    rows, summary = done.json["files"], done.json["summary"]
    assert [len(row["errors"]) for row in rows] == [0, 0, 1, 0, 1]
    assert set(rows[4]) == {"file", "errors"}
    assert [summary[state] for state in COUNTS] == [3, 0, 2]


@pytest.mark.parametrize("command", ["encode", "decode", "verify", "inspect"])
def test_a_bug_is_an_entry(files: None, semtool: Semtool, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """An exception that is not expected costs its file alone."""
    kind = {"encode": Encode, "decode": Decode, "verify": Verify, "inspect": Inspect}[command]
    run = kind.run

    def broken(task: Any, key: str, source: Source) -> Any:
        if "b." in key:
            raise KeyError(key)
        return run(task, key, source)

    monkeypatch.setattr(kind, "run", broken)
    source, options = ("photos", ["-o", "out/"]) if command == "encode" else ("sems", [])
    options = ["-o", "out/"] if command == "decode" else options
    options += [] if command == "inspect" else ["--jobs", "1"]
    done = semtool(command, source, *options, "--json")
    valid("verify" if command == "verify" else f"{command}-many", done.json)
    row = done.json["files"][1]
    error = row["errors"][0] if command == "inspect" else row["error"]
    assert (error["code"], error["family"]) == (None, "bug")


def test_what_the_schemas_refuse(photos: None, semtool: Semtool) -> None:
    good = semtool("encode", "photos", "-o", "out/", "--json").json
    edits: dict[str, Callable[[Any], Any]] = {
        "a state of neither": lambda found: found["files"][0].update(state="skipped"),
        "a done one with an error": lambda found: found["files"][0].update(error=found["files"][2]["error"]),
        "a failed one without": lambda found: found["files"][2].update(error=None),
        "a done one without its size": lambda found: found["files"][0].pop("width"),
        "a value of another type": lambda found: found["files"][0].update(bytes="9"),
        "another member": lambda found: found["files"][0].update(more=1),
        "no summary": lambda found: found.pop("summary"),
        "no file": lambda found: found.update(files=[]),
    }
    for name, edit in edits.items():
        bad = copy.deepcopy(good)
        edit(bad)
        try:
            valid("encode-many", bad)
        except jsonschema.ValidationError:
            continue
        pytest.fail(name)


def test_entries_have_the_members_of_single_calls() -> None:
    every = schemas()
    for command, name, own, without in (
        ("encode", "done", {"source", "file", "state", "error"}, {"file"}),
        ("decode", "done", {"source", "file", "state", "error"}, {"file", "files"}),
        ("inspect", "inspected", {"file"}, {"memory", "html", "deep"}),
    ):
        entry = every[f"{command}-many.schema.json"]["$defs"][name]["properties"]
        single = every[f"{command}.schema.json"]["properties"]
        assert set(entry) - own == set(single) - without, command
