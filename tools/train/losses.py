# SPDX-License-Identifier: MIT
"""Training losses: mean squared error, linearised MS-SSIM (Wang, Simoncelli, Bovik 2003) and misplaced edge pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, §3
SOFTNESS = 0.06  # width of the sigmoid that replaces binarisation
LEAK = 0.02  # gradient of values outside 0..1


def _window(size: int, sigma: float, like: Tensor) -> Tensor:
    x = torch.arange(size, device=like.device, dtype=like.dtype) - (size - 1) / 2
    g = torch.exp(-(x**2) / (2 * sigma**2))
    return g / g.sum()


def _blur(x: Tensor, g: Tensor) -> Tensor:
    """Filter with window g, valid region only.

    Products with banded matrices are several times faster on a CPU than one-channel convolutions.
    """
    return _band(x.shape[2], g).T @ x @ _band(x.shape[3], g)


def _band(n: int, g: Tensor) -> Tensor:
    """Return the banded matrix [n, n - len(g) + 1] whose column i holds g from row i on."""
    out = g.new_zeros(n, n - len(g) + 1)
    for i, v in enumerate(g):
        out.diagonal(-i).copy_(v)
    return out


def structural(a: Tensor, b: Tensor, size: int = 7, sigma: float = 1.5) -> Tensor:
    """Return 1 - MS-SSIM to first order, [B]: the weighted sum over five scales of 1 - contrast-structure.

    Unlike the product, the sum has a finite gradient when the term of a scale is zero or negative. a, b: [B, C, H, W]
    in 0..1. Images below 16 x size use only the scales that fit, with the weights rescaled to the same sum.
    """
    g = _window(size, sigma, a)
    fitting = [w for i, w in enumerate(WEIGHTS) if min(a.shape[2:]) >> i >= size]
    weights = WEIGHTS if len(fitting) == len(WEIGHTS) else [w * sum(WEIGHTS) / sum(fitting) for w in fitting]
    total = a.new_zeros(a.shape[0])
    for i, w in enumerate(weights):
        ma, mb, aa, bb, ab = _blur(torch.stack([a, b, a * a, b * b, a * b]).flatten(0, 1), g).chunk(5)
        va, vb, cov = aa - ma * ma, bb - mb * mb, ab - ma * mb
        term = (2 * cov + 0.03**2) / (va + vb + 0.03**2)
        if i == len(weights) - 1:
            term = term * (2 * ma * mb + 0.01**2) / (ma * ma + mb * mb + 0.01**2)
        else:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        total = total + w * (1 - term.mean((1, 2, 3)))
    return total


def distortion(x: Tensor, target: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Return (distortion [B] in units of MSE on 0..1, MSE [B]); `share` is the weight of the structural term.

    On photographs 1 - MS-SSIM is close to 38.5 x MSE at every rate of this codec; dividing by 38.5 therefore keeps the
    meaning of lambda when the share changes.
    """
    mse = ((x - target) ** 2).mean((1, 2, 3))
    if share == 0:
        return mse, mse
    return (1 - share) * mse + share * structural(x, target) / 38.5, mse


def misplaced(x: Tensor, target: Tensor, level: Tensor) -> Tensor:
    """Return the share of pixels that edge F1 counts as errors, [B]: missed target pixels and spurious pixels.

    Both maps [B, 1, H, W] in 0..1 are binarised at level [B], x softly to keep a gradient; tolerance is one pixel.
    """
    at = level[:, None, None, None]
    drawn, expected = torch.sigmoid((x - at) / SOFTNESS), (target > at).to(x.dtype)
    missed = expected * (1 - F.max_pool2d(drawn, 3, 1, 1))
    spurious = drawn * (1 - F.max_pool2d(expected, 3, 1, 1))
    return (missed + spurious).mean((1, 2, 3))


def line_distortion(x: Tensor, target: Tensor, share: float, level: Tensor) -> tuple[Tensor, Tensor]:
    """Return (distortion [B] in units of MSE on 0..1, MSE [B]) of edge maps [B, 1, H, W]; level [B] as in `misplaced`.

    `share` is the weight of the structural term, and again of misplaced lines. Each is divided by roughly its ratio to
    MSE on sketches at 0.015 bpp. Values outside 0..1 count as 0 or 1, since they are clipped when the map is drawn.
    """
    inside = x.clamp(0, 1)
    x = inside + LEAK * (x - inside)  # keeps a small gradient in clipped pixels
    mse = ((x - target) ** 2).mean((1, 2, 3))
    if share == 0:
        return mse, mse
    lines = misplaced(x, target, level) / 4
    return (1 - 2 * share) * mse + share * (structural(x, target) / 25 + lines), mse
