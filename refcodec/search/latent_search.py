# SPDX-License-Identifier: MIT
"""Optimise the latents of one picture at one rate, by gradient descent through the frozen model.

(y, z) --rounding--> symbols --context model--> bits                loss = bits + lambda distortion
                        \\-> y-hat --synthesis--> distortion
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from refcodec.networks.context_model import is_pointwise, pass_sites
from refcodec.networks.layers import Net, width
from refcodec.networks.symbol_model import SymbolModel
from refcodec.payloads.latents import STEP, z_tables
from refcodec.search.distortion import ALIGNED, Distortion
from refcodec.search.recomputed import recomputed
from refcodec.search.relaxed_networks import RelaxedNetworks
from refcodec.search.relaxed_rounding import RelaxedRounding
from refcodec.search.symbol_costs import ZCosts, gaussian_bits

STRIP = 4096  # sites of the latents that are synthesised at once, to bound memory
KEPT_SITES_MAX = 8192  # above it, groups are computed twice, to bound memory


class Rows(NamedTuple):
    """A strip of latent rows, top … bottom - 1, and the rows low … high - 1 on which its pixels depend."""

    top: int
    bottom: int
    low: int
    high: int


def strip_rows(width: int, halo: int) -> int:
    """Return the rows of latents that are synthesised at once, for a picture of a width in pixels."""
    return -(-max(halo, STRIP * 16 // width) // ALIGNED) * ALIGNED


def strips_of(rows: int, height: int, halo: int) -> list[Rows]:
    """Return strips of about `height` rows that cover `rows` latent rows."""
    tops = range(0, rows, height)
    return [Rows(t, min(rows, t + height), max(0, t - halo), min(rows, t + height + halo)) for t in tops]


@dataclass(frozen=True)
class Schedule:
    """Steps of the descent, and temperatures of the rounding, which fall exponentially. pace: factor on the learning rate."""

    steps: int
    first_temperature: float = 0.2
    last_temperature: float = 0.05
    pace: float = 1.0

    def temperature(self, done: float) -> float:
        """Return the temperature when a share of the steps is done."""
        return self.first_temperature * math.pow(self.last_temperature / self.first_temperature, done)


def learning_rate(lagrangian: float, done: float) -> float:
    """Return the learning rate in quantisation steps: smaller at low rates, whose symbols are sparse; it falls to 0.

    lagrangian: weight of the mean squared error on 8-bit samples, in bits per pixel, of the training.
    """
    largest = 0.05 * min(1.0, math.pow(lagrangian / 0.0045, 0.55))
    return largest * 0.5 * (1 + math.cos(math.pi * done))


class LatentSearch:
    """The loss of relaxed latents of one picture at one rate.

    synthesis: y-hat [1, M, h, w] in units of the model, before gains, -> pixels [1, C, 16 h, 16 w] in 0..1.
    inverse [M]: the inverse gains of the rate. halo: rows of latents around a strip on which its pixels depend.
    """

    def __init__(
        self,
        model: SymbolModel,
        rate: int,
        synthesis: Callable[[Tensor], Tensor],
        inverse: Tensor,
        distortion: Distortion,
        halo: int,
        seed: int = 0,
    ) -> None:
        _, height, width = distortion.original.shape
        device = distortion.original.device
        self.strips = strips_of(-(-height // 16), strip_rows(width, halo), halo)
        self.model, self.synthesis, self.distortion = model, synthesis, distortion
        self.inverse = inverse[:, None, None]
        self.networks = RelaxedNetworks(rate, device)
        self.rounding = RelaxedRounding(seed, device)
        self.z_costs = ZCosts(z_tables(model), rate, model.hyper, device)

    def descend(self, y: Tensor, z: Tensor, weight: float, temperature: float) -> tuple[float, float]:
        """Set the gradients of y[M, h, w] and z[hyper, h/4, w/4], in quantisation steps; return (bits, distortion).

        weight: of the distortion in the loss. temperature: of the rounding.
        """
        self.rounding.temperature = temperature
        z_rounded = self.rounding(z, self.rounding.noise(z.shape))
        y_hat, y_bits = self._walk(y, z_rounded)
        bits = self.z_costs(z_rounded) + y_bits
        reconstructed = (y_hat.detach() * self.inverse).requires_grad_()
        error = sum(self._strip_error(reconstructed, rows) for rows in self.strips)
        assert reconstructed.grad is not None
        torch.autograd.backward([bits, y_hat], [torch.ones_like(bits), reconstructed.grad * self.inverse * weight])
        return float(bits.detach()), float(error)

    def _strip_error(self, y_hat: Tensor, rows: Rows) -> float:
        """Add the gradient of the distortion of one strip to that of y-hat; return the distortion."""
        x = self.synthesis(y_hat[None, :, rows.low : rows.high])[0]
        top, bottom = 16 * (rows.top - rows.low), 16 * (rows.bottom - rows.low)
        height, width = self.distortion.original.shape[1:]
        x = x[:, top : min(bottom, top + height - 16 * rows.top), :width].clamp(0, 1)
        error = self.distortion(x, 16 * rows.top)
        error.backward()  # type: ignore[no-untyped-call]
        return float(error.detach())

    def _walk(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return y-hat in steps, and the bits of its residuals, predicted group by group and pass by pass."""
        nets, model = self.networks, self.model
        _, h, w = y.shape
        sites = [torch.from_numpy(r * w + c).to(y.device) for r, c in pass_sites(h, w, model.parity)]
        hyper = nets.run(model.hyper_net, nets.requant(z, model.z_input))
        noise = self.rounding.noise(y.shape)
        known: list[Tensor] = []  # requantised y-hat of the groups so far, for the context
        values, bits = [], y.new_zeros(())
        for k in range(len(model.groups)):
            group, part = _Group(nets, model, k, sites, self.rounding), model.part(k)
            inputs = (y[part], noise[part], hyper, *(known[j] for j in model.context_groups(k)))
            # where there are many sites, keep the inputs alone, and compute the rest again for the gradients
            coded = recomputed(group.code, *inputs) if h * w > KEPT_SITES_MAX else group.code(*inputs)
            bits = bits + coded[0]
            values.append(coded[1])
            known.append(coded[2])
        return torch.cat(values), bits


