# SPDX-License-Identifier: MIT
"""SPEC §11 in numpy: integers held in binary64, every sum exact because the bounds of `layers` keep it below 2^53.

Arrays are float64[C, h, w]; sites are pairs of row and column indices, and values at sites float64[C, n].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.models.layers import Add, Conv, Net, Relu, Requant

Array = NDArray[Any]
Sites = tuple[NDArray[np.intp], NDArray[np.intp]]
_CHUNK = 1 << 22  # values of one gathered patch matrix: 32 MB


class NumpyBackend:
    """Runs nets in one float dtype. Only float64 is exact; float32 exists to measure what exactness costs."""

    name = "numpy"

    def __init__(self, dtype: type[np.floating[Any]] = np.float64) -> None:
        self.dtype = dtype
        self._weights: dict[tuple[int, tuple[tuple[int, int], ...]], tuple[Conv, Array]] = {}

    def array(self, values: Array) -> Array:
        return np.ascontiguousarray(values, dtype=self.dtype)

    def to_int(self, values: Array) -> NDArray[np.int32]:
        return np.asarray(values).astype(np.int32)

    def requant(self, x: Array, q: Requant, rate: int, part: slice = slice(None)) -> Array:
        """q on x[C, ...] with the channels `part` of its tensors."""
        m, a, scale = (t if len(t) == 1 else t[part] for t in q.row(rate))
        shape = (-1,) + (1,) * (x.ndim - 1)
        y = x * m.reshape(shape).astype(self.dtype)
        y += a.reshape(shape).astype(self.dtype)
        y *= scale.reshape(shape).astype(self.dtype)
        np.floor(y, out=y)
        np.clip(y, q.lo, q.hi, out=y)
        return y

    def ladder(self, x: Array, thresholds: NDArray[np.int32]) -> Array:
        """The number of thresholds below each value."""
        return np.searchsorted(thresholds, x, side="left").astype(self.dtype)

    def concat(self, parts: list[Array]) -> Array:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def zeros(self, *shape: int) -> Array:
        return np.zeros(shape, dtype=self.dtype)

    def gather(self, x: Array, sites: Sites) -> Array:
        return np.ascontiguousarray(x[:, sites[0], sites[1]])

    def put(self, x: Array, sites: Sites, values: Array) -> None:
        x[:, sites[0], sites[1]] = values

    def taps(self, conv: Conv, taps: tuple[tuple[int, int], ...]) -> Array:
        """Weights float[O, taps * I] of the kernel positions `taps`, prepared once."""
        key = (id(conv), taps)
        if key not in self._weights:
            w = conv.w.transpose(1, 0, 2, 3) if conv.transposed else conv.w
            picked = np.stack([w[:, :, u, v] for u, v in taps], axis=1)
            self._weights[key] = (conv, np.ascontiguousarray(picked.reshape(conv.outputs, -1), dtype=self.dtype))
        return self._weights[key][1]

    def at_sites(self, x: Array, conv: Conv, sites: Sites, taps: tuple[tuple[int, int], ...], shift: int) -> Array:
        """sum over taps of w[:, :, u, v] x[:, r + u - shift, c + v - shift] plus bias, at (strided) sites."""
        channels, h, w = x.shape
        weights, bias = self.taps(conv, taps), conv.b.astype(self.dtype)[:, None]
        rows, cols = sites[0] * (1 if conv.transposed else conv.stride), sites[1] * (1 if conv.transposed else conv.stride)
        if len(taps) == 1 and taps[0] == (shift, shift):
            flat = x[:, rows, cols] if len(rows) != h * w else x.reshape(channels, -1)
            return weights @ flat + bias
        n = conv.kernel
        padded = np.pad(x, ((0, 0), (n, n), (n, n))).reshape(channels, -1)
        width = w + 2 * n
        base = (rows + n - shift) * width + (cols + n - shift)
        offsets = [u * width + v for u, v in taps]
        out = np.empty((conv.outputs, len(rows)), dtype=self.dtype)
        step = max(1, _CHUNK // (channels * len(taps)))
        for start in range(0, len(rows), step):
            at = base[start : start + step]
            patches = np.concatenate([padded[:, at + o] for o in offsets])
            out[:, start : start + step] = weights @ patches + bias
        return out

    def conv(self, x: Array, conv: Conv) -> Array:
        _, h, w = x.shape
        n, s = conv.kernel, conv.stride
        p = (n - 1) // 2
        if not conv.transposed:
            oh, ow = -(-h // s), -(-w // s)
            taps = tuple((u, v) for u in range(n) for v in range(n))
            return self.at_sites(x, conv, _all_sites(oh, ow), taps, p).reshape(-1, oh, ow)
        # Each of the s x s output phases is a convolution of x with the taps of that phase, read backwards.
        out = np.empty((conv.outputs, h, s, w, s), dtype=self.dtype)
        for a in range(s):
            for b in range(s):
                out[:, :, a, :, b] = self._phase(x, conv, a, b, p).reshape(-1, h, w)
        return out.reshape(-1, h * s, w * s)

    def _phase(self, x: Array, conv: Conv, a: int, b: int, p: int) -> Array:
        channels, h, w = x.shape
        n, s = conv.kernel, conv.stride
        taps = tuple((u, v) for u in range(n) if (a + p - u) % s == 0 for v in range(n) if (b + p - v) % s == 0)
        if not taps:
            return np.repeat(conv.b.astype(self.dtype)[:, None], h * w, axis=1)
        padded = np.pad(x, ((0, 0), (n, n), (n, n)))
        weights, bias = self.taps(conv, taps), conv.b.astype(self.dtype)[:, None]
        out = np.empty((conv.outputs, h, w), dtype=self.dtype)
        step = max(1, _CHUNK // (channels * len(taps) * w))
        for r in range(0, h, step):
            k = min(step, h - r)
            parts = []
            for u, v in taps:
                dr, dc = n + r + (a + p - u) // s, n + (b + p - v) // s
                parts.append(padded[:, dr : dr + k, dc : dc + w].reshape(channels, -1))
            out[:, r : r + k] = (weights @ np.concatenate(parts) + bias).reshape(-1, k, w)
        return out

    def run(self, net: Net, x: Array, rate: int, trace: Any = None) -> Array:
        """The whole net on x[C, h, w]."""
        outputs: list[Array] = []
        for i, layer in enumerate(net):
            if isinstance(layer, Conv):
                x = self.conv(x, layer)
            elif isinstance(layer, Requant):
                x = self.requant(x, layer, rate)
            elif isinstance(layer, Relu):
                x = np.maximum(x, 0)
            elif isinstance(layer, Add):
                x = x + outputs[layer.source]
            outputs.append(x)
            if trace is not None:
                trace(i, x)
        return x

    def run_pointwise(self, net: Net, x: Array, rate: int) -> Array:
        """A net of 1x1 convolutions on values at sites, x[C, n]."""
        outputs: list[Array] = []
        for layer in net:
            if isinstance(layer, Conv):
                x = self.taps(layer, ((0, 0),)) @ x + layer.b.astype(self.dtype)[:, None]
            elif isinstance(layer, Requant):
                x = self.requant(x, layer, rate)
            elif isinstance(layer, Relu):
                x = np.maximum(x, 0)
            elif isinstance(layer, Add):
                x = x + outputs[layer.source]
            outputs.append(x)
        return x


def _all_sites(h: int, w: int) -> Sites:
    rows, cols = np.divmod(np.arange(h * w), w)
    return rows, cols
