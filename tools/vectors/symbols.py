# SPDX-License-Identifier: MIT
"""Choose symbols of ELIC latents: reproducible methods that use a seed and integer arithmetic only."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec import table_files
from refcodec.entropy import TableBank, gaussians
from refcodec.networks.package import SymbolModel
from refcodec.payloads.latents import STEP, z_tables

if TYPE_CHECKING:
    from refcodec.payloads.latents import ResidualSource

Ints = NDArray[np.int32]
OneZ = Callable[
    ["Sha256Stream", TableBank, int, int], int
]  # (stream, tables, number of the table, index of the value) -> value
OneY = Callable[["Sha256Stream", int, int], int]  # (stream, number of the table, mean) -> residual


class Sha256Stream:
    """Reproducible pseudo-random integers: SHA-256 of the seed and a counter."""

    def __init__(self, seed: str) -> None:
        self.seed, self.count = seed, 0

    def below(self, n: int) -> int:
        self.count += 1
        return int.from_bytes(hashlib.sha256(f"{self.seed} {self.count}".encode()).digest()[:8], "big") % n


def _drawn(stream: Sha256Stream, bank: TableBank, number: int) -> int:
    """Draw a regular value with the probabilities of its table."""
    table = bank.tables[number]
    return bank.offsets[number] + min(bisect_right(table, stream.below(table[-1])) - 1, len(table) - 3)


def _natural_z(stream: Sha256Stream, bank: TableBank, number: int, _: int) -> int:
    return _drawn(stream, bank, number)


def _low_z(_s: Sha256Stream, bank: TableBank, number: int, _: int) -> int:
    return bank.offsets[number]


def _escaped_z(stream: Sha256Stream, bank: TableBank, number: int, count: int) -> int:
    """Return in turn the first value above the table, the first below, and values further out on both sides."""
    below, above = bank.offsets[number] - 1, bank.offsets[number] + len(bank.tables[number]) - 2
    return (above, below, above + 1 + stream.below(50), below - 1 - stream.below(50))[count % 4]


def _extreme_z(_s: Sha256Stream, _b: TableBank, _n: int, count: int) -> int:
    return (32767, -32767)[count % 2]


def _natural_y(stream: Sha256Stream, number: int, _: int) -> int:
    return _drawn(stream, gaussians(table_files.SHIPPED), number)


def _low_y(_s: Sha256Stream, number: int, _: int) -> int:
    return gaussians(table_files.SHIPPED).offsets[number]


def _sparse_y(stream: Sha256Stream, _n: int, _m: int) -> int:
    return (1, -1)[stream.below(2)] if stream.below(24) == 0 else 0


def _escaped_y(stream: Sha256Stream, number: int, mean: int) -> int:
    """Return a value outside of its table for one in four."""
    if stream.below(4):
        return _natural_y(stream, number, mean)
    beyond = 1 - gaussians(table_files.SHIPPED).offsets[number] + (stream.below(60) if stream.below(2) else 0)
    return (beyond, -beyond)[stream.below(2)]


def _bounding_y(_s: Sha256Stream, _n: int, mean: int) -> int:
    """Return the residual for which ŷ is 32767 or -32768, if the mean permits one, and otherwise 0."""
    return {63: (32767 - mean) // STEP, 0: (-32768 - mean) // STEP}.get(mean % STEP, 0)


Z: Final[dict[str, OneZ]] = {
    "natural": _natural_z,
    "zero": lambda _d, _b, _n, _c: 0,
    "low": _low_z,
    "escapes": _escaped_z,
    "extreme": _extreme_z,
}
Y: Final[dict[str, OneY]] = {
    "natural": _natural_y,
    "zero": lambda _d, _n, _m: 0,
    "low": _low_y,
    "sparse": _sparse_y,
    "escapes": _escaped_y,
    "bounds": _bounding_y,
}


def z(method: str, model: SymbolModel, rate: int, shape: tuple[int, int], stream: Sha256Stream) -> Ints:
    """Return z as int32[hyper, h / 4, w / 4], chosen by a method of `Z`."""
    bank, out = z_tables(model), np.zeros((model.hyper, *shape), np.int32)
    for count, at in enumerate(np.ndindex(out.shape)):
        out[at] = Z[method](stream, bank, rate * model.hyper + at[0], count)
    return out


def y(method: str, stream: Sha256Stream) -> ResidualSource:
    """Return a chooser of residuals by a method of `Y`, clamped so that ŷ has 16 bits; 0 for table 0 (SEM-R-092)."""

    def choose(_rate: int, _k: int, _step: int, mean: Ints, index: NDArray[Any]) -> Ints:
        out = np.zeros(mean.shape, np.int32)
        for at in np.ndindex(out.shape):
            number, mu = int(index[at]), int(mean[at])
            if number:
                lowest, highest = -((32768 + mu) // STEP), (32767 - mu) // STEP
                out[at] = min(max(Y[method](stream, number, mu), lowest), highest)
        return out

    return choose
