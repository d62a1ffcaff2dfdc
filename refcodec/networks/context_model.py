# SPDX-License-Identifier: MIT
"""SPEC §13: the context model of ELIC latents, which predicts each pass from what is decoded so far.

It runs the integer networks of a symbol model on any backend with exact integer arithmetic, and returns the means and
table indices that the payload codes with. Values at the sites of a pass are int32[c, n], by channel, sites in raster
order.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.checkerboard import Squares, passes
from refcodec.networks.layers import Add, Conv, Net, Requant, width
from refcodec.networks.symbol_model import SymbolModel

Ints = NDArray[np.int32]
Sites = tuple[NDArray[np.intp], NDArray[np.intp]]
Trace = Callable[[str, Any], None]
HEAD_SITES: Final = 2048  # that a head runs on at a time: their values fit into the cache of a core


class Backend(Protocol):
    """Exact integer arithmetic on grids [C, h, w] and on values at sites [C, n], such as `numpy_backend.NumpyBackend`."""

    name: str

    def computing(self, work: int) -> AbstractContextManager[Any]: ...
    def for_each(self, function: Callable[[Any], object], parts: Iterable[Any], sites: int) -> None: ...
    def array(self, values: Any) -> Any: ...
    def to_int(self, values: Any) -> NDArray[np.int64]: ...
    def to_numpy(self, values: Any) -> NDArray[Any]: ...
    def requant(self, x: Any, q: Requant, rate: int, part: slice = ...) -> Any: ...
    def ladder(self, x: Any, thresholds: NDArray[np.int32]) -> Any: ...
    def concat(self, grids: list[Any]) -> Any: ...
    def grid(self, channels: int, shape: tuple[int, int]) -> Any: ...
    def joined(self, values: Any, grids: list[Any], squares: Squares) -> Any: ...
    def write(self, x: Any, squares: Squares, values: Any) -> None: ...
    def run(self, net: Net, x: Any, rate: int, trace: Any = None) -> Any: ...
    def run_at_sites(self, net: Net, x: Any, rate: int, skip: int = 0) -> Any: ...
    def beside_anchors(self, net: Net, x: Any, squares: Squares, rate: int) -> Any: ...


def pass_sites(h: int, w: int, parity: int) -> tuple[Sites, Sites]:
    """Return (anchors, others), each as row and column indices in raster order; anchors have (r + c) % 2 == parity."""
    rows, cols = np.divmod(np.arange(h * w), w)
    anchor = (rows + cols) % 2 == parity
    return (rows[anchor], cols[anchor]), (rows[~anchor], cols[~anchor])


def is_pointwise(net: Net) -> bool:
    """Return whether each site of the output depends on the same site of the input alone."""
    return all(not isinstance(layer, Conv) or layer.kernel == layer.stride == 1 for layer in net)


def is_one_convolution(net: Net) -> bool:
    """Return whether a spatial network is one convolution and layers that take each value alone.

    It then runs at the sites of the second pass only, and with the taps an odd number of steps away, where anchors are.
    """
    conv, rest = net[0], net[1:]
    plain = isinstance(conv, Conv) and not conv.transposed and conv.stride == 1 < conv.kernel
    return plain and not any(isinstance(layer, Conv | Add) for layer in rest)


class ContextModel:
    """The context model of one picture.

    Call `start(z)`, then for each group and pass `entropy_parameters` and, with the decoded values, `update`.
    """

    def __init__(
        self, model: SymbolModel, rate: int, shape: tuple[int, int], backend: Backend, trace: Trace | None = None
    ):
        self.model, self.rate, self.backend, self.trace = model, rate, backend, trace
        self.sites, self.squares = pass_sites(*shape, model.parity), passes(*shape, model.parity)
        self.shape = shape
        self.rows = 2 * HEAD_SITES // shape[1]

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
        self.x.append(b.grid(model.groups[k], self.shape))

    def entropy_parameters(self, k: int, step: int) -> tuple[Ints, NDArray[np.uint8]]:
        """Return means (in 1/64 of a step) and table indices of group k at the sites of pass `step`, each [c, n]."""
        if step == 0:
            self.begin(k)
        squares, c = self.squares[step], self.model.groups[k]
        mean, index = np.empty((c, squares.count), np.int32), np.empty((c, squares.count), np.uint8)
        head = self._head(k, step)

        def compute(place: tuple[Squares, slice]) -> None:
            mean[:, place[1]], index[:, place[1]] = self._parameters(k, head(place[0]))

        self.backend.for_each(compute, squares.bands(self.rows), squares.count)
        if self.trace is not None:
            self.trace(f"group[{k}].pass[{step}].mean", mean)
            self.trace(f"group[{k}].pass[{step}].index", index)
        return mean, index

    def _parameters(self, k: int, out: Any) -> tuple[Any, Any]:
        """Return the means and table indices of group k, as floats, from the output of its head at sites."""
        b, c = self.backend, self.model.groups[k]
        halves = (out[:c], out[c:]) if self.model.means_first else (out[c:], out[:c])
        mean = b.requant(halves[0], self.model.means[k], self.rate)
        requant, ladder = self.model.scales[k]
        scale = b.requant(halves[1], requant, self.rate)
        return b.to_numpy(mean), b.to_numpy(scale if ladder is None else b.ladder(scale, ladder))

    def update(self, k: int, step: int, y: NDArray[np.integer[Any]]) -> None:
        """Store the decoded y-hat of a pass, integers [c, n], for the passes that follow."""
        b = self.backend
        for band, part in self.squares[step].bands(self.rows):
            x = b.requant(b.array(y[:, part]), self.model.y_input, self.rate, self.model.part(k))
            b.write(self.x[k], band, x)

    def fork(self) -> Self:
        """Return a context model that continues from here independently, without a trace. Call it between two groups."""
        other = copy.copy(self)
        other.x, other.trace = list(self.x), None
        return other

    @property
    def done(self) -> int:
        """The number of groups whose values are known."""
        return len(self.x)

    def _head(self, k: int, step: int) -> Callable[[Squares], Any]:
        """Return the function from sites of a pass to the output of the head of group k there, [2 c, n]."""
        b, model, net = self.backend, self.model, self.model.spatial_nets[k]
        alone = step == 0 and model.anchor_heads is not None
        head = model.anchor_heads[k] if alone and model.anchor_heads is not None else model.heads[k]
        at_sites, blank, near, grids = is_pointwise(head), 0, False, self.context
        if step == 0 and not alone:  # the spatial context is 0
            channels = width(net, model.groups[k])
            if at_sites and isinstance(head[0], Conv):
                blank = channels
            else:
                grids = [b.grid(channels, self.shape), *grids]
        elif step == 1:
            near = at_sites and is_one_convolution(net) and self.trace is None
            if not near:
                grids = [self._run(f"spatial_nets[{k}]", net, self.x[k]), *grids]
        if not at_sites:
            grids = [b.run(head, b.concat(grids), self.rate)]

        def outputs(band: Squares) -> Any:
            spatial = b.beside_anchors(net, self.x[k], band, self.rate) if near else None
            x = b.joined(spatial, grids, band)
            return b.run_at_sites(head, x, self.rate, blank) if at_sites else x

        return outputs
