# SPDX-License-Identifier: MIT
"""From a file to its symbols: container, payloads, check, in the order of judgement of SPEC §17."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refcodec import modelpath, spec
from refcodec.container import Container, Header, Section, read, verify
from refcodec.container.check import State
from refcodec.container.text import decode as text_decode
from refcodec.errors import SemError
from refcodec.files import shown
from refcodec.progress import Progress

if TYPE_CHECKING:
    from refcodec.models.package import SymbolModel
    from refcodec.models.predict import Backend, Trace
    from refcodec.payloads.elic_latents import ElicLatents

Folders = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True, eq=False)
class Symbols:
    """A file, decoded. `latents` by section type; `folder` is the model package that was used, `state` the check's."""

    container: Container
    latents: Mapping[int, ElicLatents]
    folder: Path | None
    state: State

    @property
    def elic(self) -> ElicLatents:
        """The ELIC latents; SEM-E-704 for a file that holds none."""
        found = self.latents.get(spec.CRITICAL | spec.ELIC)
        if found is None:
            raise SemError(704, "the file holds no ELIC latents", path="sections")
        return found


def folders(models: Folders) -> tuple[Path, ...]:
    """Model folders, of which there may be one, as paths."""
    return (Path(models),) if isinstance(models, str | os.PathLike) else tuple(map(Path, models))


def model_digest(folder: Path) -> str:
    """The digest of the symbol model in a package. SEM-E-801 where there is no package, 803 for a malformed one."""
    from refcodec.models import package

    if not os.path.isfile(folder / modelpath.MANIFEST):
        raise SemError(801, f"{shown(str(folder))} is no model package: it has no {modelpath.MANIFEST}", path="model")
    if (digest := modelpath.folder_digest(folder)) is not None:
        return digest
    try:
        return package.symbol_digest(package.read_manifest(folder)["symbols"])
    except ValueError as error:
        raise SemError(803, str(error), path="symbols") from error


def fits(model: Any, parameters: Mapping[str, Any]) -> None:
    """SEM-R-112: model and registry row must speak of the same shapes."""
    own = {"groups": list(model.groups), "hyper": model.hyper, "m": model.m, "parity": model.parity, "rates": model.rates}
    if own != dict(parameters):
        raise SemError(803, "the model's shapes are not those of the profile", path="model")


def read_symbols(
    data: bytes | bytearray | memoryview, *, models: Folders = (), level: int = 1, backend: Backend | None = None,
    trace: Trace | None = None, progress: Progress | None = None,
) -> Symbols:  # fmt: skip
    """Everything that the bytes say, or the SemError of the first fault. `models`: folders looked at first."""
    return symbols_of(read(data, level=level), models=models, backend=backend, trace=trace, progress=progress)


def symbols_of(
    container: Container, *, models: Folders = (), backend: Backend | None = None, trace: Trace | None = None,
    progress: Progress | None = None,
) -> Symbols:  # fmt: skip
    """The symbols of a container that has been read; SemError for its payloads, its model and its check."""
    latents: dict[int, ElicLatents] = {}
    folder, digest = None, None
    for index, section in enumerate(container.sections):
        if not section.critical:
            continue
        path = f"sections[{index}]." if container.header.sectioned else ""
        if section.number != spec.ELIC:
            name = spec.KINDS.get(section.number, str(section.number))
            raise SemError(704, f"a payload of kind {name}", offset=section.body_offset, path=f"{path}body")
        folder, digest = _model(container, folders(models))
        try:
            model = _fitting_model(container, folder, digest)
            latents[section.type] = _elic(container, section, model, backend, trace, progress)
        except SemError as error:
            if error.family != "payload":
                raise
            at = None if error.offset is None else section.body_offset + error.offset
            raise SemError(error.code, error.what, offset=at, path=f"{path}body") from error
    if digest is None:
        digest = _explicit_digest(container.header, folders(models))
    state = verify(container.header, container.sections, {t: v.serialise() for t, v in latents.items()}, digest)
    return Symbols(container, latents, folder, state)


def _model(container: Container, extra: tuple[Path, ...]) -> tuple[Path, str]:
    from refcodec.models import store

    header = container.header
    wanted = header.profile.model if header.model_hash is None else header.model_hash.hex()
    if wanted is None:
        raise SemError(803, f"profile {header.row_id} names no model for its payload", path="profile")
    folder = store.locate(wanted, extra)
    return folder, model_digest(folder)


def _explicit_digest(header: Header, extra: tuple[Path, ...]) -> str | None:
    """What K of a file without payloads needs of an explicit model; None where it is not found."""
    if header.model_hash is None:
        return None
    try:
        folder = modelpath.find(header.model_hash.hex(), extra)
    except SemError:  # several fit
        return None
    return None if folder is None else modelpath.folder_digest(folder)


def _fitting_model(container: Container, folder: Path, digest: str) -> SymbolModel:
    from refcodec.models import store

    model = store.symbol_model(folder, digest)
    fits(model, container.profile.parameters(spec.ELIC))
    return model


def _elic(
    container: Container, section: Section, model: SymbolModel, backend: Backend | None, trace: Trace | None,
    progress: Progress | None,
) -> ElicLatents:  # fmt: skip
    from refcodec.models import store
    from refcodec.payloads import elic_latents

    size = (container.header.width, container.header.height)
    return elic_latents.decode(section.body, model, size, backend or store.backend(), trace, progress)


@dataclass(frozen=True)
class PayloadSection:
    """One section's symbols: `sha256` over S of SPEC §7, `shape` of each array, `value` where it is short enough."""

    kind: str
    sha256: str
    shape: list[list[int]]
    value: Any

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Payload:
    """The symbols of a file."""

    sections: tuple[PayloadSection, ...]

    def to_dict(self) -> dict[str, Any]:
        """The object of `conformance/schema/payload.schema.json`."""
        return {"sections": [section.to_dict() for section in self.sections]}


def payload(
    data: bytes | bytearray | memoryview, *, models: Folders = (), level: int = 1, progress: Progress | None = None
) -> Payload:
    """The decoded symbols of a file, section by section; SemError for what is wrong with it."""
    decoded = read_symbols(data, models=models, level=level, progress=progress)
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
