# SPDX-License-Identifier: MIT
"""Reads a model package of `tools/train/pack.py` back into the float network, to train it further.

Transforms and gains are in the package as floats. The entropy networks are there as integers, which fix each hidden channel
up to a factor: the factor is chosen so that its weights have length ROW. The logistic prior of z is fitted to its tables.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from torch import Tensor, nn

from refcodec.networks.package import load_part
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.network import LOG_STEP, Elic

Array = NDArray[Any]
ROW = 0.8  # about what a new layer of PyTorch has


def _ratio(tensors: dict[str, Array], name: str) -> Array:
    """Of a requant: output units per input unit, float64[1 or R, C]."""
    return tensors[f"{name}.m"].astype(np.float64) * np.exp2(-tensors[f"{name}.s"].astype(np.float64))


def _convs(stack: nn.Module) -> list[Any]:
    mods = list(stack) if isinstance(stack, nn.Sequential) else [stack]
    return [m for m in mods if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


def _fill(conv: nn.Module, weight: Array, bias: Array) -> None:
    assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
    assert conv.bias is not None
    conv.weight.data.copy_(torch.from_numpy(weight))
    conv.bias.data.copy_(torch.from_numpy(bias))


def _stack(tensors: dict[str, Array], name: str, stack: nn.Module, scale: Array, last: Array | None = None) -> Array:
    """Fills a net whose input has `scale` units per float unit; returns the units of its output.

    last: units of the last accumulators, of a head; every other net ends in a requant.
    """
    convs = _convs(stack)
    for i, conv in enumerate(convs):
        transposed = isinstance(conv, nn.ConvTranspose2d)
        q, b = tensors[f"{name}.{i}.w"].astype(np.float64), tensors[f"{name}.{i}.b"].astype(np.float64)
        w = q * (scale[:, None, None, None] if transposed else scale[None, :, None, None])
        units = last if i == len(convs) - 1 else None
        if units is None:
            length = np.sqrt((w**2).sum((0, 2, 3) if transposed else (1, 2, 3)))
            units = np.where(length > 0, length, 1.0) / ROW
        _fill(conv, w / (units[None, :, None, None] if transposed else units[:, None, None, None]), b / units)
        if i < len(convs) - 1 or last is None:
            scale = _ratio(tensors, f"{name}.{i}.q")[0] * units
    return scale


def _prior(tensors: dict[str, Array], steps: int = 600) -> tuple[Tensor, Tensor]:
    """(location, log-scale), float[R, hyper], of the logistics nearest to the tables of z in bits."""
    offset, size, freq = (tensors[f"z.{n}"] for n in ("offset", "size", "freq"))
    starts = np.concatenate([[0], np.cumsum(size.ravel() + 1)])
    rows = [freq[a : b - 1].astype(np.float64) for a, b in pairwise(starts)]  # without the escape
    longest = max(map(len, rows))
    p, at = np.zeros((len(rows), longest)), np.zeros((len(rows), longest))
    for i, row in enumerate(rows):
        p[i, : len(row)] = row / row.sum()
        at[i] = offset.ravel()[i] + np.arange(longest)
    mean = (p * at).sum(1)
    std = np.sqrt((p * (at - mean[:, None]) ** 2).sum(1) + 0.02)
    target, values = torch.from_numpy(p), torch.from_numpy(at)
    loc = torch.from_numpy(mean).requires_grad_()
    log_scale = torch.from_numpy(np.log(std * np.sqrt(3) / np.pi)).requires_grad_()
    optimiser = torch.optim.Adam([loc, log_scale], lr=0.02)
    for _ in range(steps):
        v, inv = (values - loc[:, None]).abs(), (-log_scale[:, None].clamp(min=-4)).exp()
        mass = torch.sigmoid((0.5 - v) * inv) - torch.sigmoid((-0.5 - v) * inv)
        loss = -(target * (mass + 1e-9).log()).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return loc.detach().float().view(offset.shape), log_scale.detach().float().view(offset.shape)


@torch.no_grad()
def read(folder: Path) -> Elic:
    """The float network of a package of kind 6 or 7 whose heads give the log of sigma."""
    manifest = json.loads((folder / "manifest.json").read_text())
    cfg = ElicConfig.from_dict(manifest["encoder"]["architecture"])
    if cfg.scale_head != "log" or cfg.anchor_net:
        raise ValueError("heads that give sigma, or anchor nets, are not read back")
    parts: dict[str, dict[str, Tensor]] = {}
    for part in ("encoder", "painter"):
        _, arrays = load_part(folder, manifest, part)
        parts[part] = {k: torch.from_numpy(v.astype(np.float32)) for k, v in arrays.items()}
    tensors = load_file(folder / "symbols.safetensors")
    net = Elic(cfg)

    def under(part: str, prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in parts[part].items() if k.startswith(prefix)}

    net.g_a.load_state_dict(under("encoder", "g_a."))
    net.entropy.h_a.load_state_dict(under("encoder", "h_a."))
    net.g_s.load_state_dict(under("painter", "g_s."))
    gain, gain_z = parts["encoder"]["gain"], parts["encoder"]["gain_z"]
    net.log_gain.copy_(gain.log())
    net.log_gain_z.copy_(gain_z.log())
    net.log_inverse.copy_((parts["painter"]["inverse"] * gain).log())
    with torch.enable_grad():
        loc, log_scale = _prior(tensors)
    net.z_loc.copy_(loc)
    net.z_log_scale.copy_(log_scale)
    _entropy(net, tensors, gain.double().numpy(), gain_z.double().numpy())
    return net


def _entropy(net: Elic, tensors: dict[str, Array], gain: Array, gain_z: Array) -> None:
    cfg, nets = net.cfg, net.entropy
    z_scale = (_ratio(tensors, "z_input") * gain_z).mean(0)
    y_scale = (_ratio(tensors, "y_input") * 64 * gain).mean(0)
    if "z_input.a" in tensors:
        half = np.exp2(tensors["z_input.s"].astype(np.float64) - 1)
        offset = (tensors["z_input.a"] - half) * np.exp2(-tensors["z_input.s"].astype(np.float64))
        net.z_centre.copy_(torch.from_numpy((offset / z_scale).mean(0)))
    hyper = _stack(tensors, "hyper", nets.h_s, z_scale)
    start = 0
    for k, c in enumerate(cfg.groups):
        part, start = slice(start, start + c), start + c
        base = hyper
        if k:
            before = np.concatenate(
                [y_scale[sum(cfg.groups[:j]) : sum(cfg.groups[: j + 1])] for j in cfg.context_groups(k)]
            )
            base = np.concatenate([_stack(tensors, f"channel.{k}", nets.channel[k], before), hyper])
        spatial = _stack(tensors, f"spatial.{k}", nets.spatial[k], y_scale[part])
        mean = (64 * gain[:, part] / _ratio(tensors, f"mean.{k}")).mean(0)
        scale = (1 / (LOG_STEP * _ratio(tensors, f"scale.{k}"))).mean(0)
        units = np.concatenate([mean, scale] if cfg.means_first else [scale, mean])
        _stack(tensors, f"head.{k}", nets.head[k], np.concatenate([spatial, base]), units)
