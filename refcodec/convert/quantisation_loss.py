# SPDX-License-Identifier: MIT
"""Compare integer and float entropy models by ideal code length; `FloatContextModel` has the interface of `ContextModel`."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.networks.context_model import Sites, pass_sites
from refcodec.payloads.latents import STEP
from refcodec.transforms.elic.entropy_model import ContextWalk
from refcodec.transforms.elic.network import LOG_MIN, LOG_STEP, Elic

Array = NDArray[Any]


class EntropyParameters(Protocol):
    """Interface common to `refcodec.networks.context_model.ContextModel` and `FloatContextModel`."""

    sites: tuple[Sites, Sites]

    def start(self, z: Array, /) -> None: ...
    def entropy_parameters(self, k: int, step: int, /) -> tuple[Array, Array]: ...
    def update(self, k: int, step: int, y: Array, /) -> None: ...


class FloatContextModel:
    """Float entropy model with the walk and the tables of the integer one, and nets in float32."""

    def __init__(self, net: Elic, rate: int, shape: tuple[int, int]) -> None:
        self.net, self.rate = net, rate
        self.sites = pass_sites(*shape, net.cfg.anchor_parity)
        self.gain = net.log_gain[rate].exp()[:, None, None]

    @torch.no_grad()
    def start(self, z: Array) -> None:
        gain_z = self.net.log_gain_z[self.rate].exp()[:, None, None]
        self.walk = ContextWalk(self.net.entropy, self.net.hyper(torch.from_numpy(z).float()[None], gain_z))

    @torch.no_grad()
    def entropy_parameters(self, k: int, step: int) -> tuple[Array, Array]:
        part = self.net.cfg.parts[k]
        mean, log_sigma = self.walk.parameters(k, step)
        rows, cols = self.sites[step]
        mean = (mean[0] * self.gain[part] * STEP).round().clamp(-32767, 32767)[:, rows, cols]
        index = (log_sigma[0] + self.net.log_gain[self.rate][part][:, None, None] - LOG_MIN) / LOG_STEP
        return mean.int().numpy(), (index + 0.5).floor().clamp(0, 63)[:, rows, cols].to(torch.uint8).numpy()

    @torch.no_grad()
    def update(self, k: int, step: int, y: Array) -> None:
        rows, cols = self.sites[step]
        values = torch.from_numpy(y).float() / STEP / self.gain[self.net.cfg.parts[k]][:, 0]
        self.walk.values[k][0, :, rows, cols] = values


def ideal_bits(predictor: EntropyParameters, groups: tuple[int, ...], y: Array, z: Array) -> float:
    """Return the bits of y, after gains, under the Gaussian tables chosen by `predictor`, with plainly rounded residuals."""
    predictor.start(z)
    total, start = 0.0, 0
    for k, c in enumerate(groups):
        for step in (0, 1):
            mean, table = predictor.entropy_parameters(k, step)
            rows, cols = predictor.sites[step]
            s = np.rint(y[start : start + c, rows, cols] - mean / STEP).astype(np.int32)
            s[table == 0] = 0
            total += _gauss_bits(s, table)
            predictor.update(k, step, STEP * s + mean)
        start += c
    return total


def _gauss_bits(s: Array, table: Array) -> float:
    """Return the bits of residuals under the Gaussian tables of SPEC §10, escapes included; table 0 codes nothing."""
    sigma = torch.exp(LOG_MIN + LOG_STEP * torch.from_numpy(table.astype(np.float64)))
    v, n = torch.from_numpy(np.abs(s).astype(np.float64)), (4.5 * sigma).ceil()
    below, above = (torch.erfc((v + end) / sigma * 0.5**0.5) for end in (-0.5, 0.5))
    rest = torch.erfc((n + 0.5) / sigma * 0.5**0.5)  # both tails
    room = 2.0**16 - 2 * n - 2
    regular = 16 - torch.log2(1 + room * (below - above) / 2)
    escape = 16 - torch.log2(1 + room * rest) + 2 + 2 * torch.log2((v - n).clamp(min=1)).floor()
    return float(torch.where(v <= n, regular, escape)[torch.from_numpy(table > 0)].sum())
