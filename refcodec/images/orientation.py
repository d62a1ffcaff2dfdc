# SPDX-License-Identifier: MIT
"""Rotate images upright by their EXIF orientation."""

from __future__ import annotations

from typing import Final

from PIL import Image

_ORIENTATION: Final = 0x0112  # EXIF tag
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def applied_by_reader(image: Image.Image) -> int:
    """Return the orientation that Pillow applies itself while it decodes, as it does for TIFF; otherwise 1."""
    return _orientation(image) if image.format == "TIFF" and getattr(image, "tile", None) else 1


def remaining(image: Image.Image) -> int | None:
    """Return the orientation of a decoded image; None if its EXIF data are damaged, which Pillow reports only once."""
    try:
        return _orientation(image)
    except Exception:  # noqa: BLE001 - damaged EXIF raises any exception; the pixels are still good
        return None


def turn_upright(rgb: Image.Image, left: int | None, applied: int, notices: list[str]) -> Image.Image:
    """Return pixels upright; `left` is their `remaining` orientation, `applied` what the reader applied already."""
    if left is None:
        notices.append("The EXIF data are damaged: the picture may lie on its side.")
        return rgb
    if applied in UPRIGHT or left in UPRIGHT:
        notices.append(f"EXIF orientation {applied if applied in UPRIGHT else left} was applied.")
    return rgb.transpose(UPRIGHT[left]) if left in UPRIGHT else rgb


def rotated(rgb: Image.Image, orientation: int, notices: list[str]) -> Image.Image:
    """Return `rgb` upright by an orientation recorded elsewhere in its file."""
    if orientation not in UPRIGHT:
        return rgb
    notices.append(f"EXIF orientation {orientation} was applied.")
    return rgb.transpose(UPRIGHT[orientation])


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) else 1
