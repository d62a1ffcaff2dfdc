# SPDX-License-Identifier: MIT
"""Read and write a file (SPEC §3): a header and its sections, in compact or sectioned form.

Rules are checked in the order of §17 (R-150): the size of the file, the header, its limits, then each section field by
field. Payloads are not decoded here, and checks are verified after decoding, by `refcodec.container.check.verify`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from refcodec import spec
from refcodec.container import header as headers
from refcodec.container import key_value, limits
from refcodec.container import sections as section_codec
from refcodec.container.fields import FieldReader
from refcodec.container.header import Header
from refcodec.container.limits import Level, level_bounds
from refcodec.container.sections import Section, SectionContext, order
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.file_input import FileInput, contents
from refcodec.limits import Limits
from refcodec.payloads.kinds import Kinds
from refcodec.registry import Profile, Registry


@dataclass(frozen=True)
class Container:
    """A header and its sections. In compact form the one section has its body after the header and its check in it."""

    header: Header
    sections: tuple[Section, ...]

    @property
    def complete(self) -> bool:
        """Return whether all sections are present; a file may be cut at the end of a section (R-047)."""
        return self.header.count is None or self.header.count == len(self.sections)

    @property
    def profile(self) -> Profile:
        """Return the registry row of the header."""
        return self.header.profile

    def section(self, section_type: int) -> Section | None:
        """Return the section of this type, None if it is absent."""
        return next((section for section in self.sections if section.type == section_type), None)

    @property
    def metadata(self) -> dict[str, str]:
        """Return the entries about the picture; an empty dictionary if it has none."""
        section = self.section(spec.METADATA)
        return {} if section is None else key_value.decode(section.body)


@dataclass
class ParseState:
    """What has been read of a file so far."""

    header: Header | None = None
    profile: Profile | None = None
    sections: list[Section] = field(default_factory=list)


def read(
    data: FileInput,
    *,
    level: int = 1,
    partial: bool = True,
    environment: Environment | None = None,
    limits: Limits | None = None,
) -> Container:
    """Return the container of a file: its header and its sections, whose bodies are not decoded.

    Args:
        data (path, bytes-like object or binary stream): the file. A `str` is a path.
        level (int): limits of SPEC §15, 1 or 2.
        partial (bool): accept a file that is cut at the end of a section.
        environment (Environment): whose registry has the profile. None: `Environment.default()`.
        limits (Limits): bounds of the caller, of which the pixels apply. None: those of the level alone.

    Raises:
        HeaderError, SectionError, LimitError, UnsupportedError: the first error of the file.
        InputOutputError: the path or stream cannot be read.
        TypeError, ValueError: an argument that makes no sense.

    Example:
        >>> refcodec.read("photo.sem").header.width
        768
    """
    bounds = level_bounds(level)
    data = contents(data, bounds.file_bytes)
    if limits is not None:
        bounds = bounds._replace(caller_pixels=limits.max_pixels)
    return _read(data, bounds, Environment.of(environment).registry, partial)


def _read(data: bytes, bounds: Level, rows: Registry, partial: bool = True) -> Container:
    state = ParseState()
    read_file(FieldReader(), state, data, bounds, rows)
    assert state.header is not None, "a file without an error has a header"
    container = Container(state.header, tuple(state.sections))
    if not (partial or container.complete):
        raise SemError(
            Code.SECTION_TRUNCATED,
            "the file ends before its next section",
            offset=len(data),
            path=f"sections[{len(container.sections)}]",
        )
    return container


def write(container: Container, *, level: int = 1) -> bytes:
    """Return the bytes of the one file that `read` returns as `container`, for the registry row in its header.

    Args:
        container (Container): header and sections, in the form and order of SPEC §6.
        level (int): limits of SPEC §15, 1 or 2.

    Raises:
        SemError: the error with which `read` would refuse the file.
        ValueError: a container that contradicts itself or does not fit its fields.

    Example:
        >>> refcodec.write(refcodec.read(data)) == data
        True
    """
    header = container.header
    data = headers.build(header)
    if header.sectioned:
        data += b"".join(section_codec.build(section, header.check_bits // 8) for section in container.sections)
    else:
        data += b"".join(section.body for section in container.sections)
    if _read(data, level_bounds(level), header.rows) != container:
        raise ValueError("header and sections of the container contradict each other")
    return data


def assemble(header: Header, sections: Iterable[Section]) -> Container:
    """Return a container of these sections with the profile, size and check bits of `header`, in the form and order of §6.

    Checks are kept: they are valid in either form and independent of the other sections (§7).
    """
    parts = tuple(sorted(sections, key=lambda section: order(section.type)))
    if len(parts) == 1 and parts[0].type == spec.CRITICAL | header.profile.compact:
        compact = replace(header, sectioned=False, check=parts[0].check or None, count=None)
        return Container(compact, parts)
    return Container(replace(header, sectioned=True, check=None, count=len(parts)), parts)


def read_file(reader: FieldReader, state: ParseState, data: bytes, bounds: Level, rows: Registry) -> None:
    """Read a file: record fields on `reader` and results on `state`. Raise the first error that is not recoverable."""
    reader.enforce(limits.file_violation(len(data), bounds), "file", bounds.file_bytes)
    stream = io.BytesIO(data)
    header = state.header = headers.read_header(reader, stream, rows)
    state.profile = header.row  # None only after an error, with a lenient reader
    reader.enforce(limits.size_violation(header, bounds), "size", reader.offset("dim_class") or 0)
    limits.check_caller_pixels(header, bounds, reader.offset("dim_class") or 0)
    reader.enforce(limits.count_violation(header, bounds), "count_minus_1", reader.offset("count_minus_1") or 0)
    if header.sectioned:
        _read_sections(reader, state, stream, header, bounds, rows.kinds)
    else:
        _read_compact(reader, state, data[reader.byte :], header, bounds, rows.kinds)


def _read_compact(
    reader: FieldReader, state: ParseState, body: bytes, header: Header, bounds: Level, kinds: Kinds
) -> None:
    kind = 0 if state.profile is None else state.profile.compact  # 0: unknown, no kind has this number
    section_type = spec.CRITICAL | kind
    violation = limits.section_violation(section_type, len(body), header, state.profile, bounds, kinds)
    reader.enforce(violation, "body", reader.byte)
    state.sections.append(Section(section_type, body, header.check or b"", reader.byte, reader.offset("check") or 0))
    reader.record("body", 8 * len(body), body)


def _read_sections(
    reader: FieldReader, state: ParseState, stream: io.BytesIO, header: Header, bounds: Level, kinds: Kinds
) -> None:
    reader.truncated = Code.SECTION_TRUNCATED
    before = None
    for index in range(header.count or 0):
        if index and not stream.read(1):
            return
        stream.seek(reader.byte)
        reader.prefix = f"sections[{index}]."
        context = SectionContext(header, state.profile, kinds, bounds, before, len(reader.errors))
        state.sections.append(section_codec.read_section(reader, stream, context))
        before = state.sections[-1].type
    reader.prefix = ""
    if rest := stream.read(1):
        raise SemError(
            Code.TRAILING_BYTES,
            f"bytes follow the last section, {rest.hex()} first",
            offset=reader.byte,
            path="trailing",
        )
