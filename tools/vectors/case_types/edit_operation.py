# SPDX-License-Identifier: MIT
"""Edits of valid files by an editor that knows the sections of SPEC.md and no others (SPEC §6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.vectors.case import Output, Vectors
from tools.vectors.entry import common_members

Operation = Callable[[Vectors], dict[str, Any]]


def strip(*types: int) -> Operation:
    """Remove the sections of these types."""
    return lambda _: {"strip": list(types)}


def cut(sections: int) -> Operation:
    """Keep only the first sections."""
    return lambda _: {"cut": sections}


def add(source: str, section_type: int, replacing: bool = False) -> Operation:
    """Add a section of another vector."""

    def operation(vectors: Vectors) -> dict[str, Any]:
        vector = vectors.vector(source)
        section = next(s for s in (vector.expected or {})["sections"] if s["type"] == section_type)
        body = vector.data[section["offset"] : section["offset"] + section["bytes"]]
        return {"add": [{"type": section_type, "body": body.hex()}], "replacing": replacing}

    return operation


@dataclass(frozen=True)
class EditOperation:
    """An edit that turns the vector `edit-{base}` into `edit-{output}`, byte for byte."""

    id: str  # without the prefix `edit-to-` of the entry
    base: str
    operation: Operation
    output: str
    note: str
    rules: tuple[int, ...] = (51,)

    def build(self, vectors: Vectors) -> Output:
        entry = {
            "id": f"edit-to-{self.id}",
            "input": f"edit-{self.base}",
            "operation": self.operation(vectors),
            "output": f"edit-{self.output}",
            **common_members(self.rules, self.note),
        }
        return Output({}, (("edit", entry),))
