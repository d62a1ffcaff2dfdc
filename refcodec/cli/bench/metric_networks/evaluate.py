# SPDX-License-Identifier: MIT
"""Metric networks as functions of pixels uint8[H, W, 3], for callers that do not use torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec.cli.bench.metric_networks.dists import Dists
from refcodec.cli.bench.metric_networks.inception import Inception
from refcodec.cli.bench.metric_networks.lpips import Lpips
from refcodec.errors import Code, SemError
from refcodec.networks.torch_guard import neutral

Pixels = NDArray[np.uint8]


def distance(kind: str, file: Path, device: str) -> Callable[[Pixels, Pixels], float]:
    """Return LPIPS or DISTS as a function of two pictures of one size; `kind` as in `weights.CHECKPOINTS`.

    Raises ModelError for missing or malformed weights.
    """
    net = (Dists.load(file) if kind == "dists" else Lpips.load(file, kind.removeprefix("lpips-"))).to(device)

    def measure(a: Pixels, b: Pixels) -> float:
        with neutral():
            value = float(net(_tensor(a, device), _tensor(b, device))[0])
        return _finite(kind, value)

    return measure


def features(file: Path, device: str) -> Callable[[Pixels], NDArray[np.float64]]:
    """Return the function from a picture to its float64[2048] features for FID and KID.

    Raises ModelError for missing or malformed weights.
    """
    net = Inception.load(file).to(device)

    def measure(pixels: Pixels) -> NDArray[np.float64]:
        with neutral():
            vector: NDArray[np.float64] = net(_tensor(pixels, device))[0].double().cpu().numpy()
        _finite("inception", float(vector.sum()))
        return vector

    return measure


def _tensor(pixels: Pixels, device: str) -> Tensor:
    return torch.tensor(np.ascontiguousarray(pixels), device=device).permute(2, 0, 1)[None].float() / 255


def _finite(kind: str, value: float) -> float:
    if not np.isfinite(value):
        raise SemError(
            Code.MODEL_MALFORMED, f"the network of {kind} gives no finite number", hint="import its weights again"
        )
    return value
