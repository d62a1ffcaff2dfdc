# SPDX-License-Identifier: MIT
"""Temporary folders that other processes take for stale while they are created."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from refcodec import temporary_files

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders are locked on POSIX alone")


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("call", ["open", "_lock"])
def test_a_folder_that_is_taken_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Another process removes it between mkdir and open, or between open and the lock."""
    module = os if call == "open" else temporary_files
    real, taken = getattr(module, call), []

    def late(*args: Any) -> Any:
        if not taken:
            taken.extend(names(tmp_path))
            os.rmdir(tmp_path / taken[0])
        return real(*args)

    monkeypatch.setattr(module, call, late)
    descriptor, folder = temporary_files.create_folder(str(tmp_path), [])
    assert len(taken) == 1
    assert names(tmp_path) == [Path(folder).name]
    assert Path(folder).name not in taken
    temporary_files.remove_stale(str(tmp_path))  # locked: another process does not take it
    assert os.path.isdir(folder)
    assert descriptor is not None
    os.close(descriptor)


def test_a_folder_that_another_process_has_locked_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = temporary_files._lock, []

    def lock(descriptor: int) -> bool | None:
        calls.append(descriptor)
        return False if len(calls) == 1 else real(descriptor)

    monkeypatch.setattr(temporary_files, "_lock", lock)
    descriptor, folder = temporary_files.create_folder(str(tmp_path), [])
    assert names(tmp_path) == [Path(folder).name]
    assert descriptor is not None
    os.close(descriptor)


def test_folders_that_are_always_taken_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_files, "_lock", lambda _: False)
    with pytest.raises(FileExistsError, match="removed as fast as they are created"):
        temporary_files.create_folder(str(tmp_path), [])
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_opened_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    made: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            temporary_files.create_folder(str(tmp_path), made)
    temporary_files.remove_folders(made)
    assert names(tmp_path) == []
