# SPDX-License-Identifier: MIT
"""`semtool` called in this process, in an empty folder, and what is true of each of its answers."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from refcodec.cli import main as program

SCHEMAS = Path(__file__).resolve().parents[2] / "conformance" / "schema"


@dataclass
class Done:
    """What one call of the program gave."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """The one line on standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


Semtool = Callable[..., Done]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, and no models or registry of this machine."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    for name in ("SEM_MODELS", "SEM_REGISTRY", "SEMTOOL_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path / "work"
    assert not list((tmp_path / "work").rglob(".*.tmp")), "a temporary file was left"


@pytest.fixture
def semtool(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Semtool:
    def call(*args: str | Path, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        status = program.main([str(arg) for arg in args])
        out, err = capfdbinary.readouterr()
        return Done(status, out, err.decode())

    return call


def valid(name: str, value: Any) -> None:
    """The value is what `conformance/schema` says of it."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(value)


def refused(done: Done, status: int, start: str) -> None:
    """One line on standard error, nothing on standard output, this status."""
    assert (done.status, done.out) == (status, b"")
    assert done.line.startswith(start), done.line


def contents(place: Path) -> dict[Path, bytes | None]:
    """Everything that is in a folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in place.rglob("*")}
