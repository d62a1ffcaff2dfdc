# SPDX-License-Identifier: MIT
"""SPEC §11 in numpy: integers in binary64. All sums are exact, since the bounds of `layers` keep them below 2^53.

Arrays are float64[C, h, w]; sites are pairs of row and column indices, and values at sites float64[C, n].
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.blas import threads_for
from refcodec.networks.layers import Conv, Net, Requant, Taps, run_net

Array = NDArray[Any]
Sites = tuple[NDArray[np.intp], NDArray[np.intp]]
_CHUNK = 1 << 22  # values of one gathered patch matrix: 32 MB


class NumpyBackend:
    """Run nets in one float dtype. Only float64 is exact; float32 is for measuring the cost of exactness."""

    name = "numpy"

    def __init__(self, dtype: type[np.floating[Any]] = np.float64, tick: Callable[[], None] | None = None) -> None:
        self.dtype, self.tick = dtype, tick or (lambda: None)
        self._weights: dict[tuple[int, Taps], tuple[Conv, Array]] = {}

    def computing(self, work: int) -> AbstractContextManager[Any]:
        """Return the block in which nets run, whatever the program has numpy do about errors of floating point.

        It has threads for `work` multiplications.
        """
        stack = ExitStack()
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(threads_for(work))
        return stack

    def array(self, values: Array) -> Array:
        return np.ascontiguousarray(values, dtype=self.dtype)

    def to_int(self, values: Array) -> NDArray[np.int64]:
        return np.asarray(values).astype(np.int64)

    def requant(self, x: Array, q: Requant, rate: int, part: slice = slice(None)) -> Array:
        """Apply q to x[C, ...], with the channels `part` of its tensors."""
        self.tick()
        m, a, scale = (t if len(t) == 1 else t[part] for t in q.row(rate))
        shape = (-1,) + (1,) * (x.ndim - 1)
        y = x * m.reshape(shape).astype(self.dtype)
        y += a.reshape(shape).astype(self.dtype)
        y *= scale.reshape(shape).astype(self.dtype)
        np.floor(y, out=y)
        np.clip(y, q.lo, q.hi, out=y)
        return y

    def ladder(self, x: Array, thresholds: NDArray[np.int32]) -> Array:
        """Return the number of thresholds below each value."""
        return np.searchsorted(thresholds, x, side="left").astype(self.dtype)

    def concat(self, parts: list[Array]) -> Array:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def zeros(self, *shape: int) -> Array:
        return np.zeros(shape, dtype=self.dtype)

    def gather(self, x: Array, sites: Sites) -> Array:
        return np.ascontiguousarray(x[:, sites[0], sites[1]])

    def put(self, x: Array, sites: Sites, values: Array) -> None:
        x[:, sites[0], sites[1]] = values

    def _matrix(self, conv: Conv, taps: Taps) -> Array:
        """Return `conv.matrix(taps)` as floats, computed once. The cache keeps `conv` alive, as its id is the key."""
        key = (id(conv), taps)
        if key not in self._weights:
            self._weights[key] = (conv, np.ascontiguousarray(conv.matrix(taps), dtype=self.dtype))
        return self._weights[key][1]

    def _bias(self, conv: Conv) -> Array:
        return conv.b.astype(self.dtype)[:, None]

    def at_sites(self, x: Array, conv: Conv, sites: Sites, taps: Taps) -> Array:
        """Return a convolution of stride 1 over some of its taps at sites, float[O, n]."""
        channels, _, w = x.shape
        p = (conv.kernel - 1) // 2
        padded = np.pad(x, ((0, 0), (p, p), (p, p))).reshape(channels, -1)
        base = sites[0] * (w + 2 * p) + sites[1]
        offsets = [u * (w + 2 * p) + v for u, v in taps]
        out = np.empty((conv.outputs, len(base)), dtype=self.dtype)
        step = max(1, _CHUNK // (channels * len(taps)))
        for start in range(0, len(base), step):
            self.tick()
            at = base[start : start + step]
            patches = np.empty((len(offsets), channels, len(at)), dtype=self.dtype)
            for patch, o in zip(patches, offsets, strict=True):
                patch[:] = padded[:, at + o]
            out[:, start : start + step] = self._matrix(conv, taps) @ patches.reshape(-1, len(at))
            del patches, patch  # before the next one is allocated
        out += self._bias(conv)
        return out

    def conv(self, x: Array, conv: Conv) -> Array:
        """Return the output of a conv or deconv layer on x[I, h, w]."""
        _, h, w = x.shape
        n, s = conv.kernel, conv.stride
        p = (n - 1) // 2
        if not conv.transposed:
            every = {(u, v): (u - p, v - p) for u in range(n) for v in range(n)}
            return self._on_grid(x, conv, every, -(-h // s), -(-w // s), s)
        # Output (s r + i, s c + j) reads x[r + (i + p - u) / s, c + (j + p - v) / s]: each of the s x s phases (i, j) is
        # a convolution with those taps (u, v) for which these are integers.
        out = np.empty((conv.outputs, h, s, w, s), dtype=self.dtype)
        for i in range(s):
            rows = {u: (i + p - u) // s for u in range(n) if (i + p - u) % s == 0}
            for j in range(s):
                cols = {v: (j + p - v) // s for v in range(n) if (j + p - v) % s == 0}
                phase = {(u, v): (rows[u], cols[v]) for u in rows for v in cols}
                out[:, :, i, :, j] = self._on_grid(x, conv, phase, h, w, 1)
        return out.reshape(-1, h * s, w * s)

    def _on_grid(
        self, x: Array, conv: Conv, reads: dict[tuple[int, int], tuple[int, int]], h: int, w: int, stride: int
    ) -> Array:
        """Return bias + sum over taps of w[tap] x[stride r + dr, stride c + dc] for r < h, c < w.

        reads: tap -> (dr, dc).
        """
        channels, p = x.shape[0], (conv.kernel - 1) // 2
        out = np.empty((conv.outputs, h, w), dtype=self.dtype)
        out[:] = self._bias(conv)[:, :, None]
        if not reads:
            return out
        padded = np.pad(x, ((0, 0), (p, p), (p, p)))
        weights = self._matrix(conv, tuple(reads))
        step = max(1, _CHUNK // (channels * len(reads) * w))
        for top in range(0, h, step):
            self.tick()
            k = min(step, h - top)
            patches = np.empty((len(reads), channels, k, w), dtype=self.dtype)
            for patch, (dr, dc) in zip(patches, reads.values(), strict=True):
                r, c = p + stride * top + dr, p + dc
                patch[:] = padded[:, r : r + stride * k : stride, c : c + stride * w : stride]
            out[:, top : top + k] += (weights @ patches.reshape(-1, k * w)).reshape(-1, k, w)
            del patches, patch  # before the next one is allocated
        return out

    def run(self, net: Net, x: Array, rate: int, trace: Any = None) -> Array:
        """Return the output of a net on x[C, h, w]."""
        y: Array = run_net(net, x, self.conv, lambda v, q: self.requant(v, q, rate), trace)
        return y

    def run_pointwise(self, net: Net, x: Array, rate: int) -> Array:
        """Return the output of a net of 1x1 convolutions of stride 1 on values at sites x[C, n]."""

        def conv(v: Array, c: Conv) -> Array:
            return self._matrix(c, ((0, 0),)) @ v + self._bias(c)

        y: Array = run_net(net, x, conv, lambda v, q: self.requant(v, q, rate))
        return y
