# SPDX-License-Identifier: MIT
"""A suite: the folder of a manifest, as cases that can be put to a decoder. Nothing of it is taken on trust."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semrunner.manifest import LISTS, TIERS, SuiteError, judged, parse

NETWORKS = (6, 7)  # kinds that only tier L reads
ZSTD = "zstd"


@dataclass(frozen=True)
class Case:
    """One question to a decoder, and the answer that is right."""

    id: str
    list: str  # `vectors`, `models`, `registries` or `painters`
    group: str
    tier: str
    rules: tuple[str, ...]
    note: str
    file: bytes
    models: Path  # the only place where models are found
    asked: str  # `symbols` or `embedding`
    expected: dict[str, Any] | None  # None: it is to be rejected,
    error: str = ""  # with this code
    status: int = 0  # and this exit status
    kinds: frozenset[str] = frozenset()  # names of the payload kinds in it, and of the modes that may be left out
    reference: bytes = b""  # samples of the picture, in tier P
    registry: Path | None = None  # in place of the one that all others are read with

    @property
    def accepted(self) -> bool:
        return self.expected is not None

    def tier_for(self, decoder: str) -> str | None:
        """How far a decoder of this tier is to go; None for a fault that it does not come to.

        Valid files of higher tiers are put to it as well, as far as it reads every kind in them.
        """
        comes_to_all = TIERS.index(self.tier) <= TIERS.index(decoder)
        if self.accepted:
            return self.tier if comes_to_all else "L" if decoder == "L" else "H"
        return decoder if comes_to_all else None


@dataclass(frozen=True)
class Suite:
    folder: Path
    digest: str  # SHA-256 of the manifest
    format_version: int
    cases: tuple[Case, ...]
    skips: tuple[tuple[str, str, str], ...]  # decoder, glob, why


def load(folder: Path) -> Suite:
    """The suite in a folder, but for what an earlier revision of SPEC.md asked. SuiteError for a manifest or a file that is not what it should be."""
    try:
        data = (folder / "manifest.json").read_bytes()
    except OSError as error:
        raise SuiteError(f"{folder} is no suite: {error}") from error
    manifest = judged(data)
    files = {e["id"]: _file(folder, e) for name in LISTS for e in manifest[name] if "sha256" in e}
    vectors = {entry["id"]: entry for entry in (*manifest["vectors"], *manifest["registries"])}
    held = {name: [e for e in manifest[name] if e["until"] is None] for name in LISTS}
    cases = [
        _vector(folder, name, e, vectors, files[e["id"]]) for name in ("vectors", "registries") for e in held[name]
    ]
    cases += [_model(folder, name, e, files[e["id"]]) for name in ("models", "painters") for e in held[name]]
    return Suite(folder, hashlib.sha256(data).hexdigest(), manifest["format_version"], tuple(cases), _skips(folder))


def _file(folder: Path, entry: dict[str, Any]) -> bytes:
    """The bytes of an entry, which are those of its digest."""
    name: str = entry["file"] if "file" in entry else entry["input"]
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise SuiteError(f"{entry['id']}: {error}") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"] or len(data) != entry.get("size", len(data)):
        raise SuiteError(f"{entry['id']}: {name} has not the digest and size in the manifest")
    return data


def _vector(folder: Path, name: str, entry: dict[str, Any], vectors: dict[str, Any], file: bytes) -> Case:
    whole = entry
    if "repaired" in entry:
        whole = vectors.get(entry["repaired"], {})
        if "expected" not in whole:
            raise SuiteError(f"{entry['id']}: repaired is {entry['repaired']!r}, which is no valid file")
    sections = whole["expected"]["sections"]
    kinds = {section["kind"] for section in sections if section["type"] >= 0x80 and section["kind"] is not None}
    kinds |= {ZSTD for section in sections if section.get("mode") == ZSTD}
    expected = entry.get("expected")
    if expected is not None and (entry["tier"] == "P") != ("pixels" in expected):
        raise SuiteError(f"{entry['id']}: accepted files of tier P have pixels, and no others have")
    reference = _file(folder, {"id": entry["id"]} | expected["pixels"]) if entry["tier"] == "P" and expected else b""
    if reference and len(reference) != math.prod(entry["expected"]["pixels"]["shape"]):
        raise SuiteError(f"{entry['id']}: its pixels are not as many as their shape says")
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
    )


def _model(folder: Path, list_: str, entry: dict[str, Any], file: bytes) -> Case:
    """A faulty package asks for what its sound one is for."""
    try:
        kind = parse((folder / entry["repaired"] / "manifest.json").read_bytes())["symbols"]["kind"]
        name = {3: "clip", 4: "pq", 5: "vq", 6: "sketch", 7: "elic"}[kind]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SuiteError(f"{entry['id']}: {entry['repaired']} is no model package") from error
    if not (folder / entry["folder"]).is_dir():
        raise SuiteError(f"{entry['id']}: there is no folder {entry['folder']}")
    tier = "P" if list_ == "painters" else "L" if kind in NETWORKS else "S"
    return Case(
        entry["id"],
        list_,
        list_,
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
    """Lines of skips.txt: a decoder's name, a glob of ids, and why."""
    path = folder / "skips.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    parts = [line.split(maxsplit=2) for line in lines if line.strip() and not line.startswith("#")]
    if any(len(part) != 3 for part in parts):
        raise SuiteError("skips.txt: each line has the name of a decoder, a glob of ids, and a reason")
    return tuple((name, glob, why) for name, glob, why in parts)
