# SPDX-License-Identifier: MIT
"""Reduce the channels of an image to 8 bits, separate opacity, and flatten it on a background."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from refcodec.images.tiff_layout import NONE, Correction
from refcodec.images.types import Colour

_BAND: Final = 1 << 20  # pixels converted at a time, to bound memory


def is_deep(image: Image.Image) -> bool:
    """Return whether the colour channels, not yet decoded, have 16 bits; Pillow itself reduces them to 8."""
    for tile in getattr(image, "tile", ()):
        mode = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if re.match(r"(?!BGR)[A-Za-z]+;16", str(mode[0])) or (image.format == "PPM" and mode[1:] and mode[1] > 255):
            return True
    return False


def eight_bits(
    image: Image.Image, deep: bool, notices: list[str], correction: Correction = NONE
) -> tuple[Image.Image, Image.Image | None]:
    """Return (L, RGB, CMYK or LAB image, L image of opacity or None if it is opaque). `correction`: of a TIFF page."""
    key = image.info.get("transparency")
    alpha = None
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = correction.apply(np.asarray(image))
        if isinstance(key, int):
            alpha = Image.fromarray(np.where(values == key, np.uint8(0), np.uint8(255)))
        levels = _reduce_grey(values, image, notices, correction)
        return Image.fromarray(255 - levels if correction.invert else levels), alpha
    if deep:
        notices.append("16 bits a channel were reduced to 8.")
        if isinstance(key, tuple):
            image = image.copy()
            image.info["transparency"] = tuple(level >> 8 for level in key)
    grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data and image.mode not in ("CMYK", "LAB"):
        if image.mode == "La":
            image = image.convert("LA")
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = image.getchannel("A")
        return (image.getchannel("R") if grey else as_rgb(image)), alpha
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if grey else "RGB"), None


def _reduce_grey(
    values: NDArray[Any], image: Image.Image, notices: list[str], correction: Correction
) -> NDArray[np.uint8]:
    """Return uint8[H, W] of grey in 16 or 32 bits or floating point, which Pillow itself would clip at 255.

    16 bits map 65535 to 255. The others declare no range: the smallest of 0..1 (floating point), 0..255 and 0..65535
    (integers) that contains all values is taken, and otherwise their own range; 16 bits with a sign are such integers, which
    reach 32767. `correction.top` is a largest value of 16 bits that the file does declare, 0 for none.
    """
    if correction.top:
        notices.append(f"{correction.top.bit_length()}-bit grey was reduced to 8 bits.")
        return scale_levels(values, 0, correction.top)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        notices.append("16-bit grey was reduced to 8 bits.")
        return scale_levels(values, 0, 65535)
    finite = values[np.isfinite(values)] if image.mode == "F" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    kind = "Float" if image.mode == "F" else "Signed 16-bit" if correction.signed else "32-bit"
    for most in (1, 255) if image.mode == "F" else (255, 32767) if correction.signed else (255, 65535):
        if low >= 0 and high <= most:
            notices.append(f"{kind} grey was read as 0 to {most} and reduced to 8 bits.")
            return scale_levels(values, 0, most)
    notices.append(f"{kind} grey was stretched from {low:g} to {high:g} and reduced to 8 bits.")
    return scale_levels(values, low, high)


def scale_levels(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return round(255 * (value - low) / (high - low)) of [H, W, …], clamped to 0..255; NaN counts as `low`."""
    levels = np.empty(values.shape, np.uint8)
    rows = max(1, _BAND // values.shape[1])
    for top in range(0, len(values), rows):
        band = np.nan_to_num(values[top : top + rows].astype(np.float64), nan=low, posinf=high, neginf=low)
        levels[top : top + rows] = np.clip((band - low) / ((high - low) or 1) * 255, 0, 255).round()
    return levels


def as_rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")


def check_background(background: Colour) -> Colour:
    """Return `background`; raise TypeError or ValueError if it is not three integers 0 to 255."""
    try:
        red, green, blue = background
    except (TypeError, ValueError):
        raise TypeError(f"a background is three integers, not {background!r}") from None
    for level in (red, green, blue):
        if isinstance(level, bool) or not isinstance(level, int):
            raise TypeError(f"a background is three integers, not {background!r}")
        if not 0 <= level <= 255:
            raise ValueError(f"a background is three integers 0 to 255, not {background!r}")
    return red, green, blue


def flatten(image: Image.Image, alpha: Image.Image | None, background: Colour, notices: list[str]) -> Image.Image:
    """Composite an RGB `image` over `background`; the image is changed in place unless it is opaque."""
    if alpha is None or alpha.getextrema()[0] == 255:
        return image
    notices.append("Transparent parts were flattened on the background {}, {}, {}.".format(*background))
    image.paste(background, mask=ImageChops.invert(alpha))
    return image


def pixels_of(rgb: Image.Image) -> NDArray[np.uint8]:
    """Return uint8[H, W, 3], read-only, of an RGB image."""
    pixels = np.empty((rgb.height, rgb.width, 3), np.uint8)
    rows = max(1, _BAND // rgb.width)
    for top in range(0, rgb.height, rows):
        pixels[top : top + rows] = np.asarray(rgb.crop((0, top, rgb.width, min(top + rows, rgb.height))))
    pixels.flags.writeable = False
    return pixels
