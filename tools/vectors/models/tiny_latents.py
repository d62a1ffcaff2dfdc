# SPDX-License-Identifier: MIT
"""Graphs of the tiny models of kinds 6 and 7, with seeded weights. Not trained.

`plain` is the simplest graph of SPEC §12. `varied` has what it lacks: anchor heads, a ladder, means before scales, odd
parity, the context "ends", a 3x3 head, relu and add layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.convert.z_tables import counted_tables
from tools.vectors.models.layers import Layer

Array = NDArray[Any]
Package = tuple[dict[str, Any], dict[str, Array]]  # `symbols` without its member `tensors`, and the tensors


class Maker:
    """Collect layers and tensors; every random choice follows from `seed`."""

    def __init__(self, seed: int, rates: int) -> None:
        self.rng, self.rates, self.tensors = np.random.default_rng(seed), rates, dict[str, Array]()

    def conv(self, name: str, i: int, o: int, kernel: int, op: str = "conv", stride: int = 1) -> list[Layer]:
        """Add random weights and biases, and return the layer in a list."""
        shape = (i, o, kernel, kernel) if op == "deconv" else (o, i, kernel, kernel)
        self.tensors[f"{name}.w"] = self.rng.integers(-300, 301, shape).astype(np.int16)
        self.tensors[f"{name}.b"] = self.rng.integers(-200_000, 200_001, o).astype(np.int64)
        return [{"op": op, "w": f"{name}.w", "b": f"{name}.b", "stride": stride}]

    def requant(
        self,
        name: str,
        channels: int,
        shift: int,
        lo: int,
        hi: int,
        add: tuple[int, int] | None = None,
        per_rate: bool = False,
    ) -> Layer:
        """Add random multipliers and shifts, with `add` also addends from that range, and return the requant object."""
        rows = self.rates if per_rate else 1
        self.tensors[f"{name}.m"] = self.rng.integers(2**14, 2**15, (rows, channels)).astype(np.int16)
        self.tensors[f"{name}.s"] = (shift + self.rng.integers(0, 2, (rows, channels))).astype(np.uint8)
        obj: Layer = {"m": f"{name}.m", "s": f"{name}.s", "lo": lo, "hi": hi}
        if add is not None:
            base = self.rng.integers(add[0], add[1] + 1, (rows, channels)).astype(np.int64)
            self.tensors[f"{name}.a"] = base << self.tensors[f"{name}.s"].astype(np.int64)
            obj["a"] = f"{name}.a"
        return obj

    def requant_layer(self, *args: Any, **kw: Any) -> Layer:
        """Return a layer that requantises, as `requant`."""
        return {"op": "requant", **self.requant(*args, **kw)}

    def z_tables(self, hyper: int) -> dict[str, Array]:
        """Return two-sided exponential tables that widen with the rate."""

        def one(r: int, c: int) -> tuple[int, Array]:
            half = 2 + r + c % 3
            v = np.arange(-half, half + 1)
            return -half + c % 2, np.exp(-np.abs(v) / (1.0 + 0.5 * r))

        shape = (self.rates, hyper)
        return counted_tables((one(r, c) for r in range(self.rates) for c in range(hyper)), shape)


def plain(kind: int, seed: int, rates: int, hyper: int, *groups: int, wide: tuple[int, int] = (8, 12)) -> Package:
    """Build the graph of `elic-tiny`; `wide` are the output channels of the hyper net's layers."""
    mk = Maker(seed, rates)
    s: dict[str, Any] = {
        "kind": kind,
        "rates": rates,
        "hyper": hyper,
        "groups": list(groups),
        "parity": 0,
        "order": "scales-means",
        "context": "all",
        "z_input": mk.requant("z_input", hyper, 6, -32767, 32767, per_rate=True),
        "y_input": mk.requant("y_input", sum(groups), 12, -32767, 32767, per_rate=True),
        "hyper_net": [
            *mk.conv("hyper.0", hyper, wide[0], 5, "deconv", 2),
            mk.requant_layer("hyper.0.q", wide[0], 21, 0, 32767),
            *mk.conv("hyper.1", *wide, 5, "deconv", 2),
            mk.requant_layer("hyper.1.q", wide[1], 23, -32767, 32767),
        ],
        "channel_nets": [None],
        "spatial_nets": [],
        "anchor_heads": None,
        "heads": [],
        "means": [],
        "scales": [],
    }
    for k, c in enumerate(groups):
        _add_plain_group(mk, s, groups, k, c, wide[1])
    mk.tensors.update(mk.z_tables(hyper))
    return s, mk.tensors


