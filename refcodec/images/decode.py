# SPDX-License-Identifier: MIT
"""Decode an opened image to 8-bit sRGB, opaque and upright, with a notice for each conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image, ImageFile

from refcodec.errors import Code
from refcodec.images.channels import eight_bits, flatten, is_deep, pixels_of
from refcodec.images.cicp import Cicp
from refcodec.images.colour import ColourTags, to_srgb
from refcodec.images.colour_tags import cicp_of, embedded_icc, has_gain_map
from refcodec.images.light import D65, Chromaticities, plausible
from refcodec.images.metadata import entries_of
from refcodec.images.orientation import applied_by_reader, remaining, rotated, turn_upright
from refcodec.images.pillow_guard import guard
from refcodec.images.png_chunks import colours_of, restore_colours
from refcodec.images.tiff_directories import Chosen
from refcodec.images.tiff_layout import correction, eight_bit_palette, report_unused
from refcodec.images.types import Colour, Loaded

_ADOBE_SPACE = 2  # of EXIF's ColorSpace; not in the standard, but written
_UNCALIBRATED = 0xFFFF


@dataclass(frozen=True)
class Source:
    """Where an image comes from: its number of frames (0: several), its bytes, whether it was opened here."""

    frames: int
    data: bytes
    in_file: bool
    chosen: Chosen | None = None  # the image of a TIFF file


def decode(image: Image.Image, source: Source, background: Colour, keep_metadata: bool) -> Loaded:
    """Return the pixels of a Pillow image at its current frame."""
    notices: list[str] = []
    with guard(Code.PICTURE_TRUNCATED, f"the {image.format or 'Pillow'} picture cannot be decoded"):
        deep, applied = is_deep(image), applied_by_reader(image)
        fix = correction(image)
        eight_bit_palette(image, notices)
        colours = colours_of(image)
        image.load()
        restore_colours(image, colours)  # of a PNG, which Pillow reads to its end
        left = remaining(image)
        tags = _colour_tags(image, source.data)  # not before: to look for EXIF, Pillow may decode, and hide its errors
        metadata = entries_of(image, notices) if keep_metadata else {}
        if ImageFile.LOAD_TRUNCATED_IMAGES:
            notices.append("Pillow is set to accept damaged pictures: parts may be missing.")
        _report_choice(image, source, notices)
        report_unused(image, notices)
        info: dict[Any, Any] = dict(image.info)
        chosen = source.chosen
        icc = chosen.icc if chosen and chosen.icc else embedded_icc(source.data, notices)
        if icc:
            info.setdefault("icc_profile", icc)
        colour, alpha = eight_bits(image, deep, notices, fix)
        rgb = flatten(to_srgb(colour, info, notices, tags), alpha, background, notices)
        rgb = turn_upright(rgb, left, applied, notices)
        if chosen and chosen.orientation != 1:
            rgb = rotated(rgb, chosen.orientation, notices)
        return Loaded(pixels_of(rgb), tuple(notices), image.format, metadata)


def _report_choice(image: Image.Image, source: Source, notices: list[str]) -> None:
    """Add a notice for the other images of the file that are not used."""
    if source.frames != 1:
        which = f"Number {image.tell() + 1}" if image.tell() else "The first"
        notices.append(f"{which} of {source.frames or 'several'} frames was taken.")
    if source.chosen:
        notices.extend(source.chosen.notices)
    tags: Any = getattr(image, "tag_v2", {})
    subfile = tags.get(ExifTags.Base.NewSubfileType, 0)
    if not source.in_file and isinstance(subfile, int) and subfile & 1:
        notices.append("The Pillow image is a reduced one of its file: pass the path to use that of full size.")
    if has_gain_map(source.data):
        notices.append("The gain map for HDR displays was ignored: the standard picture beside it was taken.")


def _colour_tags(image: Image.Image, data: bytes) -> ColourTags:
    """Return the colour tags of a picture that are not in Pillow's `info`."""
    space, interoperability = 0, ""
    try:
        exif = image.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace, 0)
        interoperability = str(exif.get_ifd(ExifTags.IFD.Interop).get(1, ""))
    except Exception:  # noqa: BLE001 - damaged EXIF raises any exception; the pixels are still good
        pass
    adobe = space == _ADOBE_SPACE or (space == _UNCALIBRATED and interoperability.startswith("R03"))
    return ColourTags(
        cicp_of(data) or _nclx_in(image), _tiff_primaries(image), adobe, space == _UNCALIBRATED and not adobe
    )


def _nclx_in(image: Image.Image) -> Cicp | None:
    """Return the code points that the reader of pillow-heif leaves with an image."""
    nclx = image.info.get("nclx_profile")
    try:
        return Cicp(int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])) if nclx else None
    except (KeyError, TypeError, ValueError):
        return None


def _tiff_primaries(image: Image.Image) -> Chromaticities | None:
    """Return white and primaries of a TIFF page (tags 318 and 319); None if it has none that make sense."""
    tags: Any = getattr(image, "tag_v2", {})
    try:
        white = tuple(float(each) for each in tags.get(ExifTags.Base.WhitePoint, D65))
        found = (*white, *(float(each) for each in tags[ExifTags.Base.PrimaryChromaticities]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return plausible(found)
