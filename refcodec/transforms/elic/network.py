# SPDX-License-Identifier: MIT
"""ELIC as one torch module: transforms, float entropy model, gains, and a differentiable rate for training."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from refcodec.transforms.elic.blocks import transforms
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.entropy_model import SIGMA_MAX, SIGMA_MIN, SIGMAS, ContextWalk, EntropyNets, above

LOG_MIN, LOG_STEP = math.log(SIGMA_MIN), math.log(SIGMA_MAX / SIGMA_MIN) / (SIGMAS - 1)


class Forward(NamedTuple):
    """Result of a training pass: reconstruction [B, C, H, W], and bits per picture [B] of y and of z."""

    x: Tensor
    y_bits: Tensor
    z_bits: Tensor


def _ste_round(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()


def _gauss_bits(residual: Tensor, log_sigma: Tensor) -> Tensor:
    sigma = above(log_sigma, LOG_MIN).clamp(max=math.log(SIGMA_MAX)).exp()
    v, scale = residual.abs(), math.sqrt(0.5) / sigma
    p = 0.5 * (torch.erfc((v - 0.5) * scale) - torch.erfc((v + 0.5) * scale))
    return -torch.log2(above(p, 1e-6))


class Elic(nn.Module):
    """The complete codec network of one configuration. Gains are stored as logarithms per rate and channel.

    z_centre float[hyper]: the value of a symbol z = 0. It is 0 for networks trained here, and the median of the prior for
    a public checkpoint. It is not part of the state dict, since it only shifts the input of the hyper-decoder.
    """

    z_centre: Tensor

    def __init__(self, cfg: ElicConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.g_a, self.g_s = transforms(cfg)
        self.entropy = EntropyNets(cfg)
        lam = torch.tensor(
            cfg.lambdas, device="cpu"
        ).log()  # on "meta" any arithmetic would import torch._dynamo, which takes a second
        # On [0, 1] pixels with an orthonormal transform a step of sqrt(18 / (lambda ln 2)) / 255 is about right.
        g = 0.5 * (lam + math.log(math.log(2) / 18)) + math.log(255)
        self.log_gain = nn.Parameter(g[:, None].repeat(1, cfg.m))
        self.log_inverse = nn.Parameter(torch.full((cfg.rates, cfg.m), -0.1))
        self.log_gain_z = nn.Parameter((0.25 * (lam - lam.max()))[:, None].repeat(1, cfg.hyper))
        self.z_loc = nn.Parameter(torch.zeros(cfg.rates, cfg.hyper))
        self.z_log_scale = nn.Parameter(torch.zeros(cfg.rates, cfg.hyper))
        self.register_buffer("z_centre", torch.zeros(cfg.hyper), persistent=False)

    def z_bits(self, z: Tensor, rate: Tensor) -> Tensor:
        """Return -log2 of the logistic mass of [z - 1/2, z + 1/2] for z [B, C, h, w], rate long[B]."""
        loc = self.z_loc[rate][:, :, None, None]
        inv = (-above(self.z_log_scale[rate], -4.0)).exp()[:, :, None, None]
        v = (z - loc).abs()
        p = torch.sigmoid((0.5 - v) * inv) - torch.sigmoid((-0.5 - v) * inv)
        return -torch.log2(above(p, 1e-6))

    def analyse(self, x: Tensor, text: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return (y, z) before gains and rounding; text float[B, text_tokens, text_width] for a network with a text adapter."""
        y = (self.g_a(x) if text is None else self.g_a(x, text)).float()
        return y, self.entropy.h_a(y).float()

    def hyper(self, z: Tensor, gain_z: Tensor) -> Tensor:
        """Return the output of the hyper-decoder for symbols z."""
        out: Tensor = self.entropy.h_s(z / gain_z + self.z_centre[:, None, None])
        return out

    def forward(self, x: Tensor, rate: Tensor, text: Tensor | None = None) -> Forward:
        """Return reconstruction and rate of x float[B, C, H, W] in 0..1, sides multiples of 64.

        rate long[B]: one rate per picture. text: as in `analyse`.
        """
        gain = self.log_gain[rate].exp()[:, :, None, None]
        inverse = self.log_inverse[rate].exp()[:, :, None, None]
        gain_z = self.log_gain_z[rate].exp()[:, :, None, None]
        y, z = self.analyse(x, text)
        z = z * gain_z
        z_bits = self.z_bits(z + torch.rand_like(z) - 0.5 if self.training else z.round(), rate)
        hyper = self.hyper(_ste_round(z), gain_z)
        walk = ContextWalk(self.entropy, hyper)
        anchors, _ = walk.sites
        bits = y.new_zeros(y.shape[0])
        for k, part in enumerate(self.cfg.parts):
            g = gain[:, part]
            log_g = self.log_gain[rate][:, part, None, None]
            target = y[:, part] * g
            mean, log_sigma = walk.parameters(k, 0)
            walk.update(k, 0, (_ste_round(target - mean * g) + mean * g) / g)
            mean2, log_sigma2 = walk.parameters(k, 1)
            mean = torch.where(anchors, mean, mean2) * g
            log_sigma = torch.where(anchors, log_sigma, log_sigma2) + log_g
            residual = target - mean
            noisy = residual + torch.rand_like(residual) - 0.5 if self.training else residual.round()
            bits = bits + _gauss_bits(noisy, log_sigma).sum((1, 2, 3))
            walk.values[k] = (_ste_round(residual) + mean) / g
        x_hat = self.g_s(torch.cat(walk.values, 1) * inverse)  # may be 16-bit under autocast
        return Forward(x_hat.float(), bits, z_bits.sum((1, 2, 3)))
