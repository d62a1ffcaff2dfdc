# SPDX-License-Identifier: MIT
"""SPEC §12 model package: a folder with manifest.json and safetensors files, checked once and then trusted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.canonical import canonical_json
from refcodec.errors import SemError
from refcodec.models.layers import ACTIVATION, Add, Conv, Layer, Net, Relu, Requant, check_net, check_requant

FORMAT, FORMAT_VERSION = "sem-model", 0
SCALES: Final = 64
_DTYPES: Final = {"I16": "<i2", "U16": "<u2", "I32": "<i4", "I64": "<i8", "U8": "<u1"}
_MEMBERS: Final = {
    "kind", "rates", "hyper", "groups", "parity", "order", "context", "z_input", "y_input", "hyper_net",
    "channel_nets", "spatial_nets", "anchor_heads", "heads", "means", "scales", "tensors",
}  # fmt: skip
_LIMIT = 1 << 28  # bytes of one tensor file


def symbol_digest(symbols: dict[str, Any]) -> str:
    """The digest of a model: SHA-256 of the canonical JSON of the manifest's `symbols`."""
    return hashlib.sha256(canonical_json(symbols)).hexdigest()


@dataclass(frozen=True, eq=False)
class SymbolModel:
    """The integer entropy model of kind 7, ready to run. Tensors as SPEC §12 and §13 name them."""

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
    scales: tuple[tuple[Requant, NDArray[np.int32] | None], ...]
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
        return tuple(range(k)) if self.context == "all" or k < 2 else (0, k - 1)


def _malformed(what: str, path: str) -> SemError:
    return SemError(803, what, path=path)


