# SPDX-License-Identifier: MIT
"""Ranges and sums of tensors for the bounds of SPEC §11, computed once for all layers that use a tensor.

Many layers may name one tensor, and a small tensor may be broadcast over all rates and channels. The work of checking a
model is bounded by the size of its files, not by the number of layers times the size of their tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 20  # weights that are added up at a time
_MULTIPLIERS = 1 << 15
_ABSENT = -(1 << 62)


class TensorFacts:
    """Ranges and sums of the tensors of one model, all of which outlive this object."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Any] = {}

    def range(self, tensor: NDArray[Any]) -> tuple[int, int]:
        """Return the smallest and the largest value of a tensor."""
        t = _distinct(tensor)
        return self._once(("range", *_key(t)), lambda: (int(t.min()), int(t.max())))  # type: ignore[no-any-return]

    def absolute_sums(self, w: NDArray[np.int16], axis: int) -> NDArray[np.int64]:
        """Return the sum of |w| for each index of an axis, int64."""
        return self._once(("sums", axis, *_key(w)), lambda: _absolute_sums(np.moveaxis(w, axis, 0)))  # type: ignore[no-any-return]

    def largest_product(self, x: int, m: NDArray[np.int16], a: NDArray[np.int64]) -> int:
        """Return the largest x m + |a| of tensors of one shape, m from 1 to 32767, |a| and x m at most 2^53."""
        m, a = _distinct(m), _distinct(a)

        def addends() -> NDArray[np.int64]:
            """Return the largest |a| beside each multiplier."""
            pairs = np.broadcast_arrays(m, np.abs(a))
            largest = np.full(_MULTIPLIERS, _ABSENT, np.int64)
            np.maximum.at(largest, pairs[0].ravel(), pairs[1].ravel())
            return largest

        if np.broadcast(m, a).size <= _MULTIPLIERS:
            return int((x * m.astype(np.int64) + np.abs(a)).max())
        table = self._once(("products", *_key(m), *_key(a)), addends)
        return int((x * np.arange(_MULTIPLIERS) + table).max())

    def _once(self, key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]


def _distinct(tensor: NDArray[Any]) -> NDArray[Any]:
    """Return a tensor without the repetitions of axes along which it was broadcast."""
    return tensor[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in tensor.strides)]


def _key(tensor: NDArray[Any]) -> tuple[Any, ...]:
    return tensor.__array_interface__["data"][0], tensor.shape, tensor.strides, tensor.dtype.str


def _absolute_sums(w: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the sum of |w[i]| for each i, in little memory."""
    sums = np.empty(len(w), np.int64)
    step = max(1, _CHUNK // max(1, w[0].size if len(w) else 1))
    for i in range(0, len(w), step):
        part = np.abs(w[i : i + step].astype(np.int64))
        sums[i : i + step] = part.reshape(len(part), -1).sum(1)
    return sums
