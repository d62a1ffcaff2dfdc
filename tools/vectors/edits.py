# SPDX-License-Identifier: MIT
"""Edits of valid files. Each function that returns a `Defect` makes the file of an `InvalidCase` from its base.

`where` is a field by its name in `inspect`, such as "profile" or "sections[1].length", a section such as "sections[1]",
or an offset in bytes. New bytes are hexadecimal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from refcodec.container.fields import varint
from refcodec.inspection import inspect
from tools.vectors.case import Defect
from tools.vectors.vector import Vector


@dataclass(frozen=True)
class Edit:
    """Replace the bytes `delete` at this offset of the valid file by `insert`."""

    offset: int
    delete: bytes
    insert: bytes

    def to_dict(self) -> dict[str, Any]:
        return {"offset": self.offset, "delete": self.delete.hex(), "insert": self.insert.hex()}


def apply(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the edited file. Offsets count in the valid file. Raises ValueError if it does not contain `delete`."""
    out, at = bytearray(), 0
    for edit in edits:
        if edit.offset < at or data[edit.offset : edit.offset + len(edit.delete)] != edit.delete:
            raise ValueError(f"the edit at offset {edit.offset} does not fit the file")
        out += data[at : edit.offset] + edit.insert
        at = edit.offset + len(edit.delete)
    return bytes(out + data[at:])


def field_spans(vector: Vector) -> dict[str, tuple[int, int]]:
    """Return (first byte, byte after the last) by field name, and of each section as "sections[0]"."""
    spans: dict[str, tuple[int, int]] = {}
    at = 0
    for f in inspect(vector.data, environment=vector.environment).fields:
        at = max(at, 8 * f.offset)
        end = at + f.bits
        spans[f.name] = (f.offset, -(-end // 8))
        if f.name.startswith("sections["):
            name = f.name.partition(".")[0]
            spans[name] = (spans.get(name, (f.offset, 0))[0], -(-end // 8))
        at = end
    return spans


def _start(base: Vector, where: str | int) -> int:
    """Return the offset of a field; a negative offset counts from the end of the file."""
    if isinstance(where, str):
        return field_spans(base)[where][0]
    return where if where >= 0 else len(base.data) + where


def replace(where: str | int, new: str, count: int | None = None) -> Defect:
    """Replace a field, one byte at an offset, or `count` bytes from either."""

    def defect(base: Vector) -> list[Edit]:
        start = _start(base, where)
        if count is not None:
            end = start + count
        else:
            end = start + 1 if isinstance(where, int) else field_spans(base)[where][1]
        return [Edit(start, base.data[start:end], bytes.fromhex(new))]

    return defect


def replace_rest(where: str | int, new: str) -> Defect:
    """Replace everything from a field or an offset to the end of the file."""

    def defect(base: Vector) -> list[Edit]:
        start = _start(base, where)
        return [Edit(start, base.data[start:], bytes.fromhex(new))]

    return defect


def insert_before(where: str, new: str) -> Defect:
    """Insert bytes before a field."""
    return replace(where, new, 0)


def append(new: str) -> Defect:
    """Add bytes at the end of the file."""
    return lambda base: [Edit(len(base.data), b"", bytes.fromhex(new))]


def truncate(where: str | int, count: int = 0) -> Defect:
    """End the file `count` bytes after the start of a field, or after an offset."""

    def defect(base: Vector) -> list[Edit]:
        at = _start(base, where) + count
        return [Edit(at, base.data[at:], b"")]

    return defect


def flip_bits(where: str, byte: int, mask: int) -> Defect:
    """Flip the bits of `mask` in one byte of a field; a negative index counts from the end of the field."""

    def defect(base: Vector) -> list[Edit]:
        at = range(*field_spans(base)[where])[byte]
        return [Edit(at, base.data[at : at + 1], bytes([base.data[at] ^ mask]))]

    return defect


def swap(first: str, second: str) -> Defect:
    """Exchange two sections, or two fields of the same length; `first` precedes `second`."""

    def defect(base: Vector) -> list[Edit]:
        (a, b), (c, d) = field_spans(base)[first], field_spans(base)[second]
        return [Edit(a, base.data[a:b], base.data[c:d]), Edit(c, base.data[c:d], base.data[a:b])]

    return defect


def duplicate(section: str) -> Defect:
    """Repeat a section, and increase the count in the header."""

    def defect(base: Vector) -> list[Edit]:
        start, end = field_spans(base)[section]
        count = field_spans(base)["count_minus_1"][0]
        incremented = bytes([base.data[count] + 1])
        return [Edit(count, base.data[count : count + 1], incremented), Edit(end, b"", base.data[start:end])]

    return defect


def combine(*defects: Defect) -> Defect:
    """Apply several edits, in ascending order of offsets, as one defect."""
    return lambda base: [edit for defect in defects for edit in defect(base)]


def replace_file(make: Callable[[Vector], bytes]) -> Defect:
    """Replace the file by the result of `make`; the edit is the shortest one that does so."""

    def defect(base: Vector) -> list[Edit]:
        old, new = base.data, make(base)
        shorter = min(len(old), len(new))
        head = next((i for i in range(shorter) if old[i] != new[i]), shorter)
        tail = next((i for i in range(shorter - head) if old[-1 - i] != new[-1 - i]), shorter - head)
        return [Edit(head, old[head : len(old) - tail], new[head : len(new) - tail])]

    return defect


def replace_body(new: bytes) -> Defect:
    """Replace the body of a compact file."""
    return replace_file(lambda base: base.data[: field_spans(base)["body"][0]] + new)


def replace_only_section(new: bytes) -> Defect:
    """Replace length and body of the only section of an unchecked file."""

    def make(base: Vector) -> bytes:
        return base.data[: field_spans(base)["sections[0].length"][0]] + varint(len(new)) + new

    return replace_file(make)


def in_sectioned_form(section_type: int) -> Defect:
    """Rewrite a compact, unchecked file in sectioned form with one section of this type."""

    def defect(base: Vector) -> list[Edit]:
        at = field_spans(base)["body"][0]
        head = bytes([0, section_type]) + varint(len(base.data) - at)
        return [Edit(2, base.data[2:3], bytes([base.data[2] | 2])), Edit(at, b"", head)]

    return defect
