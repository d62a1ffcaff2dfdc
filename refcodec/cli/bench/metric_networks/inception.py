# SPDX-License-Identifier: MIT
"""The Inception network of FID: Szegedy et al. 2016, trained with TensorFlow in 2015, with torchvision's tensor names.

It differs from torchvision's in three ways (see pytorch-fid): averages at a border leave out the padding, the last block
pools by maxima instead of averages, and its classifier, unused here, has 1008 classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refcodec.cli.bench.metric_networks.weights import loaded
from refcodec.networks.torch_guard import without_memory

SIDE: Final = 299
_CHANNELS_OF_7: Final = {"Mixed_6b": 128, "Mixed_6c": 160, "Mixed_6d": 160, "Mixed_6e": 192}

Size = int | tuple[int, int]
Chain = tuple[str | tuple[str, ...], ...]  # names of convolutions one after another; several side by side end a chain


class _Conv(nn.Module):
    """Convolution, normalisation over the training set, ReLU. Unless `valid`, the size stays."""

    def __init__(self, channels: int, width: int, size: Size, stride: int = 1, valid: bool = False) -> None:
        super().__init__()
        rows, cols = size if isinstance(size, tuple) else (size, size)
        padding = (0, 0) if valid else (rows // 2, cols // 2)
        self.conv = nn.Conv2d(channels, width, (rows, cols), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = F.relu(self.bn(self.conv(x)))
        return y


class _Mixed(nn.Module):
    """Chains of convolutions side by side, and a pooling: `mean` or `max` with its own convolution, or `halve`."""

    def __init__(self, convs: dict[str, _Conv], chains: tuple[Chain, ...], pooling: str) -> None:
        super().__init__()
        for name, conv in convs.items():
            self.add_module(name, conv)
        self.chains, self.pooling = chains, pooling

    def forward(self, x: Tensor) -> Tensor:
        out = []
        for chain in self.chains:
            y = x
            for link in chain:
                names = (link,) if isinstance(link, str) else link
                y = torch.cat([self.get_submodule(name)(y) for name in names], 1)
            out.append(y)
        if self.pooling == "halve":
            return torch.cat([*out, F.max_pool2d(x, 3, 2)], 1)
        pooled = (
            F.max_pool2d(x, 3, 1, 1) if self.pooling == "max" else F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        )
        return torch.cat([*out, self.get_submodule("branch_pool")(pooled)], 1)


def _a(channels: int, pooled: int) -> _Mixed:
    convs = {
        "branch1x1": _Conv(channels, 64, 1),
        "branch5x5_1": _Conv(channels, 48, 1),
        "branch5x5_2": _Conv(48, 64, 5),
        "branch3x3dbl_1": _Conv(channels, 64, 1),
        "branch3x3dbl_2": _Conv(64, 96, 3),
        "branch3x3dbl_3": _Conv(96, 96, 3),
        "branch_pool": _Conv(channels, pooled, 1),
    }
    chains = (("branch1x1",), ("branch5x5_1", "branch5x5_2"), ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"))
    return _Mixed(convs, chains, "mean")


def _b(channels: int) -> _Mixed:
    convs = {
        "branch3x3": _Conv(channels, 384, 3, 2, True),
        "branch3x3dbl_1": _Conv(channels, 64, 1),
        "branch3x3dbl_2": _Conv(64, 96, 3),
        "branch3x3dbl_3": _Conv(96, 96, 3, 2, True),
    }
    return _Mixed(convs, (("branch3x3",), ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")), "halve")


def _c(channels: int, width: int) -> _Mixed:
    tall, wide = (7, 1), (1, 7)
    convs = {
        "branch1x1": _Conv(channels, 192, 1),
        "branch7x7_1": _Conv(channels, width, 1),
        "branch7x7_2": _Conv(width, width, wide),
        "branch7x7_3": _Conv(width, 192, tall),
        "branch7x7dbl_1": _Conv(channels, width, 1),
        "branch7x7dbl_2": _Conv(width, width, tall),
        "branch7x7dbl_3": _Conv(width, width, wide),
        "branch7x7dbl_4": _Conv(width, width, tall),
        "branch7x7dbl_5": _Conv(width, 192, wide),
        "branch_pool": _Conv(channels, 192, 1),
    }
    chains = (
        ("branch1x1",),
        tuple(f"branch7x7_{i}" for i in (1, 2, 3)),
        tuple(f"branch7x7dbl_{i}" for i in (1, 2, 3, 4, 5)),
    )
    return _Mixed(convs, chains, "mean")


def _d(channels: int) -> _Mixed:
    convs = {
        "branch3x3_1": _Conv(channels, 192, 1),
        "branch3x3_2": _Conv(192, 320, 3, 2, True),
        "branch7x7x3_1": _Conv(channels, 192, 1),
        "branch7x7x3_2": _Conv(192, 192, (1, 7)),
        "branch7x7x3_3": _Conv(192, 192, (7, 1)),
        "branch7x7x3_4": _Conv(192, 192, 3, 2, True),
    }
    return _Mixed(convs, (("branch3x3_1", "branch3x3_2"), tuple(f"branch7x7x3_{i}" for i in (1, 2, 3, 4))), "halve")


def _e(channels: int, pooling: str) -> _Mixed:
    wide, tall = (1, 3), (3, 1)
    convs = {
        "branch1x1": _Conv(channels, 320, 1),
        "branch3x3_1": _Conv(channels, 384, 1),
        "branch3x3_2a": _Conv(384, 384, wide),
        "branch3x3_2b": _Conv(384, 384, tall),
        "branch3x3dbl_1": _Conv(channels, 448, 1),
        "branch3x3dbl_2": _Conv(448, 384, 3),
        "branch3x3dbl_3a": _Conv(384, 384, wide),
        "branch3x3dbl_3b": _Conv(384, 384, tall),
        "branch_pool": _Conv(channels, 192, 1),
    }
    chains: tuple[Chain, ...] = (
        ("branch1x1",),
        ("branch3x3_1", ("branch3x3_2a", "branch3x3_2b")),
        ("branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")),
    )
    return _Mixed(convs, chains, pooling)


class Inception(nn.Module):
    """The Inception network up to the 2048 means of its last block, which FID and KID compare."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Conv(3, 32, 3, 2, True)
        self.Conv2d_2a_3x3 = _Conv(32, 32, 3, valid=True)
        self.Conv2d_2b_3x3 = _Conv(32, 64, 3)
        self.Conv2d_3b_1x1 = _Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = _Conv(80, 192, 3, valid=True)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _a(192, 32), _a(256, 64), _a(288, 64)
        self.Mixed_6a = _b(288)
        for name, width in _CHANNELS_OF_7.items():
            self.add_module(name, _c(768, width))
        self.Mixed_7a = _d(768)
        self.Mixed_7b, self.Mixed_7c = _e(1280, "mean"), _e(2048, "max")

    @classmethod
    def load(cls, place: str | Path) -> Inception:
        """Load the file inception.safetensors of a folder, or a file. Raises ModelError."""
        with without_memory():
            empty = cls()
        return loaded(empty, place, "inception")

    def forward(self, x: Tensor) -> Tensor:
        """Return float[B, 2048] for pictures float[B, 3, H, W] in 0..1.

        As in pytorch-fid, they are scaled to 299x299 (bilinear, pixel centres, no antialiasing, aspect ratio not kept) and
        to -1..1.
        """
        x = 2 * F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False) - 1
        for name, layer in self.named_children():
            x = layer(x)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                x = F.max_pool2d(x, 3, 2)
        return x.mean((2, 3))
