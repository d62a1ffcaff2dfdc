# SPDX-License-Identifier: MIT
"""Exceptions of Python are reported in the same words by one command of one file and by a batch of many."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from refcodec.batch.outcome import Failure
from refcodec.cli import commands, main
from refcodec.errors import Code, SemError
from refcodec.python_errors import BUG, USAGE, describe_bug, known_error, members_without_code

ROOT = Path(__file__).resolve().parents[2]

MEMORY = "SEM-E-605 limit-symbols: this machine has too little memory for it; use a machine with more"
TORCH = "SEM-E-805 dependency-missing: torch cannot be imported; install the extra that brings it: pip install 'refcodec[codec]'"
NUMPY = "SEM-E-805 dependency-missing: numpy cannot be imported; install refcodec anew"
GONE = "SEM-E-101 cannot-read: a.sem: No such file or directory; check the path and its permissions"
OF_MANY = f"{MEMORY}, or fewer processes"
ESSAY = "\n\nIMPORTANT: READ THIS\n\nMany reasons.\nAdvice.\n"
ESSAY_LINE = "SEM-E-805 dependency-missing: IMPORTANT: READ THIS cannot be imported; install refcodec anew"
WORDLESS = "SEM-E-805 dependency-missing: a library cannot be imported; install refcodec anew"
FULL = "No space left on device"


def raised_from(error: ImportError, cause: BaseException) -> ImportError:
    error.__cause__ = cause
    return error


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
    "map": (ImportError("libx.so: failed to map segment from shared object", name="_imaging"), MEMORY, 6, OF_MANY),
    "allocate": (ImportError("libx.so: cannot allocate memory in static TLS block"), MEMORY, 6, OF_MANY),
    "from memory": (raised_from(ImportError("an essay"), MemoryError()), MEMORY, 6, OF_MANY),
    "from map": (
        raised_from(ImportError(ESSAY), ImportError("a.so: failed to map segment", name="a")),
        MEMORY,
        6,
        OF_MANY,
    ),
    "essay": (raised_from(ImportError(ESSAY), ImportError("no such file", name="numpy")), NUMPY, 5, NUMPY),
    "essay alone": (ImportError(ESSAY), ESSAY_LINE, 5, ESSAY_LINE),
    "no words": (ImportError(), WORDLESS, 5, WORDLESS),
    "file without memory": (OSError(12, "Cannot allocate memory", "a.sem"), MEMORY, 6, OF_MANY),
    "fork without memory": (OSError(12, "Cannot allocate memory"), MEMORY, 6, OF_MANY),
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


def test_a_bug_is_described_by_its_type_message_and_line() -> None:
    def caught(error: TypeError) -> TypeError:
        try:
            raise error
        except TypeError as same:
            return same

    assert describe_bug(TypeError("no")) == "TypeError: no"
    assert describe_bug(TypeError()) == "TypeError"
    line = caught.__code__.co_firstlineno + 2
    assert describe_bug(caught(TypeError("no"))) == f"TypeError: no at test_python_errors.py:{line}"
    assert describe_bug(caught(TypeError())) == f"TypeError at test_python_errors.py:{line}"


def test_a_bug_has_the_members_of_the_schema() -> None:
    failure = Failure.of(TypeError("no"))
    hint = "this is a bug of refcodec: please report it"
    assert (failure.status, failure.text) == (BUG, f"bug: TypeError: no; {hint}")
    assert failure.members == members_without_code("bug", "TypeError: no", hint)
    schema = json.loads((ROOT / "conformance" / "schema" / "error.schema.json").read_text(encoding="utf-8"))
    assert list(failure.members) == schema["properties"]["error"]["required"]


def test_a_wrong_argument_has_the_status_of_usage() -> None:
    failure = Failure.of(ValueError("quality is 0 to 9"))
    assert (failure.status, failure.text) == (USAGE, "usage: quality is 0 to 9; see --help")
    assert (failure.name, failure.members["family"], failure.members["code"]) == ("usage", "usage", None)
