# SPDX-License-Identifier: MIT
"""SPEC §12: what its table of faults of a package says, one defect each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.model_changes import (
    Change,
    change_all,
    drop_member,
    edit_declaration,
    set_member,
    set_ones,
    set_tensor,
    spatial_net,
    unchanged,
)
from tools.vectors.models.layers import REQUANT, Symbols, conv
from tools.vectors.models.package_files import Tensors

FOLDER: Final = "models-bad"


def _fault(name: str, note: str, change: Change = unchanged, rule: int = 129, **options: Any) -> InvalidModel:
    return InvalidModel(name, options.pop("error", 803), (rule,), note, change, **options)


def _length(value: int) -> Callable[[bytes], bytes]:
    """Replace the length of the header of symbols.safetensors."""
    return lambda data: value.to_bytes(8, "little") + data[8:]


def _capitals(symbols: Symbols, _: Tensors) -> None:
    entry = symbols["tensors"]["ladder"]
    entry["sha256"] = entry["sha256"].upper()


def _sizes_that_wrap(_: Symbols, tensors: Tensors) -> None:
    """Let two tables have 2^31 entries each, 2^32 together, and `z.freq` those of the others."""
    counts = tensors["z.size"].astype(np.int64) + 1
    tensors["z.freq"] = tensors["z.freq"][int(counts[0, :2].sum()) :]
    tensors["z.size"] = tensors["z.size"].copy()
    tensors["z.size"][0, :2] = 2**31 - 1


MODELS: Final = (
    _fault("format-missing", "no `format`", rule=128,
        text=lambda data: data.replace(b' "format": "sem-model",\n', b"")),
    _fault("format-null", "a `format` that is null", rule=128,
        text=lambda data: data.replace(b'"sem-model"', b"null")),
    _fault("format-in-list", "a `format` in a list", rule=128,
        text=lambda data: data.replace(b'"sem-model"', b'["sem-model"]')),
    _fault("anchor-heads-missing", "no `anchor_heads`, which is null where a model has none", drop_member("anchor_heads")),
    _fault("anchor-heads-empty", "`anchor_heads` of no group", set_member("anchor_heads", to=[])),
    _fault("anchor-heads-of-null", "`anchor_heads` of null for each group", set_member("anchor_heads", to=[None] * 3)),
    _fault("channel-nets-without-null", "no null for the first group in `channel_nets`",
        lambda s, _: s.update(channel_nets=s["channel_nets"][1:])),
    _fault("rates-missing", "no `rates`", drop_member("rates")),
    _fault("rates-as-text", "`rates` as a text", set_member("rates", to="3")),
    _fault("rates-0-of-model", "no rates at all", set_member("rates", to=0)),
    _fault("parity-as-truth", "a `parity` that is false, where 0 would be right", set_member("parity", to=False)),
    _fault("parity-null", "a `parity` that is null", set_member("parity", to=None)),
    _fault("order-as-number", "an `order` that is a number", set_member("order", to=0)),
    _fault("context-null", "a `context` that is null", set_member("context", to=None)),
    _fault("groups-as-object", "`groups` in an object", set_member("groups", to={"0": 2, "1": 2, "2": 4})),
    _fault("group-as-text", "a group of \"2\" channels", set_member("groups", 0, to="2")),
    _fault("heads-null", "`heads` that are null", set_member("heads", to=None)),
    _fault("hyper-net-as-object", "a hyper net in an object",
        lambda s, _: s.update(hyper_net={str(i): layer for i, layer in enumerate(s["hyper_net"])})),
    _fault("z-input-null", "a z_input that is null", set_member("z_input", to=None)),
    _fault("lo-as-text", "a bound that is a text", set_member("means", 1, "lo", to="-32768")),
    _fault("hi-null", "a bound that is null", set_member("means", 1, "hi", to=None)),
    _fault("hi-missing", "a requant without `hi`", lambda s, _: s["means"][1].pop("hi")),
    _fault("addends-null", "addends that are null, where a requant without has no member `a`",
        set_member("means", 1, "a", to=None)),
    _fault("ladder-null", "a ladder that is null", set_member("scales", 0, "ladder", to=None)),
    _fault("ladder-of-means", "a ladder in `means`", set_member("means", 0, "ladder", to="ladder")),
    _fault("stride-as-text", "a stride that is a text", set_member("channel_nets", 1, 0, "stride", to="1")),
    _fault("stride-missing", "a convolution without a stride", lambda s, _: s["channel_nets"][1][0].pop("stride")),
    _fault("bias-missing", "a convolution without biases", lambda s, _: s["channel_nets"][1][0].pop("b")),
    _fault("op-missing", "a layer without `op`", lambda s, _: s["channel_nets"][1][0].pop("op")),
    _fault("from-missing", "an add without `from`", lambda s, _: s["heads"][0][1].pop("from")),
    _fault("from-as-truth", "an add with `from` false, where 0 would be right",
        set_member("heads", 0, 1, "from", to=False)),
    _fault("dtype-in-list", "a dtype in a list", late=edit_declaration("b", dtype=["I64"])),
    _fault("dtype-lower-case", "a dtype in small letters", late=edit_declaration("b", dtype="i64")),
    _fault("shape-as-number", "a shape that is a number", late=edit_declaration("b", shape=1)),
    _fault("shape-negative", "a shape of -1", late=edit_declaration("b", shape=[-1])),
    _fault("digest-of-tensor-missing", "a tensor without a digest",
        late=lambda s, _: s["tensors"]["b"].pop("sha256")),
    _fault("tensor-digest-in-capitals", "a digest in capitals", rule=132, error=802, late=_capitals),
    _fault("tensor-digest-as-number", "a digest that is a number", rule=132, error=802,
        late=lambda s, _: s["tensors"]["b"].update(sha256=1)),
    _fault("tensor-digest-null", "a digest that is null", rule=132, error=802,
        late=lambda s, _: s["tensors"]["b"].update(sha256=None)),
    _fault("pq-tiny-d-65538", "an embedding of 65538 dimensions in two parts", set_member("d", to=65_538),
        base="pq-tiny"),
    _fault("header-length-2-64", "a header of 2^64 - 1 bytes of tensors", rule=133, blob=_length(2**64 - 1)),
    _fault("header-length-wraps", "a header of 2^64 - 8 bytes, which with the length itself is 0 in 64 bits",
        rule=133, blob=_length(2**64 - 8)),
    _fault("header-length-2-63", "a header of 2^63 bytes", rule=133, blob=_length(2**63)),
    _fault("header-length-2-32", "a header of 2^32 bytes more than there are", rule=133,
        blob=lambda data: _length(2**32 + int.from_bytes(data[:8], "little"))(data)),
    _fault("header-length-0", "a header of no bytes", rule=133, blob=_length(0)),
    _fault("header-length-cut", "four bytes in place of the file of tensors", rule=133, blob=lambda data: data[:4]),
    _fault("z-sizes-wrap", "two tables of z that have 2^32 frequencies together, and nothing of them is there",
        _sizes_that_wrap, rule=122),
    InvalidModel("add-of-other-size", 803, (111,), "a sum of arrays of as many channels, of other rows and columns",
        change_all(set_member("hyper_net",
        to=[conv("same.w", "same.b"), REQUANT, conv("hyper.0.w", "b2", "deconv", 4), REQUANT,
        conv("wide.w", "same.b"), {"op": "add", "from": 0}, REQUANT, conv("thin.w", "b"), REQUANT]),
        set_ones("same.w", (4, 4, 1, 1), "<i2"), set_ones("same.b", (4,), "<i8"), set_ones("wide.w", (4, 2, 1, 1), "<i2"),
        set_ones("thin.w", (1, 4, 1, 1), "<i2"), lambda _, t: [t.pop(f"hyper.{i}.w") for i in (1, 2)])),
    InvalidModel("add-of-its-input", 803, (111,), "a sum with the input of the net, which no number names",
        spatial_net({"op": "add", "from": 0}, conv("spatial.2.w", "b"), REQUANT)),
    InvalidModel("z-input-one-group", 803, (111,), "requants of y_input as wide as the first group",
        change_all(set_member("y_input", "m", to="two"), set_tensor("two", [[21_000, 21_000]], dtype="<i2"))),
)  # fmt: skip

CASES: Final = MODELS
