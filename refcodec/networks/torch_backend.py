# SPDX-License-Identifier: MIT
"""SPEC §11 in torch on the CPU, float64: the same integers as numpy, by other means, to compare with.

float64 convolutions never take Winograd or FFT kernels, and every sum stays below 2^53, so threads, oneDNN and the
memory layout cannot change a value. float32 is not exact, and is for measuring the cost of exactness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from refcodec.networks.checkerboard import Squares
from refcodec.networks.layers import Conv, Net, Requant, Taps, run_net
from refcodec.networks.torch_guard import neutral


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

    def for_each(self, function: Callable[[Any], object], parts: Iterable[Any], sites: int) -> None:
        """Call a function for parts of a grid, one by one: torch has threads of its own."""
        for part in parts:
            function(part)

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

    def to_numpy(self, values: Tensor) -> NDArray[Any]:
        """Return values as an array of numpy, of the dtype of the backend."""
        out: NDArray[Any] = values.numpy()
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

    def grid(self, channels: int, shape: tuple[int, int]) -> Tensor:
        """Return a grid of zeros."""
        return torch.zeros((channels, *shape), dtype=self.dtype, device="cpu")

    def joined(self, values: Tensor | None, grids: list[Tensor], squares: Squares) -> Tensor:
        """Return values at the sites, and then those of the grids there, [C, n]."""
        return torch.cat([*([] if values is None else [values]), *(self._read(x, squares) for x in grids)])

    def _read(self, x: Tensor, squares: Squares) -> Tensor:
        values = torch.empty((x.shape[0], squares.count), dtype=self.dtype, device="cpu")
        squares.read(x, values)
        return values

    def write(self, x: Tensor, squares: Squares, values: Tensor) -> None:
        """Store values at sites of a grid."""
        squares.write(x, values)

    def _matrix(self, conv: Conv, taps: Taps) -> Tensor:
        return self._cached(conv, taps, lambda: conv.matrix(taps))

    def _bias(self, conv: Conv) -> Tensor:
        return self._cached(conv, "bias", lambda: conv.b)

    def beside_anchors(self, net: Net, x: Tensor, squares: Squares, rate: int) -> Tensor:
        """Return the output of a net at squares, [O, n]: a convolution of a grid that is 0 there, and further layers.

        Only taps an odd number of steps away are used.
        """
        conv = net[0]
        assert isinstance(conv, Conv)
        n, w = conv.kernel, x.shape[2]
        p = (n - 1) // 2
        around = F.pad(x, (p, p, p, p))[:, squares.top : squares.bottom + 2 * p]
        band = replace(squares, top=0, bottom=squares.bottom - squares.top)
        taps = tuple((u, v) for u in range(n) for v in range(n) if (u + v) % 2)
        patches = torch.cat([self._read(around[:, u : u + band.bottom, v : v + w], band) for u, v in taps])
        return self.run_at_sites(net[1:], self._matrix(conv, taps) @ patches + self._bias(conv)[:, None], rate)

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

    def run_at_sites(self, net: Net, x: Tensor, rate: int, skip: int = 0) -> Tensor:
        """Return the output of a net of 1x1 convolutions of stride 1 on values at sites x[C, n].

        skip: the number of channels in front of x that are all 0, and left out of it; net[0] is then a convolution.
        """

        def conv(v: Tensor, c: Conv) -> Tensor:
            matrix = self._matrix(c, ((0, 0),))
            return torch.addmm(self._bias(c)[:, None], matrix[:, matrix.shape[1] - v.shape[0] :], v)

        y: Tensor = run_net(net, x, conv, lambda v, q: self.requant(v, q, rate))
        return y
