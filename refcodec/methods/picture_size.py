# SPDX-License-Identifier: MIT
"""The sizes of pictures around a generator, which has a native size of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


def generation_size(size: tuple[int, int], native: int, multiple: int = 64) -> tuple[int, int]:
    """Return (width, height), multiples of `multiple`, in the aspect ratio of `size` and about native² pixels.

    Where the aspect ratio would make the shorter side less than `multiple`, at most twice as many pixels, and another ratio.
    """
    width, height = size
    scale, longest = native / (width * height) ** 0.5, max(1, 2 * native**2 // multiple**2) * multiple
    return tuple(min(longest, max(multiple, round(side * scale / multiple) * multiple)) for side in (width, height))  # type: ignore[return-value]


def resize_to(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return uint8[H, W, 3] of this size (width, height), from a generator's picture of another one."""
    import numpy as np
    from PIL import Image

    if (pixels.shape[1], pixels.shape[0]) == tuple(size):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def centre_square(pixels: Pixels) -> tuple[Pixels, tuple[str, ...]]:
    """Return the middle of a picture as a square, and a notice where something was cut off."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    if height == width:
        return pixels, ()
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side], (f"described and painted is the middle square, {side}x{side}",)
