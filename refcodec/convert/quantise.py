# SPDX-License-Identifier: MIT
"""Post-training quantisation of a float entropy model to the symbol model of SPEC §12.

Weights are scaled per output channel, activations by the ranges from `calibrate`, and each requantisation is a 15-bit
multiplier and a shift (dyadic, as in He et al. 2022, arXiv 2202.07513). Gains are part of the per-rate tensors of
`z_input`, `y_input`, `means` and `scales`. A head that outputs the log of sigma yields table indices directly; one that
outputs sigma gets a ladder (SPEC §11).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from refcodec.convert.calibrate import HEADROOM, TOP, Ranges, convolutions
from refcodec.networks.package import declare
from refcodec.payloads.latents import STEP
from refcodec.transforms.elic.entropy_model import SIGMAS
from refcodec.transforms.elic.network import LOG_MIN, LOG_STEP, Elic

WEIGHT_SUM = 2**21.5  # sum |w| of an output channel: 2^15 times it is 2^36.5,
BIAS = 2.0**35  # and with this below 2^37 (SEM-R-101), rounding included
# Smallest and largest units of a scale before a ladder: 0.11 is 14 of the smallest, 256 still fits the largest.
SIGMA_UNITS = (128.0, 8192.0)
SHIFT = 44  # largest shift: 2^37 times a multiplier and the addends stay below 2^53 (SEM-R-103)
Array = NDArray[Any]
Symbols = dict[str, Any]


class LayerWriter:
    """Collects the integer tensors of layers, and returns the layers as a manifest has them."""

    def __init__(self) -> None:
        self.tensors: dict[str, Array] = {}

    def requant(self, name: str, ratio: Array, lo: int, hi: int, offset: Array | None = None) -> dict[str, Any]:
        """Return a requant layer, out = floor(in * ratio + offset + 1/2), ratio [R or 1, C]; store its tensors."""
        s = np.clip(15 - np.frexp(ratio)[1], 1, SHIFT).astype(np.int64)
        s -= (np.round(ratio * np.exp2(s)) > TOP) & (s > 1)  # 32767.5 and above would round up to 16 bits
        if (ratio * np.exp2(s) > TOP + 1).any():
            raise ValueError(f"{name}: a ratio of {ratio.max():.0f} is too large; the network was hardly trained")
        m = np.clip(np.round(ratio * np.exp2(s)), 1, TOP).astype(np.int16)
        obj: dict[str, Any] = {"m": f"{name}.m", "s": f"{name}.s", "lo": lo, "hi": hi}
        self.tensors[f"{name}.m"], self.tensors[f"{name}.s"] = m, s.astype(np.uint8)
        if offset is not None:
            exact = np.round((np.broadcast_to(offset, ratio.shape) + 0.5) * np.exp2(s)).astype(np.int64)
            self.tensors[f"{name}.a"] = exact
            obj["a"] = f"{name}.a"
        return obj

    def conv(self, name: str, conv: nn.Module, scale_in: Array) -> tuple[dict[str, Any], Array]:
        """Return the integer layer, and the units of its accumulator per float unit, float64[O]; store its tensors."""
        assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
        assert conv.bias is not None
        transposed = isinstance(conv, nn.ConvTranspose2d)
        w, b = conv.weight.detach().double().numpy(), conv.bias.detach().double().numpy()
        axis = (0, 2, 3) if transposed else (1, 2, 3)
        w = w / (scale_in[:, None, None, None] if transposed else scale_in[None, :, None, None])
        peak, total = np.abs(w).max(axis), np.abs(w).sum(axis)
        scale = np.minimum(TOP / np.maximum(peak, 1e-30), WEIGHT_SUM / np.maximum(total, 1e-30))
        scale = np.minimum(scale, BIAS / np.maximum(np.abs(b), 1e-30))
        q = np.round(w * (scale[None, :, None, None] if transposed else scale[:, None, None, None]))
        self.tensors[f"{name}.w"] = np.clip(q, -TOP, TOP).astype(np.int16)
        self.tensors[f"{name}.b"] = np.round(b * scale).astype(np.int64)
        layer = {
            "op": "deconv" if transposed else "conv",
            "w": f"{name}.w",
            "b": f"{name}.b",
            "stride": conv.stride[0],
        }
        return layer, scale

    def net(self, name: str, stack: nn.Module, scale_in: Array, ranges: Ranges, head: bool) -> tuple[list[Any], Array]:
        """Return all layers, and the units of the output. A head ends in accumulators, every other net in a requant."""
        layers: list[Any] = []
        convs = convolutions(stack)
        for i, conv in enumerate(convs):
            layer, acc = self.conv(f"{name}.{i}", conv, scale_in)
            layers.append(layer)
            if head and i == len(convs) - 1:
                return layers, acc
            scale_in = ranges.scale(f"{name}.{i}")
            lo = -TOP if i == len(convs) - 1 else 0
            layers.append({"op": "requant", **self.requant(f"{name}.{i}.q", (scale_in / acc)[None], lo, TOP)})
        return layers, scale_in


@torch.no_grad()
def symbol_model(net: Elic, ranges: Ranges, z: dict[str, Array]) -> tuple[Symbols, dict[str, Array]]:
    """Return (`symbols` of the manifest, tensors) of a float network. z: the tables `z.offset`, `z.size`, `z.freq`."""
    cfg, out = net.cfg, LayerWriter()
    gain, gain_z = (t.detach().double().exp().numpy() for t in (net.log_gain, net.log_gain_z))
    z_scale, y_scale = ranges.scale("z"), ranges.scale("y")
    centre = net.z_centre.double().numpy()
    symbols: Symbols = {
        "kind": cfg.kind,
        "rates": cfg.rates,
        "hyper": cfg.hyper,
        "groups": list(cfg.groups),
        "parity": cfg.anchor_parity,
        "order": "means-scales" if cfg.means_first else "scales-means",
        "context": cfg.channel_scope,
        "z_input": out.requant("z_input", z_scale / gain_z, -TOP, TOP, centre * z_scale if centre.any() else None),
        "y_input": out.requant("y_input", y_scale / (STEP * gain), -TOP, TOP),
        "channel_nets": [],
        "spatial_nets": [],
        "anchor_heads": [] if cfg.anchor_net else None,
        "heads": [],
        "means": [],
        "scales": [],
    }
    symbols["hyper_net"], hyper = out.net("hyper", net.entropy.h_s, z_scale, ranges, head=False)
    start = 0
    for k, c in enumerate(cfg.groups):
        part, start = slice(start, start + c), start + c
        base = hyper
        if k == 0:
            symbols["channel_nets"].append(None)
        else:
            before = np.concatenate([_part(cfg.groups, j, y_scale) for j in cfg.context_groups(k)])
            layers, ctx = out.net(f"channel.{k}", net.entropy.channel[k], before, ranges, head=False)
            symbols["channel_nets"].append(layers)
            base = np.concatenate([ctx, hyper])
        layers, spatial = out.net(f"spatial.{k}", net.entropy.spatial[k], y_scale[part], ranges, head=False)
        symbols["spatial_nets"].append(layers)
        layers, acc = out.net(f"head.{k}", net.entropy.head[k], np.concatenate([spatial, base]), ranges, head=True)
        symbols["heads"].append(layers)
        if cfg.anchor_net:  # both heads share the requants after them, so their accumulators must have the same units
            layers, own = out.net(f"anchor.{k}", net.entropy.anchor_head[k], base, ranges, head=True)
            symbols["anchor_heads"].append(layers)
            acc = _common_units(out, f"head.{k}", f"anchor.{k}", len(convolutions(net.entropy.head[k])) - 1, acc, own)
        mean, scale = (acc[:c], acc[c:]) if cfg.means_first else (acc[c:], acc[:c])
        symbols["means"].append(out.requant(f"mean.{k}", STEP * gain[:, part] / mean, -TOP, TOP))
        symbols["scales"].append(_scale(out, k, net, ranges, gain[:, part], scale))
    out.tensors.update(z)
    symbols["tensors"] = declare(out.tensors)
    return symbols, out.tensors


def _scale(out: LayerWriter, k: int, net: Elic, ranges: Ranges, gain: Array, acc: Array) -> dict[str, Any]:
    """Return the requant of the scales of group k, from `acc` units per float unit to indices or ladder inputs."""
    if net.cfg.scale_head == "log":
        offset = (np.log(gain) - LOG_MIN) / LOG_STEP
        return out.requant(f"scale.{k}", np.broadcast_to(1 / (LOG_STEP * acc), offset.shape), 0, SIGMAS - 1, offset)
    c = net.cfg.groups[k]
    part = slice(c, 2 * c) if net.cfg.means_first else slice(0, c)
    last = len(convolutions(net.entropy.head[k])) - 1
    seen = [ranges.largest[name][part] for name in (f"head.{k}.{last}", f"anchor.{k}.{last}") if name in ranges.largest]
    units = float(np.clip(TOP / (HEADROOM * max(1e-6, float((np.max(seen, 0) * gain).max()))), *SIGMA_UNITS))
    edges = np.exp(LOG_MIN + LOG_STEP * (np.arange(1, SIGMAS) - 0.5))  # boundaries between tables, halfway in log sigma
    out.tensors[f"scale.{k}.ladder"] = np.round(edges * units - 0.5).astype(np.int32)
    return {**out.requant(f"scale.{k}", units * gain / acc, 0, TOP), "ladder": f"scale.{k}.ladder"}


def _part(groups: tuple[int, ...], j: int, scale: Array) -> Array:
    start = sum(groups[:j])
    return scale[start : start + groups[j]]


def _common_units(out: LayerWriter, one: str, two: str, last: int, a: Array, b: Array) -> Array:
    """Rescale the finer of two last layers to the units of the coarser, per channel, and return these units."""
    units = np.minimum(a, b)
    for name, own in ((one, a), (two, b)):
        factor = units / own
        w, bias = out.tensors[f"{name}.{last}.w"], out.tensors[f"{name}.{last}.b"]
        out.tensors[f"{name}.{last}.w"] = np.round(w * factor[:, None, None, None]).astype(np.int16)
        out.tensors[f"{name}.{last}.b"] = np.round(bias * factor).astype(np.int64)
    return units
