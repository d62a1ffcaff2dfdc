# SPDX-License-Identifier: MIT
"""Recognise unsupported files by their first bytes, for errors that name the format and a remedy."""

from __future__ import annotations

from typing import Final

from PIL import features

from refcodec.errors import Code, SemError
from refcodec.images.plugins import OPTIONAL
from refcodec.images.tiff_directories import RAW_HINT

_HEVC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AV1: Final = frozenset({b"avif", b"avis"})
_HEIF: Final = frozenset({b"mif1", b"mif2", b"msf1", b"miaf", b"mif3"})
_VIDEO: Final = frozenset({b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"M4V ", b"3gp4", b"3gp5"})

_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # of JPEG: baseline, extended, progressive, arithmetic
_OTHER_PROCESSES: Final = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})

_TONE_MAP: Final = "tone-map it and export it as PNG"
_EXPORT: Final = "export it as PNG"
_PAGE: Final = "export the page as PNG"
_OTHERS: Final = (  # offset, signature, what the file is, remedy
    (0, b"IIRO", "a camera raw file (ORF)", RAW_HINT),
    (0, b"IIRS", "a camera raw file (ORF)", RAW_HINT),
    (0, b"MMOR", "a camera raw file (ORF)", RAW_HINT),
    (0, b"IIU\0", "a camera raw file (RW2)", RAW_HINT),
    (0, b"FUJIFILMCCD-RAW", "a camera raw file (RAF)", RAW_HINT),
    (0, b"FOVb", "a camera raw file (X3F)", RAW_HINT),
    (0, b"\0MRM", "a camera raw file (MRW)", RAW_HINT),
    (0, b"II\x1a\0\0\0HEAPCCDR", "a camera raw file (CRW)", RAW_HINT),
    (0, b"v/1\x01", "OpenEXR, linear light in floating point", _TONE_MAP),
    (0, b"#?RADIANCE", "Radiance HDR, linear light", _TONE_MAP),
    (0, b"#?RGBE", "Radiance HDR, linear light", _TONE_MAP),
    (0, b"PF\n", "a PFM map of floating point", _TONE_MAP),
    (0, b"II\xbc\x01", "JPEG XR", _EXPORT),
    (0, b"P7\n", "PAM", "convert it to PPM or PNG"),
    (0, b"DDS ", "a texture (DDS)", _EXPORT),
    (0, b"8BPS\0\x02", "PSB, the large form of PSD", "export it as TIFF or PNG"),
    (0, b"gimp xcf", "a GIMP project (XCF)", _EXPORT),
    (0, b"\0\0\x01\0", "an icon (ICO)", "export its largest image as PNG"),
    (0, b"icns", "an icon (ICNS)", "export its largest image as PNG"),
    (0, b"%PDF", "PDF", _PAGE),
    (0, b"%!PS", "PostScript", _PAGE),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript (EPS)", _PAGE),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)", _EXPORT),
    (40, b" EMF", "a Windows metafile (EMF)", _EXPORT),
    (128, b"DICM", "DICOM", _EXPORT),
    (0, b"SIMPLE  =", "FITS", _EXPORT),
    (0, b"\xf5\x9e", ".sem already", "decode it instead"),
)


def media_kind(data: bytes) -> str:
    """Return what an ISO base media file is by its brands: AVIF, HEIC, CR3, video, HEIF (another codec); "" for others."""
    if data[4:8] != b"ftyp":
        return ""
    length = min(max(int.from_bytes(data[:4], "big"), 16), 4096)
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, min(length, len(data)) - 3, 4)}
    if b"crx " in brands:
        return "CR3"
    if data[8:12] in _AV1 or (brands & _AV1 and not brands & _HEVC):
        return "AVIF"
    if brands & _HEVC:
        return "HEIC"
    if brands & _HEIF:
        head = data[: 1 << 16]
        return "AVIF" if b"av01" in head else "HEIC" if b"hvc1" in head or len(data) <= length else "HEIF"
    return "video" if brands & _VIDEO else ""


def optional_kind(data: bytes) -> str:
    """Return the key in `OPTIONAL` of the package that reads the file; "" if none does."""
    if data.startswith((b"\0\0\0\x0cJXL ", b"\xff\x0a")):
        return "JPEG XL"
    return "HEIC" if media_kind(data) in ("HEIC", "HEIF") else ""


def jpeg_refusal(data: bytes) -> SemError | None:
    """Return the error for a JPEG of a process that libjpeg does not decode; None for other files."""
    at = 2
    while data.startswith(b"\xff\xd8") and data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xF7:
            return _error("JPEG-LS", _EXPORT)
        if marker in _OTHER_PROCESSES:
            return _error("a lossless or hierarchical JPEG", _EXPORT)
        if marker in _FRAMES:
            return _error("a JPEG of 12 bits", _EXPORT) if data[at + 4 : at + 5] == b"\x0c" else None
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def refusal(data: bytes) -> SemError | None:
    """Return the error for a file of a known kind that is not read; None for other files."""
    for offset, signature, what, hint in _OTHERS:
        if data.startswith(signature, offset):
            return _error(what, hint)
    kind = optional_kind(data)
    if kind:
        package, name = OPTIONAL[kind], "HEIF" if media_kind(data) == "HEIF" else kind
        if package.installed():
            return _error(f"{name}, and {package.install} cannot read it", "export it as JPEG or PNG")
        return _error(name, f"pip install {package.install}, or export it as JPEG or PNG")
    media = media_kind(data)
    if media == "CR3":
        return _error("a camera raw file (CR3)", RAW_HINT)
    if media == "AVIF" and not features.check("avif"):
        return _error(
            "AVIF, which this Pillow is built without", "pip install --upgrade pillow, or export it as JPEG or PNG"
        )
    if media == "video":
        return _error("a video", "export a frame as PNG")
    text = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return _error("SVG, a drawing", "export it as PNG, in the size that is wanted")
    return None


def _error(what: str, hint: str) -> SemError:
    return SemError(Code.PICTURE_UNREADABLE, f"the file is {what}", hint=hint)
