# SPDX-License-Identifier: MIT
"""Build networks of `numpy_layers` from the tensors of a package, which must be those of the architecture. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.errors import SemError
from refcodec.networks.blas import one_thread
from refcodec.networks.manifest_values import malformed
from refcodec.transforms.ahead import Ahead
from refcodec.transforms.numpy_layers import Array, Conv, Layer, Rows, Shuffle, Sum, Unshuffle
from refcodec.transforms.package_part import Tensors


class Weights:
    """The tensors of a network, by names that begin with `prefix`. Each is read once, and none may be left.

    All methods raise Code.MODEL_MALFORMED (SEM-E-803), with the part of the package as its path.
    """

    def __init__(self, tensors: Tensors, prefix: str, part: str) -> None:
        self.part = part
        self._left = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}

    def take(self, name: str, *shape: int) -> Array:
        """Return the tensor of a name, float32, which has this shape."""
        tensor = self._left.pop(name, None)
        if tensor is None or tensor.shape != shape:
            raise self._unfit()
        return tensor.astype(np.float32)

    def conv(self, name: str, inputs: int, outputs: int, kernel: int, stride: int = 1, *, relu: bool = False) -> Conv:
        """Return a convolution with the tensors `name`.weight, [O, I, k, k], and `name`.bias."""
        weight = self.take(f"{name}.weight", outputs, inputs, kernel, kernel)
        matrix = np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(outputs, -1)
        return Conv(matrix, self.take(f"{name}.bias", outputs)[:, None], kernel, stride, relu)

    def check_all_read(self) -> None:
        """Raise an error if a tensor belongs to no layer."""
        if self._left:
            raise self._unfit()

    def _unfit(self) -> SemError:
        return malformed("its tensors do not fit its architecture", self.part)


class Sequence:
    """Layers under the names `prefix`.0, `prefix`.1 and so on, as torch.nn.Sequential numbers them."""

    def __init__(self, weights: Weights, prefix: str, width: int) -> None:
        self.layers: list[Layer] = []
        self._weights, self._prefix, self._number, self.width = weights, prefix, 0, width

    def _name(self) -> str:
        self._number += 1
        return f"{self._prefix}{self._number - 1}"

    def conv(self, outputs: int, kernel: int, stride: int = 1, *, relu: bool = False) -> Sequence:
        """Append a convolution, with a ReLU after it (which has a number) if `relu`."""
        self.layers.append(self._weights.conv(self._name(), self.width, outputs, kernel, stride, relu=relu))
        self._number += relu
        self.width = outputs
        return self

    def blocks(self, bottleneck: int, plain: int = 0) -> Sequence:
        """Append residual blocks: x + 1x1(3x3(1x1(x))) with half the channels inside, then x + 3x3(3x3(x))."""
        w, c, half = self._weights, self.width, self.width // 2
        for _ in range(bottleneck):
            name = f"{self._name()}.branch"
            first, last = w.conv(f"{name}.0", c, half, 1, relu=True), w.conv(f"{name}.4", half, c, 1)
            self.layers.append(Sum((first, w.conv(f"{name}.2", half, half, 3, relu=True), last)))
        for _ in range(plain):
            name = f"{self._name()}.branch"
            self.layers.append(Sum((w.conv(f"{name}.0", c, c, 3, relu=True), w.conv(f"{name}.2", c, c, 3))))
        return self

    def shuffle(self, factor: int) -> Sequence:
        """Append a pixel shuffle."""
        self._name()
        self.layers.append(Shuffle(factor))
        self.width //= factor**2
        return self

    def ahead(self, scale: int) -> Sequence:
        """Compute the layers so far in a thread of their own. scale: sites of their output on each side of a latent."""
        self.layers.append(Ahead(computing, scale))
        return self

    def unshuffle(self, factor: int) -> Sequence:
        """Append the inverse of a pixel shuffle."""
        self._name()
        self.layers.append(Unshuffle(factor))
        self.width *= factor**2
        return self


@contextmanager
def computing() -> Iterator[None]:
    """Run networks in the block, whatever the program has numpy do about errors of floating point."""
    with np.errstate(all="ignore"), one_thread():
        yield


def blocks_of(x: NDArray[Any], rows: int) -> Rows:
    """Return x[C, h, w] in blocks of rows, as float32."""

    def blocks() -> Iterator[Array]:
        for top in range(0, x.shape[1], rows):
            yield x[:, top : top + rows].astype(np.float32)

    return Rows(x.shape[1], x.shape[2], blocks())
