# SPDX-License-Identifier: MIT
"""SPEC §13: what the entropy graph of kind 7 says about the next pass, given what is decoded so far.

The payload walks symbols and asks here for means and table indices; here the nets run, on any backend that holds
integers exactly. Values at the sites of a pass are int32[c, n]: channel by channel, sites in raster order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.layers import Add, Conv, Net, Requant, Taps, width
from refcodec.networks.symbol_model import SymbolModel

Ints = NDArray[np.int32]
Sites = tuple[NDArray[np.intp], NDArray[np.intp]]
Trace = Callable[[str, Any], None]


class Backend(Protocol):
    """Exact arithmetic on (C, h, w) arrays and on (C, n) values at sites; `refcodec.networks.numpy_backend` is one."""

    name: str

    def array(self, values: Any) -> Any: ...
    def to_int(self, values: Any) -> NDArray[np.int64]: ...
    def requant(self, x: Any, q: Requant, rate: int, part: slice = ...) -> Any: ...
    def ladder(self, x: Any, thresholds: NDArray[np.int32]) -> Any: ...
    def concat(self, parts: list[Any]) -> Any: ...
    def zeros(self, *shape: int) -> Any: ...
    def gather(self, x: Any, sites: Sites) -> Any: ...
    def put(self, x: Any, sites: Sites, values: Any) -> None: ...
    def at_sites(self, x: Any, conv: Conv, sites: Sites, taps: Taps) -> Any: ...
    def run(self, net: Net, x: Any, rate: int, trace: Any = None) -> Any: ...
    def run_pointwise(self, net: Net, x: Any, rate: int) -> Any: ...


def pass_sites(h: int, w: int, parity: int) -> tuple[Sites, Sites]:
    """(anchors, others): row and column indices in raster order; anchors have (r + c) % 2 == parity."""
    rows, cols = np.divmod(np.arange(h * w), w)
    anchor = (rows + cols) % 2 == parity
    return (rows[anchor], cols[anchor]), (rows[~anchor], cols[~anchor])


def _pointwise(net: Net) -> bool:
    """No place of its output depends on another place of its input, and each has one."""
    return all(not isinstance(layer, Conv) or layer.kernel == layer.stride == 1 for layer in net)


def _neighbours(net: Net) -> Taps:
    """The taps that can meet an anchor, of a net that is one convolution and what works place by place; else none.

    Only anchors hold values yet, and from another site they are an odd number of steps away.
    """
    first, rest = net[0], net[1:]
    if (
        not isinstance(first, Conv)
        or first.transposed
        or first.stride > 1
        or any(isinstance(x, Conv | Add) for x in rest)
    ):
        return ()
    n = first.kernel
    return tuple((u, v) for u in range(n) for v in range(n) if (u + v) % 2 == 1)


class Predictor:
    """One picture's walk through the graph: `start(z)`, then for each group and pass `params`, then `put`."""

    def __init__(
        self, model: SymbolModel, rate: int, shape: tuple[int, int], backend: Backend, trace: Trace | None = None
    ):
        self.model, self.rate, self.backend, self.trace = model, rate, backend, trace
        self.sites = pass_sites(*shape, model.parity)
        self.shape = shape

    def _run(self, name: str, net: Net, x: Any) -> Any:
        if self.trace is None:
            return self.backend.run(net, x, self.rate)
        trace = self.trace
        return self.backend.run(net, x, self.rate, lambda i, y: trace(f"{name}[{i}]", self.backend.to_int(y)))

    def start(self, z: Ints) -> None:
        """z int32[hyper, h / 4, w / 4]."""
        b = self.backend
        self.hyper = self._run("hyper_net", self.model.hyper_net, b.requant(b.array(z), self.model.z_input, self.rate))
        self.x: list[Any] = []

    def begin(self, k: int) -> None:
        """Prepares group k: its channel context, and an empty array for its values."""
        b, model = self.backend, self.model
        self.context = [self.hyper]
        if k:
            before = b.concat([self.x[j] for j in model.context_groups(k)])
            self.context = [self._run(f"channel_nets[{k}]", model.channel_nets[k], before), self.hyper]
        self.x.append(b.zeros(model.groups[k], *self.shape))

    def params(self, k: int, step: int) -> tuple[Ints, NDArray[np.uint8]]:
        """Means (1/64 of a step) and table indices of group k at the sites of pass `step`, each [c, n]."""
        b, model, sites = self.backend, self.model, self.sites[step]
        if step == 0:
            self.begin(k)
        if step == 0 and model.anchor_heads is not None:
            out = self._head(model.anchor_heads[k], None, sites)
        else:
            out = self._head(model.heads[k], self._spatial(k, step, sites), sites)
        c = model.groups[k]
        halves = (out[:c], out[c:]) if model.means_first else (out[c:], out[:c])
        mean = b.requant(halves[0], model.means[k], self.rate)
        requant, ladder = model.scales[k]
        scale = b.requant(halves[1], requant, self.rate)
        if ladder is not None:
            scale = b.ladder(scale, ladder)
        result = b.to_int(mean).astype(np.int32), b.to_int(scale).astype(np.uint8)
        if self.trace is not None:
            self.trace(f"group[{k}].pass[{step}].mean", result[0])
            self.trace(f"group[{k}].pass[{step}].index", result[1])
        return result

    def put(self, k: int, step: int, y: Ints) -> None:
        """The decoded y-hat of a pass, int32[c, n]."""
        b = self.backend
        x = b.requant(b.array(y), self.model.y_input, self.rate, self.model.part(k))
        b.put(self.x[k], self.sites[step], x)

    def _spatial(self, k: int, step: int, sites: Sites) -> Any:
        """The spatial context at sites, or on the whole grid where the head itself looks at neighbours."""
        b, net = self.backend, self.model.spatial_nets[k]
        whole = not _pointwise(self.model.heads[k])
        if step == 0:
            channels = width(net, self.model.groups[k])
            return b.zeros(channels, *self.shape) if whole else b.zeros(channels, len(sites[0]))
        taps = _neighbours(net)
        if whole or not taps or self.trace is not None:
            full = self._run(f"spatial_nets[{k}]", net, self.x[k])
            return full if whole else b.gather(full, sites)
        assert isinstance(net[0], Conv)
        return b.run_pointwise(net[1:], b.at_sites(self.x[k], net[0], sites, taps), self.rate)

    def _head(self, net: Net, spatial: Any, sites: Sites) -> Any:
        b = self.backend
        if _pointwise(net):
            parts = [b.gather(x, sites) for x in self.context]
            return b.run_pointwise(net, b.concat(parts if spatial is None else [spatial, *parts]), self.rate)
        parts = self.context if spatial is None else [spatial, *self.context]
        return b.gather(b.run(net, b.concat(parts), self.rate), sites)
