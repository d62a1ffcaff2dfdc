# SPDX-License-Identifier: MIT
"""Check the rows of a contributed registry against SPEC §5 and the shipped registry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import jsonschema

from refcodec import registry
from refcodec.canonical_json import parse_json
from refcodec.errors import SemError, one_line
from refcodec.fileio import read_settings
from refcodec.registry import Profile, Registry
from refcodec.registry.binding_schema import is_private
from refcodec.registry.rows import BYTES_MAX

SCHEMA: Final = Path(registry.__file__).parent / "registry.schema.json"
FILE: Final = "registry.json"


def read(folder: Path) -> tuple[list[Profile], list[str]]:
    """Return the rows of FOLDER/registry.json that can be read, and one line for each error."""
    path = folder / FILE
    try:
        data = read_settings(path, BYTES_MAX, "a registry of private profiles")
        document = parse_json(data)
    except (SemError, ValueError) as error:
        return [], [f"{FILE}: {getattr(error, 'what', error)}"]
    errors = [f"{FILE}: {_place(error)}: {one_line(error.message)}" for error in _validator().iter_errors(document)]
    try:
        rows = list(Registry.parse(data).rows.values())
    except ValueError as error:
        return [], [f"{FILE}: {error}", *errors]
    if not rows:
        errors.append(f"{FILE}: there is no row")
    for row in rows:
        errors += [f"{FILE}: profile {row.id}: {line}" for line in _row_errors(row)]
    names = [row.name for row in rows]
    errors += [f"{FILE}: two rows are called {name}" for name in sorted({n for n in names if names.count(n) > 1})]
    return rows, errors


def _row_errors(row: Profile) -> Iterator[str]:
    shipped = Registry.shipped().rows
    yield from _id_errors(row, shipped)
    if any(other.name == row.name and other.id != row.id for other in shipped.values()):
        yield f"the name {row.name} is taken"
    if row.status != "draft":
        yield f"its status is {row.status}: a proposed row is a draft"
    if not row.notes.strip():
        yield "it has no notes: state in a sentence what the row is for"
    for other in shipped.values():
        if same_but_id(row.binding, other.binding):
            yield f"its binding is that of profile {other.id}, {other.name}, apart from the id: propose no row, use that one"
    try:
        Registry.of(row).get(row.id)
    except SemError as error:
        yield error.what


def _id_errors(row: Profile, shipped: Mapping[int, Profile]) -> Iterator[str]:
    if row.id in shipped:
        yield f"the id is that of {shipped[row.id].name}"
    elif not is_private(row.id):
        yield "its id is not private (200 to 253, 61696 to 65791): the maintainers give the others"


def same_but_id(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether two bindings differ in nothing but their ids."""
    return {**first, "id": 0} == {**second, "id": 0}


@lru_cache(maxsize=1)
def _validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))


def _place(error: Any) -> str:
    return ".".join(map(str, error.absolute_path)) or "the document"
