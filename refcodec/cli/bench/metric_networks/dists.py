# SPDX-License-Identifier: MIT
"""DISTS: Ding, Ma, Wang, Simoncelli 2020, "Image Quality Assessment: Unifying Structure and Texture Similarity"."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refcodec.cli.bench.metric_networks import backbones
from refcodec.cli.bench.metric_networks.weights import loaded
from refcodec.networks.torch_guard import without_memory

MEAN: Final = (0.485, 0.456, 0.406)  # of ImageNet, as in torchvision
STD: Final = (0.229, 0.224, 0.225)
CHANNELS: Final = (3, *backbones.VGG_CHANNELS)  # the picture itself is the first of six depths
C1 = C2 = 1e-6
SMALLEST: Final = 16


class L2Pool(nn.Module):
    """Root of the weighted mean of squares at every second pixel, with a 3x3 Hann window against aliasing (eq. 1)."""

    def forward(self, x: Tensor) -> Tensor:
        taps = x.new_tensor((0.25, 0.5, 0.25))
        window = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
        return (F.conv2d(x.square(), window, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


class Dists(nn.Module):
    """1 minus a weighted mean of similarities of means (texture) and of covariances (structure): 0 for identical pictures.

    Computed at the size of the pictures; the published script first scales a shorter side above 256 down to 256.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = backbones.vgg16()
        for index in backbones.VGG_POOLS:
            self.features[index] = L2Pool()
        self.alpha = nn.Parameter(torch.empty(1, sum(CHANNELS), 1, 1))
        self.beta = nn.Parameter(torch.empty(1, sum(CHANNELS), 1, 1))

    @classmethod
    def load(cls, place: str | Path) -> Dists:
        """Load the file dists.safetensors of a folder, or a file. Raises ModelError."""
        with without_memory():
            empty = cls()
        return loaded(empty, place, "dists")

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return float[B] for pictures float[B, 3, H, W] in 0..1. Raises ValueError for sides below 16."""
        if a.shape != b.shape or a.ndim != 4 or a.shape[1] != 3 or min(a.shape[2:]) < SMALLEST:
            raise ValueError(
                f"two [B, 3, H, W] of one size, sides of at least {SMALLEST}, expected: {list(a.shape)}, {list(b.shape)}"
            )
        total = self.alpha.sum() + self.beta.sum()
        alphas, betas = (torch.split((w / total).flatten(), list(CHANNELS)) for w in (self.alpha, self.beta))
        score = a.new_zeros(len(a))
        for x, y, alpha, beta in zip(self._maps(a), self._maps(b), alphas, betas, strict=True):
            mean_x, mean_y = (t.mean((2, 3), keepdim=True) for t in (x, y))
            x, y = x - mean_x, y - mean_y
            mean_x, mean_y = mean_x[..., 0, 0], mean_y[..., 0, 0]
            texture = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
            variances = x.square().mean((2, 3)) + y.square().mean((2, 3))
            structure = (2 * (x * y).mean((2, 3)) + C2) / (variances + C2)
            score = score + (alpha * (1 - texture) + beta * (1 - structure)).sum(1)
        return score

    def _maps(self, x: Tensor) -> list[Tensor]:
        mean, std = (x.new_tensor(v)[None, :, None, None] for v in (MEAN, STD))
        return [x, *backbones.taps(self.features, (x - mean) / std, backbones.VGG_TAPS)]
