# SPDX-License-Identifier: MIT
"""LPIPS: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", weights of version 0.1."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from refcodec.cli.bench.metric_networks import backbones
from refcodec.cli.bench.metric_networks.weights import loaded
from refcodec.networks.torch_guard import without_memory

# net -> (features, taps, their channels, smallest side)
NETS: Final = {
    "alex": (backbones.alex, backbones.ALEX_TAPS, backbones.ALEX_CHANNELS, 31),
    "vgg": (backbones.vgg16, backbones.VGG_TAPS, backbones.VGG_CHANNELS, 16),
}
SHIFT: Final = (-0.030, -0.088, -0.188)  # of pictures in -1..1
SCALE: Final = (0.458, 0.448, 0.450)
EPSILON: Final = 1e-10


class _Lin(nn.Module):
    """Non-negative channel weights. Their public name is `model.1`; `model.0` is a dropout, used only in training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Identity(), nn.Conv2d(channels, 1, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        return y


class Lpips(nn.Module):
    """Weighted distance of unit-normalised features at five depths, averaged over the picture: 0 for identical ones.

    Gradients flow to the pictures, so that it may be a loss; its own weights are frozen once loaded.
    """

    def __init__(self, net: str = "alex") -> None:
        super().__init__()
        if net not in NETS:
            raise ValueError(f"net is one of {', '.join(NETS)}, not {net!r}")
        features, self.taps, channels, self.smallest = NETS[net]
        self.features = features()
        self.lin0, self.lin1, self.lin2, self.lin3, self.lin4 = (_Lin(width) for width in channels)

    @classmethod
    def load(cls, place: str | Path, net: str = "alex") -> Lpips:
        """Load the file lpips-{net}.safetensors of a folder, or a file. Raises ValueError for another net, ModelError."""
        with without_memory():
            empty = cls(net)
        return loaded(empty, place, f"lpips-{net}")

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return float[B], at least 0, for pictures float[B, 3, H, W] in 0..1. Raises ValueError for too short sides."""
        if a.shape != b.shape or a.ndim != 4 or a.shape[1] != 3 or min(a.shape[2:]) < self.smallest:
            raise ValueError(
                f"two [B, 3, H, W] of one size, sides of at least {self.smallest}, expected: {list(a.shape)}, {list(b.shape)}"
            )
        lins = (self.lin0, self.lin1, self.lin2, self.lin3, self.lin4)
        distance = a.new_zeros(len(a))
        for x, y, lin in zip(self._unit_features(a), self._unit_features(b), lins, strict=True):
            distance = distance + lin((x - y).square()).mean((1, 2, 3))
        return distance

    def _unit_features(self, x: Tensor) -> list[Tensor]:
        shift, scale = (x.new_tensor(v)[None, :, None, None] for v in (SHIFT, SCALE))
        maps = backbones.taps(self.features, (2 * x - 1 - shift) / scale, self.taps)
        return [t / (torch.linalg.vector_norm(t, dim=1, keepdim=True) + EPSILON) for t in maps]
