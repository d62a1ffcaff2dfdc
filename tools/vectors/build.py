# SPDX-License-Identifier: MIT
"""From recipes to bytes and to what a decoder must say of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
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
from tools.vectors import edges, full, mini, payload_writer, symbols, tiny
from tools.vectors.vector import SHIPPED, Fault, Valid, Vector, apply

ROOT: Final = Path(__file__).resolve().parents[2]
OUT: Final = ROOT / "test_vectors"
MODELS: Final = OUT / "models"
SMALL: Final = (*tiny.BY_HAND, *edges.SMALL)
NAMES: Final = (*tiny.MODELS, *SMALL, mini.NAME, full.NAME, *edges.LATENTS)
BACKEND: Final = NumpyBackend()
VALUE_BYTES: Final = 1024  # the manifest shows values of which the JSON is not longer


@lru_cache(maxsize=8)
def model(name: str) -> SymbolModel:
    """A model of test_vectors/models for kind 6 or 7."""
    if name == mini.NAME:
        return package.build(*mini.package()[:2])
    if name in edges.LATENTS:
        return package.build(*edges.package(name)[:2])
    if name == full.NAME:
        return package.load(full.EMBEDDED)
    return package.load(MODELS / name)


@lru_cache(maxsize=8)
def table_model(name: str) -> TableModel:
    """A model of test_vectors/models for kinds 3 to 5."""
    by_hand = name in edges.SMALL
    found = package.build_model(*edges.package(name)[:2]) if by_hand else package.load_any(MODELS / name)
    assert isinstance(found, TableModel)
    return found


@lru_cache(maxsize=1)
def folders() -> dict[str, str]:
    """Digest -> folder of test_vectors/models."""
    models = {name: package.read_manifest(MODELS / name)["symbols"] for name in tiny.ALL}
    models |= {full.NAME: full.manifest()["symbols"]} | {name: edges.package(name)[0] for name in edges.NAMES}
    return {package.symbol_digest(value): name for name, value in models.items()}


def folder_of(row: Profile) -> str:
    """The folder of a row's model."""
    return folders()[row.model or ""]


def model_of(recipe: Valid, environment: Environment) -> SymbolModel:
    """The model that the latents of a recipe need."""
    return model(recipe.model or folder_of(environment.registry.get(recipe.profile)))


def digest_of(recipe: Valid, environment: Environment) -> str | None:
    """The digest of the symbol model: all of it, whether or not it can be found."""
    if recipe.model is None:
        return environment.registry.get(recipe.profile).model
    found = table_model if recipe.model in SMALL else model
    return found(recipe.model).digest if recipe.model in NAMES else recipe.model


def header_of(recipe: Valid, environment: Environment) -> Header:
    digest = digest_of(recipe, environment)
    explicit = recipe.hash_bytes > 0 and digest is not None
    return Header(
        version=spec.VERSION,
        check_bits=recipe.check,
        sectioned=False,
        profile_id=spec.PROFILE_EXPLICIT if explicit else recipe.profile,
        base_profile_id=recipe.profile if explicit else None,
        model_hash=bytes.fromhex(digest or "")[: recipe.hash_bytes] if explicit else None,
        width=recipe.size[0],
        height=recipe.size[1],
        check=None,
        count=None,
        row=environment.registry.get(recipe.profile),
    )


def coded(recipe: Valid, environment: Environment, tracer: Tracer | None = None) -> tuple[bytes, ElicLatents]:
    """The body of a recipe's latents, and the latents."""
    m = model_of(recipe, environment)
    stream = symbols.Sha256Stream(recipe.seed or recipe.id)
    z = symbols.z(recipe.z, m, recipe.rate, latents.shapes(*recipe.size)[0], stream)
    chooser = symbols.y(recipe.y, stream)
    return latents.encode(recipe.rate, z, chooser, m, recipe.size, BACKEND, tracer, tables=environment.tables)


