# SPDX-License-Identifier: MIT
"""Load a suite, the folder of a manifest, as cases to run; its form, files and digests are verified."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semrunner.case import Case
from semrunner.manifest import KINDS, LISTS, NETWORK_KINDS, SuiteError, parse, parse_manifest
from semrunner.writer_cases import written_cases

__all__ = ["Case", "Suite", "load"]

FOREIGN_MODES = ("zlib", "zstd")  # modes of captions that a decoder may leave out


@dataclass(frozen=True)
class Suite:
    """All cases of a folder."""

    folder: Path
    digest: str  # SHA-256 of the manifest
    format_version: int
    cases: tuple[Case, ...]
    skips: tuple[tuple[str, str, str], ...]  # decoder, glob, why
    written: tuple[Case, ...] = ()  # of encoders and editors (writer_cases.py)


def load(folder: Path) -> Suite:
    """Load the suite in a folder, without entries that hold only for an earlier revision of SPEC.md.

    SuiteError if the manifest or a file is missing or invalid.
    """
    try:
        data = _regular(folder / "manifest.json")
    except OSError as error:
        raise SuiteError(f"cannot read the suite {folder}: {error}") from error
    manifest = parse_manifest(data)
    files = {e["id"]: _file(folder, e) for name in LISTS for e in manifest[name] if "sha256" in e}
    vectors = {entry["id"]: entry for entry in (*manifest["vectors"], *manifest["registries"])}
    current = {name: [e for e in manifest[name] if e["until"] is None] for name in LISTS}
    cases = [
        _vector(folder, name, e, vectors, files[e["id"]]) for name in ("vectors", "registries") for e in current[name]
    ]
    cases += [_model(folder, name, e, files[e["id"]]) for name in ("models", "painters") for e in current[name]]
    written = written_cases(folder, current, files, vectors)
    digest = hashlib.sha256(data).hexdigest()
    return Suite(folder, digest, manifest["format_version"], tuple(cases), _skips(folder), tuple(written))


def _regular(path: Path) -> bytes:
    """Return the bytes of a regular file: reading a pipe would block. Raise OSError for anything else."""
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a regular file")
    return path.read_bytes()


def _file(folder: Path, entry: dict[str, Any]) -> bytes:
    """Read the file of an entry. SuiteError if it is missing or its size or digest differs."""
    name: str = entry["file"] if "file" in entry else entry["input"]
    try:
        data = _regular(folder / name)
    except OSError as error:
        raise SuiteError(f"{entry['id']}: {error}") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"] or len(data) != entry.get("size", len(data)):
        raise SuiteError(f"{entry['id']}: size or digest of {name} differs from the manifest")
    return data


def _vector(folder: Path, name: str, entry: dict[str, Any], vectors: dict[str, Any], file: bytes) -> Case:
    """Return the case of an entry of the list `name`, `vectors` or `registries`."""
    valid = entry
    if "repaired" in entry:
        valid = vectors.get(entry["repaired"], {})
        if "expected" not in valid:
            raise SuiteError(f"{entry['id']}: repaired is {entry['repaired']!r}, which is not a valid file")
    sections = valid["expected"]["sections"]
    kinds = {section["kind"] for section in sections if section["type"] >= 0x80 and section["kind"] is not None}
    kinds |= {section["mode"] for section in sections if section.get("mode") in FOREIGN_MODES}
    expected = entry.get("expected")
    if expected is not None and (entry["tier"] == "P") != ("pixels" in expected):
        raise SuiteError(f"{entry['id']}: accepted files have pixels in tier P, and only there")
    reference = _file(folder, {"id": entry["id"]} | expected["pixels"]) if entry["tier"] == "P" and expected else b""
    if reference and len(reference) != math.prod(entry["expected"]["pixels"]["shape"]):
        raise SuiteError(f"{entry['id']}: the number of samples does not match the shape of its pixels")
    registry = None
    if "registry" in entry:
        _file(folder, {"id": entry["id"]} | entry["registry"])
        registry = folder / entry["registry"]["file"]
    group = entry["file"].partition("/")[0] if name == "vectors" else name
    return Case(
        entry["id"],
        name,
        group,
        entry["tier"],
        tuple(entry["rules"]),
        entry["note"],
        file,
        folder / "models",
        "symbols",
        expected,
        entry.get("error", ""),
        entry.get("status", 0),
        frozenset(kinds),
        reference,
        registry,
        entry.get("repaired", ""),
        tuple(_beside(folder, entry)),
    )


def _beside(folder: Path, entry: dict[str, Any]) -> Iterator[str]:
    """Yield the paths of the dump and the trace of a vector that exist."""
    for name in (str(Path(entry["file"]).with_suffix(".txt")), entry.get("trace")):
        if name and (folder / name).is_file():
            yield str(folder / name)


def _model(folder: Path, list_name: str, entry: dict[str, Any], file: bytes) -> Case:
    """Return the case of an invalid model package; its tier and kind are those of the package it was made from."""
    try:
        kind = parse(_regular(folder / entry["repaired"] / "manifest.json"))["symbols"]["kind"]
        name = KINDS[kind]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SuiteError(f"{entry['id']}: {entry['repaired']} is not a model package") from error
    if not (folder / entry["folder"]).is_dir():
        raise SuiteError(f"{entry['id']}: folder {entry['folder']} is missing")
    tier = "P" if list_name == "painters" else "L" if kind in NETWORK_KINDS else "S"
    return Case(
        entry["id"],
        list_name,
        list_name,
        tier,
        tuple(entry["rules"]),
        entry["note"],
        file,
        folder / entry["folder"],
        entry.get("asked", "symbols"),
        None,
        entry["error"],
        entry["status"],
        frozenset({name}),
    )


def _skips(folder: Path) -> tuple[tuple[str, str, str], ...]:
    """Return the lines of skips.txt: name of a decoder, glob of ids, reason."""
    path = folder / "skips.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    parts = [line.split(maxsplit=2) for line in lines if line.strip() and not line.startswith("#")]
    if any(len(part) != 3 for part in parts):
        raise SuiteError("skips.txt: each line must have the name of a decoder, a glob of ids and a reason")
    return tuple((name, glob, why) for name, glob, why in parts)
