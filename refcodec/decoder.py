# SPDX-License-Identifier: MIT
"""Decode a file to its symbols: container, payloads and check, in the order of errors of SPEC §17."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Generator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refcodec import spec
from refcodec.container import Container, Header, Section, read, verify
from refcodec.container.check import State
from refcodec.container.key_value import decode as text_decode
from refcodec.container.limits import level_bounds
from refcodec.container.sections import section_name
from refcodec.environment import Environment, Folders
from refcodec.errors import Code, SemError
from refcodec.file_input import FileInput
from refcodec.limits import NONE, CallerLimitError, Limits
from refcodec.networks import package_search
from refcodec.progress import Progress, run

if TYPE_CHECKING:
    from refcodec.networks.context_model import Backend, Trace
    from refcodec.payloads import Value
    from refcodec.payloads.coding import CodingContext
    from refcodec.payloads.latents import ElicLatents


@dataclass(frozen=True, eq=False)
class DecodedFile:
    """A decoded file. `values` by section type; `folder`: the model package that was used; `state`: of the check.

    `environment`: the one it was decoded with, including the folders of models named for it.
    """

    container: Container
    values: Mapping[int, Value]
    folder: Path | None
    state: State
    environment: Environment
    limits: Limits = NONE  # of the caller, for what is made of the symbols

    def value(self, kind: int) -> Any:
        """Return the payload of this kind. Raises Code.UNSUPPORTED_KIND (SEM-E-704) if the file has none."""
        value = self.values.get(spec.CRITICAL | kind)
        if value is None:
            raise SemError(
                Code.UNSUPPORTED_KIND,
                f"the file holds no {self.environment.kinds.names[kind]}",
                path="sections",
            )
        return value

    @property
    def elic(self) -> ElicLatents:
        """The ELIC latents. Raises Code.UNSUPPORTED_KIND (SEM-E-704) if the file has none."""
        latents: ElicLatents = self.value(spec.ELIC)
        return latents

    @property
    def canonical(self) -> bool:
        """Whether all payloads are canonical; False if one is in a foreign form (SPEC §13.2)."""
        return all(value.canonical for value in self.values.values())


def decode_file(
    data: FileInput,
    *,
    models: Folders = (),
    level: int = 1,
    backend: Backend | None = None,
    trace: Trace | None = None,
    progress: Progress | None = None,
    environment: Environment | None = None,
    limits: Limits | None = None,
) -> DecodedFile:
    """Decode a file. Raises the SemError of its first error. models: folders of packages to search first."""
    environment, limits = Environment.of(environment).with_packages(models), Limits.of(limits)
    container = read(data, level=level, environment=environment, limits=limits)
    return decode_container(
        container, environment, level=level, backend=backend, trace=trace, progress=progress, limits=limits
    )


def decode_container(
    container: Container,
    environment: Environment,
    *,
    level: int = 1,
    backend: Backend | None = None,
    trace: Trace | None = None,
    progress: Progress | None = None,
    limits: Limits = NONE,
    without: Collection[int] = (),
) -> DecodedFile:
    """Return the symbols of a container, without those of the section types `without`, whose checks stay unchecked.

    Raises SemError for an error of its payloads, its model or its check.
    """
    stages = _decoding(container, environment, level, backend, trace, progress, limits, without=without, previews=False)
    return run(stages)


def decode_in_stages(
    container: Container,
    environment: Environment,
    *,
    level: int = 1,
    progress: Progress | None = None,
    limits: Limits = NONE,
) -> Generator[DecodedFile, None, DecodedFile]:
    """Yield the symbols of previews while a container is decoded, and return what `decode_container` returns.

    Previews hold predictions in place of symbols to come, and are not verified: errors may follow. Raises SemError as
    `decode_container` does.
    """
    return _decoding(container, environment, level, None, None, progress, limits, previews=True)


def _decoding(
    container: Container,
    environment: Environment,
    level: int,
    backend: Backend | None,
    trace: Trace | None,
    progress: Progress | None,
    limits: Limits,
    *,
    without: Collection[int] = (),
    previews: bool,
) -> Generator[DecodedFile, None, DecodedFile]:
    """Decode the payloads of a container in their order, and verify its check."""
    from refcodec.payloads.coding import CodingContext

    values: dict[int, Value] = {}
    limits.check_time()
    folder, digest = None, None
    common = CodingContext(
        {},
        (container.header.width, container.header.height),
        level_bounds(level).text_bytes,
        environment.tables,
        backend=backend,
        trace=trace,
        progress=limits.checked(progress),
    )
    for index, section in enumerate(container.sections):
        if not section.critical or section.type in without:
            continue
        chosen = None
        if container.profile.kind(section.number).needs_model(container.profile.parameters(section.number)):
            folder, digest = chosen = model_of(container, environment)
            check_work(container, folder, level)
        stages = _payload(container, section, chosen, environment, common, limits, previews=previews)
        try:
            while True:
                so_far = {**values, section.type: next(stages)}
                yield DecodedFile(container, so_far, folder, "unchecked", environment, limits)
        except StopIteration as end:
            values[section.type] = end.value
        except SemError as error:
            if not _has_place(error):
                raise
            at = section.body_offset + (error.offset or 0)
            path = f"sections[{index}].body" if container.header.sectioned else "body"
            raise SemError(error.code, error.what, offset=at, path=path) from error
    if digest is None:
        digest = explicit_digest(container.header, environment)
    state = verify(container.header, container.sections, {t: v.serialise() for t, v in values.items()}, digest)
    return DecodedFile(container, values, folder, state, environment, limits)


def _has_place(error: SemError) -> bool:
    """Return whether an error has a place in the file: those of the model and bounds of the caller do not."""
    of_model = error.code in (Code.UNSUPPORTED_MODEL, Code.LIMIT_MODEL)
    of_file = error.family in ("payload", "limit", "unsupported") and not of_model
    return of_file and not isinstance(error, CallerLimitError)


def _payload(
    container: Container,
    section: Section,
    chosen: tuple[Path, str] | None,
    environment: Environment,
    common: CodingContext,
    limits: Limits,
    *,
    previews: bool,
) -> Generator[Value, None, Value]:
    """Return the symbols of one payload. `chosen`: folder and digest of its model, None if its kind needs none.

    previews: yield the symbols of each on the way, if its kind has stages.
    """
    kind = container.profile.kind(section.number)
    context = replace(common, parameters=container.profile.parameters(kind.id))
    if chosen is not None:
        from refcodec.networks import package_cache

        context = package_cache.with_model(context, kind, chosen, environment.kinds, limits.tick)
    if previews and kind.stages is not None:  # the predictions of a preview take as much memory again
        limits.check_memory(2 * kind.memory(context), f"decoding its {kind.name} in stages")
        return (yield from kind.stages(section.body, context))
    limits.check_memory(kind.memory(context), f"decoding its {kind.name}")
    return kind.decode(section.body, context)


def model_of(container: Container, environment: Environment) -> tuple[Path, str]:
    """Return folder and digest of the model that a file names."""
    header = container.header
    wanted = header.named_digest
    if wanted is None:
        raise SemError(Code.MODEL_MALFORMED, f"profile {header.row_id} names no model for its payload", path="profile")
    from refcodec.networks import package_cache

    folder = environment.locate_package(wanted)
    return folder, package_cache.model_digest(folder)


def check_work(container: Container, folder: Path, level: int) -> None:
    """Raise Code.LIMIT_MODEL (SEM-E-607) if the model of a file asks for more than the level allows (SPEC §15)."""
    from refcodec.networks import package_cache

    package_cache.check_work(folder, (container.header.width, container.header.height), level)


def explicit_digest(header: Header, environment: Environment) -> str | None:
    """Return the full digest of the explicit model that a header names, None without one or if it is not found."""
    if header.model_hash is None:
        return None
    try:
        folder = environment.find_package(header.model_hash.hex())
    except SemError:  # several models match
        return None
    return None if folder is None else package_search.folder_digest(folder)


@dataclass(frozen=True)
class PayloadSection:
    """The symbols of one section: `sha256` of S (SPEC §7), `shape` of each array, `value` if it is short enough."""

    kind: str
    sha256: str
    shape: list[list[int]]
    value: Any
    candidate: int | None = None  # of a caption whose row has candidates (SPEC §13.2)

    def to_dict(self) -> dict[str, Any]:
        """Return the members; without `candidate` if it is None."""
        return {name: v for name, v in asdict(self).items() if name != "candidate" or v is not None}


@dataclass(frozen=True)
class Payload:
    """The symbols of a file."""

    sections: tuple[PayloadSection, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the object of `conformance/schema/payload.schema.json`."""
        return {"sections": [section.to_dict() for section in self.sections]}


