# SPDX-License-Identifier: MIT
"""TIFF files by hand: any tags, classic or big, either byte order, strips, SubIFDs and several pages."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SHORT, LONG, RATIONAL, LONG8, UNDEFINED, BYTE, ASCII = 3, 4, 5, 16, 7, 1, 2
_CODES = {BYTE: "B", ASCII: "B", SHORT: "H", LONG: "I", RATIONAL: "I", LONG8: "Q", UNDEFINED: "B"}

Tag = tuple[int, Sequence[int]]  # type, values


@dataclass
class Page:
    """One directory: its tags beside those of its strips, the strips, and pages below it (SubIFDs)."""

    tags: dict[int, Tag]
    strips: list[bytes]
    below: list[Page] = field(default_factory=list)
    tiled: bool = False


def page(
    width: int,
    height: int,
    data: bytes | list[bytes],
    *,
    bits: Sequence[int] = (8,),
    photometric: int = 1,
    format: Sequence[int] = (),
    extra: Sequence[int] = (),
    below: Sequence[Page] = (),
    tags: dict[int, Tag] | None = None,
    **short: int,
) -> Page:
    """A page; `short`: planar, fill, predictor, compression, orientation, subfile, rows (for each strip)."""
    names = {
        "compression": 259,
        "fill": 266,
        "orientation": 274,
        "rows": 278,
        "planar": 284,
        "predictor": 317,
        "subfile": 254,
    }
    all_tags: dict[int, Tag] = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, bits),
        259: (SHORT, [1]),
        262: (SHORT, [photometric]),
        277: (SHORT, [len(bits)]),
        278: (LONG, [height]),
    }
    if format:
        all_tags[339] = (SHORT, format)
    if extra:
        all_tags[338] = (SHORT, extra)
    for name, value in short.items():
        all_tags[names[name]] = (LONG if name == "subfile" else SHORT, [value])
    return Page(all_tags | (tags or {}), [data] if isinstance(data, bytes) else data, list(below))


def deflated(page_: Page) -> Page:
    """The page with its strips compressed by zlib."""
    return Page(
        page_.tags | {259: (SHORT, [8])}, [zlib.compress(strip) for strip in page_.strips], page_.below, page_.tiled
    )


def tiff(*pages: Page, order: str = "<", big: bool = False) -> bytes:
    """A TIFF file of these pages."""
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(order + "2sHHHQ", mark, 43, 8, 0, 0) if big else struct.pack(order + "2sHI", mark, 42, 0)
    out = bytearray(head)
    pointer = 8 if big else 4
    for each in pages:
        at, following = _write(out, each, order, big)
        struct.pack_into(order + ("Q" if big else "I"), out, pointer, at)
        pointer = following
    return bytes(out)


def _write(out: bytearray, each: Page, order: str, big: bool) -> tuple[int, int]:
    """Append a page; return the offset of its directory and that of its pointer to the next."""
    offsets = []
    for strip in each.strips:
        offsets.append(len(out))
        out += strip + bytes(len(strip) % 2)
    below = [_write(out, sub, order, big)[0] for sub in each.below]
    where, lengths = (324, 325) if each.tiled else (273, 279)
    tags = {where: (LONG, offsets), lengths: (LONG, [len(strip) for strip in each.strips])} | each.tags
    if below:
        tags[330] = (LONG, below)
    entries = b""
    inline = 8 if big else 4
    for number in sorted(tags):
        kind, values = tags[number]
        body = struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)
        count = len(values) // (2 if kind == RATIONAL else 1)
        entry = struct.pack(order + ("HHQ" if big else "HHI"), number, kind, count)
        if len(body) <= inline:
            entries += entry + body.ljust(inline, b"\0")
        else:
            entries += entry + struct.pack(order + ("Q" if big else "I"), len(out))
            out += body + bytes(len(body) % 2)
    at = len(out)
    out += struct.pack(order + ("Q" if big else "H"), len(tags)) + entries
    following = len(out)
    out += bytes(inline)
    return at, following


def packed_bits(values: Any, bits: int) -> bytes:
    """Rows of integers, each row packed to whole bytes, most significant bit first."""
    out = b""
    for row in values:
        text = "".join(f"{int(value):0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        out += int(text, 2).to_bytes(len(text) // 8, "big")
    return out
