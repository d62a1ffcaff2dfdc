# SPDX-License-Identifier: MIT
"""Predict the memory of a search, from the activations of the networks that gradients are recorded for.

The factors are measured on the embedded model, at sizes from 768x512 to 3072x2048.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Final

import torch
from torch import nn

from refcodec.networks.layers import Conv, Net
from refcodec.networks.symbol_model import SymbolModel
from refcodec.search.latent_search import KEPT_SITES_MAX, strip_rows

NUMBER: Final = 4  # bytes
GRADIENTS: Final = 140 << 20  # bytes that recording gradients takes at first, whatever the picture
KEPT: Final = 2  # numbers for each output of a layer of the context model: the layer's, and its requantisation's
ROUNDED: Final = 50  # numbers kept for each latent: rounding, its bits, and its values
INPUTS: Final = 6  # numbers for each latent where groups are computed twice
SIDE: Final = 4  # of the latents on which the synthesis is counted


def search_bytes(model: SymbolModel, synthesis: nn.Module, halo: int, size: tuple[int, int]) -> int:
    """Return about how many bytes a search takes for a picture of (width, height), the libraries apart."""
    rows, cols = 4 * -(-size[1] // 64), 4 * -(-size[0] // 64)
    groups = [_group(model, k) for k in range(len(model.groups))]
    sites = rows * cols
    walk = sites * sum(groups) if sites <= KEPT_SITES_MAX else sites * (INPUTS * model.m + max(groups))
    synthesised = min(rows, strip_rows(size[0], halo) + 2 * halo) * cols
    return GRADIENTS + NUMBER * (walk + int(_outputs(synthesis, model.m) * synthesised))


def _group(model: SymbolModel, k: int) -> int:
    """Return the numbers kept for a site of group k."""
    nets: list[Net] = [model.channel_nets[k], model.spatial_nets[k], model.heads[k]]
    outputs = sum(layer.outputs for net in nets for layer in net if isinstance(layer, Conv))
    return KEPT * outputs + ROUNDED * model.groups[k]


def _outputs(synthesis: nn.Module, channels: int) -> float:
    """Return the outputs of all layers for a site of the latents."""
    counted: list[int] = []

    def count(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        counted.append(output.numel())

    with ExitStack() as hooks, torch.no_grad():  # the network is cached: none may stay on it
        for module in synthesis.modules():
            if not list(module.children()):
                hooks.callback(module.register_forward_hook(count).remove)
        device = next(synthesis.parameters()).device
        synthesis(torch.zeros(1, channels, SIDE, SIDE, dtype=torch.float32, device=device))
    return sum(counted) / SIDE**2
