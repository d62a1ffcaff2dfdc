# SPDX-License-Identifier: MIT
"""A file in its parts, so that it can be put together again otherwise: SPEC §4, §6 and §7, and nothing is judged."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

CHECK_BYTES = {0: 0, 3: 2, 5: 4}


def varint(n: int) -> bytes:
    out = bytes([n & 0x7F])
    while n >= 0x80:
        n = (n >> 7) - 1
        out = bytes([0x80 | n & 0x7F]) + out
    return out


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number and where it ends. IndexError for bytes that end too early."""
    n = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        n = ((n + 1) << 7) + (data[at] & 0x7F)
    return n, at + 1


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


@dataclass
class Section:
    type: int
    body: bytes
    check: bytes = b""  # for check codes that want one, and cut or filled up with zeros to their length
    symbols: bytes | None = None  # S, where it is known: the check is then made right

    def sealed(self, key: bytes, header: bytes, size: int) -> bytes:
        right = (
            hashlib.sha256(key + header + bytes([self.type]) + self.symbols).digest()
            if self.symbols is not None
            else self.check
        )
        return right[:size].ljust(size, b"\0")


@dataclass
class Parts:
    """A file. `naming` are the bytes of the profile and of an explicit model, `size` those of the size."""

    naming: bytes
    size: bytes
    sections: list[Section]
    check_code: int = 0
    sectioned: bool = False
    low: int = 0x20  # version and reserved bit of the descriptor
    count: int | None = None  # where it is to be another than that of the sections
    key: bytes | None = field(default=None, repr=False)  # K, where checks are to be made right
    rest: bytes = b""

    def header(self) -> bytes:
        return b"\xf5\x9e" + bytes([self.low | self.check_code << 2]) + self.naming + self.size

    def data(self) -> bytes:
        header, length = self.header(), CHECK_BYTES.get(self.check_code, 0)
        checks = [part.sealed(self.key or b"", header, length) for part in self.sections]
        if not self.sectioned:
            return header + b"".join(checks[:1]) + b"".join(part.body for part in self.sections[:1]) + self.rest
        out = bytearray(header)
        out[2] |= 2
        out += varint(max(len(self.sections) if self.count is None else self.count, 1) - 1)
        for part, check in zip(self.sections, checks, strict=True):
            out += bytes([part.type]) + varint(len(part.body)) + part.body + check
        return bytes(out) + self.rest


def taken_apart(data: bytes, rows: dict[int, Any]) -> Parts | None:
    """None for what has not the form of a file."""
    try:
        return _taken_apart(data, rows)
    except (IndexError, KeyError, ValueError):
        return None


def _taken_apart(data: bytes, rows: dict[int, Any]) -> Parts:
    if data[:2] != b"\xf5\x9e":
        raise ValueError("no magic")
    code, sectioned = data[2] >> 2 & 7, bool(data[2] & 2)
    at = begin = size_at(data)
    naming = data[3:at]
    if data[at] == 0:
        at = read_varint(data, read_varint(data, at + 1)[1])[1]
    else:
        at += 1
    parts = Parts(naming, data[begin:at], [], code, sectioned, data[2] & 0xE1)
    length = CHECK_BYTES[code]
    if not sectioned:
        parts.sections = [Section(0x80 + rows[row_of(naming)]["compact"], data[at + length :], data[at : at + length])]
        return parts
    count, at = read_varint(data, at)
    while len(parts.sections) <= count and at < len(data):
        size, begin = read_varint(data, at + 1)
        end = begin + size
        if end + length > len(data):
            raise ValueError("cut")
        parts.sections.append(Section(data[at], data[begin:end], data[end : end + length]))
        at = end + length
    if len(parts.sections) <= count:
        parts.count = count + 1
    parts.rest = data[at:]
    return parts


def size_at(data: bytes) -> int:
    """Where the size begins. IndexError for bytes that end too early."""
    return 6 + (4 << (data[5] & 3)) if data[3] == 255 else 6 if data[3] == 254 else 4


def row_of(naming: bytes) -> int:
    if naming[0] == 254:
        return 256 + int.from_bytes(naming[1:3], "big")
    return naming[1] if naming[0] == 255 else naming[0]


def pixels(data: bytes, dims: dict[int, tuple[int, int]]) -> int:
    """Of the header, however the file goes on; 0 where it has no size."""
    try:
        at = size_at(data)
        if data[at]:
            width, height = dims.get(data[at], (0, 0))
            return width * height
        width, at = read_varint(data, at + 1)
        height, _ = read_varint(data, at)
        return (width + 1) * (height + 1)
    except IndexError:
        return 0
