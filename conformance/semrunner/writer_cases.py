# SPDX-License-Identifier: MIT
"""What the suite asks of programs that write files: the lists `encode`, `refuse`, `quantise` and `edit` of the manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from semrunner.case import Case
from semrunner.manifest import KINDS, NETWORK_KINDS, SuiteError, parse

MAP = "map"  # pixels of a sketch, which an encoder may leave out where it takes latents only


def written_cases(
    folder: Path, lists: Mapping[str, Sequence[dict[str, Any]]], files: Mapping[str, bytes], vectors: Mapping[str, Any]
) -> Iterator[Case]:
    """Yield the cases of encoders and editors. `files`: content by id; `vectors`: entries by id, for their sections.

    SuiteError if an entry names a vector that is absent or invalid.
    """
    for entry in lists["encode"]:
        output = _named(entry, "output", vectors)
        yield _symbols(folder, "encode", entry, files[entry["id"]], {"file": files[output["id"]].hex()})
    for entry in lists["refuse"]:
        yield _symbols(folder, "refuse", entry, files[entry["id"]], None)
    for entry in lists["quantise"]:
        yield from _quantise(folder, entry, _parsed(entry, files[entry["id"]]))
    for entry in lists["edit"]:
        before, after = (_named(entry, name, vectors) for name in ("input", "output"))
        kinds = frozenset(section["kind"] for section in after["expected"]["sections"] if section["type"] >= 0x80)
        expected = {"file": files[after["id"]].hex()}
        operation = json.dumps(entry["operation"], separators=(",", ":"))
        yield _case(folder, "edit", entry, files[before["id"]], expected, kinds, operation=operation)


def _named(entry: dict[str, Any], member: str, vectors: Mapping[str, Any]) -> dict[str, Any]:
    vector: dict[str, Any] = vectors.get(entry[member], {})
    if "expected" not in vector:
        raise SuiteError(f"{entry['id']}: {member} is {entry[member]!r}, which is not a valid file")
    return vector


def _parsed(entry: dict[str, Any], data: bytes) -> Any:
    try:
        return parse(data)
    except ValueError as error:
        raise SuiteError(f"{entry['id']}: {error}") from error


def _symbols(folder: Path, name: str, entry: dict[str, Any], data: bytes, expected: dict[str, Any] | None) -> Case:
    """Return the case of an entry whose input are symbols, of the list `encode` or `refuse`."""
    try:
        sections = _parsed(entry, data)["sections"]
        kinds = {KINDS[section["type"] & 0x3F] for section in sections if section["type"] >= 0x80}
        kinds |= {MAP for section in sections if MAP in section}
    except (KeyError, TypeError) as error:
        raise SuiteError(f"{entry['id']}: {entry['input']} does not hold the symbols of a file") from error
    return _case(folder, name, entry, data, expected, frozenset(kinds))


def _quantise(folder: Path, entry: dict[str, Any], vector: Any) -> Iterator[Case]:
    """Yield the case of a vector of floats, and one for each number for which an encoder refuses a vector."""

    def data(numbers: list[str]) -> bytes:
        return json.dumps({"b": str(vector["b"]), "vector": numbers}, separators=(",", ":")).encode()

    kinds = frozenset({"clip"})
    try:
        numbers, expected = vector["vector"], {"codes": vector["codes"], "body": vector["body"]}
        yield _case(folder, "quantise", entry, data(numbers), expected, kinds)
        for number in vector["refused"]:
            refused = entry | {"id": f"{entry['id']}-refused-{number}"}
            yield _case(folder, "quantise", refused, data([*numbers, number]), None, kinds, base=entry["id"])
    except (KeyError, TypeError) as error:
        raise SuiteError(f"{entry['id']}: {entry['file']} does not hold a vector of floats") from error


def _case(
    folder: Path,
    name: str,
    entry: dict[str, Any],
    data: bytes,
    expected: dict[str, Any] | None,
    kinds: frozenset[str],
    *,
    base: str = "",
    operation: str = "",
) -> Case:
    networks = {KINDS[kind] for kind in NETWORK_KINDS}
    return Case(
        entry["id"],
        name,
        name,
        "L" if kinds & networks else "S",
        tuple(entry["rules"]),
        entry["note"],
        data,
        folder / "models",
        "symbols",
        expected,
        kinds=kinds,
        base=base,
        operation=operation,
    )
