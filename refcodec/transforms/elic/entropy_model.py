# SPDX-License-Identifier: MIT
"""The float entropy model of ELIC (He et al. 2022, §3): hyper-decoder, channel and checkerboard contexts, heads.

All nets see un-gained values (z / gain_z, y / gain), so every rate shares their statistics; a head outputs the mean and
the log-scale of the un-gained latent; the gain is a factor on the mean and an offset on the log-scale.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refcodec.transforms.elic.config import ElicConfig, Layer

SIGMA_MIN, SIGMA_MAX, SIGMAS = 0.11, 256.0, 64  # the ladder of SPEC §10
SIGMA_FLOOR = 1e-3  # of a linear head; SIGMA_MIN applies after the gain, so this is below it for every gain


class _Above(torch.autograd.Function):
    """max(x, bound), which passes gradients that would increase x even below the bound."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bound = bound  # type: ignore[attr-defined]
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return grad * ((x >= ctx.bound) | (grad < 0)), None  # type: ignore[attr-defined]


def above(x: Tensor, bound: float) -> Tensor:
    out: Tensor = _Above.apply(x, bound)  # type: ignore[no-untyped-call]
    return out


def _stack(channels: int, layers: tuple[Layer, ...]) -> nn.Sequential:
    """Return convolutions with a ReLU after each but the last."""
    mods: list[nn.Module] = []
    for kind, kernel, stride, out in layers:
        if kind == "deconv":
            mods.append(
                nn.ConvTranspose2d(channels, out, kernel, stride, padding=kernel // 2, output_padding=stride - 1)
            )
        else:
            mods.append(nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2))
        mods.append(nn.ReLU())
        channels = out
    return nn.Sequential(*mods[:-1])


class EntropyNets(nn.Module):
    """h_a, h_s and, per group, the channel context, spatial context and parameter head(s)."""

    def __init__(self, cfg: ElicConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.h_a = _stack(cfg.m, cfg.hyper_analysis)
        self.h_s = _stack(cfg.hyper, cfg.hyper_synthesis)
        self.channel, self.spatial = nn.ModuleList(), nn.ModuleList()
        self.head, self.anchor_head = nn.ModuleList(), nn.ModuleList()
        for k, c in enumerate(cfg.groups):
            before = sum(cfg.groups[j] for j in cfg.context_groups(k))
            widths = cfg.channel_layers(k)
            self.channel.append(_stack(before, tuple(("conv", n, 1, w) for n, w in widths)) if k else nn.Identity())
            s = cfg.spatial_channels(k)
            self.spatial.append(nn.Conv2d(c, s, cfg.spatial_kernel, padding=cfg.spatial_kernel // 2))
            base = cfg.base_channels(k)
            agg = tuple(("conv", 1, 1, w) for w in cfg.aggregation_widths(k))
            self.head.append(_stack(base + s, agg))
            if cfg.anchor_net:
                self.anchor_head.append(_stack(base, agg))

    def params(self, k: int, hyper: Tensor, channel: Tensor | None, spatial: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return (mean, log-scale), each [B, c, h, w], un-gained. spatial None: the anchor pass."""
        parts = [hyper] if channel is None else [channel, hyper]
        if spatial is None and self.cfg.anchor_net:
            out = self.anchor_head[k](torch.cat(parts, 1))
        else:
            if spatial is None:  # one net serves both passes: anchors see zeros
                b, _, h, w = hyper.shape
                spatial = hyper.new_zeros(b, self.cfg.spatial_channels(k), h, w)
            out = self.head[k](torch.cat([spatial, *parts], 1))
        halves = out.float().chunk(2, 1)
        mean, scale = halves if self.cfg.means_first else halves[::-1]
        return mean, scale if self.cfg.scale_head == "log" else above(scale, SIGMA_FLOOR).log()


class ContextWalk:
    """Walk through the entropy model: for each group and pass call `parameters`, then `update` with the decoded values.

    hyper [B, C, h, w]: the hyper-decoder's output. `values`: the latents of each group so far, un-gained [B, c, h, w].
    """

    def __init__(self, nets: EntropyNets, hyper: Tensor) -> None:
        self.nets, self.hyper = nets, hyper
        anchors = checkerboard(hyper.shape[2], hyper.shape[3], nets.cfg.anchor_parity).to(hyper.device)
        self.sites = (anchors, ~anchors)  # of the two passes
        self.values: list[Tensor] = []
        self.context: Tensor | None = None

    def parameters(self, k: int, step: int) -> tuple[Tensor, Tensor]:
        """Return (mean, log-scale) of group k in pass `step`, each [B, c, h, w], un-gained, valid at its sites."""
        nets, cfg = self.nets, self.nets.cfg
        if step == 0:
            before = [self.values[j] for j in cfg.context_groups(k)]
            self.context = nets.channel[k](torch.cat(before, 1)) if k else None
            b, _, h, w = self.hyper.shape
            self.values.append(self.hyper.new_zeros(b, cfg.groups[k], h, w))
            return nets.params(k, self.hyper, self.context, None)
        return nets.params(k, self.hyper, self.context, nets.spatial[k](self.values[k]))

    def update(self, k: int, step: int, values: Tensor) -> None:
        """Store the decoded values [B, c, h, w] of group k at the sites of pass `step`."""
        self.values[k] = torch.where(self.sites[step], values, self.values[k])


def checkerboard(h: int, w: int, parity: int) -> Tensor:
    """Return bool[h, w], True at anchor sites, (r + c) % 2 == parity."""
    grid = torch.arange(h)[:, None] + torch.arange(w)[None, :]
    return grid % 2 == parity
