# SPDX-License-Identifier: MIT
"""SPEC §12 and §13: the symbol model of kinds 6 and 7, from the manifest's `symbols` and its tensors to checked layers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refcodec.canonical_json import canonical_json
from refcodec.errors import Code, SemError
from refcodec.networks.layers import ACTIVATION, Add, Conv, Layer, Net, Relu, Requant, check_net, check_requant

SCALES: Final = 64  # Gaussian tables
LATENT_SCALE: Final = 4  # rows of y, and of every net but the hyper-decoder, to one row of z
RATES_MAX, GROUPS_MAX, CHANNELS_MAX = 64, 16, 1024
LAYERS_MAX, KERNEL_MAX, STRIDE_MAX, WIDTH_MAX = 16, 15, 4, 4096  # SEM-R-115
VALUE_MAX, TABLE_TOTAL = 32767, 65536  # of z, SEM-R-090; of its tables, SEM-R-122
Ladder = NDArray[np.int32]

_LISTS: Final = ("channel_nets", "spatial_nets", "heads", "means", "scales")  # of one entry a group
_MEMBERS: Final = {
    "kind", "rates", "hyper", "groups", "parity", "order", "context", "z_input", "y_input", "hyper_net", "anchor_heads",
    "tensors", *_LISTS,
}  # fmt: skip


def symbol_digest(symbols: dict[str, Any]) -> str:
    """The digest of a model: SHA-256 of the canonical JSON of the manifest's `symbols`."""
    return hashlib.sha256(canonical_json(symbols)).hexdigest()


def context_groups(context: str, k: int) -> tuple[int, ...]:
    """The groups that the channel context of group k reads."""
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

    def part(self, k: int) -> slice:
        """The channels of group k within all M."""
        start = sum(self.groups[:k])
        return slice(start, start + self.groups[k])

    def context_groups(self, k: int) -> tuple[int, ...]:
        return context_groups(self.context, k)


class _Signal(NamedTuple):
    """What a net takes or gives: channels, and the largest magnitude of a value."""

    channels: int
    largest: int

    def __or__(self, other: object) -> _Signal:
        """Both, channels one behind the other."""
        assert isinstance(other, _Signal)
        return _Signal(self.channels + other.channels, max(self.largest, other.largest))


def build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> SymbolModel:
    """The checked model of a manifest's `symbols` and its tensors (already verified against their digests)."""
    s = _members(symbols, _MEMBERS, "symbols")
    kind = _integer(s["kind"], 6, 7, "kind")
    rates, hyper = _integer(s["rates"], 1, RATES_MAX, "rates"), _integer(s["hyper"], 1, CHANNELS_MAX, "hyper")
    groups = tuple(_integer(c, 1, CHANNELS_MAX, "groups") for c in _items(s["groups"], 1, GROUPS_MAX, "groups"))
    m, n = _integer(sum(groups), 1, CHANNELS_MAX, "groups"), len(groups)
    parity = _integer(s["parity"], 0, 1, "parity")
    if s["order"] not in ("scales-means", "means-scales") or s["context"] not in ("all", "ends"):
        raise _malformed("unknown order or context", "symbols")
    r = _Reader(rates, s["tensors"], tensors)
    lists = {name: _items(s[name], n, n, name) for name in _LISTS}
    anchors = None if s["anchor_heads"] is None else _items(s["anchor_heads"], n, n, "anchor_heads")
    if lists["channel_nets"][0] is not None:
        raise _malformed("group 0 has no channel context", "channel_nets[0]")

    z_input, x_z = r.requant(s["z_input"], _Signal(hyper, ACTIVATION), "z_input")
    y_input, x_y = r.requant(s["y_input"], _Signal(m, ACTIVATION), "y_input")
    hyper_net, hyper_out = r.net(s["hyper_net"], x_z, "hyper_net", rows=1)
    channel, spatial, anchor, heads = list[Net]([()]), list[Net](), list[Net](), list[Net]()
    means, scales = list[Requant](), list[tuple[Requant, Ladder | None]]()
    for k, c in enumerate(groups):
        base = hyper_out
        if k:
            before = sum(groups[j] for j in context_groups(s["context"], k))
            net, out = r.net(lists["channel_nets"][k], _Signal(before, x_y.largest), f"channel_nets[{k}]")
            channel.append(net)
            base = out | base
        net, out = r.net(lists["spatial_nets"][k], _Signal(c, x_y.largest), f"spatial_nets[{k}]")
        spatial.append(net)
        net, params = r.head(lists["heads"][k], out | base, c, f"heads[{k}]")
        heads.append(net)
        if anchors is not None:
            net, out = r.head(anchors[k], base, c, f"anchor_heads[{k}]")
            anchor.append(net)
            params = params._replace(largest=max(params.largest, out.largest))
        half = _Signal(c, params.largest)
        means.append(r.requant(lists["means"][k], half, f"means[{k}]")[0])
        scales.append(r.scale(lists["scales"][k], half, f"scales[{k}]"))
    offset, size, freq = (
        r.tensor(f"z.{name}", dtype, f"z.{name}")
        for name, dtype in (("offset", "I16"), ("size", "I32"), ("freq", "U16"))
    )
    _check_z_tables(offset, size, freq, (rates, hyper))
    if r.used != set(tensors):
        raise _malformed(f"tensors that nothing uses: {sorted(set(tensors) - r.used)[:3]}", "tensors")
    return SymbolModel(
        kind,
        symbol_digest(symbols),
        rates,
        hyper,
        groups,
        parity,
        s["order"] == "means-scales",
        s["context"],
        z_input,
        y_input,
        hyper_net,
        tuple(channel),
        tuple(spatial),
        None if anchors is None else tuple(anchor),
        tuple(heads),
        tuple(means),
        tuple(scales),
        offset,
        size,
        freq,
    )


