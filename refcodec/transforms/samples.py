# SPDX-License-Identifier: MIT
"""Pictures uint8[H, W, C] as input of the numpy networks, and their output as pictures, in blocks of rows. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from refcodec.progress import Progress
from refcodec.transforms.numpy_layers import Array, Rows


def rows_of(pixels: NDArray[np.uint8], multiple: int, step: int) -> Rows:
    """Return a picture minus 1/2, float32[C, h, w] in -1/2 ... 1/2, in blocks of `step` rows.

    Sides are extended to multiples of `multiple` by repeating the last column and row.
    """
    height, width = (n + -n % multiple for n in pixels.shape[:2])

    def blocks() -> Iterator[Array]:
        for top in range(0, height, step):
            bottom = min(height, top + step)
            part = pixels[min(top, len(pixels) - 1) : bottom]
            beyond = (bottom - top - len(part), width - pixels.shape[1])
            part = np.pad(part, ((0, beyond[0]), (0, beyond[1]), (0, 0)), mode="edge")
            x = part.transpose(2, 0, 1).astype(np.float32)
            x /= 255
            x -= 0.5
            yield x

    return Rows(height, width, blocks())


def write_samples(
    blocks: Iterable[Array],
    size: tuple[int, int],
    out: NDArray[np.uint8] | None = None,
    progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Return blocks float32[C, r, w] of a picture, about 0..1, as uint8[H, W, C] of size (width, height); the rest is cut off.

    out: the array to write to, by default a new one.
    """
    width, height = size
    top = 0
    for block in blocks:
        count = max(0, min(block.shape[1], height - top))
        if out is None:
            out = np.empty((height, width, len(block)), np.uint8)
        out[top : top + count] = to_bytes(block[:, :count, :width]).transpose(1, 2, 0)
        top += block.shape[1]
        if progress is not None:
            progress(min(1.0, top / height))
    assert out is not None
    return out


def to_bytes(x: Array) -> NDArray[np.uint8]:
    """Return floor(255 x + 1/2) of x clamped to 0..1; changes x. What is not a number becomes 0."""
    np.fmax(x, 0, out=x)
    np.fmin(x, 1, out=x)
    x *= 255
    x += 0.5
    return x.astype(np.uint8)
