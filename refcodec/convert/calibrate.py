# SPDX-License-Identifier: MIT
"""Measure the activation ranges of a float entropy model, per channel and over all rates, on calibration pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.entropy_model import ContextWalk, EntropyNets
from refcodec.transforms.elic.network import Elic

HEADROOM = 4.0  # factor by which activations may exceed the calibrated range before they saturate
TOP = 32767
Array = NDArray[Any]


class Ranges:
    """Largest magnitude of each channel of each ReLU output, context and input, over all calibration pictures."""

    def __init__(self, quiet: float) -> None:
        self.quiet, self.largest = quiet, dict[str, Array]()

    def observe(self, name: str, x: Tensor, minimum: Tensor | None = None) -> None:
        """Record the magnitudes of x. minimum: a magnitude per channel to assume even if no picture reaches it."""
        v = x.detach().abs().amax((0, 2, 3)).double().numpy()
        if minimum is not None:
            v = np.maximum(v, minimum.double().flatten().numpy())
        self.largest[name] = np.maximum(self.largest.get(name, 0.0), v)

    def require(self, name: str, magnitudes: Array) -> None:
        """Extend the ranges so that values up to these, float64[C], do not saturate."""
        self.largest[name] = np.maximum(self.largest[name], magnitudes / HEADROOM)

    def scale(self, name: str) -> Array:
        """Return the integer units per float unit, float64[C]."""
        v = self.largest[name]
        if not np.isfinite(v).all():
            raise ValueError(f"{name}: activations are not finite; the network was hardly trained")
        return TOP / (HEADROOM * np.maximum(v, max(1e-6, self.quiet * float(v.max()))))


def convolutions(stack: nn.Module) -> list[nn.Module]:
    modules = list(stack) if isinstance(stack, nn.Sequential) else [stack]
    return [m for m in modules if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


def default_text(cfg: ElicConfig) -> Tensor | None:
    """Return noise float[1, text_tokens, text_width] in place of a caption; None without a text adapter.

    Ranges hardly depend on it: the states of a text model are normalised, as is the noise.
    """
    if not cfg.text_width:
        return None
    return torch.randn(1, cfg.text_tokens, cfg.text_width, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def calibrate(net: Elic, pictures: list[Tensor], texts: list[Tensor] | None = None, quiet: float = 1e-3) -> Ranges:
    """Return ranges over every rate on pictures float[1, C, H, W] (multiples of 64), with rounded symbols.

    quiet: smallest range of a channel, as a share of the largest; increase it for few pictures, in which a channel may be
    inactive. texts: float[1, text_tokens, text_width] per picture, for a network with a text adapter (default
    `default_text`).
    """
    ranges = Ranges(quiet)
    with _observed(net.entropy, ranges):
        for i, x in enumerate(pictures):
            y, z = net.analyse(x, default_text(net.cfg) if texts is None else texts[i])
            for rate in range(net.cfg.rates):
                _run_rate(net, rate, y, z, ranges)
    return ranges


def _run_rate(net: Elic, rate: int, y: Tensor, z: Tensor, ranges: Ranges) -> None:
    """Run the entropy model on latents y and hyper-latents z (before gains) of one picture at one rate."""
    gain, gain_z = (t[rate].exp()[None, :, None, None] for t in (net.log_gain, net.log_gain_z))
    centre = net.z_centre[:, None, None]
    z_hat = (z * gain_z).round() / gain_z + centre
    # a symbol of magnitude 1 must not saturate even if all were 0 here; likewise for y
    ranges.observe("z", z_hat, 1 / gain_z + centre.abs())
    walk = ContextWalk(net.entropy, net.entropy.h_s(z_hat))
    for k, part in enumerate(net.cfg.parts):
        g = gain[:, part]
        for step in (0, 1):
            mean, _ = walk.parameters(k, step)
            walk.update(k, step, ((y[:, part] - mean) * g).round() / g + mean)
    ranges.observe("y", torch.cat(walk.values, 1), 1 / gain)


@contextmanager
def _observed(nets: EntropyNets, ranges: Ranges) -> Iterator[None]:
    """Record the range after every convolution (and its ReLU, if any) that runs inside the block."""
    stacks: dict[str, nn.Module] = {"hyper": nets.h_s}
    for name, modules in (
        ("channel", nets.channel),
        ("spatial", nets.spatial),
        ("head", nets.head),
        ("anchor", nets.anchor_head),
    ):
        stacks |= {f"{name}.{k}": stack for k, stack in enumerate(modules)}
    handles = []
    for name, stack in stacks.items():
        convs = convolutions(stack)
        for i, conv in enumerate(convs):
            handles.append(conv.register_forward_hook(_recorder(ranges, f"{name}.{i}", relu=i < len(convs) - 1)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _recorder(ranges: Ranges, name: str, *, relu: bool) -> Any:
    def record(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        ranges.observe(name, torch.relu(output) if relu else output)

    return record
