# SPDX-License-Identifier: MIT
"""Convolutions of SPEC §11 as products of matrices in numpy, band of rows by band of rows, without their biases.

The columns that a row of taps reads are laid side by side, float[columns, C, rows, w]. A tap one row below then reads the
same matrix one row further, which is a view: n products take the place of a matrix of n x n copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.checkerboard import Squares
from refcodec.networks.layers import Conv
from refcodec.networks.minimal_filtering import OUTPUTS, POINTS, Filtering, filtering

Array = NDArray[Any]
Where = tuple[slice, slice, slice]  # part of an output: channels, rows, columns
BAND: Final = 1 << 18  # numbers of one matrix of inputs: 2 MB, about the cache of a core
ROWS: Final = 16  # of a band, at least: rows beside it are copied again for the next
FILTERING_PAYS: Final = 512  # sites of a grid


class Phase(NamedTuple):
    """The outputs in rows i, i + stride … and columns j, j + stride … of a deconvolution, or all of a convolution.

    `rows` and `columns`: pairs (tap, offset of the input that it reads), ascending in the offset.
    """

    i: int
    j: int
    rows: list[tuple[int, int]]
    columns: list[tuple[int, int]]


def phases(conv: Conv) -> list[Phase]:
    """Return the phases of a layer.

    Output (s r + i, s c + j) of a deconvolution reads x[r + (i + p - u) / s, c + (j + p - v) / s], for those taps (u, v)
    for which these are integers.
    """
    n, s = conv.kernel, conv.stride
    p = (n - 1) // 2
    if not conv.transposed:
        every = [(u, u - p) for u in range(n)]
        return [Phase(0, 0, every, every)]
    reads = [sorted(((u, (i + p - u) // s) for u in range(n) if (i + p - u) % s == 0), key=_offset) for i in range(s)]
    return [Phase(i, j, reads[i], reads[j]) for i in range(s) for j in range(s)]


def _offset(read: tuple[int, int]) -> int:
    return read[1]


def is_filtered(conv: Conv, h: int, w: int) -> bool:
    """Return whether a layer on a grid of h x w sites is computed by `minimal_filtering`, if in float64."""
    strides = conv.transposed or conv.stride == 1
    return strides and w % OUTPUTS == 0 and h * w >= FILTERING_PAYS and _columns(conv)[1] in POINTS


def weights_kept(conv: Conv, h: int, w: int) -> int:
    """Return the number of floats into which the weights of a layer are turned for a grid of h x w sites."""
    if not is_filtered(conv, h, w):
        return int(conv.w.size)
    rows = sum(len(part.rows) for part in phases(conv))
    return rows * (_columns(conv)[1] + OUTPUTS - 1) * conv.inputs * conv.outputs


class Convolver:
    """Computes convolutions in one float dtype. `tick`: called before each band."""

    def __init__(self, dtype: type[np.floating[Any]], tick: Callable[[], None]) -> None:
        self.dtype, self.tick = dtype, tick
        self._weights: dict[tuple[int, object], tuple[Conv, Array]] = {}

    def outputs(self, conv: Conv, x: Array) -> Iterator[tuple[Where, Array]]:
        """Yield the outputs of a layer on x[I, h, w] part by part: where, and float[O, rows, columns]."""
        if is_filtered(conv, *x.shape[1:]) and self.dtype is np.float64:  # float32 would not be exact
            yield from self._filtered(conv, x)
        else:
            yield from self._direct(conv, x)

    def matrix(self, conv: Conv, taps: Sequence[tuple[int, int]], skip: int = 0) -> Array:
        """Return the weights at these taps side by side, float[O, taps * I], without the first `skip` input channels."""

        def make() -> Array:
            return np.concatenate([_oihw(conv)[:, skip:, u, v] for u, v in taps], axis=1)

        return self._cached(conv, (tuple(taps), skip), make)

    def _cached(self, conv: Conv, key: object, make: Callable[[], Array]) -> Array:
        """Return what `make` returns, as floats, computed once. The cache keeps `conv` alive, as its id is the key."""
        if (id(conv), key) not in self._weights:
            self._weights[id(conv), key] = (conv, np.ascontiguousarray(make(), dtype=self.dtype))
        return self._weights[id(conv), key][1]

    def _direct(self, conv: Conv, x: Array) -> Iterator[tuple[Where, Array]]:
        channels, h, w = x.shape
        parts, s = phases(conv), conv.stride
        step, scale = (1, s) if conv.transposed else (s, 1)  # strides of the input, and of the output
        height, width = -(-h // step), -(-w // step)
        lowest, highest = _span([offset for part in parts for _, offset in part.rows])
        left, right = _span([offset for part in parts for _, offset in part.columns])
        columns = range(left, right + 1)
        for top, k in _bands(height, step * channels * len(columns) * width):
            self.tick()
            first = step * top + lowest
            side = self._side_by_side(x, first, step * (k - 1) + highest - lowest + 1, columns, step, width)
            for part in parts:
                y = np.zeros((conv.outputs, k * width), self.dtype)
                for u, row in part.rows if part.columns else ():
                    begin, end = part.columns[0][1] - left, part.columns[-1][1] - left + 1
                    rows = side[begin:end, :, row - lowest : row - lowest + step * (k - 1) + 1 : step]
                    y += self.matrix(conv, [(u, v) for v, _ in part.columns]) @ rows.reshape(-1, k * width)
                where = slice(scale * top + part.i, scale * (top + k), scale), slice(part.j, None, scale)
                yield (slice(None), *where), y.reshape(-1, k, width)

    def _filtered(self, conv: Conv, x: Array) -> Iterator[tuple[Where, Array]]:
        """Yield the outputs of a layer by `minimal_filtering`: of each phase every fourth column at a time."""
        channels, h, w = x.shape
        parts, s, tiles = phases(conv), conv.stride, w // OUTPUTS
        lowest, highest = _span([offset for part in parts for _, offset in part.rows])
        left, taps = _columns(conv)
        f, products = filtering(taps), taps + OUTPUTS - 1
        for top, k in _bands(h, products * channels * tiles):
            self.tick()
            columns = range(left, left + products)
            side = self._side_by_side(x, top + lowest, k + highest - lowest, columns, OUTPUTS, tiles)
            inputs = (f.inputs @ side.reshape(products, -1)).reshape(side.shape)
            del side
            for part in parts:
                total = np.zeros((products, conv.outputs, k * tiles), self.dtype)
                weights = self._cached(conv, (part.i, part.j), partial(_filtered_taps, conv, part, f))
                for w_row, (_, row) in zip(weights, part.rows, strict=True):
                    begin = row - lowest
                    total += w_row @ inputs[:, :, begin : begin + k].reshape(products, channels, -1)
                y = (f.outputs @ total.reshape(products, -1)).reshape(OUTPUTS, -1, k, tiles)
                y /= f.scale
                rows = slice(s * top + part.i, s * (top + k), s)
                for j in range(OUTPUTS):
                    yield (slice(None), rows, slice(s * j + part.j, None, s * OUTPUTS)), y[j]

    def _side_by_side(self, x: Array, first: int, rows: int, columns: range, step: int, width: int) -> Array:
        """Return float[columns, C, rows, width] of x[c, first + r, step * i + column], 0 outside x."""
        channels, h, w = x.shape
        side = np.zeros((len(columns), channels, rows, width), self.dtype)
        top, bottom = max(0, first), min(h, first + rows)
        for target, column in zip(side, columns, strict=True):
            begin, end = max(0, -(column // step)), min(width, (w - 1 - column) // step + 1)
            if begin < end:
                source = x[:, top:bottom, step * begin + column : step * (end - 1) + column + 1 : step]
                target[:, top - first : bottom - first, begin:end] = source
        return side

    def beside_anchors(self, conv: Conv, x: Array, squares: Squares) -> Array:
        """Return the outputs of a convolution of stride 1 at squares, float[O, n], if x is 0 at all of their colour.

        So only taps an odd number of steps away are used. In even rows of taps they are the columns of the other parity.
        """
        self.tick()
        channels, h, w = x.shape
        n, top, k = conv.kernel, squares.top, squares.bottom - squares.top
        p, half = (n - 1) // 2, w // 2
        around = np.zeros((channels, k + 2 * p, w + 2 * p + 2), self.dtype)
        begin, end = max(0, top - p), min(h, squares.bottom + p)
        around[:, begin - top + p : end - top + p, p : p + w] = x[:, begin:end]
        y = np.zeros((conv.outputs, k * half), self.dtype)
        for parity in (0, 1):  # of the row of taps, counted from the middle
            taps = [v for v in range(n) if (v - p + parity) % 2]
            side = np.empty((len(taps), channels, k + 2 * p, half), self.dtype)
            for target, v in zip(side, taps, strict=True):
                for row in (0, 1):  # of `around`; where its sites begin depends on the parity of the row of the output
                    start = (squares.first + row - p + parity) % 2 + v
                    target[:, row::2] = around[:, row::2, start : start + w : 2]
            for u in range((p + parity) % 2, n, 2) if taps else ():
                rows = side[:, :, u : u + k].reshape(-1, k * half)
                y += self.matrix(conv, [(u, v) for v in taps]) @ rows
        return y


def _columns(conv: Conv) -> tuple[int, int]:
    """Return the lowest offset of the columns that the outputs of a layer read, and the number of offsets."""
    left, right = _span([offset for part in phases(conv) for _, offset in part.columns])
    return left, right - left + 1


def _filtered_taps(conv: Conv, part: Phase, f: Filtering) -> Array:
    """Return the weights of a phase for `minimal_filtering`, float64[rows, products, O, I]."""
    left, taps = _columns(conv)
    w = np.zeros((len(part.rows), conv.outputs, conv.inputs, taps))
    for target, (u, _) in zip(w, part.rows, strict=True):
        for v, offset in part.columns:
            target[:, :, offset - left] = _oihw(conv)[:, :, u, v]
    filtered: Array = np.moveaxis(w @ f.taps.T, 3, 1)
    return filtered


def _oihw(conv: Conv) -> Array:
    return conv.w.transpose(1, 0, 2, 3) if conv.transposed else conv.w


def _span(offsets: list[int]) -> tuple[int, int]:
    return min(offsets), max(offsets)


def _bands(height: int, numbers: int) -> Iterator[tuple[int, int]]:
    """Yield the first row and the number of rows of each band; `numbers`: of the matrix of inputs, for one row."""
    step = max(ROWS, BAND // numbers)
    for top in range(0, height, step):
        yield top, min(step, height - top)
