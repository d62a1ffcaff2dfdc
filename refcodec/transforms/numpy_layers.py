# SPDX-License-Identifier: MIT
"""Layers of the float transforms in numpy, with all products in BLAS. Imports no torch.

A map float32[C, h, w] runs through a network as blocks of rows: each layer keeps the few rows that later outputs read, and
passes on what it can compute. Every value is computed once, from all of its inputs, in memory for a few blocks. How a map
is divided depends on its size alone, since the last bit of a product of matrices can depend on their shapes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
_VALUES: Final = 1 << 18  # of a block of rows: 1 MB
_COLUMNS: Final = 1 << 19  # values of one matrix of shifted inputs: 2 MB


@dataclass(frozen=True)
class Rows:
    """A map of `height` rows of `width` sites in blocks float32[C, r, width], from top to bottom. Read once."""

    height: int
    width: int
    blocks: Iterator[Array]


def rows_of_a_block(values: int) -> int:
    """Return the rows of a block of a map that has this many values in one row."""
    return max(1, _VALUES // values)


class Layer(Protocol):
    """One step of a network."""

    def __call__(self, rows: Rows) -> Rows:
        """Return the output for an input, both in blocks of rows."""
        ...


def run(layers: Iterable[Layer], rows: Rows) -> Rows:
    """Return the output of layers, each applied to that of the one before."""
    for layer in layers:
        rows = layer(rows)
    return rows


@dataclass(frozen=True, eq=False)
class Conv:
    """A convolution with a border of zeros, followed by a ReLU if `relu`; the kernel is odd.

    matrix: float32[O, kernel² I], by tap (row by row), then by input. bias: float32[O, 1].
    """

    matrix: Array
    bias: Array
    kernel: int = 1
    stride: int = 1
    relu: bool = False

    def __call__(self, rows: Rows) -> Rows:
        height, width = (-(-n // self.stride) for n in (rows.height, rows.width))
        if self.kernel == self.stride == 1:
            return Rows(height, width, map(self.pointwise, rows.blocks))
        return Rows(height, width, self._windows(rows, width))

    def pointwise(self, x: Array) -> Array:
        """Return the output of a kernel of one tap for x[I, r, w]."""
        out = self._product(x.reshape(len(x), -1))
        return out.reshape(-1, *x.shape[1:])

    def _product(self, columns: Array) -> Array:
        out: Array = self.matrix @ columns
        out += self.bias
        return np.maximum(out, 0, out=out) if self.relu else out

    def _windows(self, rows: Rows, width: int) -> Iterator[Array]:
        """Yield the output rows whose windows are complete after each block."""
        pad, seen, filled, unread = self.kernel // 2, 0, self.kernel // 2, 0
        buffer = np.zeros((0, 0, rows.width + 2 * pad), np.float32)
        for block in rows.blocks:
            seen += block.shape[1]
            if unread:  # rows between two windows, where the stride exceeds the kernel
                block, unread = block[:, unread:], max(0, unread - block.shape[1])
            end = filled + block.shape[1] + (pad if seen == rows.height else 0)
            if end >= buffer.shape[1]:  # one row more than is filled: shifted rows run over the end of the last
                larger = np.zeros((len(block), end + 1, buffer.shape[2]), np.float32)
                if len(buffer):
                    larger[:, :filled] = buffer[:, :filled]
                buffer = larger
            buffer[:, filled : filled + block.shape[1], pad : pad + rows.width] = block
            buffer[:, filled + block.shape[1] : end] = 0
            filled, count = end, max(0, (end - self.kernel) // self.stride + 1)
            step = rows_of_a_block(max(len(self.matrix), len(block)) * width)
            for top in range(0, count, step):  # the last block completes all rows that have waited: not all at once
                yield self._valid(buffer, top, min(step, count - top), width)
            used = count * self.stride
            if 0 < used < filled:
                buffer[:, : filled - used] = buffer[:, used:filled].copy()
            filled, unread = max(0, filled - used), unread + max(0, used - filled)

    def _valid(self, x: Array, first: int, count: int, width: int) -> Array:
        """Return `count` rows of output from row `first` on; the window of row 0 begins in the first row of x[I, r, w]."""
        channels, taps, row = len(x), self.kernel**2, x.shape[2] if self.stride == 1 else width
        out = np.empty((len(self.matrix), count, width), np.float32)
        step = min(count, max(1, _COLUMNS // (taps * channels * row)))
        columns = np.empty((taps, channels, step * row), np.float32)
        for top in range(0, count, step):
            n = min(step, count - top)
            self._gather(x, first + top, columns[:, :, : n * row], width)
            product = self._product(columns.reshape(taps * channels, -1)[:, : n * row])
            out[:, top : top + n] = product.reshape(len(out), n, row)[:, :, :width]
        return out

    def _gather(self, x: Array, top: int, columns: Array, width: int) -> None:
        """Copy the inputs of output rows from `top` on, one matrix a tap; at stride 1 in rows as long as those of x."""
        flat, row, s = x.reshape(len(x), -1), x.shape[2], self.stride
        for tap, target in enumerate(columns):
            u, v = divmod(tap, self.kernel)
            if s == 1:
                start = (top + u) * row + v
                target[:] = flat[:, start : start + target.shape[1]]
            else:
                first, n = s * top + u, target.shape[1] // width
                part = x[:, first : first + s * (n - 1) + 1 : s, v : v + s * (width - 1) + 1 : s]
                target.reshape(len(x), n, width)[:] = part


@dataclass(frozen=True)
class Shuffle:
    """Sites of C channels become factor² sites of C / factor² channels, as in torch.nn.PixelShuffle."""

    factor: int

    def __call__(self, rows: Rows) -> Rows:
        f = self.factor
        return Rows(f * rows.height, f * rows.width, (pixel_shuffle(block, f) for block in rows.blocks))


@dataclass(frozen=True)
class Unshuffle:
    """factor² sites of C channels become one of factor² C channels, as in torch.nn.PixelUnshuffle."""

    factor: int

    def __call__(self, rows: Rows) -> Rows:
        f = self.factor
        return Rows(rows.height // f, rows.width // f, self._blocks(rows.blocks))

    def _blocks(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """Yield blocks of entire output rows; input rows that do not fill one wait for the next block."""
        left: Array | None = None
        for block in blocks:
            x = block if left is None else np.concatenate([left, block], axis=1)
            entire = x.shape[1] - x.shape[1] % self.factor
            left = x[:, entire:].copy() if entire < x.shape[1] else None
            if entire:
                yield pixel_unshuffle(x[:, :entire], self.factor)


@dataclass(frozen=True, eq=False)
class Sum:
    """The sum of a branch and of a shortcut, by default the input itself; the shortcut maps each block by itself."""

    branch: tuple[Layer, ...]
    shortcut: Callable[[Array], Array] | None = None

    def __call__(self, rows: Rows) -> Rows:
        waiting: deque[Array] = deque()

        def source() -> Iterator[Array]:
            for block in rows.blocks:
                waiting.append(block if self.shortcut is None else self.shortcut(block))
                yield block

        out = run(self.branch, Rows(rows.height, rows.width, source()))
        return Rows(out.height, out.width, (_added(block, waiting) for block in out.blocks))


def _added(block: Array, waiting: deque[Array]) -> Array:
    """Add the first rows that wait to a block, in place, and remove them."""
    top = 0
    while top < block.shape[1]:
        first = waiting[0]
        count = min(first.shape[1], block.shape[1] - top)
        block[:, top : top + count] += first[:, :count]
        top += count
        if count < first.shape[1]:
            waiting[0] = first[:, count:]
        else:
            waiting.popleft()
    return block


def pixel_shuffle(x: Array, factor: int) -> Array:
    """Return [C / factor², factor h, factor w] of x[C, h, w]."""
    channels, height, width = x.shape
    blocks = x.reshape(channels // factor**2, factor, factor, height, width).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(blocks).reshape(-1, factor * height, factor * width)


def pixel_unshuffle(x: Array, factor: int) -> Array:
    """Return [factor² C, h / factor, w / factor] of x[C, h, w]."""
    channels, height, width = x.shape
    blocks = x.reshape(channels, height // factor, factor, width // factor, factor).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(blocks).reshape(-1, height // factor, width // factor)
