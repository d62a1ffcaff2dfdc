# SPDX-License-Identifier: MIT
"""SPEC §11, §12: model packages that are a sound one with one defect, each with a file that names it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from refcodec.networks.package import symbol_digest
from tools.vectors import mini, tiny
from tools.vectors.build import payloads
from tools.vectors.mini import Symbols, Tensors, conv, layer
from tools.vectors.vector import SHIPPED, Valid, digests, error_entry, explicit, shared

PROBE = Valid("probe", (), "", model=mini.NAME, hash_bytes=8, rate=1)
PROBES = {
    mini.NAME: PROBE,
    "clip-tiny": Valid("clip", (), "", profile=202, payload=False, payloads=((3, (1, 2, 3, 0, 2, 1, 3, 0)),)),
    "pq-tiny": Valid("pq", (), "", profile=203, payload=False, payloads=((4, (1, 2)),)),
    "vq-tiny": Valid("vq", (), "", profile=204, payload=False, payloads=((5, (0, 2, 0, 3) * 4),)),
    "sketch-tiny": Valid("sketch", (), "", profile=205, rate=1),
}
Change = Callable[[Symbols, Tensors], None]


@dataclass(frozen=True)
class Bad:
    """`change` comes before the digests of tensors are taken, `late` and `blob` after. `base`: the sound package."""

    id: str
    error: int
    rules: tuple[int, ...]
    note: str
    change: Change = lambda _s, _t: None
    late: Change = lambda _s, _t: None
    blob: Callable[[bytes], bytes | None] = lambda data: data  # symbols.safetensors becomes
    text: Callable[[bytes], bytes] = lambda data: data  # manifest.json becomes
    base: str = mini.NAME

    def files(self) -> dict[str, bytes]:
        """The package and its probe, by file name."""
        symbols, tensors = (
            copy.deepcopy(mini.package()[:2]) if self.base == mini.NAME else (tiny.MODELS | tiny.SMALL)[self.base]()
        )
        self.change(symbols, tensors)
        symbols["tensors"] = mini.declared(tensors)
        self.late(symbols, tensors)
        blob = self.blob(mini.safetensors(tensors))
        digest = bytes.fromhex(symbol_digest(symbols))
        start = explicit(PROBES[self.base].profile)
        probe = start + digest[: PROBE.hash_bytes] + b"\x04" + body_of(self.base)
        return {
            "manifest.json": self.text(mini.manifest(self.id, symbols, f"A fault: {self.note}.")),
            "probe.sem": probe,
        } | ({} if blob is None else {"symbols.safetensors": blob})

    def to_dict(self, probe: bytes) -> dict[str, Any]:
        """The entry of the manifest."""
        folder = f"models-bad/{self.id}"
        return {
            "id": self.id,
            "folder": folder,
            "file": f"{folder}/probe.sem",
            **digests(probe),
            **shared(self.rules, self.note),
            **error_entry(self.error),
            "stage": "model",
            "repaired": f"models/{self.base}",
        } | ({"asked": "embedding"} if self.base == "pq-tiny" else {})


@lru_cache(maxsize=8)
def body_of(base: str) -> bytes:
    """The body of the file that names a package made of this one."""
    return next(payloads(PROBES[base], SHIPPED))[1]


def _set(*path: str | int, to: Any) -> Change:
    """A member of `symbols` becomes another value."""

    def change(symbols: Symbols, _: Tensors) -> None:
        inner: Any = symbols
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return change


def _tensor(name: str, values: Any, *, add: bool = False, dtype: str | None = None) -> Change:
    """A tensor becomes another, or one value more is added to it; of the same dtype where none is given."""

    def change(_: Symbols, tensors: Tensors) -> None:
        old = tensors.get(name)
        kind = np.dtype(dtype) if dtype or old is None else old.dtype
        tensors[name] = old + np.array(values, kind) if add and old is not None else np.array(values, kind)

    return change


def _all(*changes: Change) -> Change:
    def change(symbols: Symbols, tensors: Tensors) -> None:
        for one in changes:
            one(symbols, tensors)

    return change


def _reshaped(name: str, shape: Sequence[int], dtype: str | None = None) -> Change:
    """A tensor of ones of another shape."""
    return _tensor(name, np.ones(shape), dtype=dtype)


def _drop(member: str) -> Change:
    return lambda symbols, _: symbols.pop(member)  # type: ignore[arg-type, return-value]


def _flip_weight(_: Symbols, tensors: Tensors) -> None:
    tensors["head.1.w"][0, 0, 0, 0] ^= 1


def _wrong_sum(_: Symbols, tensors: Tensors) -> None:
    tensors["z.freq"][0] -= 1


def _zero_frequency(_: Symbols, tensors: Tensors) -> None:
    """In the second table, which has two regular symbols."""
    tensors["z.freq"][3] += tensors["z.freq"][2]
    tensors["z.freq"][2] = 0


SPATIAL = conv("spatial.2.w", "b")
RELU = {"op": "relu"}
ADD = {"op": "add", "from": 0}

BAD = (
    Bad("conv-input-unbounded", 804, (100,), "no requant stands between two convolutions",
        _all(_set("spatial_nets", 0, to=[SPATIAL, conv("one.w", "b"), layer("s22")]),
             _tensor("one.w", [[[[1]]]], dtype="<i2"))),
    Bad("head-input-unbounded", 804, (100,), "a spatial net ends without a requant",
        _set("spatial_nets", 0, to=[SPATIAL])),
    Bad("accumulator", 804, (101,), "an accumulator can reach 2^37 + 1",
        _tensor("head.2.b", [0, 0, 0, 0, -1, 0, 0, 0], add=True)),
    Bad("multiplier-0", 804, (102,), "a multiplier of 0", _tensor("m", [[0]])),
    Bad("multiplier-16-bits", 804, (102,), "a multiplier of 16 bits, which is a negative I16",
        _tensor("m", [[-11536]])),
    Bad("shift-0", 804, (102,), "a shift of 0", _tensor("mean.0.s", [[46, 0]])),
    Bad("shift-53", 804, (102,), "a shift of 53", _tensor("mean.0.s", [[46, 53]])),
    Bad("product", 804, (103,), "a product can reach 2^53", _tensor("mean.0.a", [[1, 0]], add=True)),
    Bad("bound-above", 804, (104,), "a mean can reach 32768", _set("means", 1, "hi", to=32768)),
    Bad("bound-below", 804, (104,), "a mean can reach -32769", _set("means", 1, "lo", to=-32769)),
    Bad("bounds-crossed", 804, (104,), "lo is above hi",
        _all(_set("means", 1, "lo", to=1), _set("means", 1, "hi", to=0))),
    Bad("sum", 804, (105,), "15 doublings take a sum above 2^38",
        _all(_set("heads", 1, to=[conv("head.1.w", "head.1.b"), *({"op": "add", "from": i} for i in range(15))]),
             _tensor("m1", [[1]], dtype="<i2"), _set("means", 1, "m", to="m1"), _set("scales", 1, "m", to="m1"))),
    Bad("tensor-digest", 802, (110,), "one bit of a weight differs from what the digest says", late=_flip_weight),
    Bad("tensors-cut", 803, (111,), "the file of tensors is a byte short", blob=lambda data: data[:-1]),
    Bad("tensors-pickled", 803, (111, 113), "a pickle in place of the file of tensors", blob=lambda _: tiny.PICKLE),
    Bad("tensors-missing", 801, (114,), "there is no file of tensors", blob=lambda _: None),
    Bad("tensor-undeclared", 803, (111,), "a layer names a tensor that the manifest does not declare",
        late=lambda s, _: s["tensors"].pop("head.1.w")),
    Bad("member-unknown", 803, (111,), "a member that SPEC.md does not have", _set("gain", to=1)),
    Bad("member-missing", 803, (111,), "no member `context`", _drop("context")),
    Bad("layer-member-unknown", 803, (111,), "a layer with a member `bias`", _set("heads", 1, 0, "bias", to="b")),
    Bad("operation-unknown", 803, (111,), "an operation `gelu`",
        _set("spatial_nets", 0, to=[SPATIAL, layer("s22"), {"op": "gelu"}])),
    Bad("dtype-f32", 803, (111,), "weights in floating point", lambda _,
        t: t.update({"head.1.w": t["head.1.w"].astype("<f4")})),
    Bad("dtype-i32", 803, (111,), "weights of 32 bits", lambda _,
        t: t.update({"head.1.w": t["head.1.w"].astype("<i4")})),
    Bad("tensor-missing", 803, (111,), "a layer names a tensor that is not there",
        _set("heads", 1, 0, "w", to="head.9.w")),
    Bad("conv-inputs", 803, (111,), "weights for three input channels where there are two",
        _reshaped("channel.2.w", (1, 3, 1, 1))),
    Bad("conv-bias", 803, (111,), "more biases than output channels", _reshaped("head.1.b", (5,))),
    Bad("kernel-even", 803, (111,), "a kernel of 2 × 2", _reshaped("spatial.4.w", (1, 4, 2, 2))),
    Bad("kernel-not-square", 803, (111,), "a kernel of 1 × 3", _reshaped("spatial.4.w", (1, 4, 1, 3))),
    Bad("requant-shape", 803, (111,), "addends for three channels where there are two", _reshaped("mean.0.a", (1, 3))),
    Bad("requant-rates", 803, (111,), "shifts for two rates of three", _reshaped("mean.0.s", (2, 2))),
    Bad("add-of-other-shape", 803, (111,), "a sum of one channel and two",
        _all(_set("spatial_nets", 0, to=[SPATIAL, layer("s22"), conv("two.w", "two.b"), ADD, layer("s22")]),
             _reshaped("two.w", (2, 1, 1, 1), "<i2"), _reshaped("two.b", (2,), "<i8"))),
    Bad("add-of-itself", 803, (111,), "a layer that adds its own output",
        _set("heads", 1, to=[conv("head.1.w", "head.1.b"), {"op": "add", "from": 1}])),
    Bad("head-width", 803, (111,), "a head that gives 3 channels for a group of 2",
        _all(_reshaped("head.1.w", (3, 3, 1, 1)), _reshaped("head.1.b", (3,)))),
    Bad("stride-5", 803, (111,), "a stride of 5", _set("hyper_net", 0, "stride", to=5)),
    Bad("stride-as-truth", 803, (111,), "a stride that is true, where 1 would be right",
        _set("channel_nets", 1, 0, "stride", to=True)),
    Bad("tensor-more", 803, (111,), "a tensor that nothing uses", _tensor("more", [[1]], dtype="<i2")),
    Bad("order-unknown", 803, (111,), "an order that SPEC.md does not have", _set("order", to="interleaved")),
    Bad("context-unknown", 803, (111,), "a context that SPEC.md does not have", _set("context", to="last")),
    Bad("channel-net-of-group-0", 803, (111,), "a channel context for the first group",
        _set("channel_nets", 0, to=[SPATIAL, layer("s22")])),
    Bad("nets-too-few", 803, (111,), "two heads for three groups", lambda s, _: s["heads"].pop()),
    Bad("kernel-17", 803, (115,), "a kernel of 17 × 17", _reshaped("spatial.4.w", (1, 4, 17, 17))),
    Bad("layers-17", 803, (115,), "a net of 17 layers",
        _set("spatial_nets", 0, to=[SPATIAL, layer("s22"), *([RELU] * 15)])),
    Bad("channels-4097", 803, (115,), "a net of 4097 channels",
        _all(_set("spatial_nets", 0, to=[conv("wide.w", "wide.b"), layer("s22"), conv("thin.w", "b"), layer("s22")]),
             _reshaped("wide.w", (4097, 2, 1, 1), "<i2"), _reshaped("wide.b", (4097,), "<i8"), _reshaped("thin.w",
             (1, 4097, 1, 1), "<i2"))),
    Bad("index-64", 804, (121,), "a scale index can be 64", _set("scales", 2, "hi", to=64)),
    Bad("index-below-0", 804, (121,), "a scale index can be -1", _set("scales", 2, "lo", to=-1)),
    Bad("ladder-62", 803, (111,), "a ladder of 62 thresholds", _tensor("ladder", list(range(62)))),
    Bad("ladder-not-ascending", 803, (124,), "two equal thresholds", _tensor("ladder", [0, *range(62)])),
    Bad("format-version-0", 705, (116,), "a package of the draft",
        text=lambda data: data.replace(b'"format_version": 1', b'"format_version": 0')),
    Bad("format-version-2", 705, (116,), "a package of a later version",
        text=lambda data: data.replace(b'"format_version": 1', b'"format_version": 2')),
    Bad("z-frequency-0", 803, (122,), "a frequency of 0 in a table that sums to 2^16", _zero_frequency),
    Bad("z-sum", 803, (122,), "a table that sums to 2^16 - 1", _wrong_sum),
    Bad("z-count", 803, (122,), "more frequencies than the sizes say", lambda _,
        t: t.update({"z.freq": np.append(t["z.freq"], t["z.freq"][:2])})),
    Bad("hyper-net-twofold", 803, (123,), "a hyper net that enlarges twofold", _set("hyper_net", 0, "stride", to=2)),
    Bad("hyper-net-eightfold", 803, (123,), "a hyper net that enlarges eightfold",
        _set("hyper_net", 2, "stride", to=1)),
    Bad("channel-net-halves", 803, (123,), "a channel net that halves h and w",
        _set("channel_nets", 1, 0, "stride", to=2)),
    Bad("spatial-net-doubles", 803, (123,), "a spatial net that doubles h and w",
        _all(_set("spatial_nets", 0, 0, to=conv("two.w", "b", "deconv", 2)), _reshaped("two.w", (2, 1, 1, 1), "<i2"))),
)  # fmt: skip
