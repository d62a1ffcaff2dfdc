# SPDX-License-Identifier: MIT
"""The role edge_detector: holistically-nested edges (Xie and Tu, ICCV 2015) as ControlNet's network computes them.

The folder holds config.json, {"model_type": "hed"}, and model.safetensors with the tensors `norm` and, for the blocks
b = 1 … 5, `block{b}.convs.{i}.weight`, `.bias` and `block{b}.projection.weight`, `.bias`. Weights with a fusion layer are
converted (hed_layouts).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from refcodec.foundation.device import device_of
from refcodec.foundation.hed_layouts import BLOCKS, ROLE, require_shapes, unified
from refcodec.foundation.loading import loading, require_config, require_finite, running
from refcodec.foundation.resolve import Models
from refcodec.networks.torch_guard import without_memory

CONFIG: Final = {"model_type": "hed"}
WEIGHTS: Final = "model.safetensors"


class Block(nn.Module):
    """3x3 convolutions with ReLU, and a projection of the result to one channel."""

    def __init__(self, before: int, channels: int, number: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(before if i == 0 else channels, channels, 3, padding=1) for i in range(number)
        )
        self.projection = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for conv in self.convs:
            x = functional.relu(conv(x))
        return x, self.projection(x)


class Hed(nn.Module):
    """Map RGB float32[B, 3, H, W] in 0 … 255, sides at least 16, to edge probabilities float32[B, 1, H, W]."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Parameter(torch.zeros(1, 3, 1, 1))
        before = 3
        for b, (channels, number) in enumerate(BLOCKS, 1):
            setattr(self, f"block{b}", Block(before, channels, number))
            before = channels

    def forward(self, x: Tensor) -> Tensor:
        size, x, total = x.shape[-2:], x - self.norm, None
        for b in range(1, len(BLOCKS) + 1):
            x, edges = getattr(self, f"block{b}")(x if b == 1 else functional.max_pool2d(x, 2))
            edges = functional.interpolate(edges, size, mode="bilinear", align_corners=False)
            total = edges if total is None else total + edges
        assert total is not None
        return torch.sigmoid(total / len(BLOCKS))


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of `Hed`, float32, for a state dict in a layout of public weights (hed_layouts).

    Raises Code.MODEL_MALFORMED for missing or other tensors.
    """
    with without_memory():
        expected = {name: tuple(tensor.shape) for name, tensor in Hed().state_dict().items()}
    state = unified(state)
    require_shapes(state, expected)
    return {name: state[name].float().contiguous() for name in expected}


class EdgeDetector:
    """Detect the grey edge map of a picture, without threshold or thinning, as Text+Sketch sends it."""

    def __init__(self, model: Hed, name: str = "") -> None:
        self.model, self.name = model, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> EdgeDetector:
        require_config(ROLE, folder, "config.json", "model_type", (CONFIG["model_type"],))
        with loading(ROLE, folder):
            from safetensors.torch import load_file

            state = load_file(folder / WEIGHTS)
        with without_memory():
            model = Hed()
        model.load_state_dict(convert(state), assign=True)
        return cls(model.to(device_of(models)).eval(), folder.name)

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return floor(255 * edge probability), uint8[H, W], for pixels uint8[H, W, 3]."""
        device = self.model.norm.device
        with running(ROLE, self.name, self.model):
            x = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(2, 0, 1)[None].float()
            edges = self.model(x)[0, 0].float() * 255
        require_finite(ROLE, self.name, bool(edges.isfinite().all()))
        return cast(NDArray[np.uint8], edges.clamp(0, 255).to(torch.uint8).cpu().numpy())
