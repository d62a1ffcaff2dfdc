# SPDX-License-Identifier: MIT
"""Build tiny priors of grids of indices (drafts/grids.md) with seeded weights, not trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tools.vectors.models.layers import Layer, Symbols, conv, requant_layer
from tools.vectors.models.package_files import Tensors
from tools.vectors.symbols import Sha256Stream

KIND: Final = 48
FEATURES: Final = 4  # channels between the layers, and inputs of a head
Schedule = list[list[int]]
Package = tuple[Symbols, Tensors]

ONE_PASS: Final = ([[0]], [1])
CHECKERBOARD: Final = ([[0, 1], [1, 0]], [1, 1])
COARSE_TO_FINE: Final = (
    [[0, 5, 2, 5], [6, 4, 6, 4], [3, 5, 1, 5], [6, 4, 6, 4]],
    [4, 2, 2, 2, 1, 1, 1],
)


@dataclass(frozen=True)
class GridSpec:
    """One grid of a prior: its entry in `grids`, the earlier grids it reads, schedule and steps of its passes."""

    entry: Any
    sources: tuple[int, ...] = ()
    passes: tuple[Schedule, list[int]] = ONE_PASS
    channels: int = 3  # of its embedding


def prior(seed: str, v: int, split: int, grids: Sequence[GridSpec], share: bool = False) -> Package:
    """Return (`symbols` without `tensors`, tensors). share: one embedding for all grids, with the channels of the first.

    There are two networks for each width of the input: one with a residual connection for the first pass of a grid, and
    one of a single layer for the others, if there are others.
    """
    build = _Builder(seed, v)
    channels = [grids[0].channels if share else grid.channels for grid in grids]
    contexts = []
    for k, grid in enumerate(grids):
        name = "embedding" if share else f"embedding.{k}"
        build.integers(name, "<i2", 2001, -1000, v, channels[k])
        inputs = channels[k] + sum(channels[j] for j in grid.sources)
        schedule, steps = grid.passes
        passes = [{"step": step, "net": build.net(inputs, n == 0)} for n, step in enumerate(steps)]
        contexts.append({"from": list(grid.sources), "embedding": name, "schedule": schedule, "passes": passes})
    symbols: Symbols = {
        "kind": KIND,
        "v": v,
        "grids": [grid.entry for grid in grids],
        "split": split,
        "contexts": contexts,
        "nets": build.nets,
    }
    return symbols, build.tensors


class _Builder:
    """Collects tensors and networks; everything follows from the seed and the order of calls."""

    def __init__(self, seed: str, v: int) -> None:
        self.stream, self.v = Sha256Stream(seed), v
        self.tensors: Tensors = {"m": np.array([[21_000]], "<i2")}
        for shift in (9, 18, 24):
            self.tensors[f"s{shift}"] = np.array([[shift]], "|u1")
        self.nets: list[Symbols] = []
        self._numbers: dict[tuple[int, bool], int] = {}

    def integers(self, name: str, dtype: str, count: int, least: int, *shape: int) -> None:
        """Add a tensor of values least … least + count - 1, if it is not there."""
        if name not in self.tensors:
            values = [least + self.stream.below(count) for _ in range(int(np.prod(shape)))]
            self.tensors[name] = np.array(values, dtype).reshape(shape)

    def net(self, inputs: int, first: bool) -> int:
        """Return the number of the network for inputs of this width; first: whether for the first pass of a grid."""
        key = inputs, first
        if key not in self._numbers:
            self._numbers[key] = len(self.nets)
            name = f"nets.{len(self.nets)}"
            layers = [*self._conv(f"{name}.0", inputs, 3), requant_layer("s18")]
            if first:
                layers += [{"op": "relu"}, *self._conv(f"{name}.1", FEATURES, 1), {"op": "add", "from": 1}]
                layers.append(requant_layer("s9", -900, 900))
            self.nets.append({"context": layers, "head": self._head(f"{name}.head")})
        return self._numbers[key]

    def _conv(self, name: str, inputs: int, kernel: int) -> list[Layer]:
        self.integers(f"{name}.w", "<i2", 601, -300, FEATURES, inputs, kernel, kernel)
        self.integers(f"{name}.b", "<i8", 200_001, -100_000, FEATURES)
        return [conv(f"{name}.w", f"{name}.b")]

    def _head(self, name: str) -> Symbols:
        """Return a head whose logits are up to some hundreds apart, with addends and bounds of their own."""
        self.integers(f"{name}.w", "<i2", 4001, -2000, self.v, FEATURES)
        self.integers(f"{name}.b", "<i8", 300_001, -150_000, self.v)
        self.integers("logits.a", "<i8", 1 << 31, -(1 << 30), 1, self.v)
        logits = {"m": "m", "s": "s24", "a": "logits.a", "lo": -700, "hi": 1500}
        return {"w": f"{name}.w", "b": f"{name}.b", "logits": logits}


PRIORS: Final[dict[str, Callable[[], Package]]] = {
    # one grid from coarse to fine, an index as two symbols, the last part shorter
    "grids-tiny": lambda: prior("grids-tiny", 14, 4, [GridSpec(8, (), COARSE_TO_FINE)]),
    # three scales, two of them of fixed shape; an index as one symbol
    "grids-scales": lambda: prior(
        "grids-scales", 9, 9, [GridSpec([1, 1]), GridSpec([2, 3], (0,), channels=2), GridSpec(8, (0, 1), CHECKERBOARD, 1)]
    ),
    # two residual grids with one embedding; an index as one symbol, by the other of the two
    "grids-residual": lambda: prior(
        "grids-residual", 5, 1, [GridSpec(16, (), CHECKERBOARD), GridSpec(16, (0,), CHECKERBOARD)], share=True
    ),
}  # fmt: skip
