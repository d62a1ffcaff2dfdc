# SPDX-License-Identifier: MIT
"""Parse and build sections (SPEC §6).

    type 1 | length varint | body | check 0, 2, 4

    type:  7   critical       6   safe_to_copy       5 4 3 2 1 0   number

Sections are checked one after another, the fields of each in their order.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from dataclasses import field as member
from typing import Any, Final

from refcodec import spec
from refcodec.container import key_value
from refcodec.container.fields import (
    BitStruct,
    Bytes,
    FieldReader,
    Struct,
    Varint,
    Violation,
    bits,
    field,
    group,
    serialise,
    this,
)
from refcodec.container.header import Header
from refcodec.container.limits import Level, section_violation
from refcodec.errors import Code, SemError
from refcodec.payloads.kinds import KINDS, Kinds, draft_remedy
from refcodec.registry import Profile


@dataclass(frozen=True)
class Section:
    """One section, or a compact body. Its offsets do not take part in comparisons."""

    type: int  # the entire first byte
    body: bytes
    check: bytes  # 0, 2 or 4 bytes, by the check code of the header
    body_offset: int = member(default=0, compare=False)  # bytes from the start of the file it was read from
    check_offset: int = member(default=0, compare=False)

    @property
    def critical(self) -> bool:
        """Return bit 7 of the type: whether a decoder must know the section."""
        return bool(self.type & spec.CRITICAL)

    @property
    def safe_to_copy(self) -> bool:
        """Return bit 6 of the type: whether an editor that does not know the section may keep it."""
        return bool(self.type & spec.SAFE_TO_COPY)

    @property
    def number(self) -> int:
        """Return bits 0 to 5 of the type: the payload kind of a critical section."""
        return self.type & spec.NUMBER

    @property
    def name(self) -> str | None:
        """Return the name of a kind of this release or of an ancillary section, None if it is unknown (`section_name`)."""
        return section_name(self.type)

    @property
    def survives_edit(self) -> bool:
        """Return whether an editor that changes another section may keep this one (R-051)."""
        return self.critical or self.type in spec.ANCILLARY or self.safe_to_copy


def section_name(section_type: int, kinds: Kinds = KINDS) -> str | None:
    """Return the name of a kind or of an ancillary section, None if it is unknown."""
    if section_type & spec.CRITICAL and not section_type & spec.SAFE_TO_COPY:
        return kinds.names.get(section_type & spec.NUMBER)
    return spec.ANCILLARY.get(section_type)


def order(section_type: int) -> tuple[int, int]:
    """Return the sort key of a section, strictly ascending in a file (R-040, R-041)."""
    if section_type == spec.PROVENANCE:
        return 0, section_type
    return (1 if section_type & spec.CRITICAL else 2), section_type


@dataclass(frozen=True)
class SectionContext:
    """What the rules of a section depend on beside its own fields."""

    header: Header
    profile: Profile | None  # None: unknown, and rules that need the row are skipped
    kinds: Kinds  # known payload kinds
    bounds: Level
    before: int | None  # type of the section before this one
    errors_before: int  # number of errors recorded before this section


# --- rules, in the order of the fields ---------------------------------------------------------------------------


def _byte(fields: Any) -> int:
    critical, safe_to_copy = spec.CRITICAL * fields.critical, spec.SAFE_TO_COPY * fields.safe_to_copy
    return int(critical | safe_to_copy | fields.number)


def _type(value: Any, context: Any) -> Violation:
    section, section_type = context._params.section, _byte(value)
    if value.critical and section_name(section_type, section.kinds) is None:
        what = f"critical section 0x{section_type:02X} is not known here"
        remedy = (
            draft_remedy(section.kinds, [value.number]) if section.profile is None else None
        )  # no known row has one
        return Code.UNSUPPORTED_SECTION, what, remedy
    if value.critical and section.profile is not None and value.number not in section.profile.kinds:
        return Code.SECTION_KIND, f"profile {section.profile.id} has no section of kind {value.number}"
    if section.before is not None and order(section_type) <= order(section.before):
        return Code.SECTION_ORDER, f"section 0x{section_type:02X} stands after 0x{section.before:02X}"
    compact = None if section.profile is None else spec.CRITICAL | section.profile.compact
    if section.header.count == 1 and section_type == compact:
        return Code.SECTION_COUNT, "the only section is of the compact kind and must be in compact form"
    return None


def _length(value: int, context: Any) -> Violation:
    section: SectionContext = context._params.section
    return section_violation(_byte(context.type), value, section.header, section.profile, section.bounds, section.kinds)


def _body(value: bytes, context: Any) -> Violation:
    """Check the entries of a key-value text as fields of the body; other bodies are opaque here."""
    reader: FieldReader = context._params.reader
    section: SectionContext = context._params.section
    if _byte(context.type) not in spec.TEXT_TYPES or not value or len(reader.errors) > section.errors_before:
        return None
    reader.unrecord()
    end = reader.bit + 8 * len(value)
    prefix = reader.prefix
    try:
        key_value.read_entries(reader, value, hints=_byte(context.type) == spec.HINTS)
    except SemError as error:
        if not reader.lenient:
            raise
        reader.errors.append(error)
        reader.prefix, reader.truncated = prefix, Code.SECTION_TRUNCATED
        reader.record("unparsed", end - reader.bit, value[len(value) - (end - reader.bit) // 8 :])
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


def read_section(reader: FieldReader, stream: io.BytesIO, context: SectionContext) -> Section:
    """Read one section at the position of the stream, and record its fields on the reader."""
    values = reader.parse(SECTION, stream, section=context, check_bytes=context.header.check_bits // 8)
    end = stream.tell()
    return Section(
        type=_byte(values.type),
        body=values.body,
        check=values.check,
        body_offset=end - len(values.check) - len(values.body),
        check_offset=end - len(values.check),
    )


def build(section: Section, check_bytes: int) -> bytes:
    """Return the bytes of a section in sectioned form.

    Raises ValueError if its type or check does not fit its field.
    """
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
