# SPDX-License-Identifier: MIT
"""Find the colour tags of a picture that Pillow leaves in the file: code points, ICC profiles, gain maps."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from refcodec.images.cicp import Cicp

_GAIN_MAPS: Final = (
    b"hdrgm:Version",  # Adobe and Ultra HDR, in XMP
    b"urn:iso:std:iso:ts:21496:-1",
    b"urn:com:apple:photo:2020:aux:hdrgainmap",
)
_CONTAINERS: Final = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"jp2h": 0}  # box: bytes before its children
_JP2: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
_JP2_READ: Final = frozenset(
    {0, 12, 15, 16, 17, 18}
)  # enumerated spaces that Pillow reads: bilevel, CMYK, sRGB, grey, sYCC


def cicp_of(data: bytes) -> Cicp | None:
    """Return the code points that a PNG, AVIF or HEIF file names; None if it names none.

    QOI's byte for linear light is informative, and writers (Pillow among them) set it for sRGB: it is ignored.
    """
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        return _nclx(data) if data[4:8] == b"ftyp" else None
    except (struct.error, IndexError, ValueError):
        return None


def embedded_icc(data: bytes, notices: list[str]) -> bytes | None:
    """Return the ICC profile of a JPEG 2000 or BMP file, with a notice for an enumerated space that is not read."""
    try:
        if data.startswith(_JP2):
            return _jp2_icc(data, notices)
        if data.startswith(b"BM") and data[14:18] == b"\x7c\0\0\0" and data[70:74] == b"DEBM":  # MBED, little-endian
            at, length = struct.unpack_from("<II", data, 126)
            return data[14 + at : 14 + at + length] or None
    except (struct.error, IndexError):
        pass
    return None


def icc_cicp(profile: bytes) -> Cicp | None:
    """Return the code points in the cicp tag of an ICC profile (version 4.4); None if it has none."""
    try:
        for number in range(min(struct.unpack_from(">I", profile, 128)[0], 200)):
            name, at, length = struct.unpack_from(">4sII", profile, 132 + 12 * number)
            if name == b"cicp" and length >= 12:
                primaries, transfer, matrix, full = profile[at + 8 : at + 12]
                return Cicp(primaries, transfer, matrix, bool(full))
    except (struct.error, ValueError):
        pass
    return None


def has_gain_map(data: bytes) -> bool:
    """Return whether a JPEG, AVIF or HEIF file holds a gain map, from which HDR displays make another picture."""
    if data.startswith(b"\xff\xd8"):
        return any(mark in data for mark in _GAIN_MAPS)
    if data[4:8] != b"ftyp":
        return False
    brands = data[8 : int.from_bytes(data[:4], "big")]
    return b"tmap" in brands or _GAIN_MAPS[-1] in data[: 1 << 20]


def _jp2_icc(data: bytes, notices: list[str]) -> bytes | None:
    at, end = _find(data, (b"jp2h", b"colr"))
    if not end:
        return None
    method = data[at]
    if method in (2, 3):
        return data[at + 3 : end]
    space = struct.unpack_from(">I", data, at + 3)[0] if method == 1 else 16
    if space not in _JP2_READ:
        notices.append(f"The colour space {space} of JPEG 2000 is not known and was read as sRGB.")
    return None


def _png(data: bytes) -> Cicp | None:
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            break
        if kind == b"cICP" and length == 4:
            primaries, transfer, matrix, full = data[at + 8 : at + 12]
            return Cicp(primaries, transfer, matrix, bool(full), chunk=True)
        at += 12 + length
    return None


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start of the body, end) of the boxes of an ISO base media file in a range."""
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if length == 1:
            length, body = struct.unpack_from(">Q", data, at + 8)[0], at + 16
        stop = end if length == 0 else at + length
        if stop < body or stop > end:
            return
        yield kind, body, stop
        at = stop


def _find(data: bytes, path: tuple[bytes, ...]) -> tuple[int, int]:
    """Return the range of the body of a box by the types on the way to it; (0, 0) if it is absent."""
    at, end = 0, len(data)
    for name in path:
        for kind, body, stop in _boxes(data, at, end):
            if kind == name:
                at, end = body + _CONTAINERS.get(kind, 0), stop
                break
        else:
            return 0, 0
    return at, end


def _nclx(data: bytes) -> Cicp | None:
    """Return the nclx property of the primary image; its decoder has applied the matrix and the range already."""
    at, end = _find(data, (b"meta", b"iprp", b"ipco"))
    wanted = _properties_of_primary(data)
    for number, (kind, body, _stop) in enumerate(_boxes(data, at, end), 1):
        if kind == b"colr" and data[body : body + 4] == b"nclx" and (not wanted or number in wanted):
            primaries, transfer = struct.unpack_from(">HH", data, body + 4)
            return Cicp(primaries, transfer)
    return None


def _properties_of_primary(data: bytes) -> set[int]:
    """Return the numbers of the properties of the primary image; an empty set if the file does not say."""
    at, end = _find(data, (b"meta", b"pitm"))
    if not end:
        return set()
    primary = struct.unpack_from(">I" if data[at] else ">H", data, at + 4)[0]
    at, end = _find(data, (b"meta", b"iprp", b"ipma"))
    if not end:
        return set()
    version, wide = data[at], data[at + 3] & 1
    count = struct.unpack_from(">I", data, at + 4)[0]
    at += 8
    for _ in range(min(count, 1 << 16)):
        item = struct.unpack_from(">I" if version else ">H", data, at)[0]
        at += 4 if version else 2
        number, at = data[at], at + 1
        step = 2 if wide else 1
        if item == primary:
            each = [int.from_bytes(data[at + step * n : at + step * (n + 1)], "big") for n in range(number)]
            return {value & (0x7FFF if wide else 0x7F) for value in each}
        at += step * number
    return set()
