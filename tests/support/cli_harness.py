# SPDX-License-Identifier: MIT
"""The answer of one call of `semtool`, and what is true of each; the fixture `semtool` makes the call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource

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


def valid(name: str, value: Any) -> None:
    """The value is what `conformance/schema` says of it."""
    schema = schemas()[f"{name}.schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    resources = [(uri, Resource.from_contents(contents)) for uri, contents in schemas().items()]
    jsonschema.Draft202012Validator(schema, registry=Registry().with_resources(resources)).validate(value)


@lru_cache(maxsize=1)
def schemas() -> dict[str, Any]:
    """All schemas, by the names that references of one to another have."""
    return {path.name: json.loads(path.read_bytes()) for path in SCHEMAS.glob("*.schema.json")}


def refused(done: Done, status: int, start: str) -> None:
    """One line on standard error, nothing on standard output, this status."""
    assert (done.status, done.out) == (status, b"")
    assert done.line.startswith(start), done.line


def contents(place: Path) -> dict[Path, bytes | None]:
    """Everything that is in a folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in place.rglob("*")}
