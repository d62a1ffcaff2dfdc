# SPDX-License-Identifier: MIT
"""Arrange several pictures of one file on a contact sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GAP: Final = 8  # pixels between two pictures
SIDE_MAX: Final = 4096  # of the sheet; pictures are reduced to fit
GREY: Final = 128


def contact_sheet(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return uint8[H, W, 3] of pictures of one size, row by row, roughly square. Raises ValueError if there are none."""
    if not pictures:
        raise ValueError("no pictures")
    height, width = pictures[0].shape[:2]
    columns = max(1, min(len(pictures), round(math.sqrt(len(pictures) * height / width))))
    rows = -(-len(pictures) // columns)
    scale = min(1.0, (SIDE_MAX / columns - GAP) / width, (SIDE_MAX / rows - GAP) / height)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    sheet = np.full((rows * (h + GAP) - GAP, columns * (w + GAP) - GAP, 3), GREY, np.uint8)
    for i, pixels in enumerate(pictures):
        top, left = (i // columns) * (h + GAP), (i % columns) * (w + GAP)
        small = pixels if scale == 1 else np.asarray(Image.fromarray(pixels).resize((w, h), Image.Resampling.LANCZOS))
        sheet[top : top + h, left : left + w] = small
    return sheet
