# SPDX-License-Identifier: MIT
"""SPEC §3, the file: a header and its sections, in compact or in sectioned form, read and written.

The order of judgement is that of §17 (R-150): the file's size, the header, its limits, then each section in its turn,
field by field. Payloads and checks are for those who know symbols: see `refcodec.container.check.verify`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from refcodec import spec
from refcodec.container import header as headers
from refcodec.container import limits
from refcodec.container import sections as section_codec
from refcodec.container.fields import Walk
from refcodec.container.header import Header
from refcodec.container.limits import Level, level_bounds
from refcodec.container.sections import Place, Section, order
from refcodec.environment import Environment
from refcodec.errors import Code, SemError
from refcodec.file_input import FileInput, contents
from refcodec.payloads.base import Kinds
from refcodec.registry import Profile, Registry


@dataclass(frozen=True)
class Container:
    """A file. In compact form `sections` is the one section whose body follows the header and whose check is in it."""

    header: Header
    sections: tuple[Section, ...]

    @property
    def complete(self) -> bool:
        """False for a file cut at the end of a section (R-047)."""
        return self.header.count is None or self.header.count == len(self.sections)

    @property
    def profile(self) -> Profile:
        return self.header.profile

    def section(self, section_type: int) -> Section | None:
        """The section of this type."""
        return next((section for section in self.sections if section.type == section_type), None)


@dataclass
class Found:
    """What a walk has found so far."""

    header: Header | None = None
    profile: Profile | None = None
    sections: list[Section] = field(default_factory=list)


def read(data: FileInput, *, level: int = 1, partial: bool = True, environment: Environment | None = None) -> Container:
    """Return the container of a file: its header and its sections, whose bodies are not decoded.

    Args:
        data (path, bytes-like object or binary stream): the file. A `str` is a path.
        level (int): limits of SPEC §15, 1 or 2.
        partial (bool): accept a file that is cut at the end of a section.
        environment (Environment): whose registry has the profile. None: `Environment.default()`.

    Raises:
        HeaderError, SectionError, LimitError, UnsupportedError: the first error of the file.
        InputOutputError: the path or stream cannot be read.
        TypeError, ValueError: an argument that makes no sense.

    Example:
        >>> refcodec.read("photo.sem").header.width
        768
    """
    data = contents(data, level_bounds(level).file_bytes)
    return _read(data, level, Environment.of(environment).registry, partial)


def _read(data: bytes, level: int, rows: Registry, partial: bool = True) -> Container:
    found = Found()
    walk_file(Walk(), found, data, level_bounds(level), rows)
    if found.header is None:
        raise AssertionError("a walk without a fault finds a header")
    container = Container(found.header, tuple(found.sections))
    if not (partial or container.complete):
        raise SemError(
            Code.SECTION_TRUNCATED,
            "the file ends before its next section",
            offset=len(data),
            path=f"sections[{len(container.sections)}]",
        )
    return container


def write(container: Container, *, level: int = 1) -> bytes:
    """Return the bytes of the one file that `read` returns as `container`, by the row that it was read or made with.

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
    if _read(data, level, header.rows) != container:
        raise ValueError("header and sections of the container contradict each other")
    return data


def assemble(header: Header, sections: Iterable[Section]) -> Container:
    """A container of these sections under the profile, size and check bits of `header`, in the form and order that
    §6 demands. Checks stay what they are: they hold in either form and whatever stands beside them (§7)."""
    parts = tuple(sorted(sections, key=lambda section: order(section.type)))
    if len(parts) == 1 and parts[0].type == spec.CRITICAL | header.profile.compact:
        compact = replace(header, sectioned=False, check=parts[0].check or None, count=None)
        return Container(compact, parts)
    return Container(replace(header, sectioned=True, check=None, count=len(parts)), parts)


def walk_file(walk: Walk, found: Found, data: bytes, bounds: Level, rows: Registry) -> None:
    """Read a file, noting fields on the walk and results on `found`; SemError where it cannot go on."""
    walk.judge(limits.file_fault(len(data), bounds), "file", bounds.file_bytes)
    stream = io.BytesIO(data)
    header = found.header = headers.walk_header(walk, stream, rows)
    found.profile = header.row  # None: a fault that only a lenient walk goes on after
    walk.judge(limits.size_fault(header, bounds), "size", walk.offset("dim_class") or 0)
    walk.judge(limits.count_fault(header, bounds), "count_minus_1", walk.offset("count_minus_1") or 0)
    if header.sectioned:
        _walk_sections(walk, found, stream, header, bounds, rows.kinds)
    else:
        _walk_compact(walk, found, data[walk.byte :], header, bounds, rows.kinds)


def _walk_compact(walk: Walk, found: Found, body: bytes, header: Header, bounds: Level, kinds: Kinds) -> None:
    kind = 0 if found.profile is None else found.profile.compact  # there is no kind 0: not known
    section_type = spec.CRITICAL | kind
    fault = limits.section_fault(section_type, len(body), header, found.profile, bounds, kinds)
    walk.judge(fault, "body", walk.byte)
    found.sections.append(Section(section_type, body, header.check or b"", walk.byte, walk.offset("check") or 0))
    walk.own("body", 8 * len(body), body)


def _walk_sections(walk: Walk, found: Found, stream: io.BytesIO, header: Header, bounds: Level, kinds: Kinds) -> None:
    walk.truncated = Code.SECTION_TRUNCATED
    before = None
    for index in range(header.count or 0):
        if index and not stream.read(1):
            return
        stream.seek(walk.byte)
        walk.prefix = f"sections[{index}]."
        place = Place(header, found.profile, kinds, bounds, before, len(walk.errors))
        found.sections.append(section_codec.walk_section(walk, stream, place))
        before = found.sections[-1].type
    walk.prefix = ""
    if rest := stream.read(1):
        raise SemError(
            Code.TRAILING_BYTES, f"bytes follow the last section, {rest.hex()} first", offset=walk.byte, path="trailing"
        )
