# SPDX-License-Identifier: MIT
"""SPEC §12: load model packages, folders with manifest.json and safetensors files. A loaded model has been checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from refcodec import spec
from refcodec.canonical_json import canonical_json, parse_json
from refcodec.errors import Code, SemError
from refcodec.networks import identity, table_model, work
from refcodec.networks.identity import IdentityModel
from refcodec.networks.manifest_values import malformed
from refcodec.networks.package_files import read_bounded
from refcodec.networks.package_search import MANIFEST, MANIFEST_BYTES_MAX
from refcodec.networks.symbol_model import SymbolModel, build, symbol_digest
from refcodec.networks.table_model import TableModel
from refcodec.networks.tensors import Array, declare, load_declared, load_tensors
from refcodec.payloads.base import Model
from refcodec.payloads.kinds import KINDS, Kinds, draft_remedy

__all__ = [
    "IdentityModel",
    "TableModel",
    "SymbolModel",
    "build",
    "build_model",
    "declare",
    "load",
    "load_any",
    "load_part",
    "load_tensors",
    "read_manifest",
    "symbol_digest",
]

FORMAT, FORMAT_VERSION = "sem-model", 1
IDENTITY_VERSION: Final = 2  # format version of a package whose `symbols` have an identity
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return manifest.json of a package, checked to have a valid format, version and `symbols` with a digest.

    Raises Code.MODEL_UNAVAILABLE (SEM-E-801), MODEL_MALFORMED (803) or UNSUPPORTED_MODEL (705).
    """
    data = read_bounded(folder / MANIFEST, MANIFEST_BYTES_MAX)
    try:
        manifest = parse_json(data)
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise malformed(f"not a {FORMAT} manifest", "format")
        version = manifest.get("format_version")
        if type(version) is not int or not FORMAT_VERSION <= version <= IDENTITY_VERSION:
            found = f"a {type(version).__name__}" if isinstance(version, list | dict) else repr(version)
            raise SemError(Code.UNSUPPORTED_MODEL, f"model format version {found}", path="format_version")
        identity.check_version(manifest.get("symbols"), version)
        if not isinstance(manifest.get("symbols"), dict):
            raise malformed("no symbols", "symbols")
        canonical_json(manifest["symbols"])
    except ValueError as e:
        raise malformed(f"not JSON of the kind SPEC.md allows: {e}", MANIFEST) from e
    return manifest


def load(folder: Path, digest: str | None = None) -> SymbolModel:
    """Return the symbol model of a package of kind 6 or 7. Raises ModelError (801 to 804) or UNSUPPORTED_MODEL (705)."""
    model = load_any(folder, digest)
    if not isinstance(model, SymbolModel):
        raise malformed(f"a model of kind {model.kind}, which has no networks", "symbols.kind")
    return model


def load_any(folder: Path, digest: str | None = None, kinds: Kinds = KINDS) -> Model:
    """Return the symbol model of a package of any kind, or its identity alone.

    Raises ModelError (801 to 804), UNSUPPORTED_MODEL (705), or LIMIT_MODEL (607) for one above every level.
    """
    symbols = read_manifest(folder)["symbols"]
    found = symbol_digest(symbols)
    if digest is not None and found != digest:
        raise SemError(Code.MODEL_DIGEST, f"model {folder.name} has the digest {found[:16]}…, not {digest[:16]}…")
    if type(symbols.get("kind")) is int and symbols["kind"] == identity.KIND:
        return identity.build(symbols, found)
    work.check(work.work_of(symbols), level=max(spec.MODEL_LEVELS))
    tensors = load_declared(folder / "symbols.safetensors", symbols.get("tensors"))
    return build_model(symbols, tensors, kinds)


def build_model(symbols: dict[str, Any], tensors: dict[str, Array], kinds: Kinds = KINDS) -> Model:
    """Return the checked model of a manifest's `symbols` and its tensors, in the form of the kind that they name."""
    kind = kinds.find(symbols.get("kind"))
    if kind is not None and kind.build is not None:
        return kind.build(symbols, tensors)
    if kind is not None and kind.table is not None:
        return table_model.build(symbols, tensors, kind.table)
    if kind is None or not kind.networks:
        what, remedy = "it is the model of no payload kind that has one", draft_remedy(kinds, [symbols.get("kind")])
        raise SemError(Code.MODEL_MALFORMED, what, path="kind", hint=remedy)
    return build(symbols, tensors)


def load_part(folder: Path, manifest: dict[str, Any], part: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return (entry, tensors) of `painter` or `encoder`. Raises Code.MODEL_UNAVAILABLE (SEM-E-801) if it is absent."""
    entry = manifest.get(part)
    if entry is None:
        raise SemError(Code.MODEL_UNAVAILABLE, f"model {folder.name} has no {part}", path=part)
    if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
        raise malformed("not an object with file and sha256", part)
    name = entry.get("file")
    if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):  # a name, never a path
        raise malformed("its file is not a plain name", part)
    return entry, load_tensors(folder / name, entry["sha256"])
