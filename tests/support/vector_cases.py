# SPDX-License-Identifier: MIT
"""The entries of test_vectors/, what each asks for, and what refcodec makes of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from default_environment import TABLES, default_rows

from refcodec.container import read
from refcodec.decoder import decode_file
from refcodec.environment import Environment
from refcodec.errors import SemError
from refcodec.inspection import inspect
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.payloads import kinds
from run_mutant import adapter_module
from tools.vectors import build, case
from tools.vectors.edits import Edit

ROOT = Path(__file__).resolve().parents[2]


VECTORS = ROOT / "test_vectors"
MODELS = VECTORS / "models"
SPEC = (ROOT / "SPEC.md").read_text(encoding="utf-8")
BACKEND = NumpyBackend()
LISTS = case.MANIFEST_LISTS


@lru_cache(maxsize=1)
def manifest() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / "manifest.json").read_bytes())
    return document


def entries() -> Iterator[dict[str, Any]]:
    """The entries of all lists."""
    for name in LISTS:
        yield from manifest()[name]


def vectors() -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in manifest()["vectors"]}


def data_of(entry: dict[str, Any]) -> bytes:
    return (VECTORS / str(entry.get("file", entry.get("input")))).read_bytes()


def edits_of(entry: dict[str, Any]) -> list[Edit]:
    return [Edit(e["offset"], bytes.fromhex(e["delete"]), bytes.fromhex(e["insert"])) for e in entry["edits"]]


def verdict(entry: dict[str, Any], environment: Environment | None = None) -> dict[str, Any]:
    """What refcodec says, in the form of an entry."""
    data = data_of(entry)
    try:
        if entry["tier"] == "H":
            container, values, state = read(data, environment=environment), None, None
        else:
            decoded = decode_file(data, models=(MODELS,), backend=BACKEND, environment=environment)
            container, values, state = decoded.container, decoded.values, decoded.state
    except SemError as error:
        return {"expect": "reject", "error": error.id, "status": error.status}
    header = container.header
    seen = inspect(data, models=(MODELS,), environment=environment)
    assert [(s.kind, s.offset, s.bytes) for s in seen.sections] == [
        (s.name, s.body_offset, len(s.body)) for s in container.sections
    ]
    sections = []
    for section in container.sections:
        said: dict[str, Any] = {"type": section.type, "kind": section.name}
        said |= {"offset": section.body_offset, "bytes": len(section.body)}
        symbols = section.body
        if section.critical and values is not None:
            found: Any = values[section.type]
            symbols = found.serialise()
            said |= {"shape": found.shape}
            if kinds.get(section.number).networks:
                said["rate"] = found.rate
            else:
                said |= {"value": found.to_json()} | ({"mode": found.mode} if section.name == "caption" else {})
        if values is not None:
            said["sha256"] = hashlib.sha256(symbols).hexdigest()
        sections.append(said)
    return {
        "expect": "accept",
        "expected": {
            "width": header.width,
            "height": header.height,
            "profile": header.row_id,
            "model_hash": None if header.model_hash is None else header.model_hash.hex(),
            "check_bits": header.check_bits,
            "complete": container.complete,
            "check": seen.check.state if state is None else state,
            "sections": sections,
        },
    }


def asked(entry: dict[str, Any]) -> dict[str, Any]:
    """What an entry asks for, but for the checks of single sections, which are the file's or unchecked in H."""
    if entry["expect"] == "reject":
        return {key: entry[key] for key in ("expect", "error", "status")}
    sections = [{k: v for k, v in s.items() if k != "check"} for s in entry["expected"]["sections"]]
    expected = {key: value for key, value in entry["expected"].items() if key != "pixels"}
    return {"expect": "accept", "expected": expected | {"sections": sections}}


def shown(said: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """What refcodec says, without the values that are too long for the manifest."""
    for ours, theirs in zip(said.get("expected", {}).get("sections", ()), entry["expected"]["sections"], strict=True):
        if "value" not in theirs and ours.get("value") is not None:
            assert len(json.dumps(ours["value"], ensure_ascii=False)) > build.VALUE_BYTES
        if "value" not in theirs:
            ours.pop("value", None)
    return said


def writer() -> Any:
    """Return the adapter of refcodec's encoder and editor, conformance/adapters/refcodec_writer.py."""
    return adapter_module("refcodec_writer")


def writer_environment() -> Environment:
    """Return the shipped registry and tables, with the models of the suite alone."""
    return Environment(default_rows(), TABLES, (MODELS,))
