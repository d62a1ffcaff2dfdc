# SPDX-License-Identifier: MIT
"""SPEC §12 and §13: the symbol model of kinds 6 and 7, from the manifest's `symbols` and its tensors to checked layers.

symbols, tensors -> parse (form: SEM-E-803) -> SymbolModel -> check_bounds (SEM-E-804)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refcodec import spec
from refcodec.canonical_json import canonical_json
from refcodec.errors import Code, SemError
from refcodec.networks import identity
from refcodec.networks.layer_reader import SCALES, LayerReader
from refcodec.networks.layers import ACTIVATION, Conv, Ladder, Net, Requant, check_net, check_requant
from refcodec.networks.manifest_values import malformed, require_integer, require_list, require_members
from refcodec.networks.tensor_facts import TensorFacts

RATES_MAX, GROUPS_MAX, CHANNELS_MAX = 64, 16, 1024
VALUE_MAX, TABLE_TOTAL = 32767, 65536  # of z, SEM-R-090; of its tables, SEM-R-122

_LISTS: Final = ("channel_nets", "spatial_nets", "heads", "means", "scales")  # of one entry a group
_MEMBERS: Final = {
    "kind", "rates", "hyper", "groups", "parity", "order", "context", "z_input", "y_input", "hyper_net", "anchor_heads",
    "tensors", *_LISTS,
}  # fmt: skip


def symbol_digest(symbols: dict[str, Any]) -> str:
    """Return the digest of a model: SHA-256 of the canonical JSON of the manifest's `symbols`."""
    return hashlib.sha256(canonical_json(symbols)).hexdigest()


def context_groups(context: str, k: int) -> tuple[int, ...]:
    """Return the groups that the channel context of group k reads."""
    return tuple(range(k)) if context == "all" or k < 2 else (0, k - 1)


@dataclass(frozen=True, eq=False)
class SymbolModel:
    """The integer entropy model of kind 6 or 7, ready to run. Tensors as SPEC §12 and §13 name them."""

    kind: int
    digest: str
    rates: int
    hyper: int
    groups: tuple[int, ...]
    parity: int
    means_first: bool
    context: str
    z_input: Requant
    y_input: Requant
    hyper_net: Net
    channel_nets: tuple[Net, ...]  # empty for group 0
    spatial_nets: tuple[Net, ...]
    anchor_heads: tuple[Net, ...] | None
    heads: tuple[Net, ...]
    means: tuple[Requant, ...]
    scales: tuple[tuple[Requant, Ladder | None], ...]
    z_offset: NDArray[np.int16]  # [R, hyper]
    z_size: NDArray[np.int32]  # [R, hyper]
    z_freq: NDArray[np.uint16]

    @cached_property
    def m(self) -> int:
        return sum(self.groups)

    @cached_property
    def weights(self) -> int:
        """The number of weights of all convolutions, each of which is used about once at every site."""
        nets = (self.hyper_net, *self.channel_nets, *self.spatial_nets, *(self.anchor_heads or ()), *self.heads)
        return sum(layer.w.size for net in nets for layer in net if isinstance(layer, Conv))

    @property
    def numbers(self) -> dict[str, Any]:
        """The members that are also parameters of a profile."""
        shapes = {"groups": list(self.groups), "hyper": self.hyper, "m": self.m}
        return shapes | {"parity": self.parity, "rates": self.rates}

    def part(self, k: int) -> slice:
        """Return the channels of group k within all M."""
        start = sum(self.groups[:k])
        return slice(start, start + self.groups[k])

    def context_groups(self, k: int) -> tuple[int, ...]:
        return context_groups(self.context, k)


def build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> SymbolModel:
    """Return the checked model of a manifest's `symbols` and its tensors (already verified against their digests)."""
    model = parse(symbols, tensors)
    check_bounds(model)
    return model


# ------------------------------------------------------------------------------------------------------- form (SPEC §12)