class _Reader:
    """Turns JSON objects into layers, checking form (SemError 803) and bounds (804) as it goes."""

    def __init__(self, rates: int, declared: Any, tensors: dict[str, NDArray[Any]]) -> None:
        self.rates, self.declared, self.tensors = rates, declared, tensors
        self.used = set[str]()

    def tensor(self, name: object, dtype: str, path: str) -> NDArray[Any]:
        if not isinstance(name, str) or name not in self.tensors:
            raise _malformed(f"no tensor {name!r}", path)
        if self.declared[name]["dtype"] != dtype:
            raise _malformed(f"tensor {name} is not {dtype}", path)
        self.used.add(name)
        return self.tensors[name]

    def _requant(self, obj: object, channels: int, path: str, more: frozenset[str] = frozenset()) -> Requant:
        o = _members(obj, {"m", "s", "lo", "hi"}, path, {"a"} | more)
        parts = [self.tensor(o["m"], "I16", path), self.tensor(o["s"], "U8", path)]
        if "a" in o:
            parts.append(self.tensor(o["a"], "I64", path))
        for t in parts:
            if t.ndim != 2 or t.shape[0] not in (1, self.rates) or t.shape[1] not in (1, channels):
                raise _malformed(f"a requant tensor has the shape {t.shape}", path)
        if "a" not in o:  # rounds to the nearest; shifts outside 1 … 52 are refused with the bounds
            parts.append(np.int64(1) << np.clip(parts[1].astype(np.int64) - 1, 0, 62))
        m, s, a = np.broadcast_arrays(*parts)
        return Requant(m, s, a, *(_integer(o[k], -(2**53) + 1, 2**53 - 1, f"{path}.{k}") for k in ("lo", "hi")))

    def requant(self, obj: object, x: _Signal, path: str) -> tuple[Requant, _Signal]:
        q = self._requant(obj, x.channels, path)
        return q, _Signal(x.channels, check_requant(q, x.largest, path))

    def scale(self, obj: object, x: _Signal, path: str) -> tuple[Requant, Ladder | None]:
        """SEM-R-121: a requant that gives table indices, or whose ladder does."""
        q = self._requant(obj, x.channels, path, frozenset({"ladder"}))
        check_requant(q, x.largest, path)
        assert isinstance(obj, dict)
        if "ladder" not in obj:
            if q.lo < 0 or q.hi >= SCALES:
                raise SemError(Code.MODEL_BOUNDS, "a scale index can leave 0 to 63", path=path)
            return q, None
        ladder = self.tensor(obj["ladder"], "I32", f"{path}.ladder")
        if ladder.shape != (SCALES - 1,) or bool((np.diff(ladder.astype(np.int64)) <= 0).any()):
            raise _malformed("a ladder is 63 ascending integers", f"{path}.ladder")
        return q, ladder

    def net(self, obj: object, x: _Signal, path: str, rows: int = LATENT_SCALE) -> tuple[Net, _Signal]:
        """A net on x, which has `rows` rows for each of z; its output has `LATENT_SCALE` (SEM-R-123)."""
        layers: list[Layer] = []
        shapes: list[tuple[int, int]] = []  # channels and rows behind each layer
        channels, begin = x.channels, rows
        for i, item in enumerate(_items(obj, 1, LAYERS_MAX, path)):
            layer = self._layer(item, channels, shapes, f"{path}[{i}]")
            if isinstance(layer, Conv):
                channels = layer.outputs
                # a stride that did not divide the rows would leave the size to how they are rounded
                whole = layer.transposed or rows % layer.stride == 0
                rows = rows * layer.stride if layer.transposed else rows // layer.stride
                if not whole or not begin <= rows <= LATENT_SCALE:
                    raise _malformed(f"a layer's size is not {begin} to 4 times that of z", f"{path}[{i}]")
            elif isinstance(layer, Add) and shapes[layer.source] != (channels, rows):
                raise _malformed("the two shapes differ", f"{path}[{i}]")
            layers.append(layer)
            shapes.append((channels, rows))
        if rows != LATENT_SCALE:
            raise _malformed("its output does not have the size of y", path)
        net = tuple(layers)
        return net, _Signal(channels, check_net(net, x.largest, path))

    def head(self, obj: object, x: _Signal, c: int, path: str) -> tuple[Net, _Signal]:
        net, out = self.net(obj, x, path)
        if out.channels != 2 * c:
            raise _malformed(f"it ends in {out.channels} channels, not {2 * c}", path)
        return net, out

    def _layer(self, item: object, channels: int, before: list[tuple[int, int]], path: str) -> Layer:
        if not isinstance(item, dict):
            raise _malformed("a layer is an object", path)
        op, body = item.get("op"), {name: value for name, value in item.items() if name != "op"}
        if op in ("conv", "deconv"):
            return self._conv(body, channels, op == "deconv", path)
        if op == "requant":
            return self._requant(body, channels, path)
        if op == "relu":
            _members(body, set(), path)
            return Relu()
        if op == "add":
            return Add(_integer(_members(body, {"from"}, path)["from"], 0, len(before) - 1, f"{path}.from"))
        raise _malformed(f"unknown operation {op!r}", path)

    def _conv(self, body: dict[str, Any], channels: int, transposed: bool, path: str) -> Conv:
        o = _members(body, {"w", "b", "stride"}, path)
        w, b = self.tensor(o["w"], "I16", path), self.tensor(o["b"], "I64", path)
        conv = Conv(w, b, _integer(o["stride"], 1, STRIDE_MAX, f"{path}.stride"), transposed)
        square = w.ndim == 4 and w.shape[2] == w.shape[3] and w.shape[2] % 2 == 1 and w.shape[2] <= KERNEL_MAX
        if not square or conv.inputs != channels or b.shape != (conv.outputs,) or not 1 <= conv.outputs <= WIDTH_MAX:
            raise _malformed(f"weights {w.shape} and bias {b.shape} do not fit {channels} channels", path)
        return conv


