# SPDX-License-Identifier: MIT
"""Load edge maps: an array is used unchanged, any other image is converted to luma."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from refcodec.images.edge_detector import luma
from refcodec.images.load import load
from refcodec.images.size import MAX_PIXELS, MAX_SIDE
from refcodec.images.types import ImageInput


def load_edge_map(
    image: ImageInput, *, max_side: int = MAX_SIDE, max_pixels: int = MAX_PIXELS, lenient: bool = False
) -> NDArray[np.uint8]:
    """Return uint8[H, W] of an edge map; `lenient` as for `load`.

    Raises TypeError for an array of another shape or type, InputOutputError for an image that cannot be read or is too
    large.
    """
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 2 or 0 in image.shape:
            raise TypeError(f"an edge map is uint8[H, W], not {image.dtype}{list(image.shape)}")
        return image
    loaded = load(image, background=(0, 0, 0), max_side=max_side, max_pixels=max_pixels, lenient=lenient)
    return luma(loaded.pixels).astype(np.uint8)
