# SPDX-License-Identifier: MIT
"""Cases of draft kinds: valid files, files and packages with one defect, rows that are refused. Each builds its entries."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from refcodec import spec
from refcodec.container import file_state, read, section_state
from refcodec.container.sections import section_name
from refcodec.decoder import decode_container
from refcodec.draft_files import coding_context, encode
from refcodec.environment import Environment
from refcodec.networks.package import symbol_digest
from refcodec.payloads import Value
from refcodec.payloads.coding import CodingContext
from tools.vectors.case import Defect, InvalidCase, Output, ValidCase
from tools.vectors.edits import apply
from tools.vectors.entry import REVISION, error_members, file_members
from tools.vectors.features import features, stage
from tools.vectors.models import package_files
from tools.vectors.vector import Vector

HASH_BYTES: Final = 8
VALUE_BYTES: Final = 1024  # the manifest contains values whose JSON is at most this long
Package = tuple[dict[str, Any], dict[str, Any]]  # `symbols` without its member `tensors`, and the tensors
Change = Callable[[dict[str, Any], dict[str, Any]], None]


@dataclass(frozen=True)
class DraftRow:
    """A private row, of one draft kind and perhaps others. model: the name of a package of MODELS."""

    id: int
    name: str
    method: int
    compact: int
    parameters: Mapping[int, Mapping[str, Any]]
    notes: str
    model: str | None = None
    pad: int = 0  # multiple of the sides, 0 for no rule

    def to_json(self, digest: str | None) -> dict[str, Any]:
        """Return the row as a member of a registry. digest: of its model."""
        fit = {"rule": "pad", "multiple": self.pad, "extend": "edge"} if self.pad else {"rule": "none"}
        binding = {
            "id": self.id,
            "method": self.method,
            "compact": self.compact,
            "kinds": sorted(self.parameters),
            "fit": fit,
            "colour": "srgb8",
            "parameters": {str(kind): dict(form) for kind, form in sorted(self.parameters.items())},
            "model": digest,
        }
        head = {"id": self.id, "name": self.name, "status": "draft"}
        return {**head, "binding": binding, "recommended": None, "notes": self.notes}


def common(rules: tuple[str, ...], note: str) -> dict[str, Any]:
    """Return the members that every entry has beside its id. rules: such as "DRAFT-R-100"."""
    return {"rules": sorted(rules), "note": note, "since": REVISION, "until": None}


@dataclass(frozen=True)
class Built:
    """What cases depend on: the environment of the drafts, the packages by name, and the valid vectors by id."""

    environment: Environment
    models: Mapping[str, Package]
    rows: Mapping[int, dict[str, Any]]  # of the registry, by id
    vectors: dict[str, Vector]


@dataclass(frozen=True)
class ValidDraft:
    """A valid file. symbols: of each kind, from what it is coded with."""

    id: str
    rules: tuple[str, ...]
    note: str
    profile: int
    symbols: Mapping[int, Callable[[CodingContext], Value]]
    size: tuple[int, int] = (64, 64)  # width, height
    tier: str = "S"
    check: int = 16  # bits
    ancillary: Mapping[int, bytes] = field(default_factory=dict)

    def build(self, folder: str, built: Built) -> Output:
        row, environment = built.environment.registry.get(self.profile), built.environment
        values = {
            kind: make(coding_context(row, row.kind(kind), self.size, environment))
            for kind, make in self.symbols.items()
        }
        data = encode(values, self.profile, self.size, environment, check=self.check, ancillary=self.ancillary)
        expected = expected_of(data, environment)
        case = ValidCase(self.id, (), self.note, self.size, self.tier, self.profile, self.check)
        built.vectors[self.id] = Vector(case, folder, data, expected, environment=environment)
        path = f"{folder}/{self.id}.sem"
        entry = {
            "id": self.id, "file": path, **file_members(data), "tier": self.tier, **common(self.rules, self.note),
            "expect": "accept", "expected": expected, "features": features(data, expected),
        }  # fmt: skip
        return Output({path: data}, (("vectors", entry),))


def expected_of(data: bytes, environment: Environment) -> dict[str, Any]:
    """Return the answer that a decoder must give for a valid file."""
    container = read(data, environment=environment)
    decoded, header = decode_container(container, environment), container.header
    sections, states = [], []
    for section in container.sections:
        value = decoded.values.get(section.type)
        s = section.body if value is None else value.serialise()
        states.append(section_state(header, section, s, header.profile.model))
        name = section_name(section.type, environment.kinds)
        entry: dict[str, Any] = {"type": section.type, "kind": name, "offset": section.body_offset}
        entry |= {"bytes": len(section.body), "check": states[-1], "sha256": _digest(s)}
        if value is not None:
            entry |= {"shape": value.shape} | _shown(name, value)
        sections.append(entry)
    return {
        "width": header.width, "height": header.height, "profile": header.row_id,
        "model_hash": None if header.model_hash is None else header.model_hash.hex(),
        "check_bits": header.check_bits, "complete": container.complete, "check": file_state(states),
        "sections": sections,
    }  # fmt: skip


def _digest(data: bytes) -> str:
    return str(file_members(data)["sha256"])


def _shown(name: str | None, value: Any) -> dict[str, Any]:
    """Return the members of a payload's entry that depend on its kind."""
    if hasattr(value, "rate"):
        return {"rate": value.rate}
    shown = {"mode": value.mode} if name == "caption" else {}
    symbols = value.to_json()
    return shown if symbols is None or len(json.dumps(symbols)) > VALUE_BYTES else shown | {"value": symbols}


