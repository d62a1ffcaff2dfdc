# SPDX-License-Identifier: MIT
"""From a file to its symbols: container, payloads, check, in the order of judgement of SPEC §17."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refcodec import spec
from refcodec.container import Container, read, verify
from refcodec.container.text import decode as text_decode
from refcodec.errors import SemError

if TYPE_CHECKING:
    from refcodec.models.predict import Backend, Trace
    from refcodec.payloads.elic_latents import ElicLatents


@dataclass(frozen=True, eq=False)
class Symbols:
    """A file, decoded. `latents` by section type; `folder` is the model package that was used, `state` the check's."""

    container: Container
    latents: Mapping[int, ElicLatents]
    folder: Path | None
    state: str

    @property
    def elic(self) -> ElicLatents:
        """The ELIC latents; SEM-E-704 for a file that holds none."""
        found = self.latents.get(spec.CRITICAL | spec.ELIC)
        if found is None:
            raise SemError(704, "the file holds no ELIC latents", path="sections")
        return found


def _model(container: Container, models: tuple[Path, ...]) -> tuple[Path, str]:
    from refcodec.models import package, store

    header = container.header
    wanted = header.profile.model if header.model_hash is None else header.model_hash.hex()
    if wanted is None:
        raise SemError(803, f"profile {header.row_id} names no model for its payload", path="profile")
    folder = store.locate(wanted, models)
    return folder, package.symbol_digest(package.read_manifest(folder)["symbols"])


def fits(model: Any, parameters: Mapping[str, Any]) -> None:
    """SEM-R-112: model and registry row must speak of the same shapes."""
    own = {"groups": list(model.groups), "hyper": model.hyper, "m": model.m, "parity": model.parity, "rates": model.rates}
    if own != dict(parameters):
        raise SemError(803, "the model's shapes are not those of the profile", path="model")


def read_symbols(
    data: bytes, *, models: tuple[Path, ...] = (), level: int = 1, backend: Backend | None = None, trace: Trace | None = None
) -> Symbols:
    """Everything that the bytes say, or the SemError of the first fault. `models`: folders looked at first."""
    container = read(data, level=level)
    latents: dict[int, ElicLatents] = {}
    folder, digest = None, None
    for index, section in enumerate(container.sections):
        if not section.critical:
            continue
        if section.number != spec.ELIC:
            name = spec.KINDS.get(section.number, str(section.number))
            raise SemError(704, f"a payload of kind {name}", offset=section.body_offset, path=f"sections[{index}]")
        from refcodec.methods import elic
        from refcodec.models import store

        folder, digest = _model(container, models)
        fits(store.symbol_model(folder, digest), container.profile.parameters(spec.ELIC))
        size = (container.header.width, container.header.height)
        try:
            latents[section.type] = elic.decode(section.body, folder, digest, size, backend or store.backend(), trace)
        except SemError as e:
            if e.family == "payload":
                at = None if e.offset is None else section.body_offset + e.offset
                raise SemError(e.code, e.what, offset=at, path=e.path or "body") from e
            raise
    state = verify(container.header, container.sections, {t: v.serialise() for t, v in latents.items()}, digest)
    return Symbols(container, latents, folder, state)


@dataclass(frozen=True)
class PayloadSection:
    """One section's symbols: `sha256` over S of SPEC §7, `shape` of each array, `value` where it is short enough."""

    kind: str
    sha256: str
    shape: list[list[int]]
    value: Any


@dataclass(frozen=True)
class Payload:
    sections: tuple[PayloadSection, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"sections": [vars(s).copy() for s in self.sections]}


def payload(data: bytes, *, models: tuple[Path, ...] = (), level: int = 1) -> Payload:
    """The decoded symbols of a file, section by section; SemError for what is wrong with it."""
    decoded = read_symbols(data, models=models, level=level)
    out = []
    for section in decoded.container.sections:
        if section.critical:
            latents = decoded.latents[section.type]
            s, shape = latents.serialise(), [list(latents.z.shape), list(latents.y.shape)]
            value: Any = {"rate": latents.rate}
        else:
            s, shape = section.body, [[len(section.body)]]
            value = text_decode(section.body) if section.type in spec.ANCILLARY else section.body.hex()
        name = section.name or f"0x{section.type:02X}"
        out.append(PayloadSection(name, hashlib.sha256(s).hexdigest(), shape, value))
    return Payload(tuple(out))
