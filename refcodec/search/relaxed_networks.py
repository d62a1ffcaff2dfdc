# SPDX-License-Identifier: MIT
"""The integer networks of SPEC §11 in float32, with gradients: flooring passes its gradient unchanged.

Values differ from the exact ones where float32 rounds, so nothing that is coded comes from these networks.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from refcodec.networks.layers import Conv, Ladder, Net, Requant, run_net

ALL = slice(None)


class _Floor(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return x.floor()

    @staticmethod
    def backward(_ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad


class RelaxedNetworks:
    """Run the nets of a symbol model at one rate, on tensors [C, ...]."""

    def __init__(self, rate: int, device: torch.device) -> None:
        self.rate, self.device = rate, device
        self._convs: dict[int, tuple[Conv, Tensor, Tensor]] = {}  # by id; the layer is kept alive with it
        self._requants: dict[tuple[int, int | None], tuple[Requant, list[Tensor]]] = {}

    def requant(self, x: Tensor, q: Requant, part: slice = ALL) -> Tensor:
        """Apply q to x, with the channels `part` of its tensors."""
        key = (id(q), part.start)
        if key not in self._requants:
            rows = [t if len(t) == 1 else t[part] for t in q.row(self.rate)]
            self._requants[key] = (q, [torch.tensor(t, dtype=torch.float32, device=self.device) for t in rows])
        m, a, scale = (t.view(-1, *[1] * (x.ndim - 1)) for t in self._requants[key][1])
        floored: Tensor = _Floor.apply(x * (m * scale) + a * scale)  # type: ignore[no-untyped-call]
        return floored.clamp(q.lo, q.hi)

    def table_index(self, x: Tensor, q: Requant, ladder: Ladder | None) -> Tensor:
        """Return table indices of the scales x[c, n]. With a ladder they are linear between its thresholds."""
        scale = self.requant(x, q)
        if ladder is None:
            return scale
        t = torch.tensor(ladder, dtype=torch.float32, device=self.device)
        at = torch.searchsorted(t, scale.detach()).clamp(1, len(t) - 1)
        low, high = t[at - 1], t[at]
        return (at - 1 + (scale - low) / (high - low).clamp_min(1)).clamp(0, len(t))

    def run(self, net: Net, x: Tensor) -> Tensor:
        """Return the output of a net on x[C, h, w]."""
        y: Tensor = run_net(net, x[None], self._conv, self._requant_batch)
        return y[0]

    def run_pointwise(self, net: Net, x: Tensor) -> Tensor:
        """Return the output of a net of 1x1 convolutions on values at sites, x[C, n]."""

        def conv(v: Tensor, c: Conv) -> Tensor:
            w, b = self._weights(c)
            return torch.addmm(b[:, None], w[:, :, 0, 0], v)

        y: Tensor = run_net(net, x, conv, self.requant)
        return y

    def _requant_batch(self, x: Tensor, q: Requant) -> Tensor:
        return self.requant(x[0], q)[None]

    def _conv(self, x: Tensor, c: Conv) -> Tensor:
        w, b = self._weights(c)
        padding = (c.kernel - 1) // 2
        if c.transposed:
            return F.conv_transpose2d(x, w, b, c.stride, padding, output_padding=c.stride - 1)
        return F.conv2d(x, w, b, c.stride, padding)

    def _weights(self, c: Conv) -> tuple[Tensor, Tensor]:
        if id(c) not in self._convs:
            tensors = [torch.tensor(t, dtype=torch.float32, device=self.device) for t in (c.w, c.b)]
            self._convs[id(c)] = (c, tensors[0], tensors[1])
        return self._convs[id(c)][1:]
