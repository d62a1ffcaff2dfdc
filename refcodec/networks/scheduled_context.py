# SPDX-License-Identifier: MIT
"""drafts/scheduled.md: the context model of latents with a declared schedule, which predicts each step from those before.

It runs on entire grids, in any backend with exact integer arithmetic. Values at the sites of a coded group are int32[c, n],
by channel, sites in raster order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.context_model import Backend, Ints, Trace
from refcodec.networks.layers import Net
from refcodec.networks.scheduled_model import Coded, Entry, Hyper, NetOutput, ScheduledModel

Sites = tuple[NDArray[np.intp], NDArray[np.intp]]


class ScheduledContext:
    """The context model of one picture. Call `start(z)`, then for each step `predictions`, and `update` for each of them."""

    def __init__(
        self, model: ScheduledModel, rate: int, shape: tuple[int, int], backend: Backend, trace: Trace | None = None
    ):
        self.model, self.rate, self.shape, self.backend, self.trace = model, rate, shape, backend, trace
        self.x = np.zeros((model.m, *shape), np.int32)  # what nets read; 0 where nothing is decoded
        self.changes = [0] * len(model.groups)  # of each group, to run a net again only if its input has changed
        self.kept: dict[int, tuple[tuple[int, ...], Any]] = {}  # net -> changes of its groups, output

    def start(self, z: Ints) -> None:
        """Run the hyper-decoder on z int32[hyper, h / ratio, w / ratio]."""
        b, model = self.backend, self.model
        self.hyper = self._run("hyper_net", model.hyper_net, b.requant(b.array(z), model.z_input, self.rate))

    def predictions(self, i: int) -> Iterator[tuple[Coded, Sites, Ints, NDArray[np.uint8]]]:
        """Yield what step i codes, with its sites, means (in 1/64 of a step) and table indices, each [c, n].

        All are computed before the first is returned, so that no update of this step bears on them.
        """
        b, model, step = self.backend, self.model, self.model.steps[i]
        grids = [self._entry(entry) for entry in step.context]
        out = b.to_numpy(self._run(f"steps[{i}].head", step.head, b.concat(grids)))
        half, at, found = len(out) // 2, 0, []
        first, second = (0, half) if model.means_first else (half, 0)
        for coded in step.codes:
            rows, cols = model.sites(coded, self.shape)
            c = model.groups[coded.group]
            means, scales = (out[start + at : start + at + c][:, rows, cols] for start in (first, second))
            at += c
            mean, index = self._parameters(coded.group, means, scales)
            if self.trace is not None:
                self.trace(f"steps[{i}].group[{coded.group}].mean", mean)
                self.trace(f"steps[{i}].group[{coded.group}].index", index)
            found.append((coded, (rows, cols), mean, index))
        yield from found

    def update(self, coded: Coded, sites: Sites, y: NDArray[np.integer[Any]]) -> None:
        """Store the decoded y-hat of a coded group, integers [c, n], for the steps that follow."""
        b, part = self.backend, self.model.part(coded.group)
        x = b.to_int(b.requant(b.array(y), self.model.y_input, self.rate, part))
        self.x[part][:, sites[0], sites[1]] = x
        self.changes[coded.group] += 1

    def _parameters(self, k: int, means: Any, scales: Any) -> tuple[Ints, NDArray[np.uint8]]:
        b, (requant, ladder) = self.backend, self.model.scales[k]
        mean = b.requant(b.array(means), self.model.means[k], self.rate)
        scale = b.requant(b.array(scales), requant, self.rate)
        index = scale if ladder is None else b.ladder(scale, ladder)
        return b.to_int(mean).astype(np.int32), b.to_int(index).astype(np.uint8)

    def _entry(self, entry: Entry) -> Any:
        """Return the grid of an entry of a context."""
        if isinstance(entry, Hyper):
            return self.hyper
        if not isinstance(entry, NetOutput):
            return self.backend.grid(entry.channels, self.shape)
        net = self.model.nets[entry.index]
        now = tuple(self.changes[k] for k in net.groups)
        if entry.index not in self.kept or self.kept[entry.index][0] != now:
            x = np.concatenate([self.x[self.model.part(k)] for k in net.groups])
            self.kept[entry.index] = now, self._run(f"nets[{entry.index}]", net.layers, self.backend.array(x))
        return self.kept[entry.index][1]

    def _run(self, name: str, net: Net, x: Any) -> Any:
        if self.trace is None:
            return self.backend.run(net, x, self.rate)
        trace = self.trace
        return self.backend.run(net, x, self.rate, lambda i, y: trace(f"{name}[{i}]", self.backend.to_int(y)))


def context_bytes(model: ScheduledModel, shape: tuple[int, int]) -> int:
    """Return about how many bytes of memory decoding latents of shape [m, h, w] takes, without the model and libraries."""
    widest = max((layer.outputs for net in model.all_nets for layer in net if hasattr(layer, "outputs")), default=1)
    outputs = sum(net.layers[0].outputs for net in model.nets if hasattr(net.layers[0], "outputs"))
    return (8 << 20) + 8 * shape[0] * shape[1] * (4 * widest + outputs + 4 * model.m)
