# SPDX-License-Identifier: MIT
"""SPEC §6, the sections.

    type 1 | length varint | body | check 0, 2, 4

    type:  7   critical       6   safe_to_copy       5 4 3 2 1 0   number

Sections are judged one after another, the fields of each in their order.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from dataclasses import field as member
from typing import Any, Final

from refcodec import spec
from refcodec.container import key_value
from refcodec.container.fields import BitStruct, Bytes, Fault, Struct, Varint, Walk, bits, field, group, serialise, this
from refcodec.container.header import Header
from refcodec.container.limits import Level, section_fault
from refcodec.errors import Code, SemError
from refcodec.payloads.base import Kinds
from refcodec.payloads.kinds import KINDS, find
from refcodec.registry import Profile


@dataclass(frozen=True)
class Section:
    """One section; a compact body is one too. Its place in the file it was read from is no part of its value."""

    type: int  # the first byte as a whole
    body: bytes
    check: bytes  # as many bytes as the header's check code says
    body_offset: int = member(default=0, compare=False)  # bytes from the start of the file it was read from
    check_offset: int = member(default=0, compare=False)

    @property
    def critical(self) -> bool:
        return bool(self.type & spec.CRITICAL)

    @property
    def safe_to_copy(self) -> bool:
        return bool(self.type & spec.SAFE_TO_COPY)

    @property
    def number(self) -> int:
        """The kind of a critical section."""
        return self.type & spec.NUMBER

    @property
    def name(self) -> str | None:
        """Of a kind of this release or an ancillary section, None for another one; see `section_name`."""
        return section_name(self.type)

    @property
    def survives_edit(self) -> bool:
        """Whether an editor that changes another section may keep this one (R-051)."""
        return self.critical or self.type in spec.ANCILLARY or self.safe_to_copy


def section_name(section_type: int, kinds: Kinds = KINDS) -> str | None:
    """Return the name of a kind or of an ancillary section, None where it is not known."""
    if section_type & spec.CRITICAL and not section_type & spec.SAFE_TO_COPY:
        kind = find(section_type & spec.NUMBER, kinds)
        return None if kind is None else kind.name
    return spec.ANCILLARY.get(section_type)


def order(section_type: int) -> tuple[int, int]:
    """Sections stand with this strictly ascending (R-040, R-041)."""
    if section_type == spec.PROVENANCE:
        return 0, section_type
    return (1 if section_type & spec.CRITICAL else 2), section_type


@dataclass(frozen=True)
class Place:
    """What the rules of one section look at beyond its own fields."""

    header: Header
    profile: Profile | None  # None: the row is not known, only what needs no row is judged
    kinds: Kinds  # that a critical section can be
    bounds: Level
    before: int | None  # the type of the section before this one
    faults: int  # found before this section


# --- rules, in the order of the fields ---------------------------------------------------------------------------


def _byte(fields: Any) -> int:
    critical, safe_to_copy = spec.CRITICAL * fields.critical, spec.SAFE_TO_COPY * fields.safe_to_copy
    return int(critical | safe_to_copy | fields.number)


def _type(value: Any, context: Any) -> Fault:
    place, section_type = context._params.place, _byte(value)
    if value.critical and section_name(section_type, place.kinds) is None:
        return Code.UNSUPPORTED_SECTION, f"critical section 0x{section_type:02X} is not known here"
    if value.critical and place.profile is not None and value.number not in place.profile.kinds:
        return Code.SECTION_KIND, f"profile {place.profile.id} has no section of kind {value.number}"
    if place.before is not None and order(section_type) <= order(place.before):
        return Code.SECTION_ORDER, f"section 0x{section_type:02X} stands after 0x{place.before:02X}"
    compact = None if place.profile is None else spec.CRITICAL | place.profile.compact
    if place.header.count == 1 and section_type == compact:
        return Code.SECTION_COUNT, "the only section is of the compact kind and must be in compact form"
    return None


def _length(value: int, context: Any) -> Fault:
    place: Place = context._params.place
    return section_fault(_byte(context.type), value, place.header, place.profile, place.bounds, place.kinds)


def _body(value: bytes, context: Any) -> Fault:
    """The entries of a key-value text are judged as fields of the body; other bodies are opaque here."""
    walk: Walk = context._params.walk
    if _byte(context.type) not in spec.TEXT_TYPES or not value or len(walk.errors) > context._params.place.faults:
        return None
    walk.disown()
    end = walk.bit + 8 * len(value)
    prefix = walk.prefix
    try:
        key_value.walk_text(walk, value, hints=_byte(context.type) == spec.HINTS)
    except SemError as error:
        if not walk.lenient:
            raise
        walk.errors.append(error)
        walk.prefix, walk.truncated = prefix, Code.SECTION_TRUNCATED
        walk.own("unparsed", end - walk.bit, value[len(value) - (end - walk.bit) // 8 :])
    return None


# --- the declaration, both ways ----------------------------------------------------------------------------------


def _check_bytes(context: Any) -> int:
    return int(context._params.check_bytes)


SECTION: Final = Struct(
    group("type", BitStruct(bits("critical", 1), bits("safe_to_copy", 1), bits("number", 6)), _type),
    field("length", Varint(Code.SECTION_VALUE), _length),
    field("body", Bytes(this.length), _body),
    field("check", Bytes(_check_bytes)),
)


def walk_section(walk: Walk, stream: io.BytesIO, place: Place) -> Section:
    """Read one section from where the stream stands, noting its fields on the walk."""
    values = walk.parse(SECTION, stream, place=place, check_bytes=place.header.check_bits // 8)
    end = stream.tell()
    return Section(
        type=_byte(values.type),
        body=values.body,
        check=values.check,
        body_offset=end - len(values.check) - len(values.body),
        check_offset=end - len(values.check),
    )


def build(section: Section, check_bytes: int) -> bytes:
    """The bytes of a section of sectioned form. ValueError for one whose type or check does not fit its field."""
    if not 0 <= section.type <= 0xFF:
        raise ValueError(f"{section.type} is no section type")
    values = {
        "type": {
            "critical": int(section.critical),
            "safe_to_copy": int(section.safe_to_copy),
            "number": section.number,
        },
        "length": len(section.body),
        "body": section.body,
        "check": section.check,
    }
    return serialise(SECTION, values, check_bytes=check_bytes)
