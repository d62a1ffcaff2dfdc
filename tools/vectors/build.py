# SPDX-License-Identifier: MIT
"""Build vectors: the bytes of a case and the result that a decoder must report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from refcodec import spec
from refcodec.container import Container, Header, Section, assemble, file_state, section_check, section_state, write
from refcodec.environment import Environment
from refcodec.networks import package
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.package import SymbolModel, TableModel
from refcodec.networks.trace import Tracer
from refcodec.payloads import Value, kinds, latents
from refcodec.payloads.caption.modes import Caption
from refcodec.payloads.latents import ElicLatents
from refcodec.registry import Profile
from tools.vectors import payload_writer, symbols
from tools.vectors.case import InvalidCase, ValidCase, environment_of
from tools.vectors.edits import apply
from tools.vectors.models import bounds, full, identity, mini, tiny
from tools.vectors.pictures import OUT, pixel_members
from tools.vectors.vector import Vector

MODELS: Final = OUT / "models"
TABLE_MODELS: Final = (*tiny.ONE_TENSOR, *bounds.TABLES, *identity.TABLES, *full.TABLES)
MODEL_NAMES: Final = (*tiny.MODELS, *TABLE_MODELS, mini.NAME, *full.NETWORKS, *bounds.LATENTS, *identity.NAMES)
BACKEND: Final = NumpyBackend()
VALUE_BYTES: Final = 1024  # the manifest contains values whose JSON is at most this long


@lru_cache(maxsize=8)
def symbol_model(name: str) -> SymbolModel:
    """Return a model of test_vectors/models for kind 6 or 7."""
    if name == mini.NAME:
        return package.build(*mini.package()[:2])
    if name in bounds.LATENTS:
        return package.build(*bounds.package(name)[:2])
    if name in full.NETWORKS:
        return package.load(full.EMBEDDED / name)
    return package.load(MODELS / name)


@lru_cache(maxsize=8)
def table_model(name: str) -> TableModel:
    """Return a model of test_vectors/models for kinds 3 to 5."""
    if name in identity.TABLES:
        model: Any = package.build_model(*identity.package(name))
    elif name in bounds.TABLES:
        model = package.build_model(*bounds.package(name)[:2])
    else:
        model = package.load_any((full.EMBEDDED if name in full.TABLES else MODELS) / name)
    assert isinstance(model, TableModel)
    return model


def model_digest(name: str) -> str:
    """Return the digest of a model of test_vectors/models."""
    if name in identity.NAMES:
        return package.symbol_digest(identity.package(name)[0])
    return (table_model if name in TABLE_MODELS else symbol_model)(name).digest


@lru_cache(maxsize=1)
def folders() -> dict[str, str]:
    """Return the folders of test_vectors/models by digest."""
    models = {name: package.read_manifest(MODELS / name)["symbols"] for name in tiny.ALL}
    models |= {name: full.manifest(name)["symbols"] for name in full.NAMES}
    models |= {name: bounds.package(name)[0] for name in bounds.NAMES}
    return {package.symbol_digest(value): name for name, value in models.items()}


def folder_of(row: Profile) -> str:
    """Return the folder of the model of a registry row."""
    return folders()[row.model or ""]


def model_of(case: ValidCase, environment: Environment) -> SymbolModel:
    """Return the model with which the latents of a case are coded."""
    return symbol_model(case.model or folder_of(environment.registry.get(case.profile)))


def digest_of(case: ValidCase, environment: Environment) -> str | None:
    """Return the entire digest of the symbol model, which may be absent from test_vectors/models."""
    if case.model is None:
        return environment.registry.get(case.profile).model
    return model_digest(case.model) if case.model in MODEL_NAMES else case.model


def header_of(case: ValidCase, environment: Environment) -> Header:
    """Return the header of a case, without a check and in compact form."""
    digest = digest_of(case, environment)
    explicit = case.hash_bytes > 0 and digest is not None
    return Header(
        version=spec.VERSION,
        check_bits=case.check,
        sectioned=False,
        profile_id=spec.PROFILE_EXPLICIT if explicit else case.profile,
        base_profile_id=case.profile if explicit else None,
        model_hash=bytes.fromhex(digest or "")[: case.hash_bytes] if explicit else None,
        width=case.size[0],
        height=case.size[1],
        check=None,
        count=None,
        row=environment.registry.get(case.profile),
    )


def encode_latents(
    case: ValidCase, environment: Environment, tracer: Tracer | None = None
) -> tuple[bytes, ElicLatents]:
    """Return the body of the latents of a case, and the latents."""
    m = model_of(case, environment)
    stream = symbols.Sha256Stream(case.seed or case.id)
    z = symbols.z(case.z, m, case.rate, latents.shapes(*case.size)[0], stream)
    chooser = symbols.y(case.y, stream)
    return latents.encode(case.rate, z, chooser, m, case.size, BACKEND, tracer, tables=environment.tables)


def payloads(
    case: ValidCase, environment: Environment, tracer: Tracer | None = None
) -> Iterator[tuple[int, bytes, Value]]:
    """Yield type, body and symbols of each payload that is to be decoded."""
    row = environment.registry.get(case.profile)
    for kind, value in case.payloads:
        parameters = row.parameters(kind)
        table = table_model(case.model or folder_of(row)).table if kinds.needs_model(kind, parameters) else None
        yield spec.CRITICAL | kind, *payload_writer.encode(kind, value, parameters, case.size, table)
    if case.latents and case.latents_body is None:
        yield latents_type(row), *encode_latents(case, environment, tracer)


def latents_type(row: Profile) -> int:
    """Return the type of the section that holds latents in files of this row."""
    return spec.CRITICAL | (spec.SKETCH if spec.SKETCH in row.kinds else spec.ELIC)


def build_valid(case: ValidCase, folder: str) -> Vector:
    """Build the vector of a valid case."""
    environment = environment_of(case.registry)
    header, digest = header_of(case, environment), digest_of(case, environment)
    known = digest if case.hash_bytes else None
    tracer = Tracer() if case.trace else None
    values: dict[int, Value] = {}
    contents: dict[int, tuple[bytes, bytes | None]] = {kind: (body, body) for kind, body in case.sections}
    for kind, body, value in payloads(case, environment, tracer):
        contents[kind], values[kind] = (body, value.serialise()), value
    if case.latents_body is not None:
        contents[latents_type(header.profile)] = (case.latents_body, None)

    def section(kind: int, body: bytes, s: bytes | None) -> Section:
        if s is None or not case.check:
            return Section(kind, body, bytes(case.check // 8))
        return Section(kind, body, section_check(header.profile, known, header, kind, s, case.check))

    container = assemble(header, [section(kind, *item) for kind, item in contents.items()])
    container = replace(container, sections=container.sections[: case.keep])
    data = write(container)
    return Vector(
        case,
        folder,
        data,
        expected(case, data, container, values, environment),
        values=values,
        trace=None if tracer is None else tracer.to_json(data),
        pixels=pixel_members(case.id) if case.tier == "P" else None,
        environment=environment,
        registry=case.registry,
    )


def expected(
    case: ValidCase, data: bytes, container: Container, values: Mapping[int, Value], environment: Environment
) -> dict[str, Any]:
    """Return the result that a decoder of the tier of the case must report."""
    header, at = container.header, len(data)
    bodies: list[dict[str, Any]] = []
    states = []
    known = header.model_digest() or (digest_of(case, environment) if case.model in MODEL_NAMES else None)
    for section in reversed(container.sections):
        at -= len(section.body) + (len(section.check) if header.sectioned else 0)
        value = values.get(section.type)
        s = section.body if not section.critical else None if value is None else value.serialise()
        state = section_state(header, section, s if case.tier != "H" else None, known)
        entry: dict[str, Any] = {
            "type": section.type,
            "kind": section.name,
            "offset": at,
            "bytes": len(section.body),
            "check": state,
        }
        if value is not None and case.tier != "H":
            entry |= value_members(value)
        if s is not None and case.tier != "H":
            entry["sha256"] = hashlib.sha256(s).hexdigest()
        bodies.insert(0, entry)
        states.append(state)
        if header.sectioned:
            at -= 1 + _varint_bytes(len(section.body))
    return {
        "width": header.width,
        "height": header.height,
        "profile": header.row_id,
        "model_hash": None if header.model_hash is None else header.model_hash.hex(),
        "check_bits": header.check_bits,
        "complete": container.complete,
        "check": file_state(states),
        "sections": bodies,
    }


def value_members(value: Value) -> dict[str, Any]:
    """Return the members of `expected` for the symbols of a payload, except their digest."""
    if isinstance(value, ElicLatents):
        return {"rate": value.rate, "shape": value.shape}
    entry: dict[str, Any] = {"mode": value.mode} if isinstance(value, Caption) else {}
    as_json = value.to_json()
    if as_json is not None and len(json.dumps(as_json, ensure_ascii=False)) <= VALUE_BYTES:
        entry["value"] = as_json
    return entry | {"shape": value.shape}


def _varint_bytes(n: int) -> int:
    return next(i for i, last in enumerate(spec.VARINT_LAST, 1) if n <= last)


def build_invalid(case: InvalidCase, folder: str, base: Vector) -> Vector:
    """Build the vector of a valid file with a defect."""
    edits = tuple(case.defect(base))
    data = apply(base.data, edits)
    return Vector(case, folder, data, edits=edits, environment=base.environment, registry=base.registry)
