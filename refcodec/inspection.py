# SPDX-License-Identifier: MIT
"""Inspect a file: name every byte and bit of it, without decoding payloads or running networks.

Any bytes give an `Inspection`. An invalid file is inspected as far as it can be parsed, and its errors are in `errors`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import Any, Final

from refcodec.container.check import State, file_state, mismatch, section_state
from refcodec.container.fields import FieldReader, Span
from refcodec.container.file import ParseState, read_file
from refcodec.container.header import Header
from refcodec.container.limits import Level, level_bounds
from refcodec.container.sections import Section, section_name
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.file_input import FileInput, contents
from refcodec.networks import package_search
from refcodec.registry import Profile, Registry

HEX_BYTES: Final = 32  # bytes of a binary value that are shown


@dataclass(frozen=True)
class Field:
    """A field of the file. Fields are contiguous; those within one byte have the same offset, and are in order."""

    name: str  # as in SPEC.md; `unparsed` and `trailing` for bytes that belong to no field
    offset: int  # of the byte with its first bit
    bits: int
    value: int | str | None  # text unchanged, other bytes in hexadecimal, truncated with … after 32


@dataclass(frozen=True)
class SectionInfo:
    """A section of the file."""

    kind: str | None  # name of the kind or ancillary section, None if it is unknown
    critical: bool
    offset: int  # of the body
    bytes: int  # of the body
    bits: int  # of the body


@dataclass(frozen=True)
class CheckInfo:
    """The check of the file, as far as it can be verified without decoding payloads."""

    bits: int | None  # 0, 16, 32; None for a broken header
    state: State


@dataclass(frozen=True)
class ModelInfo:
    """The symbol model that the file names."""

    digest: str | None  # 64 hexadecimal digits; fewer if the file has a prefix and the model is not installed
    name: str | None  # of the model, or of the profile if the model is not installed
    available: bool  # it is installed


@dataclass(frozen=True)
class Inspection:
    """The fields and properties of a file. None stands for an unknown value."""

    format_version: int | None
    file_bytes: int
    overhead_bytes: int  # bytes outside the bodies of critical sections
    profile: int | None  # row id, of the base for an explicit model
    method: str | None
    width: int | None  # pixels
    height: int | None
    bpp: float | None  # bits of the entire file per pixel
    ubpp: float | None  # the same in millionths
    complete: bool  # no section that the header announces is missing
    sections: tuple[SectionInfo, ...]
    check: CheckInfo
    canonical: bool | None
    model: ModelInfo
    fields: tuple[Field, ...]
    errors: tuple[SemError, ...]  # the first is the error that `refcodec.read` raises
    # that the file was read with, for names in what a notebook shows; a copy or pickle has none, and shows the default's
    registry: Registry | None = field(default=None, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields but the registry, which cannot be pickled."""
        return {name: value for name, value in vars(self).items() if name != "registry"}

    def to_dict(self) -> dict[str, Any]:
        """Return the object of `conformance/schema/inspect.schema.json`."""
        shallow = self.__getstate__()
        return shallow | {
            "sections": [asdict(section) for section in self.sections],
            "check": asdict(self.check),
            "model": asdict(self.model),
            "fields": [dict(vars(field)) for field in self.fields],
            "errors": [error.to_dict() for error in self.errors],
        }

    def _repr_html_(self) -> str:
        """Return what a notebook shows: facts, shares of the fields, and a table that opens. No scripts."""
        from refcodec.report.fragment import inspection_html

        return inspection_html(self, self.registry or Environment.default().registry)


def inspect(
    data: FileInput,
    *,
    level: int = 1,
    models: Iterable[str | PathLike[str]] = (),
    environment: Environment | None = None,
) -> Inspection:
    """Return the fields of a file, every byte and bit by name. No payload is decoded and no network runs.

    Args:
        data (path, bytes-like object or binary stream): the file. A `str` is a path.
        level (int): limits of SPEC §15, 1 or 2; what exceeds them is listed in `errors`.
        models (paths): folders to look for model packages in first.
        environment (Environment): registry and package folders. None: `Environment.default()`.

    Returns:
        An `Inspection` of any bytes. After an error of the file it holds as much as could be read, and the error.

    Raises:
        InputOutputError, LimitError: the path or stream cannot be read, or has more bytes than any file of the level.
        TypeError, ValueError: an argument is invalid.

    Example:
        >>> round(refcodec.inspect("photo.sem").bpp, 2)
        0.15
    """
    bounds, environment = level_bounds(level), Environment.of(environment).with_packages(models)
    return _inspection(contents(data, bounds.file_bytes), bounds, environment)


