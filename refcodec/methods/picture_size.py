# SPDX-License-Identifier: MIT
"""Crop and resize pictures to and from the sizes that a generator supports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


def generation_size(size: tuple[int, int], native: int, multiple: int = 64) -> tuple[int, int]:
    """Return (width, height), multiples of `multiple`, with the aspect ratio of `size` and about native² pixels.

    A ratio so extreme that the shorter side would be below `multiple` is reduced; the result has at most 2 native² pixels.
    """
    width, height = size
    scale, longest = native / (width * height) ** 0.5, max(1, 2 * native**2 // multiple**2) * multiple
    return tuple(min(longest, max(multiple, round(side * scale / multiple) * multiple)) for side in (width, height))  # type: ignore[return-value]


def resize_to(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return uint8[H, W, 3] resized to `size` (width, height) by Lanczos' filter."""
    import numpy as np
    from PIL import Image

    if (pixels.shape[1], pixels.shape[0]) == tuple(size):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def centre_square(pixels: Pixels) -> tuple[Pixels, tuple[str, ...]]:
    """Return the largest centred square of a picture, and a notice if anything was cropped."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    if height == width:
        return pixels, ()
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side], (
        f"only the middle square, {side}x{side}, is described and painted",
    )
