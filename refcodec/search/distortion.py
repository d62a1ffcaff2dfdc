# SPDX-License-Identifier: MIT
"""The distortion that a search minimises: squared errors, and the loss of structure at four scales.

Structure is the contrast and structure term of SSIM (Wang et al. 2004, §III.B), (2 cov + C2) / (var x + var y + C2), in
windows of 8x8 samples at half the size, a quarter, an eighth and a sixteenth, with about the weights of multi-scale SSIM (Wang,
Simoncelli and Bovik 2003, §3.2). A search for squared errors alone removes faint texture, which costs structure.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES: Final = (0.33, 0.30, 0.236, 0.133)  # weights, from half the size down
C2: Final = 0.03**2  # for samples in 0..1
WINDOW: Final = 8  # samples
SHARE: Final = 0.15  # of structure in the distortion of the plain picture
ALIGNED: Final = 8  # rows of latents, 128 rows of pixels: windows of the coarsest scale do not cross their boundaries


def lost_structure(x: Tensor, y: Tensor) -> Tensor:
    """Return the sum over windows of 1 - structure, weighted by scale and size, for pictures [C, H, W] in 0..1.

    A window counts for the pixels that it covers, so that sums over parts of a picture add up.
    """
    pair, total = torch.stack((x, y)), y.new_zeros(())
    for level, weight in enumerate(SCALES):
        pair = F.avg_pool2d(_padded(pair, 2), 2)
        a, b = _padded(pair, WINDOW)
        mean_a, mean_b = _means(a), _means(b)
        variance = _means(a * a) - mean_a * mean_a + _means(b * b) - mean_b * mean_b
        covariance = _means(a * b) - mean_a * mean_b
        structure = (2 * covariance + C2) / (variance + C2)
        total = total + weight * 4 ** (level + 1) * WINDOW**2 * (1 - structure).sum()
    return total


def _means(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, WINDOW)


def _padded(x: Tensor, multiple: int) -> Tensor:
    """Return x with its last row and column repeated to multiples of `multiple`."""
    height, width = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return F.pad(x, (0, width, 0, height), mode="replicate") if height or width else x


class Distortion:
    """The distortion of decoded pictures beside an original [C, H, W] in 0..1, in the unit of the sum of squared errors.

    plain: the picture of effort 1, in which structure has the share SHARE and squared errors the rest.
    """

    def __init__(self, original: Tensor, plain: Tensor, share: float = SHARE) -> None:
        self.original, self.errors = original, 1 - share
        squared, lost = float(_squared(original, plain)), float(lost_structure(original, plain))
        self.structure = share * squared / lost if lost > 0 else 0.0

    def __call__(self, decoded: Tensor, top: int = 0) -> Tensor:
        """Return the distortion of the rows of a picture from `top` on, decoded [C, h, w]."""
        original = self.original[:, top : top + decoded.shape[1], : decoded.shape[2]]
        errors = self.errors * _squared(original, decoded)
        return errors + self.structure * lost_structure(original, decoded) if self.structure else errors


def _squared(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) ** 2).sum()
