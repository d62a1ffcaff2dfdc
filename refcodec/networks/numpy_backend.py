# SPDX-License-Identifier: MIT
"""SPEC §11 in numpy: integers in binary64. All sums are exact, since the bounds of `layers` keep them below 2^53.

Grids are arrays [C, h, w], int16 where the bounds say that values are within it, else float64. Values are computed with
in float64, part by part: values at the sites of a band are float64[C, n].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.networks import threads
from refcodec.networks.blas import one_thread
from refcodec.networks.checkerboard import Squares
from refcodec.networks.layers import Add, Conv, Layer, Net, Relu, Requant
from refcodec.networks.numpy_convolution import BAND, Convolver, Where
from refcodec.networks.stages import Stage, stages

Array = NDArray[Any]
THREADING_SITES_MIN: Final = 1 << 13  # of a pass that threads share: 4 megapixels


def threads_for(sites: int) -> int:
    """Return the number of threads for a pass of this many sites."""
    return min(threads.cores(), threads.THREADS_MAX) if sites >= THREADING_SITES_MIN else 1


class NumpyBackend:
    """Run nets in one float dtype. Only float64 is exact; float32 is for measuring the cost of exactness."""

    name = "numpy"

    def __init__(self, dtype: type[np.floating[Any]] = np.float64, tick: Callable[[], None] | None = None) -> None:
        self.dtype, self.tick = dtype, tick or (lambda: None)
        self._convolver = Convolver(dtype, self.tick)
        self._rows: dict[tuple[int, int, int], tuple[Conv | None, Requant, Array, Array]] = {}

    @contextmanager
    def computing(self, work: int) -> Iterator[None]:
        """Run nets in the block, whatever the program has numpy do about errors of floating point, with one thread.

        Bands have the size of a cache, for any picture: threads would wait for one another most of the time.
        """
        with np.errstate(all="ignore"), one_thread():
            yield

    def for_each(self, function: Callable[[Any], object], parts: Iterable[Any], sites: int) -> None:
        """Call a function for bands of the sites of a pass, in several threads if there are many sites."""

        def silently(part: Any) -> None:
            with np.errstate(all="ignore"):  # a setting of each thread
                function(part)

        threads.for_each(silently, parts, threads_for(sites))

    def array(self, values: Array) -> Array:
        return np.ascontiguousarray(values, dtype=self.dtype)

    def to_int(self, values: Array) -> NDArray[np.int64]:
        return np.asarray(values).astype(np.int64)

    def to_numpy(self, values: Array) -> Array:
        """Return values as an array of numpy, of the dtype of the backend."""
        return values

    def grid(self, channels: int, shape: tuple[int, int]) -> Array:
        """Return a grid of zeros for values within int16."""
        return np.zeros((channels, *shape), np.int16)

    def requant(self, x: Array, q: Requant, rate: int, part: slice = slice(None)) -> Array:
        """Apply q to x[C, ...], with the channels `part` of its tensors. x is overwritten."""
        self.tick()
        m, a = (t if len(t) == 1 else t[part] for t in self._affine(None, q, rate))
        return _requantised(x, q, m, a)

    def _affine(self, conv: Conv | None, q: Requant, rate: int) -> tuple[Array, Array]:
        """Return m / 2^s and a / 2^s of one rate, float[1 or C]. `conv`: its bias is applied as well.

        Computed once; the cache keeps the layers alive, as their ids are the key. Division by 2^s loses no bit.
        """
        key = (id(conv), id(q), rate)
        if key not in self._rows:
            m, a, scale = q.row(rate)
            if conv is not None:
                a = a + m * conv.b  # below 2^53, as x m + a is (SEM-R-103)
            self._rows[key] = (conv, q, (m * scale).astype(self.dtype), (a * scale).astype(self.dtype))
        return self._rows[key][2:]

    def ladder(self, x: Array, thresholds: NDArray[np.int32]) -> Array:
        """Return the number of thresholds below each value."""
        return np.searchsorted(thresholds, x, side="left").astype(self.dtype)

    def joined(self, values: Array | None, grids: list[Array], squares: Squares) -> Array:
        """Return values at the sites, and then those of the grids there, float[C, n]."""
        begin = 0 if values is None else len(values)
        x = np.empty((begin + sum(map(len, grids)), squares.count), self.dtype)
        if values is not None:
            x[:begin] = values
        for grid in grids:
            squares.read(grid, x[begin : begin + len(grid)])
            begin += len(grid)
        return x

    def write(self, x: Array, squares: Squares, values: Array) -> None:
        """Store values at sites of a grid."""
        squares.write(x, values)

    def concat(self, grids: list[Array]) -> Array:
        return grids[0] if len(grids) == 1 else np.concatenate(grids)

    def run(self, net: Net, x: Array, rate: int, trace: Any = None) -> Array:
        """Return the output of a net on a grid. `trace`: called with the number and the output of each layer."""
        kept: dict[int, Array] = {}  # outputs of layers that are added later
        sources = {layer.source for layer in net if isinstance(layer, Add)}
        for stage in stages(net, every_layer=trace is not None):
            x = self._run_stage(stage, x, rate, kept)
            if stage.last in sources:
                kept[stage.last] = x
            if trace is not None:
                trace(stage.last, x)
        return x

    def _run_stage(self, stage: Stage, x: Array, rate: int, kept: dict[int, Array]) -> Array:
        """Return the output of a stage, int16 or float[C, h, w]."""
        shape = x.shape if stage.conv is None else (stage.conv.outputs, *stage.conv.output_size(*x.shape[1:]))
        out = np.empty(shape, np.int16 if stage.narrow else self.dtype)
        for where, y in self._bands(x) if stage.conv is None else self._convolver.outputs(stage.conv, x):
            added = {source: grid[where] for source, grid in kept.items()}
            out[where] = self._values(stage.conv, stage.rest, y, rate, added)
        return out

    def _bands(self, x: Array) -> Iterator[tuple[Where, Array]]:
        """Yield bands of rows of a grid as floats."""
        channels, h, w = x.shape
        step = max(1, BAND // (channels * w))
        for top in range(0, h, step):
            self.tick()
            where = (slice(None), slice(top, top + step), slice(None))
            yield where, x[where].astype(self.dtype)

    def _values(
        self, conv: Conv | None, layers: tuple[Layer, ...], y: Array, rate: int, added: dict[int, Array]
    ) -> Array:
        """Apply to the output y of a convolution its bias and then layers that take each value alone; y is overwritten.

        `added`: outputs of layers of the net, for `Add`.
        """
        if conv is not None and not (layers and isinstance(layers[0], Requant)):
            y += _column(conv.b.astype(self.dtype), y)
            conv = None
        for layer in layers:
            if isinstance(layer, Requant):
                y, conv = _requantised(y, layer, *self._affine(conv, layer, rate)), None
            elif isinstance(layer, Relu):
                np.maximum(y, 0, out=y)
            else:
                assert isinstance(layer, Add)
                y += added[layer.source]
        return y

    def run_at_sites(self, net: Net, x: Array, rate: int, skip: int = 0) -> Array:
        """Return the output of a net of 1x1 convolutions of stride 1 on values at sites x[C, n], which may be overwritten.

        skip: the number of channels in front of x that are all 0, and left out of it; net[0] is then a convolution.
        """
        self.tick()
        kept: dict[int, Array] = {}
        sources = {layer.source for layer in net if isinstance(layer, Add)}
        for stage in stages(net):
            if stage.conv is not None:
                x = self._convolver.matrix(stage.conv, ((0, 0),), 0 if stage.start else skip) @ x
            x = self._values(stage.conv, stage.rest, x, rate, kept)
            if stage.last in sources:
                kept[stage.last] = x.copy()
        return x

    def beside_anchors(self, net: Net, x: Array, squares: Squares, rate: int) -> Array:
        """Return the output of a net at squares, float[O, n]: a convolution of a grid that is 0 there, and further layers."""
        conv, rest = net[0], net[1:]
        assert isinstance(conv, Conv)
        y = self._convolver.beside_anchors(conv, x, squares)
        return self._values(conv, rest, y, rate, {})


def _column(values: Array, x: Array) -> Array:
    """Return values by channel in a shape that is broadcast to x[C, ...]."""
    return values.reshape(-1, *[1] * (x.ndim - 1))


def _requantised(x: Array, q: Requant, m: Array, a: Array) -> Array:
    """Return clamp(floor(x m + a), lo, hi) in the place of x."""
    x *= _column(m, x)
    x += _column(a, x)
    np.floor(x, out=x)
    np.clip(x, q.lo, q.hi, out=x)
    return x
