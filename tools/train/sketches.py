# SPDX-License-Identifier: MIT
"""Training data of the sketch network: edge maps of photographs at several sizes, and crops of them.

A pair of maps is uint8[H, W, 2]: the detector's contours and the plain Sobel magnitude. Photographs are resized before
edge detection, so that lines in every crop are as thin as in a real edge map.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from refcodec.images import edge_detector
from tools.train import photos

Maps = NDArray[np.uint8]
MIN_SCALE = 0.4
VERSIONS = 2  # map pairs per photograph


def maps(pixels: NDArray[np.uint8]) -> Maps:
    """Return the edge maps uint8[H, W, 2] of a picture uint8[H, W, 3]."""
    return np.stack([edge_detector.contours(pixels), edge_detector.sobel(pixels)], -1)


def versions(pixels: NDArray[np.uint8], rng: np.random.Generator) -> list[Maps]:
    """Return `VERSIONS` map pairs of one photograph."""
    return [version(pixels, rng) for _ in range(VERSIONS)]


def version(pixels: NDArray[np.uint8], rng: np.random.Generator) -> Maps:
    """Return the map pair of a photograph at a random scale from `MIN_SCALE` to 1."""
    scale = float(rng.uniform(MIN_SCALE, 1.0))
    size = tuple(max(1, round(n * scale)) for n in pixels.shape[1::-1])
    return maps(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)))


def crop(pictures: list[Maps], size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random square crop uint8[size, size, 1] of one of the two maps."""
    both = photos.crop(pictures, size, rng, resized=0.0)
    which = int(rng.integers(0, 2))
    return np.ascontiguousarray(both[..., which : which + 1])


def levels(count: int, rng: np.random.Generator) -> torch.Tensor:
    """Draw thresholds float32[count] in 0..1 for comparing lines: 64/255 with probability 1/2, else 32/255 to 128/255."""
    grey = np.where(rng.random(count) < 0.5, 64, rng.integers(32, 129, count))
    return torch.from_numpy(((grey + 0.5) / 255).astype(np.float32))


def half_size_maps(pixels: NDArray[np.uint8]) -> Maps:
    """Return the edge maps of a photograph at half its size."""
    size = tuple(max(1, n // 2) for n in pixels.shape[1::-1])
    return maps(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)))


def held_out(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the validation map uint8[H, W, 1] of a photograph: contours at half size."""
    return half_size_maps(pixels)[..., :1]
