# SPDX-License-Identifier: MIT
"""Temporary files of workers that were killed while they wrote."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("ray")

from refcodec.batch import ray_leftovers
from refcodec.batch.ray_leftovers import remove_leftovers

HOLD = """
import sys, time
from refcodec.temporary_files import create_file
create_file(sys.argv[1], 0o666, [])
print("ready", flush=True)
time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Start a process that has a temporary file in a folder; return when it has."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("inside", [".", "0", "s/set"])
def test_files_of_killed_workers_are_removed_at_any_depth(tmp_path: Path, inside: str) -> None:
    process = holder(tmp_path / inside)
    (tmp_path / inside / "a.sem").write_bytes(b"a")
    assert len(names(tmp_path)) == 2
    process.kill()
    process.communicate()
    remove_leftovers(str(tmp_path))
    assert names(tmp_path) == ["a.sem"]


def test_workers_that_are_ending_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = holder(tmp_path)

    def kill(_: float) -> None:
        process.kill()
        process.communicate()

    monkeypatch.setattr(time, "sleep", kill)
    remove_leftovers(str(tmp_path))
    assert names(tmp_path) == []


def test_a_process_that_goes_on_keeps_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = holder(tmp_path)
    monkeypatch.setattr(ray_leftovers, "REMOVAL_S", 0)
    try:
        remove_leftovers(str(tmp_path))
        assert len(names(tmp_path)) == 1
    finally:
        process.kill()
        process.communicate()


def test_no_folder_is_nothing_to_do(tmp_path: Path) -> None:
    remove_leftovers(str(tmp_path / "none"))