def _inspection(data: bytes, bounds: Level, environment: Environment) -> Inspection:
    reader, state = FieldReader(lenient=True), ParseState()
    try:
        read_file(reader, state, data, bounds, environment.registry)
        left = None
    except SemError as error:
        reader.errors.append(error)
        left = "trailing" if error.code == Code.TRAILING_BYTES else "unparsed"
    reader.prefix = ""
    header, sections = state.header, state.sections
    complete = _complete(state)
    if left is not None:
        reader.record(left, 8 * len(data) - reader.bit, data[reader.byte :])
    model = _model(reader, state, environment)
    states = _states(reader, state, model)
    values = {span.name: span.value for span in reader.spans}
    payload_bytes = sum(len(section.body) for section in sections if section.critical)
    bpp = None if header is None else 8 * len(data) / (header.width * header.height)
    return Inspection(
        format_version=_integer(values.get("version")),
        file_bytes=len(data),
        overhead_bytes=len(data) - payload_bytes,
        profile=header.row_id if header else _integer(values.get("profile")),
        method=state.profile.method_name if state.profile else None,
        width=header.width if header else None,
        height=header.height if header else None,
        bpp=bpp,
        ubpp=None if bpp is None else bpp * 1e6,
        complete=complete,
        sections=tuple(_section(section, environment) for section in sections),
        check=CheckInfo(header.check_bits if header else None, file_state(states) if states else "unchecked"),
        canonical=True if not reader.errors and complete and not any(s.critical for s in sections) else None,
        model=model,
        fields=tuple(map(_field, reader.spans)),
        errors=tuple(reader.errors),
        registry=environment.registry,
    )


def _complete(state: ParseState) -> bool:
    return state.header is not None and (state.header.count or 1) <= len(state.sections)


def _states(reader: FieldReader, state: ParseState, model: ModelInfo) -> list[State]:
    """Return the states of the checks that do not cover payloads; append an error for each that failed."""
    if state.header is None or state.profile is None:
        return []
    digest = model.digest if model.digest and len(model.digest) == package_search.DIGEST_DIGITS else None
    states = []
    for index, section in enumerate(state.sections):
        states.append(section_state(state.header, section, None, digest))
        if states[-1] == "failed":
            reader.errors.append(mismatch(state.header, index, section))
    return states


def _model(reader: FieldReader, state: ParseState, environment: Environment) -> ModelInfo:
    """Return the symbol model that the file names."""
    digest, name = _digest_and_name(state.header, state.profile)
    if digest is None:
        return ModelInfo(None, None, False)
    try:
        folder = environment.find_package(digest)
    except SemError as error:
        reader.errors.append(error)
        folder = None
    described = None if folder is None else package_search.describe(folder)
    if described is None:
        return ModelInfo(digest, name, False)
    return ModelInfo(described[0], described[1] or name, True)


def _digest_and_name(header: Header | None, profile: Profile | None) -> tuple[str | None, str | None]:
    """Return the digest or digest prefix that a header names, and the name of its profile if the model is the profile's."""
    if header is not None and header.model_hash is not None:
        return header.model_hash.hex(), None
    return (None, None) if profile is None else (profile.model, profile.name)


def _section(section: Section, environment: Environment) -> SectionInfo:
    size = len(section.body)
    return SectionInfo(
        section_name(section.type, environment.kinds), section.critical, section.body_offset, size, 8 * size
    )


def _field(span: Span) -> Field:
    return Field(span.name, span.bit // 8, span.bits, _value(span))


def _value(span: Span) -> int | str:
    if isinstance(span.value, int):
        return span.value
    if span.name.rpartition(".")[2] in ("key", "value"):
        return span.value.decode("utf-8", "replace")
    return span.value[:HEX_BYTES].hex() + ("…" if len(span.value) > HEX_BYTES else "")


def _integer(value: int | bytes | None) -> int | None:
    return value if isinstance(value, int) else None
