# SPDX-License-Identifier: MIT
"""Distortions for training: mean squared error and a linearised MS-SSIM (Wang, Simoncelli, Bovik 2003)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, §3


def _window(size: int, sigma: float, like: Tensor) -> Tensor:
    x = torch.arange(size, device=like.device, dtype=like.dtype) - (size - 1) / 2
    g = torch.exp(-(x**2) / (2 * sigma**2))
    return g / g.sum()


def _blur(x: Tensor, g: Tensor) -> Tensor:
    c = x.shape[1]
    x = F.conv2d(x, g.view(1, 1, 1, -1).expand(c, 1, 1, -1), groups=c)
    return F.conv2d(x, g.view(1, 1, -1, 1).expand(c, 1, -1, 1), groups=c)


def structural(a: Tensor, b: Tensor, size: int = 7, sigma: float = 1.5) -> Tensor:
    """Sum over five scales of weight x (1 - contrast-structure), [B]; the product's first-order form.

    Unlike the product it has a finite gradient where a scale's term is zero or negative. a, b: [B, 3, H, W] in 0..1.
    Pictures below 16 x size have the scales that fit them, with the same sum of weights.
    """
    g = _window(size, sigma, a)
    fitting = [w for i, w in enumerate(WEIGHTS) if min(a.shape[2:]) >> i >= size]
    weights = WEIGHTS if len(fitting) == len(WEIGHTS) else [w * sum(WEIGHTS) / sum(fitting) for w in fitting]
    total = a.new_zeros(a.shape[0])
    for i, w in enumerate(weights):
        ma, mb = _blur(a, g), _blur(b, g)
        va, vb, cov = _blur(a * a, g) - ma * ma, _blur(b * b, g) - mb * mb, _blur(a * b, g) - ma * mb
        term = (2 * cov + 0.03**2) / (va + vb + 0.03**2)
        if i == len(weights) - 1:
            term = term * (2 * ma * mb + 0.01**2) / (ma * ma + mb * mb + 0.01**2)
        else:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        total = total + w * (1 - term.mean((1, 2, 3)))
    return total


def distortion(x: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """(distortion [B] in units of MSE on 0..1, MSE [B]); `share` of it is structural.

    On photographs 1 - MS-SSIM is close to 38.5 x MSE at every rate of this codec, so dividing by it keeps lambda's
    meaning when the share changes.
    """
    mse = ((x - target) ** 2).mean((1, 2, 3))
    if share == 0:
        return mse, mse
    return (1 - share) * mse + share * structural(x, target) / 38.5, mse
