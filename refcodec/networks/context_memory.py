# SPDX-License-Identifier: MIT
"""Predict the memory of the context model for a picture, from the shapes of its layers.

`tools.bench.resources` compares the prediction with the memory of a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from refcodec.networks.context_model import HEAD_SITES, is_one_convolution, is_pointwise
from refcodec.networks.layers import Add, Conv, Net, width
from refcodec.networks.minimal_filtering import OUTPUTS, POINTS
from refcodec.networks.numpy_backend import threads_for
from refcodec.networks.numpy_convolution import BAND, ROWS, is_filtered, weights_kept
from refcodec.networks.stages import stages
from refcodec.networks.symbol_model import SymbolModel

NUMBER: Final = 8  # bytes of a float64
NARROW: Final = 2  # bytes of an int16
OVERHEAD: Final = {"numpy": (1.17, 6 << 20), "torch": (1.1, 40 << 20)}  # of allocators and libraries, measured
THREAD: Final = 22 << 20  # bytes for each thread of numpy beside the first, measured
LATENTS: Final = {"z": 4, "y": 2}  # bytes for each value: int32, int16
CODED: Final = 7  # bytes for each symbol of a pass: index, mean, value
CODING: Final = 6 << 20  # bytes of the symbols that are coded at a time
INDEX: Final = 40  # bytes for each site: the row and column indices of both passes, and what they are made from

Shape = tuple[int, int, int]  # channels, rows, columns


@dataclass
class _Meter:
    """Bytes in use, now and at the peak."""

    live: int = 0
    peak: int = 0

    def hold(self, size: int) -> int:
        """Count bytes that stay in use; return them, for `free`."""
        self.live += size
        self.peak = max(self.peak, self.live)
        return size

    def free(self, size: int) -> None:
        self.live -= size

    def pass_by(self, size: int) -> None:
        """Count bytes that are in use temporarily."""
        self.peak = max(self.peak, self.live + size)


def context_bytes(model: SymbolModel, shape: tuple[int, int], backend: str = "numpy") -> int:
    """Return the bytes that decoding latents of shape [m, h, w] takes, without the model and the libraries."""
    h, w = shape
    sites, half, meter = h * w, -(-h * w // 2), _Meter()
    grid = NUMBER if backend == "torch" else NARROW
    run = _torch_run if backend == "torch" else _numpy_run
    z = (model.hyper, h // 4, w // 4)
    meter.hold(INDEX * sites + latents_bytes(model, shape) + NUMBER * _weights(model, backend, shape))
    before = meter.hold(NUMBER * _count(z))
    hyper = run(meter, model.hyper_net, z)
    meter.free(before)
    for k, channels in enumerate(model.groups):
        context = 0
        if k:
            groups = [model.groups[j] for j in model.context_groups(k)]
            joined = meter.hold(grid * sum(groups) * sites) if len(groups) > 1 else 0
            context = run(meter, model.channel_nets[k], (sum(groups), h, w))
            meter.free(joined)
        meter.hold(grid * channels * sites)
        _passes(meter, model, k, shape, backend)
        meter.pass_by(CODED * channels * half + min(CODING, 24 * channels * half))
        meter.free(context)
    meter.free(hyper)
    factor, constant = OVERHEAD[backend]
    if backend == "numpy":
        constant += THREAD * (threads_for(half) - 1)
    return int(factor * meter.peak) + constant


def latents_bytes(model: SymbolModel, shape: tuple[int, int]) -> int:
    """Return the bytes of the latents of shape [m, h, w] and of their z."""
    h, w = shape
    return LATENTS["y"] * model.m * h * w + LATENTS["z"] * model.hyper * (h // 4) * (w // 4)


def _count(shape: Shape) -> int:
    return shape[0] * shape[1] * shape[2]


def _weights(model: SymbolModel, backend: str, shape: tuple[int, int]) -> int:
    """Return the number of floats that a backend keeps of the weights."""
    nets = (*model.channel_nets, *model.spatial_nets, *model.heads, *(model.anchor_heads or ()))
    convolutions = [(layer, shape) for net in nets for layer in net if isinstance(layer, Conv)]
    size = shape[0] // 4, shape[1] // 4
    for layer in model.hyper_net:
        if isinstance(layer, Conv):
            convolutions.append((layer, size))
            size = layer.output_size(*size)
    if backend == "torch":
        return sum(conv.w.size for conv, _ in convolutions)
    return sum(weights_kept(conv, *size) for conv, size in convolutions)


def _passes(meter: _Meter, model: SymbolModel, k: int, shape: tuple[int, int], backend: str) -> None:
    """Walk through the spatial net and the heads of a group, which mostly run on parts of the sites."""
    channels, net, whole = model.groups[k], model.spatial_nets[k], 0
    run = _torch_run if backend == "torch" else _numpy_run
    if not (is_one_convolution(net) and is_pointwise(model.heads[k])):
        whole += run(meter, net, (channels, *shape))
    for head in (model.heads[k], *((model.anchor_heads[k],) if model.anchor_heads is not None else ())):
        conv = next((layer for layer in head if isinstance(layer, Conv)), None)
        inputs = conv.inputs if conv is not None else 2 * channels
        if not is_pointwise(head):
            meter.free(run(meter, head, (inputs, *shape)))
        widest = inputs + max([layer.outputs for layer in head if isinstance(layer, Conv)], default=inputs)
        meter.pass_by(NUMBER * max(widest * max(HEAD_SITES, shape[1]), _beside_anchors(net, channels, shape[1])))
    meter.free(whole)


def _beside_anchors(net: Net, channels: int, w: int) -> int:
    """Return the numbers in use while the spatial net of a group runs on a band of sites."""
    n = net[0].kernel if isinstance(net[0], Conv) else 1
    rows = max(2, 2 * HEAD_SITES // w) + n - 1
    return (
        channels * rows * (w + n + 1) + (n + 1) // 2 * channels * rows * w // 2 + 2 * width(net, channels) * HEAD_SITES
    )


def _numpy_run(meter: _Meter, net: Net, shape: Shape) -> int:
    """Walk through a net, whose input the caller has counted; return the bytes of its output, which is counted."""
    sources = {layer.source for layer in net if isinstance(layer, Add)}
    kept, held = 0, 0
    for stage in stages(net):
        output = shape if stage.conv is None else (stage.conv.outputs, *stage.conv.output_size(*shape[1:]))
        size = meter.hold((NARROW if stage.narrow else NUMBER) * _count(output))
        meter.pass_by(NUMBER * (BAND if stage.conv is None else _convolution(stage.conv, shape)))
        if stage.last in sources:
            kept, held = kept + held, size  # to the end of the net, at most
        else:
            meter.free(held)
            held = size
        shape = output
    meter.free(kept)
    return held


def _convolution(conv: Conv, shape: Shape) -> int:
    """Return the numbers in use while a band of a convolution is computed in numpy."""
    channels, h, w = shape
    copies = 1
    if is_filtered(conv, h, w):
        columns = across = (min(conv.kernel, max(POINTS)) + OUTPUTS - 1) * w // OUTPUTS
        copies = 2  # before and after the products with the matrix of inputs
    elif conv.transposed:
        across, columns = w, (conv.kernel // conv.stride + 1) * w
    else:
        across, columns = w // conv.stride, conv.kernel * w // conv.stride
    rows = min(h, max(ROWS, BAND // (channels * columns)))
    return copies * channels * columns * (rows + conv.kernel - 1) + 2 * conv.outputs * rows * across


def _torch_run(meter: _Meter, net: Net, shape: Shape) -> int:
    """Walk through a net as `_numpy_run` does: layer by layer, on the entire grid in float64."""
    sources = {layer.source for layer in net if isinstance(layer, Add)}
    kept, held = 0, 0
    for i, layer in enumerate(net):
        output, beside = shape, 0
        if isinstance(layer, Conv):
            output = (layer.outputs, *layer.output_size(*shape[1:]))
            if layer.kernel > 1 or layer.stride > 1:
                columns = (
                    layer.outputs * _count(shape) // shape[0]
                    if layer.transposed
                    else shape[0] * _count(output) // output[0]
                )
                beside = layer.kernel**2 * columns
        size = meter.hold(NUMBER * _count(output))
        meter.pass_by(NUMBER * beside)
        if i in sources:
            kept, held = kept + held, size
        else:
            meter.free(held)
            held = size
        shape = output
    meter.free(kept)
    return held