def _malformed(what: str, path: str) -> SemError:
    return SemError(Code.MODEL_MALFORMED, what, path=path)


def _integer(value: object, lo: int, hi: int, path: str) -> int:
    if type(value) is not int or not lo <= value <= hi:  # true and false are no integers
        raise _malformed(f"not an integer from {lo} to {hi}" if lo <= hi else "nothing stands there yet", path)
    return value


def _items(obj: object, least: int, most: int, path: str) -> list[Any]:
    if not isinstance(obj, list) or not least <= len(obj) <= most:
        raise _malformed(f"not a list of {least} to {most}" if least < most else f"not a list of {least}", path)
    return obj


def _members(
    obj: object, needed: set[str], path: str, optional: set[str] | frozenset[str] = frozenset()
) -> dict[str, Any]:
    if not isinstance(obj, dict) or not needed <= set(obj) <= needed | optional:
        raise _malformed(f"its members are not {sorted(needed)}", path)
    return obj


def _check_z_tables(offset: NDArray[Any], size: NDArray[Any], freq: NDArray[Any], shape: tuple[int, int]) -> None:
    """SEM-R-122, and SEM-R-090 for what a table can say without its escape."""
    if offset.shape != shape or size.shape != shape or freq.ndim != 1:
        raise _malformed("a z table has the wrong shape", "z.freq")
    first, counts = offset.astype(np.int64).ravel(), size.astype(np.int64).ravel()
    if (counts < 1).any() or (first < -VALUE_MAX).any() or (first + counts - 1 > VALUE_MAX).any():
        raise _malformed("a z table is empty, or reaches beyond what it may code", "z.size")
    if int((counts + 1).sum()) != len(freq):
        raise _malformed("z.freq has not as many frequencies as z.size says", "z.freq")
    starts = np.cumsum(counts + 1) - counts - 1
    if (freq == 0).any() or (np.add.reduceat(freq.astype(np.int64), starts) != TABLE_TOTAL).any():
        raise _malformed(f"a z table has a frequency 0, or does not sum to {TABLE_TOTAL}", "z.freq")
