# SPDX-License-Identifier: MIT
"""Parse a file into its parts and serialise them again (SPEC §4, §6, §7), without validation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

CHECK_BYTES = {0: 0, 3: 2, 5: 4}


def varint(n: int) -> bytes:
    """Return n as a varint (SPEC §2)."""
    out = bytes([n & 0x7F])
    while n >= 0x80:
        n = (n >> 7) - 1
        out = bytes([0x80 | n & 0x7F]) + out
    return out


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number and the offset behind it. IndexError for truncated data."""
    n = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        n = ((n + 1) << 7) + (data[at] & 0x7F)
    return n, at + 1


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value (SPEC §2)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


@dataclass
class Section:
    """A section, or the payload of a compact file."""

    type: int
    body: bytes
    check: bytes = b""  # cut or padded with zeros to the length of the check code
    symbols: bytes | None = None  # S, if known: the check is then computed

    def check_bytes(self, key: bytes, header: bytes, size: int) -> bytes:
        """Return the check of `size` bytes, for K `key` and H `header`."""
        check = (
            hashlib.sha256(key + header + bytes([self.type]) + self.symbols).digest()
            if self.symbols is not None
            else self.check
        )
        return check[:size].ljust(size, b"\0")


@dataclass
class FileParts:
    """A file. `naming`: bytes of the profile and of an explicit model; `size`: bytes of the size."""

    naming: bytes
    size: bytes
    sections: list[Section]
    check_code: int = 0
    sectioned: bool = False
    descriptor: int = 0x20  # its version and reserved bit
    count: int | None = None  # declared number of sections, if it is not the real one
    key: bytes | None = field(default=None, repr=False)  # K, for checks that are computed
    rest: bytes = b""

    def header(self) -> bytes:
        """Return H of SPEC §7: the header up to the size, with the `sectioned` bit cleared."""
        return b"\xf5\x9e" + bytes([self.descriptor | self.check_code << 2]) + self.naming + self.size

    def data(self) -> bytes:
        """Serialise the file."""
        header, length = self.header(), CHECK_BYTES.get(self.check_code, 0)
        checks = [part.check_bytes(self.key or b"", header, length) for part in self.sections]
        if not self.sectioned:
            return header + b"".join(checks[:1]) + b"".join(part.body for part in self.sections[:1]) + self.rest
        out = bytearray(header)
        out[2] |= 2
        out += varint(max(len(self.sections) if self.count is None else self.count, 1) - 1)
        for part, check in zip(self.sections, checks, strict=True):
            out += bytes([part.type]) + varint(len(part.body)) + part.body + check
        return bytes(out) + self.rest


def parse_parts(data: bytes, rows: dict[int, Any]) -> FileParts | None:
    """Parse a file; None if it is malformed. `rows`: bindings of the registry by id."""
    try:
        return _parse_parts(data, rows)
    except (IndexError, KeyError, ValueError):
        return None


def _parse_parts(data: bytes, rows: dict[int, Any]) -> FileParts:
    if data[:2] != b"\xf5\x9e":
        raise ValueError("no magic")
    code, sectioned = data[2] >> 2 & 7, bool(data[2] & 2)
    at = begin = size_at(data)
    naming = data[3:at]
    if data[at] == 0:
        at = read_varint(data, read_varint(data, at + 1)[1])[1]
    else:
        at += 1
    parts = FileParts(naming, data[begin:at], [], code, sectioned, data[2] & 0xE1)
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
    """Return the offset of the size. IndexError for truncated data."""
    return 6 + (4 << (data[5] & 3)) if data[3] == 255 else 6 if data[3] == 254 else 4


def row_of(naming: bytes) -> int:
    """Return the id of the row that a profile names; for an explicit model, of its base."""
    if naming[0] == 254:
        return 256 + int.from_bytes(naming[1:3], "big")
    return naming[1] if naming[0] == 255 else naming[0]


def pixels(data: bytes, dims: dict[int, tuple[int, int]]) -> int:
    """Return width times height according to the header alone; 0 if they are unknown."""
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