def _add_plain_group(mk: Maker, s: dict[str, Any], groups: tuple[int, ...], k: int, c: int, base: int) -> None:
    """Add the nets of group k of c channels; `base`: channels of the hyper net's output."""
    if k:
        s["channel_nets"].append(
            [*mk.conv(f"channel.{k}", sum(groups[:k]), 6, 3), mk.requant_layer(f"channel.{k}.q", 6, 21, -32767, 32767)]
        )
        base += 6
    s["spatial_nets"].append(
        [*mk.conv(f"spatial.{k}", c, 5, 5), mk.requant_layer(f"spatial.{k}.q", 5, 22, -32767, 32767)]
    )
    s["heads"].append(
        [
            *mk.conv(f"head.{k}.0", base + 5, 9, 1),
            mk.requant_layer(f"head.{k}.0.q", 9, 22, 0, 32767),
            *mk.conv(f"head.{k}.1", 9, 2 * c, 1),
        ]
    )
    s["means"].append(mk.requant(f"mean.{k}", c, 28, -32767, 32767, per_rate=True))
    s["scales"].append(mk.requant(f"scale.{k}", c, 34, 0, 63, add=(3, 22), per_rate=True))


def varied() -> Package:
    """Build `elic-tiny-2`: groups 1, 2, 2, 1; two rates; the rest of the grammar."""
    mk, groups, hyper = Maker(2, 2), (1, 2, 2, 1), 3
    s: dict[str, Any] = {
        "kind": 7,
        "rates": 2,
        "hyper": hyper,
        "groups": list(groups),
        "parity": 1,
        "order": "means-scales",
        "context": "ends",
        "z_input": mk.requant("z_input", 1, 6, -32768, 32767),
        "y_input": mk.requant("y_input", sum(groups), 12, -32767, 32767, add=(-3, 3)),
        "hyper_net": [
            *mk.conv("hyper.0", hyper, 6, 3, "deconv", 4),
            mk.requant_layer("hyper.0.q", 6, 20, -32767, 32767),
            {"op": "relu"},
            *mk.conv("hyper.1", 6, 6, 3),
            mk.requant_layer("hyper.1.q", 6, 22, -16000, 16000),
            {"op": "add", "from": 2},
            mk.requant_layer("hyper.2.q", 6, 15, -32768, 32767),
        ],
        "channel_nets": [None],
        "spatial_nets": [],
        "anchor_heads": [],
        "heads": [],
        "means": [],
        "scales": [],
    }
    mk.tensors["ladder"] = np.cumsum(mk.rng.integers(1, 90, 63)).astype(np.int32)
    for k, c in enumerate(groups):
        _add_varied_group(mk, s, groups, k, c)
    mk.tensors.update(mk.z_tables(hyper))
    return s, mk.tensors


def _add_varied_group(mk: Maker, s: dict[str, Any], groups: tuple[int, ...], k: int, c: int) -> None:
    """Add the nets of group k of c channels."""
    base = 6
    if k:
        before = groups[0] if k == 1 else groups[0] + groups[k - 1]
        s["channel_nets"].append(
            [
                *mk.conv(f"channel.{k}.0", before, 4, 5),
                mk.requant_layer(f"channel.{k}.0.q", 4, 21, 0, 32767),
                *mk.conv(f"channel.{k}.1", 4, 4, 1),
                mk.requant_layer(f"channel.{k}.1.q", 4, 22, -32767, 32767),
            ]
        )
        base += 4
    s["spatial_nets"].append(
        [
            *mk.conv(f"spatial.{k}.0", c, 4, 3),
            mk.requant_layer(f"spatial.{k}.0.q", 4, 21, 0, 32767),
            *mk.conv(f"spatial.{k}.1", 4, 4, 3),
            mk.requant_layer(f"spatial.{k}.1.q", 4, 22, -32767, 32767),
        ]
    )
    s["heads"].append(
        [
            *mk.conv(f"head.{k}.0", base + 4, 6, 3),
            mk.requant_layer(f"head.{k}.0.q", 6, 23, 0, 32767),
            *mk.conv(f"head.{k}.1", 6, 2 * c, 1),
        ]
    )
    s["anchor_heads"].append(
        [
            *mk.conv(f"anchor.{k}.0", base, 5, 1),
            mk.requant_layer(f"anchor.{k}.0.q", 5, 22, 0, 32767),
            *mk.conv(f"anchor.{k}.1", 5, 2 * c, 1),
        ]
    )
    s["means"].append(mk.requant(f"mean.{k}", c, 28, -32767, 32767))
    s["scales"].append({**mk.requant(f"scale.{k}", c, 27, -32768, 32767, add=(300, 700)), "ladder": "ladder"})
