# SPDX-License-Identifier: MIT
"""Rounding that gradients pass: a random choice between floor and ceiling, which is annealed.

After stochastic Gumbel annealing (Yang, Bamler and Mandt 2020, "Improving Inference for Neural Image Compression", §3.2).
A value at distance d above its floor moves to the ceiling with log-odds (atanh d - atanh (1 - d)) / T; the relaxed choice
is the sigmoid of those log-odds and logistic noise. Unlike there, the sigmoid itself is not sharpened by T: measured on
the models of this package, doing so diverges (decision 0036).
"""

from __future__ import annotations

import torch
from torch import Tensor

_EDGE = 1e-4  # keeps the log-odds finite at integers


class RelaxedRounding:
    """Round tensors of one search, at a temperature that the search lowers."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.generator = torch.Generator(device="cpu").manual_seed(seed)
        self.device = device
        self.temperature = 1.0

    def noise(self, shape: torch.Size) -> Tensor:
        """Return logistic noise."""
        uniform = torch.rand(shape, generator=self.generator, device="cpu", dtype=torch.float32).clamp_(1e-6, 1 - 1e-6)
        return torch.logit(uniform).to(self.device)

    def __call__(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return x, relaxed between its floor and its ceiling, with gradients to x."""
        floor = x.detach().floor()
        d = (x - floor).clamp(_EDGE, 1 - _EDGE)
        odds = (torch.atanh(d) - torch.atanh(1 - d)) / self.temperature
        return floor + torch.sigmoid(odds + noise)