def payload(
    data: FileInput,
    *,
    models: Folders = (),
    level: int = 1,
    progress: Progress | None = None,
    environment: Environment | None = None,
    limits: Limits | None = None,
) -> Payload:
    """Return the decoded symbols of a file, section by section, with a digest of each.

    Args:
        data (path, bytes-like object or binary stream): the file. A `str` is a path.
        models (path or paths): folders to look for model packages in first.
        level (int): limits of SPEC §15, 1 or 2.
        progress (function of float): called with the share of the work that is done, 0 to 1.
        environment (Environment): registry, tables and package folders. None: `Environment.default()`.
        limits (Limits): bounds of the caller on pixels, memory and time. None: `Limits.default()`.

    Raises:
        SemError: the first error of the file, in the order of SPEC §17.
        ModelError: the symbol model that a payload needs is missing or malformed.
        InputOutputError: the path or stream cannot be read.
        TypeError, ValueError: an argument is invalid.

    Example:
        >>> refcodec.payload("cat.sem").sections[0].value
        'A cat on a mat.'
    """
    decoded = decode_file(data, models=models, level=level, progress=progress, environment=environment, limits=limits)
    out = []
    for section in decoded.container.sections:
        if section.critical:
            symbols = decoded.values[section.type]
            s, shape, value = symbols.serialise(), symbols.shape, symbols.to_json()
        else:
            s, shape = section.body, [[len(section.body)]]
            value = text_decode(section.body) if section.type in spec.TEXT_TYPES else section.body.hex()
        name = section_name(section.type, decoded.environment.kinds) or f"0x{section.type:02X}"
        candidate = getattr(decoded.values.get(section.type), "candidate", None)
        out.append(PayloadSection(name, hashlib.sha256(s).hexdigest(), shape, value, candidate))
    return Payload(tuple(out))
