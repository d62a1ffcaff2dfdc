# SPDX-License-Identifier: MIT
"""A random checkpoint of HED under the names of pytorch-hed, and what its program makes of it.

Nothing here uses refcodec: the reference walks the keys of a state as the checkpoint's program is documented to run.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]
BLOCKS = {"One": (64, (0, 2)), "Two": (128, (1, 3)), "Thr": (256, (1, 3, 5)), "Fou": (512, (1, 3, 5)), "Fiv": (512, (1, 3, 5))}  # fmt: skip
MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)


def state(prefix: str = "net", seed: int = 5) -> State:
    """prefix: "net", or "module" as in the published file. The weights of the fusion layer differ, one is negative."""
    random, made, before = torch.Generator().manual_seed(seed), State(), 3
    for side, (channels, layers) in BLOCKS.items():
        for layer in layers:
            name = f"{prefix}Vgg{side}.{layer}"
            made[f"{name}.weight"] = torch.randn((channels, before, 3, 3), generator=random) * math.sqrt(2 / before) / 3
            made[f"{name}.bias"] = torch.randn(channels, generator=random)
            before = channels
        made[f"{prefix}Score{side}.weight"] = torch.randn((1, channels, 1, 1), generator=random) / channels / 20
        made[f"{prefix}Score{side}.bias"] = torch.randn(1, generator=random)
    made[f"{prefix}Combine.0.weight"] = torch.tensor([0.3, -0.1, 0.25, 0.4, 0.2]).reshape(1, 5, 1, 1)
    made[f"{prefix}Combine.0.bias"] = torch.tensor([0.7])
    return made


def reference(state: State, rgb: Tensor) -> Tensor:
    """Return the edge probabilities [B, 1, H, W] of pictures RGB [B, 3, H, W] in 0 … 255."""
    x, sides = rgb.flip(1) - torch.tensor(MEAN_BGR, dtype=rgb.dtype).reshape(1, 3, 1, 1), []
    for side, (_, layers) in BLOCKS.items():
        x = x if side == "One" else F.max_pool2d(x, 2, 2)
        for layer in layers:
            x = F.relu(
                F.conv2d(x, state[f"netVgg{side}.{layer}.weight"], state[f"netVgg{side}.{layer}.bias"], padding=1)
            )
        score = F.conv2d(x, state[f"netScore{side}.weight"], state[f"netScore{side}.bias"])
        sides.append(F.interpolate(score, rgb.shape[-2:], mode="bilinear", align_corners=False))
    return torch.sigmoid(F.conv2d(torch.cat(sides, 1), state["netCombine.0.weight"], state["netCombine.0.bias"]))
