# SPDX-License-Identifier: MIT
"""The sizes in which Text+Sketch describes and paints pictures, in whole numbers, and its lines (Lei et al. 2023, code; SPEC §14.4)."""

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
    """(width, height) whose shorter side is 512, the longer one in proportion and rounded to a multiple of 64.

    A half is rounded to the even multiple. SEM-E-105 for a shape so long that level 1 has no such size.
    """
    width, height = size
    out = tuple(MULTIPLE * round(Fraction(SHORTER // MULTIPLE * side, min(size))) for side in size)
    longest = level_bounds(1).side
    if max(out) > longest:
        what = f"the picture is {width}x{height}: with {SHORTER} pixels on the shorter side it is longer than {longest}"
        raise SemError(Code.PICTURE_TOO_LARGE, what, hint="crop it")
    return out[0], out[1]


def resize(pixels: Pixels) -> Pixels:
    """uint8[H, W, C] or uint8[H, W] in the size of the rule: by areas where neither side grows, else by Lanczos' filter."""
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
    """uint8[H, W, 3] of lines uint8[H, W]: twice the map less its mean over 3x3 pixels, where the middle counts 5 of 13."""
    import numpy as np
    from PIL import Image, ImageEnhance

    sharp = ImageEnhance.Sharpness(Image.fromarray(lines)).enhance(2)
    return np.repeat(np.asarray(sharp)[..., None], 3, 2)
