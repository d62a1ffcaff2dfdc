# SPDX-License-Identifier: MIT
"""SPEC §11: layers of integer networks, and the bounds under which every machine computes the same integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.errors import Code, SemError
from refcodec.networks.tensor_facts import TensorFacts

Taps = tuple[tuple[int, int], ...]  # positions (u, v) within a kernel

ACTIVATION = 2**15  # largest magnitude that may enter a convolution
ACCUMULATOR = 2**37  # |b| + X sum|w| of each output channel
PRODUCT = 2**53  # X m + |a| of a requantisation stays below: exact in binary64 too


@dataclass(frozen=True, eq=False)
class Conv:
    """A convolution: w int16[O, I, n, n] (transposed: [I, O, n, n]), b int64[O], zero padding (n - 1) / 2."""

    w: NDArray[np.int16]
    b: NDArray[np.int64]
    stride: int = 1
    transposed: bool = False

    @property
    def inputs(self) -> int:
        return int(self.w.shape[0 if self.transposed else 1])

    @property
    def outputs(self) -> int:
        return int(self.w.shape[1 if self.transposed else 0])

    @property
    def kernel(self) -> int:
        return int(self.w.shape[2])

    def output_size(self, h: int, w: int) -> tuple[int, int]:
        """Return the rows and columns of the output on an input of h rows and w columns."""
        s = self.stride
        return (h * s, w * s) if self.transposed else (-(-h // s), -(-w // s))

    def matrix(self, taps: Taps) -> NDArray[np.int16]:
        """Return the weights at these kernel positions side by side, int16[O, taps * I]."""
        w = self.w.transpose(1, 0, 2, 3) if self.transposed else self.w
        return np.concatenate([w[:, :, u, v] for u, v in taps], axis=1)


@dataclass(frozen=True, eq=False)
class Requant:
    """A requantisation, clamp(floor((x m + a) / 2^s), lo, hi): m int16, s uint8, a int64, each [1 or R, 1 or C]."""

    m: NDArray[np.int16]
    s: NDArray[np.uint8]
    a: NDArray[np.int64]
    lo: int
    hi: int

    def row(self, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return (m, a, 2^-s) of one rate, each float64[1 or C]."""
        m, s, a = (t[rate if t.shape[0] > 1 else 0] for t in (self.m, self.s, self.a))
        return m.astype(np.float64), a.astype(np.float64), np.ldexp(1.0, -s.astype(np.int32))


@dataclass(frozen=True)
class Relu:
    """max(x, 0)."""


@dataclass(frozen=True)
class Add:
    """A residual connection: add the output of layer `source` of the same net."""

    source: int


Layer = Conv | Requant | Relu | Add
Net = tuple[Layer, ...]
Ladder = NDArray[np.int32]  # 63 ascending thresholds, which turn scales into table indices


def run_net(
    net: Net, x: Any, conv: Callable[[Any, Conv], Any], requant: Callable[[Any, Requant], Any], trace: Any = None
) -> Any:
    """Run a net layer by layer, on arrays of any backend. `trace`: called with each layer's index and output."""
    sources = {layer.source for layer in net if isinstance(layer, Add)}  # the others need not be kept
    outputs: dict[int, Any] = {}
    for i, layer in enumerate(net):
        if isinstance(layer, Conv):
            x = conv(x, layer)
        elif isinstance(layer, Requant):
            x = requant(x, layer)
        elif isinstance(layer, Relu):
            x = x.clip(0)
        else:
            x = x + outputs[layer.source]
        if i in sources:
            outputs[i] = x
        if trace is not None:
            trace(i, x)
    return x


def width(net: Net, inputs: int) -> int:
    """Return the number of output channels of a net with `inputs` input channels."""
    for layer in net:
        if isinstance(layer, Conv):
            inputs = layer.outputs
    return inputs


def _bounds(what: str, ok: bool, path: str) -> None:
    if not ok:
        raise SemError(Code.MODEL_BOUNDS, what, path=path)


def check_requant(q: Requant, largest: int, path: str, facts: TensorFacts | None = None) -> int:
    """Check SEM-R-102 to 104 for an input of magnitude `largest`, at most 2^38; return the largest output magnitude.

    `facts`: of the tensors of the model, if it has been asked for before. Raises Code.MODEL_BOUNDS (SEM-E-804).
    """
    facts = facts or TensorFacts()
    _bounds("a multiplier is outside 1 to 32767", facts.range(q.m)[0] >= 1, path)
    _bounds("a shift is outside 1 to 52", facts.range(q.s)[0] >= 1 and facts.range(q.s)[1] <= 52, path)
    _bounds("requant bounds are outside int16", -ACTIVATION <= q.lo <= q.hi < ACTIVATION, path)
    addend = max(map(abs, facts.range(q.a)))
    if addend >= PRODUCT or largest * facts.range(q.m)[1] + addend >= PRODUCT:  # else no pair can reach it
        exact = addend < PRODUCT and facts.largest_product(largest, q.m, q.a) < PRODUCT
        _bounds("a requantised product can reach 2^53", exact, path)
    return max(abs(q.lo), abs(q.hi))


def check_net(net: Net, largest: int, path: str, facts: TensorFacts | None = None) -> int:
    """Check SEM-R-100 to 105 for a net whose input has magnitude `largest`; return that of its output.

    `facts`: as for `check_requant`. Raises Code.MODEL_BOUNDS (SEM-E-804).
    """
    facts = facts or TensorFacts()
    seen: list[int] = []
    for i, layer in enumerate(net):
        here = f"{path}[{i}]"
        if isinstance(layer, Conv):
            _bounds("the input of a convolution can leave int16", largest <= ACTIVATION, here)
            total = facts.absolute_sums(layer.w, 1 if layer.transposed else 0)
            bias = max(map(abs, facts.range(layer.b)))  # a larger one would wrap below
            _bounds("an accumulator can leave 2^37", bias <= ACCUMULATOR, here)
            largest = int((np.abs(layer.b) + largest * total).max())
            _bounds("an accumulator can leave 2^37", largest <= ACCUMULATOR, here)
        elif isinstance(layer, Requant):
            largest = check_requant(layer, largest, here, facts)
        elif isinstance(layer, Add):
            largest += seen[layer.source]
            _bounds("a sum can leave 2^38", largest <= 2 * ACCUMULATOR, here)
        seen.append(largest)
    return largest