class _Group:
    """One channel group, coded in two passes."""

    def __init__(
        self, nets: RelaxedNetworks, model: SymbolModel, k: int, sites: list[Tensor], rounding: RelaxedRounding
    ) -> None:
        self.nets, self.model, self.k, self.sites, self.rounding = nets, model, k, sites, rounding

    def code(self, y: Tensor, noise: Tensor, hyper: Tensor, *before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (bits, y-hat in steps, requantised y-hat) of y[c, h, w]. before: the groups of the channel context."""
        model, k, grid = self.model, self.k, y.shape
        context = hyper if k == 0 else torch.cat([self.nets.run(model.channel_nets[k], torch.cat(before)), hyper])
        y, noise, bits = y.flatten(1), noise.flatten(1), y.new_zeros(())
        values = known = y.new_zeros(y.shape)
        for step, at in enumerate(self.sites):
            mean, index = self._parameters(step, at, context, known.view(grid))
            s = self.rounding(y[:, at] - mean, noise[:, at])
            s = torch.where(index < 0.5, torch.zeros_like(s), s)
            bits = bits + gaussian_bits(s, index).sum()
            value = s + mean
            values = values.index_copy(1, at, value)
            known = known.index_copy(1, at, self.nets.requant(value * STEP, model.y_input, model.part(k)))
        return bits, values.view(grid), known.view(grid)

    def _parameters(self, step: int, at: Tensor, context: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return means in steps and table indices at the sites of a pass, each [c, n]."""
        model, k, nets = self.model, self.k, self.nets
        if step == 0 and model.anchor_heads is not None:
            out = self._head(model.anchor_heads[k], [context], at)
        else:
            out = self._head(model.heads[k], [self._spatial(step, known), context], at)
        c = model.groups[k]
        means, scales = (out[:c], out[c:]) if model.means_first else (out[c:], out[:c])
        index = nets.table_index(scales, *model.scales[k])
        return nets.requant(means, model.means[k]) / STEP, index

    def _spatial(self, step: int, known: Tensor) -> Tensor:
        net = self.model.spatial_nets[self.k]
        if step == 0:
            return known.new_zeros(width(net, known.shape[0]), *known.shape[1:])
        return self.nets.run(net, known)

    def _head(self, net: Net, parts: list[Tensor], at: Tensor) -> Tensor:
        """Return the output of a head at the sites of a pass."""
        if is_pointwise(net):
            return self.nets.run_pointwise(net, torch.cat([p.flatten(1)[:, at] for p in parts]))
        return self.nets.run(net, torch.cat(parts)).flatten(1)[:, at]