class _Reader:
    """Turns the manifest's JSON into layers, checking form as it goes."""

    def __init__(self, symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> None:
        self.symbols, self.tensors, self.used = symbols, tensors, set[str]()

    def integer(self, value: object, lo: int, hi: int, path: str) -> int:
        if type(value) is not int or not lo <= value <= hi:
            raise _malformed(f"not an integer from {lo} to {hi}", path)
        return value

    def items(self, obj: object, count: int, path: str) -> list[Any]:
        if not isinstance(obj, list) or len(obj) != count:
            raise _malformed(f"not a list of {count}", path)
        return obj

    def tensor(self, name: object, dtype: str, path: str) -> NDArray[Any]:
        if not isinstance(name, str) or name not in self.tensors:
            raise _malformed(f"no tensor {name!r}", path)
        if self.symbols["tensors"][name]["dtype"] != dtype:
            raise _malformed(f"tensor {name} is not {dtype}", path)
        self.used.add(name)
        return self.tensors[name]

    def members(self, obj: object, needed: set[str], path: str, optional: frozenset[str] = frozenset()) -> dict[str, Any]:
        if not isinstance(obj, dict) or not needed <= set(obj) <= needed | optional:
            raise _malformed(f"its members are not {sorted(needed)}", path)
        return obj

    def requant(self, obj: object, rates: int, channels: int, path: str, extra: frozenset[str] = frozenset()) -> Requant:
        o = self.members(obj, {"m", "s", "lo", "hi"}, path, frozenset({"a"}) | extra)
        m, s = self.tensor(o["m"], "I16", path), self.tensor(o["s"], "U8", path)
        a = self.tensor(o["a"], "I64", path) if "a" in o else None
        for t in (m, s) if a is None else (m, s, a):
            if t.ndim != 2 or t.shape[0] not in (1, rates) or t.shape[1] not in (1, channels):
                raise _malformed(f"a requant tensor has the shape {t.shape}", path)
        if a is None:
            a = np.int64(1) << np.maximum(s.astype(np.int64) - 1, 0)
        shape = np.broadcast_shapes(m.shape, s.shape, a.shape)
        m, s, a = (np.broadcast_to(t, shape) for t in (m, s, a))
        lo, hi = (self.integer(o[k], -(2**31), 2**31, f"{path}.{k}") for k in ("lo", "hi"))
        return Requant(m, s, a, lo, hi)

    def net(self, obj: object, rates: int, inputs: int, path: str, enlarge: int = 1) -> Net:
        if not isinstance(obj, list) or not 1 <= len(obj) <= 16:
            raise _malformed("not a list of 1 to 16 layers", path)
        layers: list[Layer] = []
        channels, widths, size, sizes = inputs, list[int](), 1.0, list[float]()
        for i, item in enumerate(obj):
            here = f"{path}[{i}]"
            op = item.get("op") if isinstance(item, dict) else None
            body = {k: v for k, v in item.items() if k != "op"} if isinstance(item, dict) else {}
            if op in ("conv", "deconv"):
                o = self.members(body, {"w", "b", "stride"}, here)
                w, b = self.tensor(o["w"], "I16", here), self.tensor(o["b"], "I64", here)
                stride = self.integer(o["stride"], 1, 4, f"{here}.stride")
                conv = Conv(w, b, stride, op == "deconv")
                square = w.ndim == 4 and w.shape[2] == w.shape[3] and w.shape[2] % 2 == 1 and w.shape[2] <= 15
                if not square or conv.inputs != channels or b.shape != (conv.outputs,) or not 1 <= conv.outputs <= 4096:
                    raise _malformed(f"weights {w.shape} and bias {b.shape} do not fit {channels} channels", here)
                layers.append(conv)
                channels = conv.outputs
                size = size * stride if op == "deconv" else size / stride
            elif op == "requant":
                layers.append(self.requant(body, rates, channels, here))
            elif op == "relu":
                self.members(body, set(), here)
                layers.append(Relu())
            elif op == "add":
                source = self.integer(self.members(body, {"from"}, here)["from"], 0, i - 1, f"{here}.from")
                if widths[source] != channels or sizes[source] != size:
                    raise _malformed("the two shapes differ", here)
                layers.append(Add(source))
            else:
                raise _malformed(f"unknown operation {op!r}", here)
            widths.append(channels)
            sizes.append(size)
        if size != enlarge or any(s > enlarge for s in sizes):
            raise _malformed(f"the net does not scale by {enlarge}", path)
        return tuple(layers)


def _width(net: Net, inputs: int) -> int:
    for layer in net:
        if isinstance(layer, Conv):
            inputs = layer.outputs
    return inputs


def build(symbols: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> SymbolModel:
    """The checked model of a manifest's `symbols` and its tensors (already verified against their digests)."""
    r = _Reader(symbols, tensors)
    s = r.members(symbols, set(_MEMBERS), "symbols")
    r.integer(s["kind"], 7, 7, "kind")
    rates, hyper = r.integer(s["rates"], 1, 64, "rates"), r.integer(s["hyper"], 1, 1024, "hyper")
    if not isinstance(s["groups"], list) or not 1 <= len(s["groups"]) <= 16:
        raise _malformed("not a list of 1 to 16 groups", "groups")
    groups = tuple(r.integer(c, 1, 1024, "groups") for c in s["groups"])
    m, n = sum(groups), len(groups)
    r.integer(m, 1, 1024, "groups")
    parity = r.integer(s["parity"], 0, 1, "parity")
    if s["order"] not in ("scales-means", "means-scales") or s["context"] not in ("all", "ends"):
        raise _malformed("unknown order or context", "symbols")
    z_input, y_input = r.requant(s["z_input"], rates, hyper, "z_input"), r.requant(s["y_input"], rates, m, "y_input")
    x_z, x_y = check_requant(z_input, ACTIVATION, "z_input"), check_requant(y_input, ACTIVATION, "y_input")
    hyper_net = r.net(s["hyper_net"], rates, hyper, "hyper_net", enlarge=4)
    x_h, width = check_net(hyper_net, x_z, "hyper_net"), _width(hyper_net, hyper)
    channel, spatial, anchor, heads = list[Net](), list[Net](), list[Net](), list[Net]()
    means, scales = list[Requant](), list[tuple[Requant, NDArray[np.int32] | None]]()
    lists = {k: r.items(s[k], n, k) for k in ("channel_nets", "spatial_nets", "heads", "means", "scales")}
    anchors = None if s["anchor_heads"] is None else r.items(s["anchor_heads"], n, "anchor_heads")
    for k, c in enumerate(groups):
        base, x = width, x_h
        if k == 0:
            if lists["channel_nets"][0] is not None:
                raise _malformed("group 0 has no channel context", "channel_nets[0]")
            channel.append(())
        else:
            scope = range(k) if s["context"] == "all" or k < 2 else (0, k - 1)
            before = sum(groups[j] for j in scope)
            path = f"channel_nets[{k}]"
            channel.append(r.net(lists["channel_nets"][k], rates, before, path))
            x, base = max(x, check_net(channel[k], x_y, path)), base + _width(channel[k], before)
        path = f"spatial_nets[{k}]"
        spatial.append(r.net(lists["spatial_nets"][k], rates, c, path))
        x_s, both = check_net(spatial[k], x_y, path), base + _width(spatial[k], c)
        heads.append(r.net(lists["heads"][k], rates, both, f"heads[{k}]"))
        out = check_net(heads[k], max(x, x_s), f"heads[{k}]")
        nets = [heads[k]]
        if anchors is not None:
            anchor.append(r.net(anchors[k], rates, base, f"anchor_heads[{k}]"))
            out = max(out, check_net(anchor[k], x, f"anchor_heads[{k}]"))
            nets.append(anchor[k])
        if any(_width(h, 0) != 2 * c for h in nets):
            raise _malformed(f"a head of group {k} does not end in {2 * c} channels", f"heads[{k}]")
        means.append(r.requant(lists["means"][k], rates, c, f"means[{k}]"))
        check_requant(means[k], out, f"means[{k}]")
        scale = r.requant(lists["scales"][k], rates, c, f"scales[{k}]", frozenset({"ladder"}))
        check_requant(scale, out, f"scales[{k}]")
        ladder = None
        if "ladder" in lists["scales"][k]:
            ladder = r.tensor(lists["scales"][k]["ladder"], "I32", f"scales[{k}].ladder")
            if ladder.shape != (SCALES - 1,) or bool((np.diff(ladder.astype(np.int64)) <= 0).any()):
                raise _malformed("a ladder is 63 ascending integers", f"scales[{k}].ladder")
        elif scale.lo < 0 or scale.hi >= SCALES:
            raise SemError(804, "a scale index can leave 0 to 63", path=f"scales[{k}]")
        scales.append((scale, ladder))
    offset, size = r.tensor("z.offset", "I16", "z.offset"), r.tensor("z.size", "I32", "z.size")
    freq = r.tensor("z.freq", "U16", "z.freq")
    _check_z_tables(offset, size, freq, (rates, hyper))
    if r.used != set(tensors):
        raise _malformed(f"unused tensors {sorted(set(tensors) - r.used)[:3]}", "tensors")
    return SymbolModel(
        symbol_digest(symbols), rates, hyper, groups, parity, s["order"] == "means-scales", s["context"], z_input,
        y_input, hyper_net, tuple(channel), tuple(spatial), None if anchors is None else tuple(anchor), tuple(heads),
        tuple(means), tuple(scales), offset, size, freq,
    )  # fmt: skip


def _check_z_tables(offset: NDArray[Any], size: NDArray[Any], freq: NDArray[Any], shape: tuple[int, int]) -> None:
    """SEM-R-122, and SEM-R-090 for what a table can say without its escape."""
    if offset.shape != shape or size.shape != shape or freq.ndim != 1:
        raise _malformed("a z table has the wrong shape", "z.freq")
    counts = size.astype(np.int64).ravel()
    last = offset.astype(np.int64).ravel() + counts - 1
    if (counts < 1).any() or (counts > 65535).any() or (last > 32767).any() or int((counts + 1).sum()) != len(freq):
        raise _malformed("z.size does not fit z.freq", "z.size")
    starts = np.concatenate([[0], np.cumsum(counts + 1)[:-1]])
    if (freq == 0).any() or (np.add.reduceat(freq.astype(np.int64), starts) != 65536).any():
        raise _malformed("a z table does not sum to 65536", "z.freq")


def read_manifest(folder: Path) -> dict[str, Any]:
    """manifest.json of a package, its frame checked."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError, RecursionError) as e:
        raise SemError(803, f"cannot read {folder.name}/manifest.json ({type(e).__name__})", path="manifest") from e
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _malformed("not a sem-model manifest", "format")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise SemError(705, f"model format version {manifest.get('format_version')!r}", path="format_version")
    if not isinstance(manifest.get("symbols"), dict):
        raise _malformed("no symbols", "symbols")
    return manifest


def load_tensors(path: Path, sha256: str | None = None) -> dict[str, NDArray[Any]]:
    """A safetensors file as arrays; never unpickles. `sha256` of the whole file is verified where given."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if path.stat().st_size > _LIMIT:
            raise SemError(803, f"{path.name} is larger than {_LIMIT} bytes", path=path.name)
        data = path.read_bytes()
    except OSError as e:
        raise SemError(801, f"cannot read {path.name} of model {path.parent.name}", path=path.name) from e
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise SemError(802, f"{path.name} has another SHA-256 than its manifest says", path=path.name)
    try:
        return dict(load(data))
    except (SafetensorError, ValueError, TypeError, KeyError) as e:
        raise _malformed(f"not a safetensors file ({type(e).__name__})", path.name) from e


def _verified(tensors: dict[str, NDArray[Any]], declared: object) -> dict[str, NDArray[Any]]:
    """SEM-R-110: exactly the declared tensors, each with its dtype, shape and digest."""
    if not isinstance(declared, dict) or set(declared) != set(tensors):
        raise _malformed("its tensors are not those of the manifest", "tensors")
    for name, entry in declared.items():
        t = tensors[name]
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "sha256"}:
            raise _malformed("a tensor entry is incomplete", f"tensors.{name}")
        if entry["dtype"] not in _DTYPES or t.dtype.str.lstrip("|") != _DTYPES[entry["dtype"]].lstrip("<") and t.dtype.str != _DTYPES[entry["dtype"]]:
            raise _malformed("another dtype than the manifest says", f"tensors.{name}")
        if list(t.shape) != entry["shape"]:
            raise _malformed("another shape than the manifest says", f"tensors.{name}")
        if hashlib.sha256(t.astype(_DTYPES[entry["dtype"]]).tobytes()).hexdigest() != entry["sha256"]:
            raise SemError(802, f"tensor {name} has another SHA-256 than the manifest says", path=f"tensors.{name}")
    return tensors


def load(folder: Path, digest: str | None = None) -> SymbolModel:
    """The symbol model of a package; SemError 801 to 804 (or 705) for what is wrong with it."""
    manifest = read_manifest(folder)
    symbols = manifest["symbols"]
    try:
        found = symbol_digest(symbols)
    except ValueError as e:
        raise _malformed(str(e), "symbols") from e
    if digest is not None and found != digest:
        raise SemError(802, f"model {folder.name} has the digest {found[:16]}…, not {digest[:16]}…")
    tensors = _verified(load_tensors(folder / "symbols.safetensors"), symbols.get("tensors"))
    return build(symbols, tensors)


Declared = dict[str, dict[str, Any]]


def declare(tensors: dict[str, NDArray[Any]]) -> Declared:
    """The `tensors` member for arrays that a writer is about to save."""
    names: dict[str, str] = {np.dtype(v).str: k for k, v in _DTYPES.items()}
    entry: Callable[[NDArray[Any]], dict[str, Any]] = lambda t: {  # noqa: E731
        "dtype": names[t.dtype.newbyteorder("<").str],
        "shape": list(t.shape),
        "sha256": hashlib.sha256(np.ascontiguousarray(t).tobytes()).hexdigest(),
    }
    return {name: entry(t) for name, t in sorted(tensors.items())}
