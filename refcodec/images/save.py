# SPDX-License-Identifier: MIT
"""Save pixels as an image file, with metadata that names the program and the models."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin

from refcodec.errors import Code
from refcodec.fileio import path_text, shown, write_atomic, write_stream
from refcodec.images.metadata import exif_of, xmp_of
from refcodec.images.pillow_guard import guard, quiet

_WRITERS: Final[dict[str, dict[str, Any]]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    "TIFF": {"compression": "tiff_adobe_deflate"},
    "BMP": {},
    "PPM": {},
}
_LARGE: Final = 1 << 22  # pixels; from here on PNG is compressed by level 4, which takes a third of the time of level 6
_SUFFIXES: Final = {"JPG": "JPEG", "TIF": "TIFF", "PGM": "PPM"} | {name: name for name in _WRITERS}


def save(
    pixels: NDArray[np.uint8],
    target: str | os.PathLike[str] | BinaryIO,
    *,
    format: str | None = None,
    note: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write uint8[H, W, 3] sRGB or uint8[H, W] grey to a path (atomically) or a binary stream.

    `format` is a name or suffix: PNG, JPEG, WEBP (lossless), AVIF, TIFF, BMP, PPM. The default is the suffix of
    the path, or PNG. `note`: Description, Software and Model of the image, written as text chunks of a PNG and as EXIF;
    BMP and PPM support neither. `metadata`: entries of a metadata section, whose EXIF and XMP are written, too; the note
    comes first, but for the model of a camera, beside which the models of the image stand under Software.

    Raises Code.CANNOT_WRITE if it cannot be written; ValueError for an unknown format or suffix and for pixels of
    another shape, TypeError for other types.
    """
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise TypeError("pixels must be a numpy array of uint8")
    if not pixels.size or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(f"pixels must be [H, W, 3] or [H, W], not {list(pixels.shape)}")
    if isinstance(target, (str, bytes, os.PathLike)):
        name = path_text(target)
        chosen = format_of(format or os.path.splitext(name)[1] or "PNG")
        write_atomic(name, _encode(pixels, chosen, note or {}, metadata or {}))
    elif hasattr(target, "write"):
        write_stream(target, _encode(pixels, format_of(format or "PNG"), note or {}, metadata or {}))
    else:
        raise TypeError(f"a target is a path or a binary stream, not {type(target).__name__}")


def format_of(name: str) -> str:
    """Return Pillow's format for a name or suffix, in any case, with or without its dot."""
    chosen = _SUFFIXES.get(name.removeprefix(".").upper())
    if chosen is None:
        known = ", ".join(sorted(suffix.lower() for suffix in _SUFFIXES))
        raise ValueError(f"cannot write pictures as {shown(name)}: use one of {known}")
    return chosen


def _encode(pixels: NDArray[np.uint8], name: str, note: Mapping[str, str], metadata: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with quiet(), guard(Code.CANNOT_WRITE, f"the picture cannot be written as {name}", too_large=Code.CANNOT_WRITE):
        arguments = _WRITERS[name] | _metadata(name, note, metadata)
        if name == "PNG" and pixels.shape[0] * pixels.shape[1] >= _LARGE:
            arguments["compress_level"] = 4
        Image.fromarray(np.ascontiguousarray(pixels)).save(out, name, **arguments)
    return out.getvalue()


def _metadata(name: str, note: Mapping[str, str], metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments that make Pillow write a note and kept metadata into a file of this format."""
    kept, xmp = exif_of(metadata), xmp_of(metadata)
    if not (note or kept or xmp) or name not in ("PNG", "JPEG", "WEBP", "AVIF", "TIFF"):
        return {}
    exif = kept or Image.Exif()
    fields = dict(note)
    if fields.get("Model") and exif.get(ExifTags.Base.Model):
        fields["Software"] = f"{fields.get('Software', '')}; {fields.pop('Model')}"
    for key, tag in (
        ("Description", ExifTags.Base.ImageDescription),
        ("Software", ExifTags.Base.Software),
        ("Model", ExifTags.Base.Model),
    ):
        if fields.get(key):
            exif[tag] = fields[key].encode("ascii", "replace").decode()  # EXIF text is ASCII
    arguments: dict[str, Any] = {"exif": exif}
    if name == "TIFF" and (kept or xmp):
        arguments["compression"] = "raw"  # with another, Pillow cannot write the directories of EXIF and GPS
        if xmp:
            exif[ExifTags.Base.XMLPacket] = xmp
    if name in ("JPEG", "WEBP", "AVIF") and xmp:
        arguments["xmp"] = xmp
    if name == "PNG":
        arguments["pnginfo"] = _text_chunks(note, xmp)
    return arguments


def _text_chunks(note: Mapping[str, str], xmp: bytes | None) -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    for key, value in note.items():
        if value:
            chunks.add_itxt(key, value)
    if xmp:
        chunks.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    return chunks
