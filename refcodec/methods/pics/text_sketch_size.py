# SPDX-License-Identifier: MIT
"""Sizes and edge maps of Text+Sketch, computed in integers (Lei et al. 2023, code; SPEC §B.4)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from refcodec.container.limits import level_bounds
from refcodec.errors import Code, SemError

if TYPE_CHECKING:
    from refcodec.methods.picture_size import Pixels

SHORTER: Final = 512
MULTIPLE: Final = 64


def text_sketch_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return (width, height) with a shorter side of 512 and a proportional longer side, rounded to a multiple of 64.

    A half is rounded to the even multiple. Raises Code.PICTURE_TOO_LARGE if the longer side exceeds the limit of level 1.
    """
    width, height = size
    out = tuple(MULTIPLE * round(Fraction(SHORTER // MULTIPLE * side, min(size))) for side in size)
    longest = level_bounds(1).side
    if max(out) > longest:
        what = f"the picture is {width}x{height}: with {SHORTER} pixels on the shorter side it is longer than {longest}"
        raise SemError(Code.PICTURE_TOO_LARGE, what, hint="crop it")
    return out[0], out[1]


def resize(pixels: Pixels) -> Pixels:
    """Return uint8[H, W, C] or uint8[H, W] resized to `text_sketch_size`: by area averaging if neither side grows, else by Lanczos' filter."""
    import numpy as np
    from PIL import Image

    before = (pixels.shape[1], pixels.shape[0])
    size = text_sketch_size(before)
    if size == before:
        return pixels
    shrinks = size[0] <= before[0] and size[1] <= before[1]
    return np.asarray(
        Image.fromarray(pixels).resize(size, Image.Resampling.BOX if shrinks else Image.Resampling.LANCZOS)
    )


def sharpen(lines: Pixels) -> Pixels:
    """Return uint8[H, W, 3] of lines uint8[H, W]: twice the map minus its 3x3 mean, in which the middle weighs 5/13."""
    import numpy as np
    from PIL import Image, ImageEnhance

    sharp = ImageEnhance.Sharpness(Image.fromarray(lines)).enhance(2)
    return np.repeat(np.asarray(sharp)[..., None], 3, 2)
