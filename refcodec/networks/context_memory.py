# SPDX-License-Identifier: MIT
"""Predict the memory of the context model for a picture, from the shapes of its layers.

`tools.bench.resources` compares the prediction with the memory of a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from refcodec.networks.context_model import _neighbours, _pointwise
from refcodec.networks.layers import Add, Conv, Net, Relu, Requant, width
from refcodec.networks.symbol_model import SymbolModel

NUMBER: Final = 8  # bytes of a float64
CHUNK: Final = 1 << 22  # numbers of one gathered patch matrix, in each backend
OVERHEAD: Final = {"numpy": (1.15, 5 << 20), "torch": (1.1, 40 << 20)}  # of allocators and libraries, measured
LAST: Final = 13  # bytes for each symbol of a pass that is kept until the next is decoded
CODED: Final = 34  # bytes for each symbol of a pass while it is coded: indices, masks, values, means
INDEX: Final = 40  # bytes for each site: the row and column indices of both passes, and what they are made from

Shape = tuple[int, int, int]  # channels, rows, columns; of values at sites (channels, sites, 1)


@dataclass
class _Meter:
    """Bytes in use, now and at the peak."""

    backend: str
    live: int = 0
    peak: int = 0

    def hold(self, count: int) -> int:
        """Count numbers that stay in use; return their bytes, for `free`."""
        self.live += NUMBER * count
        self.peak = max(self.peak, self.live)
        return NUMBER * count

    def free(self, size: int) -> None:
        self.live -= size

    def pass_by(self, count: int) -> None:
        """Count numbers that are in use temporarily."""
        self.peak = max(self.peak, self.live + NUMBER * count)


def _count(shape: Shape) -> int:
    return shape[0] * shape[1] * shape[2]


def _conv(meter: _Meter, conv: Conv, shape: Shape) -> tuple[Shape, int]:
    """Return the shape of the output of a convolution, and the numbers in use temporarily beside it."""
    c, h, w = shape
    n, s, p = conv.kernel, conv.stride, (conv.kernel - 1) // 2
    out = (conv.outputs, h * s, w * s) if conv.transposed else (conv.outputs, -(-h // s), -(-w // s))
    if meter.backend == "torch":
        if n == s == 1:
            return out, 0
        columns = conv.outputs * h * w if conv.transposed else c * out[1] * out[2]
        return out, n * n * columns
    rows, cols, taps = (h, w, -((-n // s) ** 2)) if conv.transposed else (out[1], out[2], n * n)
    k = min(rows, max(1, CHUNK // (c * taps * cols)))
    beside = c * (h + 2 * p) * (w + 2 * p) + (c * taps + conv.outputs) * k * cols
    return out, beside + (conv.outputs * h * w if conv.transposed else 0)


def _run(meter: _Meter, net: Net, shape: Shape, *, pointwise: bool = False) -> tuple[Shape, int]:
    """Walk through a net, whose input the caller has counted; return shape and bytes of its output, which is counted."""
    sources = {layer.source for layer in net if isinstance(layer, Add)}
    kept: list[int] = []
    held, owned = 0, False
    for i, layer in enumerate(net):
        if isinstance(layer, Conv):
            if pointwise:
                out, beside = (conv_out := (layer.outputs, shape[1], shape[2])), 0
                beside = 0 if meter.backend == "torch" else _count(conv_out)
            else:
                out, beside = _conv(meter, layer, shape)
        else:
            out, beside = shape, 0
            assert isinstance(layer, Requant | Relu | Add)
        size = meter.hold(_count(out))
        meter.pass_by(beside)
        if owned:
            meter.free(held)
        held, shape, owned = size, out, i not in sources
        if not owned:
            kept.append(size)
    if net and not owned and kept:
        kept.pop()
    for size in kept:
        meter.free(size)
    return shape, held


def context_bytes(model: SymbolModel, shape: tuple[int, int], backend: str = "numpy") -> int:
    """Return the bytes that decoding latents of shape [m, h, w] takes, without the model and the libraries."""
    h, w = shape
    sites, half, meter = h * w, -(-h * w // 2), _Meter(backend)
    fixed = 4 * model.m * sites + INDEX * sites + 4 * model.hyper * sites // 16
    z_shape = (model.hyper, h // 4, w // 4)
    z = meter.hold(_count(z_shape)) + meter.hold(_count(z_shape))
    (hyper, _, _), _ = _run(meter, model.hyper_net, z_shape)
    meter.free(z)
    context = 0
    for k, channels in enumerate(model.groups):
        wide, old = hyper, context
        if k:
            before = (sum(model.groups[j] for j in model.context_groups(k)), h, w)
            joined = meter.hold(_count(before)) if len(model.context_groups(k)) > 1 else 0
            (more, _, _), context = _run(meter, model.channel_nets[k], before)
            meter.free(joined + old)
            wide += more
        meter.hold(channels * sites)
        for step in (0, 1):
            _head(meter, model, k, step, wide, (h, w), half)
            meter.pass_by(channels * half * CODED // NUMBER)
    last = LAST * max(model.groups) * half  # means, indices and symbols of the pass before
    factor, constant = OVERHEAD[backend]
    return int(factor * (fixed + last + meter.peak + NUMBER * _weights(model))) + constant


def _weights(model: SymbolModel) -> int:
    """Return the number of weights of all nets, which backends keep as floats."""
    nets = (model.hyper_net, *model.channel_nets, *model.spatial_nets, *model.heads, *(model.anchor_heads or ()))
    return sum(layer.w.size for net in nets for layer in net if isinstance(layer, Conv))


def _head(meter: _Meter, model: SymbolModel, k: int, step: int, wide: int, shape: tuple[int, int], half: int) -> None:
    """Walk through the spatial net and the head of one pass."""
    h, w = shape
    channels, spatial = model.groups[k], 0
    anchors_alone = step == 0 and model.anchor_heads is not None
    net = model.anchor_heads[k] if anchors_alone and model.anchor_heads is not None else model.heads[k]
    pointwise, freed = _pointwise(net), []
    if not anchors_alone:
        spatial = width(model.spatial_nets[k], channels)
        freed.append(_spatial(meter, model.spatial_nets[k], step, (channels, h, w), pointwise, half))
    n = (half, 1) if pointwise else (h, w)
    inputs = spatial + wide
    if pointwise:
        freed.append(meter.hold(wide * half))  # gathered
    freed.append(meter.hold(inputs * n[0] * n[1]))  # joined
    out, held = _run(meter, net, (inputs, *n), pointwise=pointwise)
    freed.append(held)
    for size in freed:
        meter.free(size)
    meter.pass_by(_count((out[0], half, 1)) + 3 * channels * half)


def _spatial(meter: _Meter, net: Net, step: int, shape: Shape, pointwise: bool, half: int) -> int:
    """Walk through the spatial net of one pass; return the bytes of its output, which is counted."""
    channels, h, w = shape
    if step == 0:
        return meter.hold(width(net, channels) * (half if pointwise else h * w))
    taps, conv = _neighbours(net), net[0]
    if not pointwise or not taps or not isinstance(conv, Conv):
        out, held = _run(meter, net, shape)
        if pointwise:
            meter.free(held)
            meter.pass_by(_count(out))
            return meter.hold(out[0] * half)
        return held
    p = (conv.kernel - 1) // 2
    chunk = min(half, max(1, CHUNK // (channels * len(taps))))
    output = meter.hold(conv.outputs * half)
    padded = channels * (h + 2 * p) * (w + 2 * p)
    meter.pass_by(padded + (channels * len(taps) + conv.outputs) * chunk)
    if meter.backend == "torch":
        meter.pass_by(padded + conv.outputs * half)
    _, held = _run(meter, net[1:], (conv.outputs, half, 1), pointwise=True)
    if net[1:]:
        meter.free(output)
        return held
    return output
