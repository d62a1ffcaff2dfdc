# SPDX-License-Identifier: MIT
"""Ways to choose the symbols of ELIC latents, each a function of a seed alone, with integers alone."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec import table_files
from refcodec.entropy import TableBank, gaussians
from refcodec.networks.package import SymbolModel
from refcodec.payloads.latents import STEP, Chooser, z_tables

Ints = NDArray[np.int32]
OneZ = Callable[["Dice", TableBank, int, int], int]  # (dice, tables, table, how many came before) -> value
OneY = Callable[["Dice", int, int], int]  # (dice, table, mean) -> residual


class Dice:
    """Numbers from SHA-256 of the seed and a counter."""

    def __init__(self, seed: str) -> None:
        self.seed, self.count = seed, 0

    def below(self, n: int) -> int:
        self.count += 1
        return int.from_bytes(hashlib.sha256(f"{self.seed} {self.count}".encode()).digest()[:8], "big") % n


def _drawn(dice: Dice, bank: TableBank, number: int) -> int:
    """A regular value, as likely as its table says."""
    table = bank.tables[number]
    return bank.offsets[number] + min(bisect_right(table, dice.below(table[-1])) - 1, len(table) - 3)


def _natural_z(dice: Dice, bank: TableBank, number: int, _: int) -> int:
    return _drawn(dice, bank, number)


def _low_z(_d: Dice, bank: TableBank, number: int, _: int) -> int:
    return bank.offsets[number]


def _escaped_z(dice: Dice, bank: TableBank, number: int, count: int) -> int:
    """By turns the first value above the table, the first below, and one further out."""
    below, above = bank.offsets[number] - 1, bank.offsets[number] + len(bank.tables[number]) - 2
    return (above, below, above + 1 + dice.below(50), below - 1 - dice.below(50))[count % 4]


def _extreme_z(_d: Dice, _b: TableBank, _n: int, count: int) -> int:
    return (32767, -32767)[count % 2]


def _natural_y(dice: Dice, number: int, _: int) -> int:
    return _drawn(dice, gaussians(table_files.SHIPPED), number)


def _low_y(_d: Dice, number: int, _: int) -> int:
    return gaussians(table_files.SHIPPED).offsets[number]


def _sparse_y(dice: Dice, _n: int, _m: int) -> int:
    return (1, -1)[dice.below(2)] if dice.below(24) == 0 else 0


def _escaped_y(dice: Dice, number: int, mean: int) -> int:
    """One value in four beyond its table, by one at least."""
    if dice.below(4):
        return _natural_y(dice, number, mean)
    beyond = 1 - gaussians(table_files.SHIPPED).offsets[number] + (dice.below(60) if dice.below(2) else 0)
    return (beyond, -beyond)[dice.below(2)]


def _bounding_y(_d: Dice, _n: int, mean: int) -> int:
    """ŷ = 32767 or -32768 wherever the mean allows it exactly."""
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


def z(way: str, model: SymbolModel, rate: int, shape: tuple[int, int], dice: Dice) -> Ints:
    """int32[hyper, h / 4, w / 4]."""
    bank, out = z_tables(model), np.zeros((model.hyper, *shape), np.int32)
    for count, at in enumerate(np.ndindex(out.shape)):
        out[at] = Z[way](dice, bank, rate * model.hyper + at[0], count)
    return out


def y(way: str, dice: Dice) -> Chooser:
    """Residuals for which ŷ stays within 16 bits; 0 where the table is table 0 (SEM-R-092)."""

    def choose(_rate: int, _k: int, _step: int, mean: Ints, index: NDArray[Any]) -> Ints:
        out = np.zeros(mean.shape, np.int32)
        for at in np.ndindex(out.shape):
            number, mu = int(index[at]), int(mean[at])
            if number:
                least, most = -((32768 + mu) // STEP), (32767 - mu) // STEP
                out[at] = min(max(Y[way](dice, number, mu), least), most)
        return out

    return choose