def parse(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> SymbolModel:
    """Return the model; raise Code.MODEL_MALFORMED for an invalid form, member by member in the order of SPEC §12."""
    s = require_members(symbols, _MEMBERS, "symbols", optional={identity.MEMBER})
    kind = require_integer(s["kind"], 1, spec.NUMBER, "kind")
    rates = require_integer(s["rates"], 1, RATES_MAX, "rates")
    hyper = require_integer(s["hyper"], 1, CHANNELS_MAX, "hyper")
    groups = tuple(
        require_integer(c, 1, CHANNELS_MAX, "groups") for c in require_list(s["groups"], 1, GROUPS_MAX, "groups")
    )
    m = require_integer(sum(groups), 1, CHANNELS_MAX, "groups")
    parity = require_integer(s["parity"], 0, 1, "parity")
    if s["order"] not in ("scales-means", "means-scales") or s["context"] not in ("all", "ends"):
        raise malformed("unknown order or context", "symbols")
    reader = LayerReader(rates, s["tensors"], tensors)
    lists = _lists(s, len(groups))
    z_input = reader.requant(s["z_input"], hyper, "z_input")
    y_input = reader.requant(s["y_input"], m, "y_input")
    hyper_net, hyper_channels = reader.net(s["hyper_net"], hyper, "hyper_net", rows=1)
    parsed = [_parse_group(reader, lists, s["context"], groups, k, hyper_channels) for k in range(len(groups))]
    channel, spatial, anchors, heads, means, scales = zip(*parsed, strict=True)
    return SymbolModel(
        kind, symbol_digest(symbols), rates, hyper, groups, parity, s["order"] == "means-scales", s["context"],
        z_input, y_input, hyper_net, channel, spatial, None if s["anchor_heads"] is None else anchors, heads,
        means, scales, *parse_z_tables(reader, (rates, hyper)),
    )  # fmt: skip


def _lists(s: dict[str, Any], n: int) -> dict[str, list[Any]]:
    """Return the members with one entry for each of n groups; `anchor_heads` may be absent."""
    lists = {name: require_list(s[name], n, n, name) for name in _LISTS}
    if s["anchor_heads"] is not None:
        lists["anchor_heads"] = require_list(s["anchor_heads"], n, n, "anchor_heads")
    if lists["channel_nets"][0] is not None:
        raise malformed("group 0 has no channel context", "channel_nets[0]")
    return lists


class _Group(NamedTuple):
    """The nets of one group; `channel` is empty for group 0, `anchor` in a model without anchor heads."""

    channel: Net
    spatial: Net
    anchor: Net
    head: Net
    mean: Requant
    scale: tuple[Requant, Ladder | None]


def _parse_group(
    reader: LayerReader, lists: dict[str, list[Any]], scope: str, groups: tuple[int, ...], k: int, hyper: int
) -> _Group:
    """Return the nets of group k; `scope` is the model's `context`, `hyper` the channels of the hyper-decoder."""
    c, base = groups[k], hyper  # base: channels of the channel context and the hyper-decoder together
    channel: Net = ()
    if k:
        before = sum(groups[j] for j in context_groups(scope, k))
        channel, context = reader.net(lists["channel_nets"][k], before, f"channel_nets[{k}]")
        base += context
    spatial, outputs = reader.net(lists["spatial_nets"][k], c, f"spatial_nets[{k}]")
    head = reader.head(lists["heads"][k], outputs + base, c, f"heads[{k}]")
    anchor: Net = ()
    if "anchor_heads" in lists:
        anchor = reader.head(lists["anchor_heads"][k], base, c, f"anchor_heads[{k}]")
    mean = reader.requant(lists["means"][k], c, f"means[{k}]")
    return _Group(channel, spatial, anchor, head, mean, reader.scale(lists["scales"][k], c, f"scales[{k}]"))


def parse_z_tables(reader: LayerReader, shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return z.offset, z.size and z.freq, which with the layers use all tensors."""
    offset, size, freq = (
        reader.tensor(f"z.{name}", dtype, f"z.{name}")
        for name, dtype in (("offset", "I16"), ("size", "I32"), ("freq", "U16"))
    )
    _check_z_tables(offset, size, freq, shape)
    if reader.used != set(reader.tensors):
        unused = sorted(set(reader.tensors) - reader.used)
        raise malformed(f"tensors that nothing uses: {unused[:3]}", "tensors")
    return offset, size, freq


def _check_z_tables(offset: NDArray[Any], size: NDArray[Any], freq: NDArray[Any], shape: tuple[int, int]) -> None:
    """Check SEM-R-122, and SEM-R-090 for the values that a table codes without its escape."""
    if offset.shape != shape or size.shape != shape or freq.ndim != 1:
        raise malformed("a z table has the wrong shape", "z.freq")
    lowest, counts = offset.astype(np.int64).ravel(), size.astype(np.int64).ravel()
    if (counts < 1).any() or (lowest < -VALUE_MAX).any() or (lowest + counts - 1 > VALUE_MAX).any():
        raise malformed("a z table is empty, or reaches beyond what it may code", "z.size")
    if int((counts + 1).sum()) != len(freq):
        raise malformed("z.freq does not have as many frequencies as z.size says", "z.freq")
    starts = np.cumsum(counts + 1) - counts - 1
    if freq.min() == 0 or (np.add.reduceat(freq, starts, dtype=np.int64) != TABLE_TOTAL).any():
        raise malformed(f"a z table has a frequency 0, or does not sum to {TABLE_TOTAL}", "z.freq")


# ----------------------------------------------------------------------------------------------------- bounds (SPEC §11)


def check_bounds(model: SymbolModel) -> None:
    """Raise Code.MODEL_BOUNDS unless SEM-R-100 to 105 and 121 hold wherever a decoder runs the model.

    The largest magnitude of a value is carried from layer to layer and from net to net.
    """
    facts = TensorFacts()
    z = check_requant(model.z_input, ACTIVATION, "z_input", facts)
    y = check_requant(model.y_input, ACTIVATION, "y_input", facts)
    hyper = check_net(model.hyper_net, z, "hyper_net", facts)
    for k in range(len(model.groups)):
        context = max(hyper, check_net(model.channel_nets[k], y, f"channel_nets[{k}]", facts)) if k else hyper
        spatial = check_net(model.spatial_nets[k], y, f"spatial_nets[{k}]", facts)
        largest = check_net(model.heads[k], max(spatial, context), f"heads[{k}]", facts)
        if model.anchor_heads is not None:
            largest = max(largest, check_net(model.anchor_heads[k], context, f"anchor_heads[{k}]", facts))
        check_requant(model.means[k], largest, f"means[{k}]", facts)
        requant, ladder = model.scales[k]
        check_requant(requant, largest, f"scales[{k}]", facts)
        if ladder is None and (requant.lo < 0 or requant.hi >= SCALES):
            raise SemError(Code.MODEL_BOUNDS, "a scale index can leave 0 to 63", path=f"scales[{k}]")
