# SPDX-License-Identifier: MIT
"""SPEC §11 in torch on the CPU, float64: the faster path where torch is installed; the same integers as numpy.

float64 convolutions never take Winograd or FFT kernels, and every sum stays below 2^53, so threads, oneDNN and the
memory layout cannot change a value. float32 exists to measure what exactness costs, and is not exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from refcodec.models.layers import Add, Conv, Net, Relu, Requant

Sites = tuple[NDArray[np.intp], NDArray[np.intp]]
_CHUNK = 1 << 22  # values of one gathered patch matrix


class TorchBackend:
    name = "torch"

    def __init__(self, dtype: torch.dtype = torch.float64, channels_last: bool = False) -> None:
        self.dtype, self.channels_last = dtype, channels_last
        self._cache: dict[Any, tuple[Any, Tensor]] = {}

    def _kept(self, owner: Any, key: object, make: Any) -> Tensor:
        """A tensor derived from `owner` (kept alive with it), made once."""
        if (id(owner), key) not in self._cache:
            self._cache[id(owner), key] = (owner, make())
        return self._cache[id(owner), key][1]

    def array(self, values: Any) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values)).to(self.dtype)

    def to_int(self, values: Tensor) -> NDArray[np.int32]:
        out: NDArray[np.int32] = values.contiguous().to(torch.int32).numpy()
        return out

    def requant(self, x: Tensor, q: Requant, rate: int, part: slice = slice(None)) -> Tensor:
        shape = (-1,) + (1,) * (x.ndim - 1)
        m, a, scale = (
            torch.from_numpy(np.ascontiguousarray(t if len(t) == 1 else t[part])).to(self.dtype).view(shape)
            for t in q.row(rate)
        )
        return (x * m).add_(a).mul_(scale).floor_().clamp_(q.lo, q.hi)

    def ladder(self, x: Tensor, thresholds: NDArray[np.int32]) -> Tensor:
        return torch.searchsorted(torch.from_numpy(thresholds).to(self.dtype), x.contiguous()).to(self.dtype)

    def concat(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts)

    def zeros(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=self.dtype)

    @staticmethod
    def _at(sites: Sites) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(sites[0]), torch.from_numpy(sites[1])

    def gather(self, x: Tensor, sites: Sites) -> Tensor:
        rows, cols = self._at(sites)
        return x.reshape(x.shape[0], -1)[:, rows * x.shape[2] + cols]

    def put(self, x: Tensor, sites: Sites, values: Tensor) -> None:
        rows, cols = self._at(sites)
        x[:, rows, cols] = values

    def _bias(self, conv: Conv) -> Tensor:
        return self._kept(conv, "bias", lambda: torch.from_numpy(conv.b).to(self.dtype))

    def at_sites(self, x: Tensor, conv: Conv, sites: Sites, taps: tuple[tuple[int, int], ...], shift: int) -> Tensor:
        def weights() -> Tensor:
            picked = np.stack([conv.w[:, :, u, v] for u, v in taps], axis=1)
            return torch.from_numpy(picked.reshape(conv.outputs, -1)).to(self.dtype)

        channels, n = x.shape[0], conv.kernel
        padded = F.pad(x, (n, n, n, n))
        width = padded.shape[2]
        flat = padded.reshape(channels, -1)
        rows, cols = self._at(sites)
        base = (rows * conv.stride + n - shift) * width + (cols * conv.stride + n - shift)
        kept, bias, out = self._kept(conv, taps, weights), self._bias(conv)[:, None], []
        step = max(1, _CHUNK // (channels * len(taps)))
        for at in base.split(step):
            out.append(kept @ torch.cat([flat[:, at + (u * width + v)] for u, v in taps]) + bias)
        return torch.cat(out, 1)

    def conv(self, x: Tensor, conv: Conv) -> Tensor:
        layout = torch.channels_last if self.channels_last else torch.contiguous_format

        def weights() -> Tensor:
            return torch.from_numpy(conv.w).to(self.dtype).contiguous(memory_format=layout)

        w, p, s = self._kept(conv, "weights", weights), (conv.kernel - 1) // 2, conv.stride
        batch = x[None].contiguous(memory_format=layout)
        if conv.transposed:
            # s h rows: cropped or extended by one stride less the kernel's overhang, as SPEC §11 counts them
            extra = s - 1 - (conv.kernel - 1 - 2 * p)
            y = F.conv_transpose2d(batch, w, self._bias(conv), stride=s, padding=p, output_padding=extra)
        else:
            y = F.conv2d(batch, w, self._bias(conv), stride=s, padding=p)
        return y[0].round_()

    def _layer(self, layer: Any, x: Tensor, rate: int, outputs: list[Tensor]) -> Tensor:
        if isinstance(layer, Requant):
            return self.requant(x, layer, rate)
        if isinstance(layer, Relu):
            return x.clamp(min=0)
        assert isinstance(layer, Add)
        return x + outputs[layer.source]

    def run(self, net: Net, x: Tensor, rate: int, trace: Any = None) -> Tensor:
        outputs: list[Tensor] = []
        for i, layer in enumerate(net):
            x = self.conv(x, layer) if isinstance(layer, Conv) else self._layer(layer, x, rate, outputs)
            outputs.append(x)
            if trace is not None:
                trace(i, x)
        return x

    def run_pointwise(self, net: Net, x: Tensor, rate: int) -> Tensor:
        outputs: list[Tensor] = []
        for layer in net:
            if isinstance(layer, Conv):
                w = self._kept(layer, "matrix", lambda c=layer: torch.from_numpy(c.w[:, :, 0, 0].copy()).to(self.dtype))  # type: ignore[misc]
                x = torch.addmm(self._bias(layer)[:, None], w, x)
            else:
                x = self._layer(layer, x, rate, outputs)
            outputs.append(x)
        return x
