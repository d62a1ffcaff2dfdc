# SPDX-License-Identifier: MIT
"""EXIF, XMP and ICC profile of a picture as entries of a metadata section (SPEC §6), and back.

| key | value |
|---|---|
| `exif` | base64 of EXIF from its TIFF header on, with the descriptive tags, those of the exposure and the position |
| `xmp` | the XMP packet, without its padding |
| `icc` | base64 of the profile that the pixels had before they became sRGB |

What describes the stored pixels (orientation, sizes, strips, thumbnails, maker notes) is left out: a file holds others.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from PIL import ExifTags, Image

EXIF, XMP, ICC = "exif", "xmp", "icc"
KEYS: Final = (EXIF, XMP, ICC)

_EXIF_IFD, _GPS_IFD = ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo
_DESCRIPTIVE: Final = frozenset(
    {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298}
    | {0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F}  # XPTitle … XPSubject
)
_OF_STORED_PIXELS: Final = frozenset(
    {
        0x927C,
        0xA001,
        0xA002,
        0xA003,
        0xA005,
        0x9101,
        0x9102,
    }  # maker note, colour space, sizes, interoperability, coding
)
_HEADER: Final = b"Exif\0\0"


def entries_of(image: Image.Image, notices: list[str]) -> dict[str, str]:
    """Return the entries of EXIF, XMP and ICC profile of an image; an empty dictionary if it has none."""
    found: dict[str, str] = {}
    place = False
    try:
        exif = _described(image.getexif())
        if len(exif):
            place = bool(exif.get_ifd(_GPS_IFD))
            found[EXIF] = base64.b64encode(exif.tobytes().removeprefix(_HEADER)).decode()
    except Exception:  # noqa: BLE001 - damaged EXIF raises any exception; the pixels are still good
        notices.append("The EXIF data are damaged and were not kept.")
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if packet:
        found[XMP] = _packet(packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet))
        place = place or "GPSLatitude" in found[XMP]
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        found[ICC] = base64.b64encode(profile).decode()
    if place:
        notices.append("The metadata kept name the place where the picture was taken (GPS).")
    return found


def _packet(text: str) -> str:
    """Return an XMP packet without padding, and without what it says about the stored pixels."""
    text = re.sub(r"\s+(?=<\?xpacket end=)", "\n", text.strip("\0"))
    text = re.sub(r"""\s(tiff:Orientation|hdrgm:\w+)\s*=\s*("[^"]*"|'[^']*')""", "", text)
    return re.sub(r"<(tiff:Orientation|hdrgm:\w+)>[^<]*</\1>", "", text)


def fitting(entries: Mapping[str, str], others: Mapping[str, str], room: int, notices: list[str]) -> dict[str, str]:
    """Return `others` with those entries that fit into `room` bytes beside them; entries of the user come first."""
    kept = dict(others)
    for key in KEYS:
        if key in kept or key not in entries:
            continue
        used = sum(len(k.encode()) + len(v.encode()) + 6 for k, v in kept.items())
        size = len(key) + len(entries[key].encode()) + 6
        if used + size > room:
            notices.append(
                f"The metadata {key.upper()} have {size} bytes, more than the section has room for, and were left out."
            )
        else:
            kept[key] = entries[key]
    return kept


def exif_of(entries: Mapping[str, str]) -> Image.Exif | None:
    """Return the EXIF of a metadata section; None if it has none that can be read."""
    try:
        data = base64.b64decode(entries.get(EXIF, ""), validate=True)
        if not data.startswith((b"II*\0", b"MM\0*")):
            return None
        exif = Image.Exif()
        exif.load(_HEADER + data)
        described = _described(exif)
    except (binascii.Error, ValueError):
        return None
    except Exception:  # noqa: BLE001 - EXIF from a file raises any exception; the picture does not depend on it
        return None
    return described if len(described) else None


def xmp_of(entries: Mapping[str, str]) -> bytes | None:
    """Return the XMP packet of a metadata section; None if it has none."""
    return entries[XMP].encode() if entries.get(XMP) else None


def info_of(entries: Mapping[str, str]) -> dict[str, bytes]:
    """Return EXIF and XMP of a metadata section under the names that Pillow uses in `info` and `save`."""
    exif, xmp = exif_of(entries), xmp_of(entries)
    return ({"exif": exif.tobytes()} if exif else {}) | ({"xmp": xmp} if xmp else {})


def _described(exif: Image.Exif) -> Image.Exif:
    """Return what EXIF says about the picture, without what it says about the stored pixels."""
    described = Image.Exif()
    for tag, value in exif.items():
        if tag in _DESCRIPTIVE:
            described[tag] = value
    for ifd, left_out in ((_EXIF_IFD, _OF_STORED_PIXELS), (_GPS_IFD, frozenset[int]())):
        tags: dict[int, Any] = {tag: value for tag, value in exif.get_ifd(ifd).items() if tag not in left_out}
        if tags:
            described[ifd] = tags
            described._ifds[ifd] = tags
    return described
