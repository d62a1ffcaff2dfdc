# SPDX-License-Identifier: MIT
"""Leave out the colour chunks of a PNG that stand where they have no meaning, as libpng does.

Pillow follows the last of each kind, wherever it stands. By the PNG specification (third edition, 5.6) cICP, iCCP, sRGB,
gAMA and cHRM come before PLTE and IDAT, tRNS between them, and none of them twice: here the first in its place counts.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final

from PIL import Image

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_BEFORE_PALETTE: Final = frozenset({b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})
_PLACED: Final = _BEFORE_PALETTE | {b"tRNS"}
_INDEXED: Final = 3  # colour type
_INFO: Final = ("icc_profile", "srgb", "gamma", "chromaticity", "transparency")  # names of Pillow


def without_misplaced(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a PNG without the colour chunks that are out of place or repeated, and the notices about that."""
    if not data.startswith(SIGNATURE):
        return data, ()
    parts, names, start = [], [], 0
    for kind, at, end in _misplaced(data):
        parts.append(data[start:at])
        names.append(kind.decode("ascii"))
        start = end
    if not names:
        return data, ()
    listed = ", ".join(dict.fromkeys(names))
    return b"".join((*parts, data[start:])), (f"PNG chunks that are repeated or out of place were ignored: {listed}.",)


def colours_of(image: Image.Image) -> dict[str, Any]:
    """Return what Pillow knows of the colours of an opened image."""
    return {name: image.info[name] for name in _INFO if name in image.info}


def restore_colours(image: Image.Image, colours: dict[str, Any]) -> None:
    """Set what Pillow knows of the colours of a PNG back to `colours`, from before later chunks were read."""
    if image.format == "PNG":
        for name in _INFO:
            image.info.pop(name, None)
        image.info.update(colours)


def _misplaced(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, end) of the colour chunks that do not count.

    A repeated chunk with a wrong checksum stays, since the reader refuses the file for it.
    """
    seen: set[bytes] = set()
    indexed = data[25:26] == bytes([_INDEXED])
    for kind, at, end in _chunks(data):
        if kind in (b"PLTE", b"IDAT"):
            seen.add(kind)
        elif kind in _PLACED:
            late = b"IDAT" in seen
            early = indexed and kind == b"tRNS" and b"PLTE" not in seen
            if late or kind in seen or early or (kind in _BEFORE_PALETTE and b"PLTE" in seen):
                if late or zlib.crc32(data[at + 4 : end - 4]) == int.from_bytes(data[end - 4 : end], "big"):
                    yield kind, at, end
            else:
                seen.add(kind)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, end) of the complete chunks of a PNG."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            return
        yield kind, at, end
        at = end
