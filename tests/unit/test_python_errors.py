# SPDX-License-Identifier: MIT
"""Exceptions of Python are reported in the same words by one command of one file and by a batch of many."""

from __future__ import annotations

import click
import pytest

from refcodec.batch.outcome import Failure
from refcodec.cli import commands, main
from refcodec.errors import Code, SemError
from refcodec.python_errors import known_error

MEMORY = "SEM-E-605 limit-symbols: this machine has too little memory for it; use a machine with more"
TORCH = "SEM-E-805 dependency-missing: torch cannot be imported; install the extra that brings it: pip install 'refcodec[codec]'"
NUMPY = "SEM-E-805 dependency-missing: numpy cannot be imported; install refcodec anew"
GONE = "SEM-E-101 cannot-read: a.sem: No such file or directory; check the path and its permissions"
FULL = "No space left on device"
# exception -> line and status of semtool, line of a batch
CASES = {
    "memory": (MemoryError(), MEMORY, 6, f"{MEMORY}, or fewer processes"),
    "torch": (ImportError("no", name="torch"), TORCH, 5, TORCH),
    "numpy": (ImportError("no", name="numpy"), NUMPY, 5, NUMPY),
    "file": (FileNotFoundError(2, "No such file or directory", "a.sem"), GONE, 7, GONE),
    "stream": (
        OSError(28, FULL),
        f"SEM-E-102 cannot-write: standard output: {FULL}; check the folder, its permissions and the free space",
        7,
        f"SEM-E-101 cannot-read: {FULL}; check the path and its permissions",
    ),
    "sem": (
        SemError(Code.TRAILING_BYTES, "3 bytes follow"),
        "SEM-E-306 trailing-bytes: 3 bytes follow; bytes follow the last section: remove them",
        3,
        "SEM-E-306 trailing-bytes: 3 bytes follow; bytes follow the last section: remove them",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_file_and_many(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    error, line, status, of_many = CASES[name]

    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr("refcodec.cli.stdio.mute", lambda: None)  # it redirects the standard output of this process
    monkeypatch.setattr(commands, "cli", failing)
    assert main.main([]) == status
    assert capfd.readouterr().err == f"{line}\n"
    failure = Failure.of(error)
    assert (failure.text, failure.status) == (of_many, status)


@pytest.mark.parametrize("error", [ValueError("no"), TypeError("no"), KeyboardInterrupt()])
def test_what_stands_for_no_error_of_the_format(error: BaseException) -> None:
    assert known_error(error) is None
