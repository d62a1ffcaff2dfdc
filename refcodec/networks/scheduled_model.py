# SPDX-License-Identifier: MIT
"""drafts/scheduled.md: the symbol model of latents whose strides and passes it declares itself (kind 50)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.errors import Code, SemError
from refcodec.networks.layer_reader import SCALES, WIDTH_MAX, LayerReader
from refcodec.networks.layers import ACTIVATION, Conv, Ladder, Net, Requant, check_net, check_requant
from refcodec.networks.manifest_values import malformed, require_integer, require_list, require_members
from refcodec.networks.symbol_model import CHANNELS_MAX, GROUPS_MAX, RATES_MAX, parse_z_tables, symbol_digest
from refcodec.networks.tensor_facts import TensorFacts

STRIDE_MIN, STRIDE_MAX, RATIOS = 4, 128, (1, 2, 4, 8)
PERIOD_MAX, STEPS_MAX, NETS_MAX, CONTEXT_MAX = 8, 64, 64, 16
_MEMBERS: Final = {
    "kind", "rates", "hyper", "groups", "stride", "ratio", "order", "pattern", "z_input", "y_input", "hyper_net", "nets",
    "steps", "means", "scales", "tensors",
}  # fmt: skip


@dataclass(frozen=True)
class Hyper:
    """An entry of a context: the output of the hyper-decoder."""


@dataclass(frozen=True)
class Zeros:
    """An entry of a context: channels of 0."""

    channels: int


@dataclass(frozen=True)
class NetOutput:
    """An entry of a context: the output of a net over what is decoded so far."""

    index: int


Entry = Hyper | Zeros | NetOutput


@dataclass(frozen=True, eq=False)
class ContextNet:
    """A net, and the groups that it reads."""

    groups: tuple[int, ...]
    layers: Net


@dataclass(frozen=True)
class Coded:
    """A group that a step codes, at the sites of some classes."""

    group: int
    classes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """One pass: what it codes, what its head reads, and the head."""

    codes: tuple[Coded, ...]
    context: tuple[Entry, ...]
    head: Net


@dataclass(frozen=True, eq=False)
class ScheduledModel:
    """The integer entropy model of kind 50, ready to run. Members as drafts/scheduled.md names them."""

    kind: int
    digest: str
    rates: int
    hyper: int
    groups: tuple[int, ...]
    stride: int
    ratio: int
    means_first: bool
    pattern: NDArray[np.int64]  # classes [rows, columns]
    z_input: Requant
    y_input: Requant
    hyper_net: Net
    nets: tuple[ContextNet, ...]
    steps: tuple[Step, ...]
    means: tuple[Requant, ...]
    scales: tuple[tuple[Requant, Ladder | None], ...]
    z_offset: NDArray[np.int16]  # [R, hyper]
    z_size: NDArray[np.int32]  # [R, hyper]
    z_freq: NDArray[np.uint16]

    @cached_property
    def m(self) -> int:
        return sum(self.groups)

    @cached_property
    def all_nets(self) -> tuple[Net, ...]:
        """Every net, the heads included."""
        return (self.hyper_net, *(net.layers for net in self.nets), *(step.head for step in self.steps))

    @cached_property
    def weights(self) -> int:
        """The number of weights of all convolutions, each of which is used about once at every site."""
        return sum(layer.w.size for net in self.all_nets for layer in net if isinstance(layer, Conv))

    @property
    def numbers(self) -> dict[str, Any]:
        """The members that are also parameters of a profile."""
        shapes = {"groups": list(self.groups), "hyper": self.hyper, "m": self.m}
        return shapes | {"ratio": self.ratio, "rates": self.rates, "stride": self.stride}

    def part(self, k: int) -> slice:
        """Return the channels of group k within all M."""
        start = sum(self.groups[:k])
        return slice(start, start + self.groups[k])

    def sites(self, coded: Coded, shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return rows and columns, in raster order, of the sites of a coded group in a grid of (h, w)."""
        rows, cols = self.pattern.shape
        h, w = shape
        classes = np.tile(self.pattern, (-(-h // rows), -(-w // cols)))[:h, :w]
        found = np.nonzero(np.isin(classes, coded.classes))
        return found[0], found[1]


def build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> ScheduledModel:
    """Return the checked model of a manifest's `symbols` and its tensors (already verified against their digests)."""
    model = _parse(symbols, tensors)
    _check_bounds(model)
    return model


# ------------------------------------------------------------------------------------------------------------------ form


def _parse(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> ScheduledModel:
    s = require_members(symbols, _MEMBERS, "symbols")
    rates = require_integer(s["rates"], 1, RATES_MAX, "rates")
    hyper = require_integer(s["hyper"], 1, CHANNELS_MAX, "hyper")
    groups = tuple(
        require_integer(c, 1, CHANNELS_MAX, "groups") for c in require_list(s["groups"], 1, GROUPS_MAX, "groups")
    )
    m = require_integer(sum(groups), 1, CHANNELS_MAX, "groups")
    stride = require_integer(s["stride"], STRIDE_MIN, STRIDE_MAX, "stride")
    ratio = require_integer(s["ratio"], RATIOS[0], RATIOS[-1], "ratio")
    if ratio not in RATIOS or s["order"] not in ("scales-means", "means-scales"):
        raise malformed("unknown ratio or order", "symbols")
    pattern = _pattern(s["pattern"])
    reader = LayerReader(rates, s["tensors"], tensors, ratio)
    z_input = reader.requant(s["z_input"], hyper, "z_input")
    y_input = reader.requant(s["y_input"], m, "y_input")
    hyper_net, hyper_channels = reader.net(s["hyper_net"], hyper, "hyper_net", rows=1)
    nets, widths = _nets(reader, s["nets"], groups)
    steps = _steps(reader, s["steps"], groups, int(pattern.max()) + 1, (hyper_channels, widths))
    means = require_list(s["means"], len(groups), len(groups), "means")
    scales = require_list(s["scales"], len(groups), len(groups), "scales")
    return ScheduledModel(
        s["kind"], symbol_digest(symbols), rates, hyper, groups, stride, ratio, s["order"] == "means-scales", pattern,
        z_input, y_input, hyper_net, nets, steps,
        tuple(reader.requant(means[k], c, f"means[{k}]") for k, c in enumerate(groups)),
        tuple(reader.scale(scales[k], c, f"scales[{k}]") for k, c in enumerate(groups)),
        *parse_z_tables(reader, (rates, hyper)),
    )  # fmt: skip


def _pattern(value: object) -> NDArray[np.int64]:
    """Return the classes of sites: a matrix of 0 … n - 1, each of which occurs."""
    rows = [require_list(row, 1, PERIOD_MAX, "pattern") for row in require_list(value, 1, PERIOD_MAX, "pattern")]
    classes = {require_integer(c, 0, PERIOD_MAX**2 - 1, "pattern") for row in rows for c in row}
    if len({len(row) for row in rows}) != 1 or classes != set(range(len(classes))):
        raise malformed("not rows of one length with the classes 0, 1, …", "pattern")
    return np.array(rows, np.int64)


def _ascending(values: object, largest: int, path: str) -> tuple[int, ...]:
    """Return a list of at least one integer, 0 to `largest`, strictly ascending."""
    found = tuple(require_integer(v, 0, largest, path) for v in require_list(values, 1, largest + 1, path))
    if list(found) != sorted(set(found)):
        raise malformed("its entries do not ascend", path)
    return found


def _nets(reader: LayerReader, value: object, groups: tuple[int, ...]) -> tuple[tuple[ContextNet, ...], list[int]]:
    """Return the nets, and the channels of their outputs."""
    nets, widths = [], []
    for j, item in enumerate(require_list(value, 0, NETS_MAX, "nets")):
        o = require_members(item, {"of", "layers"}, f"nets[{j}]")
        of = _ascending(o["of"], len(groups) - 1, f"nets[{j}].of")
        layers, channels = reader.net(o["layers"], sum(groups[k] for k in of), f"nets[{j}]")
        nets.append(ContextNet(of, layers))
        widths.append(channels)
    return tuple(nets), widths


def _steps(
    reader: LayerReader, value: object, groups: tuple[int, ...], classes: int, widths: tuple[int, list[int]]
) -> tuple[Step, ...]:
    """Return the steps. widths: channels of the outputs of the hyper-decoder and of the nets."""
    steps, left, unused = [], {(k, c) for k in range(len(groups)) for c in range(classes)}, set(range(len(widths[1])))
    for i, item in enumerate(require_list(value, 1, STEPS_MAX, "steps")):
        path = f"steps[{i}]"
        o = require_members(item, {"codes", "context", "head"}, path)
        codes = _codes(o["codes"], len(groups), classes, f"{path}.codes")
        for coded in codes:
            for c in coded.classes:
                if (coded.group, c) not in left:
                    raise malformed(f"group {coded.group} is coded twice at class {c}", f"{path}.codes")
                left.remove((coded.group, c))
        context, channels = _context(o["context"], widths, f"{path}.context")
        unused -= {entry.index for entry in context if isinstance(entry, NetOutput)}
        own = sum(groups[coded.group] for coded in codes)
        steps.append(Step(codes, context, reader.head(o["head"], channels, own, f"{path}.head")))
    if left:
        raise malformed(f"no step codes group {min(left)[0]} at class {min(left)[1]}", "steps")
    if unused:
        raise malformed("a net that no step uses", f"nets[{min(unused)}]")
    return tuple(steps)


def _codes(value: object, groups: int, classes: int, path: str) -> tuple[Coded, ...]:
    codes = []
    for item in require_list(value, 1, groups, path):
        o = require_members(item, {"group", "classes"}, path)
        codes.append(
            Coded(require_integer(o["group"], 0, groups - 1, path), _ascending(o["classes"], classes - 1, path))
        )
    if any(a.group >= b.group for a, b in pairwise(codes)):
        raise malformed("its groups do not ascend", path)
    return tuple(codes)


def _context(value: object, widths: tuple[int, list[int]], path: str) -> tuple[tuple[Entry, ...], int]:
    """Return the entries of a context, and the channels of all of them."""
    entries: list[Entry] = []
    channels = 0
    for item in require_list(value, 1, CONTEXT_MAX, path):
        if item == "hyper":
            entries.append(Hyper())
            channels += widths[0]
        elif isinstance(item, dict) and set(item) == {"net"}:
            index = require_integer(item["net"], 0, len(widths[1]) - 1, path)
            entries.append(NetOutput(index))
            channels += widths[1][index]
        else:
            zeros = require_integer(require_members(item, {"zeros"}, path)["zeros"], 1, WIDTH_MAX, path)
            entries.append(Zeros(zeros))
            channels += zeros
    return tuple(entries), channels


# ---------------------------------------------------------------------------------------------------------------- bounds


def _check_bounds(model: ScheduledModel) -> None:
    """Raise Code.MODEL_BOUNDS unless SEM-R-100 to 105 and 121 hold wherever a decoder runs the model."""
    facts = TensorFacts()
    z = check_requant(model.z_input, ACTIVATION, "z_input", facts)
    y = check_requant(model.y_input, ACTIVATION, "y_input", facts)
    hyper = check_net(model.hyper_net, z, "hyper_net", facts)
    nets = [check_net(net.layers, y, f"nets[{j}]", facts) for j, net in enumerate(model.nets)]
    for i, step in enumerate(model.steps):
        sources = [
            hyper if isinstance(entry, Hyper) else nets[entry.index] if isinstance(entry, NetOutput) else 0
            for entry in step.context
        ]
        largest = check_net(step.head, max(sources), f"steps[{i}].head", facts)
        for coded in step.codes:
            check_requant(model.means[coded.group], largest, f"means[{coded.group}]", facts)
            requant, ladder = model.scales[coded.group]
            check_requant(requant, largest, f"scales[{coded.group}]", facts)
            if ladder is None and (requant.lo < 0 or requant.hi >= SCALES):
                raise SemError(Code.MODEL_BOUNDS, "a scale index can leave 0 to 63", path=f"scales[{coded.group}]")
