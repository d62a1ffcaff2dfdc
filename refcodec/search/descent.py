# SPDX-License-Identifier: MIT
"""Gradient descent on latents: Adam, with one second moment a channel for y.

A channel of y has one scale of its gradients, and sites whose symbols matter little must not move as far as the others:
measured beside Adam with one second moment a value, files are 0.3 % smaller at low rates and 1.5 % at high (decision 0036).
"""

from __future__ import annotations

import torch
from torch import Tensor

_MOMENTUM, _SECOND, _TINY = 0.9, 0.99, 1e-8
_Z_RATE = 0.02  # largest learning rate of z, of which each value moves many predictions


class LatentDescent:
    """Update y [M, h, w] and z [hyper, h/4, w/4] from their gradients."""

    def __init__(self, y: Tensor, z: Tensor) -> None:
        self.y, self.z = y, z
        self.z_adam = torch.optim.Adam([z])
        self.momentum, self.second = torch.zeros_like(y), y.new_zeros(y.shape[0], 1, 1)
        self.steps = 0

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move the latents by about `learning_rate` quantisation steps, and clear their gradients."""
        assert self.y.grad is not None
        self.z_adam.param_groups[0]["lr"] = min(learning_rate, _Z_RATE)
        self.z_adam.step()
        self.steps += 1
        self.momentum.lerp_(self.y.grad, 1 - _MOMENTUM)
        self.second.lerp_(self.y.grad.square().mean((1, 2), keepdim=True), 1 - _SECOND)
        mean = self.momentum / (1 - _MOMENTUM**self.steps)
        scale = (self.second / (1 - _SECOND**self.steps)).sqrt() + _TINY
        self.y -= learning_rate * mean / scale
        self.y.grad = self.z.grad = None