@dataclass(frozen=True)
class InvalidDraft:
    """The file of the valid case `base` with one defect."""

    id: str
    base: str
    error: int
    rules: tuple[str, ...]
    note: str
    defect: Defect
    tier: str = "S"

    def build(self, folder: str, built: Built) -> Output:
        base = built.vectors[self.base]
        edits = self.defect(base)
        data = apply(base.data, edits)
        path, sectioned = f"{folder}/{self.id}.sem", bool(base.data[2] & 2)
        entry = {
            "id": self.id, "file": path, **file_members(data), "tier": self.tier, **common(self.rules, self.note),
            "expect": "reject", **error_members(self.error), "stage": stage(self.error, self.tier, sectioned),
            "repaired": self.base, "edits": [edit.to_dict() for edit in edits],
            "features": features(base.data, base.expected or {}, self.error),
        }  # fmt: skip
        return Output({path: data}, (("vectors", entry),))


@dataclass(frozen=True)
class InvalidModel:
    """The package `model` with one defect, and a file that names it on the row of `base`, with the body of `base`.

    change, late: edit `symbols` and the tensors, before and after the digests of tensors are taken.
    """

    id: str
    base: str  # a valid file of one payload, unchecked, 64 × 64
    model: str
    error: int
    rules: tuple[str, ...]
    note: str
    change: Change
    late: Change = lambda _symbols, _tensors: None

    def build(self, _folder: str, built: Built) -> Output:
        symbols, tensors = copy.deepcopy(built.models[self.model])
        self.change(symbols, tensors)
        symbols["tensors"] = package_files.declare(tensors)
        self.late(symbols, tensors)
        base = built.vectors[self.base]
        assert isinstance(base.case, ValidCase | InvalidCase)
        assert base.expected is not None
        profile, digest = base.expected["profile"], bytes.fromhex(symbol_digest(symbols))
        body = base.data[base.expected["sections"][0]["offset"] :]
        head = bytes((spec.VERSION << 5, spec.PROFILE_EXPLICIT, profile, 1))
        probe = spec.MAGIC + head + digest[:HASH_BYTES] + b"\x04" + body
        where = f"models-bad/{self.id}"
        files = {
            "manifest.json": package_files.manifest(self.id, symbols, package_files.defect_notes(self.note)),
            "symbols.safetensors": package_files.safetensors(tensors),
            "probe.sem": probe,
        }
        entry = {
            "id": self.id, "folder": where, "file": f"{where}/probe.sem", **file_members(probe),
            **common(self.rules, self.note), **error_members(self.error), "stage": "model",
            "repaired": f"models/{self.model}",
        }  # fmt: skip
        return Output({f"{where}/{name}": data for name, data in files.items()}, (("models", entry),))


@dataclass(frozen=True)
class RefusedRow:
    """The file of the valid case `base`, decoded with a registry in which its row has other parameters."""

    id: str
    base: str
    rules: tuple[str, ...]
    note: str
    change: Callable[[dict[str, Any]], None]  # edits the binding

    def build(self, folder: str, built: Built) -> Output:
        base = built.vectors[self.base]
        assert base.expected is not None
        row = copy.deepcopy(built.rows[base.expected["profile"]])
        self.change(row["binding"])
        document = (json.dumps({"version": 1, "profiles": [row]}, indent=1) + "\n").encode()
        path, registry = f"{folder}/{self.id}.sem", f"registries/{self.id}.json"
        entry = {
            "id": self.id, "file": path, **file_members(base.data), "tier": "H", **common(self.rules, self.note),
            "expect": "reject", **error_members(702), "stage": "header", "repaired": self.base,
            "features": features(base.data, base.expected, 702),
            "registry": {"file": registry, "sha256": _digest(document)},
        }  # fmt: skip
        return Output({path: base.data, registry: document}, (("registries", entry),))


DraftCase = ValidDraft | InvalidDraft | InvalidModel | RefusedRow
