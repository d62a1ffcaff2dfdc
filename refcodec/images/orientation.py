# SPDX-License-Identifier: MIT
"""Rotate images upright by their EXIF orientation."""

from __future__ import annotations

from typing import Final

from PIL import Image

_ORIENTATION: Final = 0x0112  # EXIF tag
_UPRIGHT: Final = {
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


def turn_upright(rgb: Image.Image, image: Image.Image, applied: int, notices: list[str]) -> Image.Image:
    """Return `rgb`, the pixels of `image`, upright; `applied` is the orientation that the reader applied already."""
    try:
        remaining = _orientation(image)
    except Exception:  # noqa: BLE001 - damaged EXIF raises any exception; the pixels are still good
        notices.append("The EXIF data are damaged: the picture may lie on its side.")
        return rgb
    if applied in _UPRIGHT or remaining in _UPRIGHT:
        notices.append(f"EXIF orientation {applied if applied in _UPRIGHT else remaining} was applied.")
    return rgb.transpose(_UPRIGHT[remaining]) if remaining in _UPRIGHT else rgb


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) else 1
