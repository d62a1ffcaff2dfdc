# SPDX-License-Identifier: MIT
"""The start of an ELIC network: a PCA of patches for its linear path, and small residual branches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.transforms.elic import config as configs
from tools.train import photos, sketches

Pixels = NDArray[np.uint8]


def initialise(net: Any, pictures: list[Pixels], rng: np.random.Generator, count: int) -> None:
    """Scale down all residual branches; initialise a linear path with a PCA of `count` patches of 16x16 pixels."""
    for m in net.modules():
        if hasattr(m, "branch"):
            m.branch[-1].weight.data.mul_(0.3)
            m.branch[-1].bias.data.zero_()
    if net.cfg.transform == "patch":
        _linear_path(net, *_components(net.cfg, pictures, rng, count))


def _components(
    cfg: configs.ElicConfig, pictures: list[Pixels], rng: np.random.Generator, count: int
) -> tuple[torch.Tensor, NDArray[Any]]:
    """Return the first M principal components [M, C, 16, 16] of patches, and their variances."""
    crop = sketches.crop if cfg.channels == 1 else photos.crop
    patches = np.stack([crop(pictures, 16, rng) for _ in range(count)]).astype(np.float64)
    flat = patches.transpose(0, 3, 1, 2).reshape(len(patches), -1) / 255 - 0.5
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    order = np.argsort(values)[::-1][: cfg.m]
    basis = torch.tensor(vectors[:, order].T.copy(), dtype=torch.float32).view(cfg.m, cfg.channels, 16, 16)
    return basis, values[order]


def _linear_path(net: Any, basis: torch.Tensor, variances: NDArray[Any]) -> None:
    """Set the linear path to the components, and the entropy networks' first scales to their deviations."""
    cfg: configs.ElicConfig = net.cfg
    net.g_a.linear.weight.data.copy_(basis)
    net.g_s.linear.weight.data.copy_(basis)
    for t in (net.g_a, net.g_s):
        t.linear.bias.data.zero_()
        last: Any = [m for m in t.net if isinstance(m, torch.nn.Conv2d)][-1]
        last.weight.data.mul_(0.1)
        last.bias.data.zero_()
    log_std = torch.tensor(0.5 * np.sqrt(np.maximum(variances, 1e-8)), dtype=torch.float32).log()
    start = 0
    for k, c in enumerate(cfg.groups):
        for head in (net.entropy.head, net.entropy.anchor_head):
            if k < len(head):
                bias, weight = head[k][-1].bias.data, head[k][-1].weight.data
                weight.mul_(0.1)
                bias.zero_()
                bias[slice(c, 2 * c) if cfg.means_first else slice(0, c)] = log_std[start : start + c]
        start += c
