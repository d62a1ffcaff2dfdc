# SPDX-License-Identifier: MIT
"""Training pictures of the sketch network: edge maps of photographs at several sizes, and crops from them.

A version of a photograph is uint8[H, W, 2]: the detector's contours and the plain Sobel magnitude. Edges are found after
the photograph is resized, never the other way round, so that every crop has lines as thin as a real map's.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from refcodec.images import edge_detector
from tools.train import photos

Maps = NDArray[np.uint8]
LEAST = 0.4  # scale of the smallest version
VERSIONS = 2  # of each photograph


def maps(pixels: NDArray[np.uint8]) -> Maps:
    """uint8[H, W, 2] of a picture uint8[H, W, 3]."""
    return np.stack([edge_detector.contours(pixels), edge_detector.sobel(pixels)], -1)


def versions(pixels: NDArray[np.uint8], rng: np.random.Generator) -> list[Maps]:
    """`VERSIONS` maps of one photograph, each at a random scale from `LEAST` to 1."""
    out = []
    for _ in range(VERSIONS):
        scale = float(rng.uniform(LEAST, 1.0))
        size = tuple(max(1, round(n * scale)) for n in pixels.shape[1::-1])
        out.append(maps(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))))
    return out


def crop(pictures: list[Maps], size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One random square crop uint8[size, size, 1] of either map."""
    both = photos.crop(pictures, size, rng, resized=0.0)
    which = int(rng.integers(0, 2))
    return np.ascontiguousarray(both[..., which : which + 1])


def levels(count: int, rng: np.random.Generator) -> torch.Tensor:
    """Thresholds float32[count] in 0..1 at which lines are compared: half of them 64 of 255, the others 32 to 128."""
    some = np.where(rng.random(count) < 0.5, 64, rng.integers(32, 129, count))
    return torch.from_numpy(((some + 0.5) / 255).astype(np.float32))


def halved(pixels: NDArray[np.uint8]) -> Maps:
    """The maps of a photograph at half its size."""
    size = tuple(max(1, n // 2) for n in pixels.shape[1::-1])
    return maps(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)))


def held_out(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The map uint8[H, W, 1] that a run is validated on: contours at half size."""
    return halved(pixels)[..., :1]