def payloads(
    recipe: Valid, environment: Environment, tracer: Tracer | None = None
) -> Iterator[tuple[int, bytes, Value]]:
    """Type, body and symbols of each payload that is to be decoded."""
    row = environment.registry.get(recipe.profile)
    for kind, value in recipe.payloads:
        parameters = row.parameters(kind)
        table = table_model(recipe.model or folder_of(row)).table if kinds.needs_model(kind, parameters) else None
        yield spec.CRITICAL | kind, *payload_writer.encode(kind, value, parameters, recipe.size, table)
    if recipe.payload and recipe.body is None:
        yield latents_type(row), *coded(recipe, environment, tracer)


def latents_type(row: Profile) -> int:
    return spec.CRITICAL | (spec.SKETCH if spec.SKETCH in row.kinds else spec.ELIC)


def valid(recipe: Valid, group: str, environment: Environment = SHIPPED) -> Vector:
    """The vector of a recipe."""
    header, digest = header_of(recipe, environment), digest_of(recipe, environment)
    known = digest if recipe.hash_bytes else None
    tracer = Tracer() if recipe.trace else None
    values: dict[int, Value] = {}
    contents: dict[int, tuple[bytes, bytes | None]] = {kind: (body, body) for kind, body in recipe.sections}
    for kind, body, value in payloads(recipe, environment, tracer):
        contents[kind], values[kind] = (body, value.serialise()), value
    if recipe.body is not None:
        contents[latents_type(header.profile)] = (recipe.body, None)

    def section(kind: int, body: bytes, s: bytes | None) -> Section:
        if s is None or not recipe.check:
            return Section(kind, body, bytes(recipe.check // 8))
        return Section(kind, body, section_check(header.profile, known, header, kind, s, recipe.check))

    whole = assemble(header, [section(kind, *item) for kind, item in contents.items()])
    whole = replace(whole, sections=whole.sections[: recipe.keep])
    data = write(whole)
    return Vector(
        recipe,
        group,
        data,
        expected(recipe, data, whole, values, environment),
        values=values,
        trace=None if tracer is None else tracer.to_json(data),
        environment=environment,
    )


def expected(
    recipe: Valid, data: bytes, whole: Container, values: Mapping[int, Value], environment: Environment
) -> dict[str, Any]:
    """What a decoder of the recipe's tier must say."""
    header, at = whole.header, len(data)
    bodies: list[dict[str, Any]] = []
    states = []
    known = header.model_digest() or (digest_of(recipe, environment) if recipe.model in NAMES else None)
    for section in reversed(whole.sections):
        at -= len(section.body) + (len(section.check) if header.sectioned else 0)
        value = values.get(section.type)
        s = section.body if not section.critical else None if value is None else value.serialise()
        state = section_state(header, section, s if recipe.tier != "H" else None, known)
        entry: dict[str, Any] = {
            "type": section.type,
            "kind": section.name,
            "offset": at,
            "bytes": len(section.body),
            "check": state,
        }
        if value is not None and recipe.tier != "H":
            entry |= said(value)
        if s is not None and recipe.tier != "H":
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
        "complete": whole.complete,
        "check": file_state(states),
        "sections": bodies,
    }


def said(value: Value) -> dict[str, Any]:
    """What the manifest says of the symbols of a payload, but for their digest."""
    if isinstance(value, ElicLatents):
        return {"rate": value.rate, "shape": value.shape}
    entry: dict[str, Any] = {"mode": value.mode} if isinstance(value, Caption) else {}
    shown = value.to_json()
    if shown is not None and len(json.dumps(shown, ensure_ascii=False)) <= VALUE_BYTES:
        entry["value"] = shown
    return entry | {"shape": value.shape}


def _varint_bytes(n: int) -> int:
    return next(i for i, last in enumerate(spec.VARINT_LAST, 1) if n <= last)


def fault(recipe: Fault, group: str, base: Vector) -> Vector:
    """The vector of a defect."""
    edits = tuple(recipe.defect(base))
    return Vector(recipe, group, apply(base.data, edits), edits=edits, environment=base.environment)
