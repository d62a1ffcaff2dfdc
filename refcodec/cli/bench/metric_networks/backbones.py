# SPDX-License-Identifier: MIT
"""The convolutional parts of AlexNet and VGG16, numbered as in torchvision, and their intermediate outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from torch import Tensor, nn

ALEX_TAPS: Final = (1, 4, 7, 9, 11)  # indices of the ReLUs whose output is used
VGG_TAPS: Final = (3, 8, 15, 22, 29)
ALEX_CHANNELS: Final = (64, 192, 384, 256, 256)
VGG_CHANNELS: Final = (64, 128, 256, 512, 512)
VGG_POOLS: Final = (4, 9, 16, 23)
_VGG_CONVS: Final = (2, 2, 3, 3, 3)  # of each block


def alex() -> nn.Sequential:
    """Return AlexNet (Krizhevsky 2014, "One weird trick") up to the last ReLU before its last pooling.

    Pictures need sides of at least 31 pixels.
    """
    c = ALEX_CHANNELS
    return nn.Sequential(
        nn.Conv2d(3, c[0], 11, 4, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(c[0], c[1], 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(c[1], c[2], 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(c[2], c[3], 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(c[3], c[4], 3, padding=1),
        nn.ReLU(),
    )


def vgg16() -> nn.Sequential:
    """Return VGG16 (Simonyan, Zisserman 2015, configuration D) up to relu5_3. Pictures need sides of at least 16 pixels."""
    layers: list[nn.Module] = []
    channels = 3
    for block, (width, convs) in enumerate(zip(VGG_CHANNELS, _VGG_CONVS, strict=True)):
        if block:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(convs):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers)


def taps(features: nn.Sequential, x: Tensor, at: Sequence[int]) -> list[Tensor]:
    """Return the outputs of the layers with these indices."""
    outputs = []
    for index, layer in enumerate(features):
        x = layer(x)
        if index in at:
            outputs.append(x)
    return outputs
