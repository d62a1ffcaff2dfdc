# SPDX-License-Identifier: MIT
"""Declare wire structures once, and parse and build them (SPEC §2). Only the container's declarations use construct.

A structure is declared with `field`, `bits` and `group` in place of construct's bare fields. Each leaf records what it
read on the `FieldReader`, so that the fields of a file cover its bits in order, up to the first error. A field may have
a rule of SPEC.md, which is checked as soon as the field is read. All errors are `SemError`, never those of construct.

construct's VarInt, GreedyRange and compiled parsers are not used: they accept input that SPEC.md forbids.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as member
from typing import Any, Final, NamedTuple

from construct import (
    BitsInteger,
    BitStruct,
    Bytes,
    Construct,
    ConstructError,
    If,
    Int8ub,
    Int16ub,
    Struct,
    Subconstruct,
    this,
)

from refcodec import spec
from refcodec.errors import Code, SemError

__all__ = [
    "BitStruct", "Bytes", "Violation", "Int8ub", "Int16ub", "Span", "Struct", "Varint", "FieldReader",
    "bits", "field", "group", "serialise", "this", "varint",
]  # fmt: skip

# the result of a rule: an error code, a message and perhaps what to do, or None
Violation = tuple[int, str] | tuple[int, str, str | None] | None
Rule = Callable[[Any, Any], Violation]  # (value, construct's context) -> Violation

# Errors that leave the layout of the following fields known: a lenient `FieldReader` continues after them.
RECOVERABLE: Final = frozenset(
    {
        Code.RESERVED_BIT,
        Code.SIZE_FORM,
        Code.PROFILE_FORM,
        Code.SECTION_ORDER,
        Code.SECTION_KIND,
        Code.SECTION_COUNT,
        Code.SECTION_VALUE,
        Code.LIMIT_SIDE,
        Code.LIMIT_PIXELS,
        Code.LIMIT_TEXT,
        Code.LIMIT_SYMBOLS,
        Code.LIMIT_FILE,
        Code.UNSUPPORTED_PROFILE,
        Code.UNSUPPORTED_SECTION,
    }
)


class Span(NamedTuple):
    """One field of a file: its name in SPEC.md, its first bit, its width in bits and its value."""

    name: str
    bit: int
    bits: int
    value: int | bytes


@dataclass
class FieldReader:
    """State of one pass over the bytes of a file: position, recorded fields and errors."""

    lenient: bool = False  # record recoverable errors and continue, rather than raise the first
    truncated: int = Code.HEADER_TRUNCATED  # the error code for bytes that end too early
    bit: int = 0  # position of the next bit
    prefix: str = ""  # of field names
    spans: list[Span] = member(default_factory=list)
    errors: list[SemError] = member(default_factory=list)

    @property
    def byte(self) -> int:
        """Return the offset of the byte that holds the next bit."""
        return self.bit // 8

    def record(self, name: str, width: int, value: int | bytes) -> None:
        """Record the next `width` bits as the field `name`."""
        if width:
            self.spans.append(Span(self.prefix + name, self.bit, width, value))
            self.bit += width

    def unrecord(self) -> None:
        """Remove the last field, so that its bits can be recorded as smaller fields."""
        self.bit = self.spans.pop().bit

    def offset(self, name: str) -> int | None:
        """Return the offset of the byte where a recorded field begins, None if it was not read."""
        return next((span.bit // 8 for span in self.spans if span.name == name), None)

    def error(self, code: int, what: str, name: str, offset: int, hint: str | None = None) -> SemError:
        """Return the error of a field. hint: what to do; None: the remedy of its code."""
        return SemError(code, what, offset=offset, path=self.prefix + name, hint=hint)

    def enforce(self, violation: Violation, name: str, offset: int) -> None:
        """Raise the error of a violated rule; a lenient reader records it and continues if it is recoverable."""
        if violation is None:
            return
        code, what, *hint = violation
        error = self.error(code, what, name, offset, *hint)
        if not (self.lenient and error.code in RECOVERABLE):
            raise error
        self.errors.append(error)

    def parse(self, declaration: Any, stream: io.BytesIO, **params: Any) -> Any:
        """Parse one structure at the position of the stream. Rules find this reader and `params` in their context."""
        return declaration.parse_stream(stream, reader=self, **params)


def serialise(declaration: Any, value: dict[str, Any], **params: Any) -> bytes:
    """Return the bytes of one structure. Raises ValueError if a value does not fit its field."""
    try:
        built: bytes = declaration.build(value, **params)
    except (ConstructError, KeyError, TypeError) as error:
        raise ValueError(f"cannot be written: {error}") from error
    return built


class _Field(Subconstruct):  # type: ignore[misc]
    """A named field with its rule, or with `leaf` false a group of fields. `unit`: bits in one item of its stream."""

    def __init__(self, name: str, subcon: Any, rule: Rule | None, unit: int, leaf: bool) -> None:
        super().__init__(subcon)
        self.label, self.rule, self.unit, self.leaf = name, rule, unit, leaf

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        reader: FieldReader = context._params.reader
        offset, start = reader.byte, stream.tell()
        try:
            value = self.subcon._parsereport(stream, context, path)
        except ConstructError as error:
            raise reader.error(reader.truncated, "bytes are missing", self.label, offset) from error
        if self.leaf:
            reader.record(self.label, (stream.tell() - start) * self.unit, value)
        if self.rule is not None:
            reader.enforce(self.rule(value, context), self.label, offset)
        return value


def field(name: str, subcon: Any, rule: Rule | None = None, *, when: Any = None) -> Any:
    """Declare a field of entire bytes; `when`: a condition on earlier fields, None if the field is always present."""
    leaf = _Field(name, subcon, rule, unit=8, leaf=True)
    return name / (leaf if when is None else If(when, leaf))


def bits(name: str, width: int, rule: Rule | None = None) -> Any:
    """Declare u(width) within a BitStruct."""
    return name / _Field(name, BitsInteger(width), rule, unit=1, leaf=True)


def group(name: str, subcon: Any, rule: Rule | None = None) -> Any:
    """Declare a structure whose fields share a rule."""
    return name / _Field(name, subcon, rule, unit=8, leaf=False)


def varint(n: int) -> bytes:
    """Encode n, 0 … 270549119, as a varint. ValueError outside that range."""
    if not 0 <= n <= spec.VARINT_LAST[-1]:
        raise ValueError(f"{n} has no varint")
    form = [n & 0x7F]
    while n := n >> 7:
        n -= 1
        form.append(0x80 | n & 0x7F)
    return bytes(reversed(form))


class Varint(Construct):  # type: ignore[misc]
    """varint() of §2. `overlong`: the error code for a fourth byte with bit 7 set (R-003)."""

    def __init__(self, overlong: int) -> None:
        super().__init__()
        self.overlong = overlong

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> int:
        n = -1
        for _ in range(spec.VARINT_BYTES):
            byte: int = Int8ub._parse(stream, context, path)
            n = (n + 1 << 7) + (byte & 0x7F)
            if byte < 0x80:
                return n
        reader: FieldReader = context._params.reader
        raise reader.error(self.overlong, "a varint has four bytes at most", path.rpartition(" ")[2], reader.byte)

    def _build(self, obj: int, stream: io.BytesIO, context: Any, path: str) -> int:
        stream.write(varint(obj))
        return obj
