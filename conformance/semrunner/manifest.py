# SPDX-License-Identifier: MIT
"""Parse and validate manifest.json as in test_vectors/manifest.schema.json; anything unknown is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

TIERS = ("H", "S", "L", "P")
LISTS = ("vectors", "models", "registries", "painters", "encode", "refuse", "edit", "history", "coder", "quantise")
ROLES = {"encoder": ("encode", "refuse", "quantise"), "editor": ("edit",)}  # lists of each program that writes files
WRITTEN = tuple(name for names in ROLES.values() for name in names)

Check = Callable[[Any], bool]  # whether a JSON value is valid


class SuiteError(Exception):
    """The suite is not valid and cannot be run."""


def text(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def integer(minimum: int, maximum: int = 2**53) -> Check:
    return lambda value: type(value) is int and minimum <= value <= maximum


def one_of(*values: Any) -> Check:
    return lambda value: any(type(value) is type(known) and value == known for known in values)


def array(item: Check, minimum: int = 1) -> Check:
    return lambda value: isinstance(value, list) and len(value) >= minimum and all(map(item, value))


def either(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def record(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """Return a check for an object with these members and no others."""
    known = required | (optional or {})
    return lambda value: (
        isinstance(value, dict)
        and required.keys() <= value.keys() <= known.keys()
        and all(known[name](member) for name, member in value.items())
    )


def number(minimum: float) -> Check:
    return lambda value: type(value) in (int, float) and minimum <= value < float("inf")


ID = text(r"[a-z0-9]+(-[a-z0-9]+)*")
PATH = text(r"[a-z0-9-]+(/[a-z0-9-]+)*(\.[a-z]+)*")
DIGEST = text(r"[0-9a-f]{64}")
HEX = text(r"([0-9a-f]{2})*")
NOTE = text(r"(?s).+")
RULES = array(text(r"(SEM|DRAFT)-R-[0-9]{3}"))
ERROR = text(r"SEM-E-[1-8][0-9]{2}")
STATUS = one_of(3, 4, 5, 6)
CODE = integer(0, 65535)
DRAFT_KINDS = {48: "grids", 49: "tokens", 50: "scheduled"}  # of drafts/README.md
KINDS = {1: "consonant", 2: "caption", 3: "clip", 4: "pq", 5: "vq", 6: "sketch", 7: "elic", **DRAFT_KINDS}
NETWORK_KINDS = (6, 7, 48, 50)  # payload kinds that need tier L
NAMES = (*KINDS.values(), "provenance", "hints", "thumbnail", "metadata", None)
STATE = one_of("absent", "ok", "failed", "unchecked")

SECTION = record(
    {"type": integer(0, 255), "kind": one_of(*NAMES), "offset": integer(0), "bytes": integer(0), "check": STATE},
    {
        "sha256": DIGEST, "rate": integer(0, 63), "mode": one_of("static", "tokens", "raw", "zlib", "zstd"),
        "shape": array(array(integer(0))),
        "value": either(lambda value: isinstance(value, str), array(CODE, 0), array(array(CODE, 0))),
    },
)  # fmt: skip
PIXELS = record(
    {
        "shape": lambda value: array(integer(1))(value) and len(value) == 3,
        "file": PATH, "sha256": DIGEST, "peak": integer(0, 255), "rms": number(0),
        "spread": record({"peak": integer(0, 255), "rms": number(0), "raw": number(0)}),
    }
)  # fmt: skip
EXPECTED = record(
    {
        "width": integer(1), "height": integer(1), "profile": integer(0), "model_hash": either(HEX, one_of(None)),
        "check_bits": one_of(0, 16, 32), "complete": one_of(True, False), "check": STATE, "sections": array(SECTION),
    },
    {"pixels": PIXELS},
)  # fmt: skip
EDIT = record({"offset": integer(0), "delete": HEX, "insert": HEX})

SHARED = {"id": ID, "rules": RULES, "note": NOTE, "since": integer(1), "until": either(integer(1), one_of(None))}
COMMON = SHARED | {"sha256": DIGEST, "size": integer(0)}
FEATURES = array(text(r"[a-z0-9]+(-[a-z0-9]+)*"))
STAGE = one_of("header", "limits", "sections", "model", "payload", "check")
VECTOR = COMMON | {"file": PATH, "tier": one_of(*TIERS), "features": FEATURES}
ACCEPT = {"expect": one_of("accept"), "expected": EXPECTED}
REJECT = {"error": ERROR, "status": STATUS, "stage": STAGE}
MODEL = COMMON | REJECT | {"file": PATH, "folder": PATH, "repaired": PATH}
DATA = record({"file": PATH, "sha256": DIGEST})
SECTION_TYPE = integer(0, 255)
OPERATION = either(
    record({"strip": array(SECTION_TYPE)}),
    record({"add": array(record({"type": SECTION_TYPE, "body": HEX})), "replacing": one_of(True, False)}),
    record({"cut": integer(1)}),
)
ENTRIES = {
    "vectors": either(
        record(VECTOR | ACCEPT, {"trace": PATH}),
        record(VECTOR | REJECT | {"expect": one_of("reject"), "repaired": ID, "edits": array(EDIT)}),
    ),
    "models": record(MODEL, {"asked": one_of("embedding")}),
    "registries": either(
        record(VECTOR | ACCEPT | {"registry": DATA}),
        record(
            VECTOR | REJECT | {"expect": one_of("reject"), "repaired": ID, "registry": DATA}, {"edits": array(EDIT)}
        ),
    ),
    "painters": record(MODEL),
    "encode": record(COMMON | {"input": PATH, "output": ID}),
    "refuse": record(COMMON | {"input": PATH}),
    "edit": record(SHARED | {"input": ID, "operation": OPERATION, "output": ID}),
    "history": record(SHARED | {"before": DATA, "after": DATA, "expect": one_of("accept", "reject")}),
    "coder": record(COMMON | {"file": PATH}),
    "quantise": record(COMMON | {"file": PATH}),
}
HEAD = {"format": "sem-vectors", "format_version": 1, "licence": "CC0-1.0"}


def parse(data: bytes) -> Any:
    """Parse strict RFC 8259 JSON. ValueError for duplicate members, NaN, invalid UTF-8 and excessive nesting."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            raise ValueError("an object names a member twice")
        return value

    def constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=members, parse_constant=constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parse_manifest(data: bytes) -> dict[str, Any]:
    """Parse and validate a manifest. SuiteError for the first error in it."""
    try:
        manifest = parse(data)
    except ValueError as error:
        raise SuiteError(f"manifest.json: {error}") from error
    if not isinstance(manifest, dict) or not HEAD.keys() | {"vectors"} <= manifest.keys() <= HEAD.keys() | set(LISTS):
        raise SuiteError(f"manifest.json must have the members {', '.join([*HEAD, *LISTS])}")
    for name, expected in HEAD.items():
        if type(manifest[name]) is not type(expected) or manifest[name] != expected:
            raise SuiteError(f"manifest.json: {name} must be {expected!r}")
    for name in LISTS:
        if not isinstance(manifest.setdefault(name, []), list) or (name == "vectors" and not manifest[name]):
            raise SuiteError(f"manifest.json: {name} must be a list, and vectors a non-empty one")
        for index, entry in enumerate(manifest[name]):
            if not ENTRIES[name](entry):
                entry_id = entry.get("id") if isinstance(entry, dict) else None
                raise SuiteError(f"manifest.json: {name}[{index}] ({entry_id}) does not match the schema")
    ids = [entry["id"] for name in LISTS for entry in manifest[name]]
    if duplicates := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise SuiteError(f"manifest.json: duplicate id {', '.join(duplicates)}")
    return manifest
