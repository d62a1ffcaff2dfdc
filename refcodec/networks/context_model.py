# SPDX-License-Identifier: MIT
"""SPEC §13: the context model of ELIC latents, which predicts each pass from what is decoded so far.

It runs the integer networks of a symbol model on any backend with exact integer arithmetic, and returns the means and
table indices that the payload codes with. Values at the sites of a pass are int32[c, n], by channel, sites in raster
order.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.layers import Add, Conv, Net, Requant, Taps, width
from refcodec.networks.symbol_model import SymbolModel

Ints = NDArray[np.int32]
Sites = tuple[NDArray[np.intp], NDArray[np.intp]]
Trace = Callable[[str, Any], None]


class Backend(Protocol):
    """Exact integer arithmetic on arrays [C, h, w] and on values at sites [C, n], such as `numpy_backend.NumpyBackend`."""

    name: str

    def computing(self, work: int) -> AbstractContextManager[Any]: ...
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
    """Return (anchors, others), each as row and column indices in raster order; anchors have (r + c) % 2 == parity."""
    rows, cols = np.divmod(np.arange(h * w), w)
    anchor = (rows + cols) % 2 == parity
    return (rows[anchor], cols[anchor]), (rows[~anchor], cols[~anchor])


def _pointwise(net: Net) -> bool:
    """Return whether each site of the output depends on the same site of the input alone."""
    return all(not isinstance(layer, Conv) or layer.kernel == layer.stride == 1 for layer in net)


def _neighbours(net: Net) -> Taps:
    """Return the taps of a spatial network that can reach an anchor, () unless its first layer is its only convolution.

    In the second pass only anchors hold values, and they are an odd number of steps away from every other site.
    """
    conv, rest = net[0], net[1:]
    if not isinstance(conv, Conv) or conv.transposed or conv.stride > 1 or any(isinstance(x, Conv | Add) for x in rest):
        return ()
    n = conv.kernel
    return tuple((u, v) for u in range(n) for v in range(n) if (u + v) % 2 == 1)


class ContextModel:
    """The context model of one picture.

    Call `start(z)`, then for each group and pass `entropy_parameters` and, with the decoded values, `update`.
    """

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
        """Run the hyper-decoder on z int32[hyper, h / 4, w / 4]."""
        b = self.backend
        self.hyper = self._run("hyper_net", self.model.hyper_net, b.requant(b.array(z), self.model.z_input, self.rate))
        self.x: list[Any] = []

    def begin(self, k: int) -> None:
        """Prepare group k: compute its channel context, and clear its values."""
        b, model = self.backend, self.model
        self.context = [self.hyper]
        if k:
            before = b.concat([self.x[j] for j in model.context_groups(k)])
            self.context = [self._run(f"channel_nets[{k}]", model.channel_nets[k], before), self.hyper]
        self.x.append(b.zeros(model.groups[k], *self.shape))

    def entropy_parameters(self, k: int, step: int) -> tuple[Ints, NDArray[np.uint8]]:
        """Return means (in 1/64 of a step) and table indices of group k at the sites of pass `step`, each [c, n]."""
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

    def update(self, k: int, step: int, y: Ints) -> None:
        """Store the decoded y-hat of a pass, int32[c, n], for the passes that follow."""
        b = self.backend
        x = b.requant(b.array(y), self.model.y_input, self.rate, self.model.part(k))
        b.put(self.x[k], self.sites[step], x)

    def fork(self) -> Self:
        """Return a context model that continues from here independently, without a trace. Call it between two groups."""
        other = copy.copy(self)
        other.x, other.trace = list(self.x), None
        return other

    @property
    def done(self) -> int:
        """The number of groups whose values are known."""
        return len(self.x)

    def _spatial(self, k: int, step: int, sites: Sites) -> Any:
        """Return the spatial context at sites, or on the entire grid if the head is not pointwise."""
        b, net = self.backend, self.model.spatial_nets[k]
        entire_grid = not _pointwise(self.model.heads[k])
        if step == 0:
            channels = width(net, self.model.groups[k])
            return b.zeros(channels, *self.shape) if entire_grid else b.zeros(channels, len(sites[0]))
        taps = _neighbours(net)
        if entire_grid or not taps or self.trace is not None:
            full = self._run(f"spatial_nets[{k}]", net, self.x[k])
            return full if entire_grid else b.gather(full, sites)
        assert isinstance(net[0], Conv)
        return b.run_pointwise(net[1:], b.at_sites(self.x[k], net[0], sites, taps), self.rate)

    def _head(self, net: Net, spatial: Any, sites: Sites) -> Any:
        """Return the output of a head at sites, from the spatial context (None: without) and the rest of the context."""
        b = self.backend
        if _pointwise(net):
            parts = [b.gather(x, sites) for x in self.context]
            return b.run_pointwise(net, b.concat(parts if spatial is None else [spatial, *parts]), self.rate)
        parts = self.context if spatial is None else [spatial, *self.context]
        return b.gather(b.run(net, b.concat(parts), self.rate), sites)
