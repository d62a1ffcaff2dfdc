# SPDX-License-Identifier: MIT
"""SPEC §11 in torch on the CPU, float64: the same integers as numpy, faster.

float64 convolutions never take Winograd or FFT kernels, and every sum stays below 2^53, so threads, oneDNN and the
memory layout cannot change a value. float32 is not exact, and is for measuring the cost of exactness.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from refcodec.networks.layers import Conv, Net, Requant, Taps, run_net
from refcodec.networks.torch_guard import neutral

Sites = tuple[NDArray[np.intp], NDArray[np.intp]]
_CHUNK = 1 << 22  # values of one gathered patch matrix


class TorchBackend:
    """Run nets on tensors [C, h, w] and on values at sites [C, n]."""

    name = "torch"

    def __init__(
        self, dtype: torch.dtype = torch.float64, channels_last: bool = False, tick: Callable[[], None] | None = None
    ) -> None:
        self.dtype, self.channels_last, self.tick = dtype, channels_last, tick or (lambda: None)
        self._cache: dict[tuple[int, object], tuple[Any, Tensor]] = {}

    def computing(self, work: int) -> AbstractContextManager[None]:
        """Return the block in which nets run: without the modes of the program, with threads for the work."""
        return neutral(work)

    def _cached(self, owner: Any, key: object, make: Callable[[], NDArray[Any]]) -> Tensor:
        """Return a tensor derived from `owner`, computed once. The cache keeps `owner` alive, as its id is the key."""
        if (id(owner), key) not in self._cache:
            self._cache[id(owner), key] = (owner, self.array(make()))
        return self._cache[id(owner), key][1]

    def array(self, values: Any) -> Tensor:
        return torch.tensor(np.ascontiguousarray(values), dtype=self.dtype, device="cpu")

    def to_int(self, values: Tensor) -> NDArray[np.int64]:
        out: NDArray[np.int64] = values.contiguous().to(torch.int64).numpy()
        return out

    def requant(self, x: Tensor, q: Requant, rate: int, part: slice = slice(None)) -> Tensor:
        """Apply q to x[C, ...], with the channels `part` of its tensors."""
        self.tick()
        shape = (-1,) + (1,) * (x.ndim - 1)
        m, a, scale = (self.array(t if len(t) == 1 else t[part]).view(shape) for t in q.row(rate))
        return (x * m).add_(a).mul_(scale).floor_().clamp_(q.lo, q.hi)

    def ladder(self, x: Tensor, thresholds: NDArray[np.int32]) -> Tensor:
        """Return the number of thresholds below each value."""
        return torch.searchsorted(self.array(thresholds), x.contiguous()).to(self.dtype)

    def concat(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts)

    def zeros(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=self.dtype, device="cpu")

    @staticmethod
    def _at(sites: Sites) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(sites[0]), torch.from_numpy(sites[1])

    def gather(self, x: Tensor, sites: Sites) -> Tensor:
        rows, cols = self._at(sites)
        return x.reshape(x.shape[0], -1)[:, rows * x.shape[2] + cols]

    def put(self, x: Tensor, sites: Sites, values: Tensor) -> None:
        rows, cols = self._at(sites)
        x[:, rows, cols] = values

    def _matrix(self, conv: Conv, taps: Taps) -> Tensor:
        return self._cached(conv, taps, lambda: conv.matrix(taps))

    def _bias(self, conv: Conv) -> Tensor:
        return self._cached(conv, "bias", lambda: conv.b)

    def at_sites(self, x: Tensor, conv: Conv, sites: Sites, taps: Taps) -> Tensor:
        """Return a convolution of stride 1 over some of its taps at sites, [O, n]."""
        channels, _, w = x.shape
        p = (conv.kernel - 1) // 2
        flat = F.pad(x, (p, p, p, p)).reshape(channels, -1)
        rows, cols = self._at(sites)
        base = rows * (w + 2 * p) + cols
        weights, bias = self._matrix(conv, taps), self._bias(conv)[:, None]
        step = max(1, _CHUNK // (channels * len(taps)))
        return torch.cat(
            [
                weights @ torch.cat([flat[:, at + (u * (w + 2 * p) + v)] for u, v in taps]) + bias
                for at in torch.split(base, step)
            ],
            1,
        )

    def conv(self, x: Tensor, conv: Conv) -> Tensor:
        """Return the output of a conv or deconv layer on x[I, h, w]."""
        self.tick()
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        w = self._cached(conv, "weights", lambda: conv.w).contiguous(memory_format=layout)
        p, s, batch = (conv.kernel - 1) // 2, conv.stride, x[None].contiguous(memory_format=layout)
        if conv.transposed:  # output_padding: torch would return (h - 1) s + 1 rows, SPEC §11 has s h
            y = F.conv_transpose2d(batch, w, self._bias(conv), stride=s, padding=p, output_padding=s - 1)
        else:
            y = F.conv2d(batch, w, self._bias(conv), stride=s, padding=p)
        return y[0].round_()

    def run(self, net: Net, x: Tensor, rate: int, trace: Any = None) -> Tensor:
        """Return the output of a net on x[C, h, w]."""
        y: Tensor = run_net(net, x, self.conv, lambda v, q: self.requant(v, q, rate), trace)
        return y

    def run_pointwise(self, net: Net, x: Tensor, rate: int) -> Tensor:
        """Return the output of a net of 1x1 convolutions of stride 1 on values at sites x[C, n]."""

        def conv(v: Tensor, c: Conv) -> Tensor:
            return torch.addmm(self._bias(c)[:, None], self._matrix(c, ((0, 0),)), v)

        y: Tensor = run_net(net, x, conv, lambda v, q: self.requant(v, q, rate))
        return y
