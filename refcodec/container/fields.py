# SPDX-License-Identifier: MIT
"""SPEC §2: how the declarations of the container are read and built. The only module that knows construct.

A wire structure is declared once, with `field`, `bits` and `group` in place of construct's bare fields, and read both
ways. Each leaf notes on the `Walk` what it read, so that the fields of a file own all its bits in order, also up to a
fault; each may have a rule of SPEC.md, judged as soon as it is read. What goes wrong is a `SemError`, and never an
error of construct.

construct's VarInt, GreedyRange and compiled parsers take input that SPEC.md forbids and are not used.
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
    "BitStruct", "Bytes", "Fault", "Int8ub", "Int16ub", "Span", "Struct", "Varint", "Walk",
    "bits", "field", "group", "serialise", "this", "varint",
]  # fmt: skip

Fault = tuple[int, str] | None  # what a rule finds: an error code and what is wrong, or None
Rule = Callable[[Any, Any], Fault]  # (value, construct's context) -> Fault

# Faults after which the layout of what follows is still known: `Walk.lenient` goes on after them.
LAYOUT_KNOWN: Final = frozenset(
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
class Walk:
    """One pass over the bytes of a file."""

    lenient: bool = False  # note faults and go on where the layout allows, rather than stop at the first
    truncated: int = Code.HEADER_TRUNCATED  # the error for bytes that end too early
    bit: int = 0  # everything before it has been read
    prefix: str = ""  # of the names of fields
    spans: list[Span] = member(default_factory=list)
    errors: list[SemError] = member(default_factory=list)

    @property
    def byte(self) -> int:
        """The byte that holds the next bit."""
        return self.bit // 8

    def own(self, name: str, width: int, value: int | bytes) -> None:
        """Note that the next `width` bits are the field `name`."""
        if width:
            self.spans.append(Span(self.prefix + name, self.bit, width, value))
            self.bit += width

    def disown(self) -> None:
        """Take back the last field, to own its bits in finer fields."""
        self.bit = self.spans.pop().bit

    def offset(self, name: str) -> int | None:
        """The byte at which a field that was read begins."""
        return next((span.bit // 8 for span in self.spans if span.name == name), None)

    def error(self, code: int, what: str, name: str, offset: int) -> SemError:
        return SemError(code, what, offset=offset, path=self.prefix + name)

    def judge(self, fault: Fault, name: str, offset: int) -> None:
        """Raise what a rule found, or note it and go on."""
        if fault is None:
            return
        error = self.error(*fault, name, offset)
        if not (self.lenient and error.code in LAYOUT_KNOWN):
            raise error
        self.errors.append(error)

    def parse(self, declaration: Any, stream: io.BytesIO, **params: Any) -> Any:
        """Read one structure from where the stream stands. Rules find this walk and `params` in their context."""
        return declaration.parse_stream(stream, walk=self, **params)


def serialise(declaration: Any, value: dict[str, Any], **params: Any) -> bytes:
    """The bytes of one structure. ValueError for a value that its fields cannot hold."""
    try:
        built: bytes = declaration.build(value, **params)
    except (ConstructError, KeyError, TypeError) as error:
        raise ValueError(f"cannot be written: {error}") from error
    return built


class _Field(Subconstruct):  # type: ignore[misc]
    """A named field, or with `leaf` false a group of them, with its rule. `unit`: bits in one item of its stream."""

    def __init__(self, name: str, subcon: Any, rule: Rule | None, unit: int, leaf: bool) -> None:
        super().__init__(subcon)
        self.label, self.rule, self.unit, self.leaf = name, rule, unit, leaf

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        walk: Walk = context._params.walk
        offset, start = walk.byte, stream.tell()
        try:
            value = self.subcon._parsereport(stream, context, path)
        except ConstructError as error:
            raise walk.error(walk.truncated, "bytes are missing", self.label, offset) from error
        if self.leaf:
            walk.own(self.label, (stream.tell() - start) * self.unit, value)
        if self.rule is not None:
            walk.judge(self.rule(value, context), self.label, offset)
        return value


def field(name: str, subcon: Any, rule: Rule | None = None, *, when: Any = None) -> Any:
    """A field of whole bytes; `when`: a condition on the fields before it, None where the field always stands."""
    leaf = _Field(name, subcon, rule, unit=8, leaf=True)
    return name / (leaf if when is None else If(when, leaf))


def bits(name: str, width: int, rule: Rule | None = None) -> Any:
    """u(width) within a BitStruct."""
    return name / _Field(name, BitsInteger(width), rule, unit=1, leaf=True)


def group(name: str, subcon: Any, rule: Rule | None = None) -> Any:
    """Fields that have a rule in common."""
    return name / _Field(name, subcon, rule, unit=8, leaf=False)


def varint(n: int) -> bytes:
    """The one form of n, 0 … 270549119. ValueError outside."""
    if not 0 <= n <= spec.VARINT_LAST[-1]:
        raise ValueError(f"{n} has no varint")
    form = [n & 0x7F]
    while n := n >> 7:
        n -= 1
        form.append(0x80 | n & 0x7F)
    return bytes(reversed(form))


class Varint(Construct):  # type: ignore[misc]
    """varint() of §2. `overlong`: the error for a fourth byte with bit 7 set (R-003)."""

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
        walk: Walk = context._params.walk
        raise walk.error(self.overlong, "a varint has four bytes at most", path.rpartition(" ")[2], walk.byte)

    def _build(self, obj: int, stream: io.BytesIO, context: Any, path: str) -> int:
        stream.write(varint(obj))
        return obj
