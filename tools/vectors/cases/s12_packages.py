# SPDX-License-Identifier: MIT
"""SPEC §12: packages of kind 7 that break the format, `elic-mini` with one defect each."""

from __future__ import annotations

from typing import Any, Final

from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.model_changes import (
    cast_tensor,
    change_all,
    drop_member,
    drop_tensor,
    edit_declaration,
    edit_header,
    reshape_tensor,
    set_member,
    set_ones,
    set_tensor,
    spatial_net,
    transpose,
)
from tools.vectors.models import tiny
from tools.vectors.models.layers import REQUANT, Symbols, conv
from tools.vectors.models.package_files import Tensors

FOLDER: Final = "models-bad"
SPATIAL: Final = conv("spatial.2.w", "b")
RELU: Final = {"op": "relu"}
ADD: Final = {"op": "add", "from": 0}
TWO: Final = change_all(set_ones("two.w", (2, 1, 1, 1), "<i2"), set_ones("two.b", (2,), "<i8"))


def _flip_weight(_: Symbols, tensors: Tensors) -> None:
    tensors["head.1.w"][0, 0, 0, 0] ^= 1


def _gap(header: dict[str, Any], data: bytes) -> bytes:
    """Insert eight bytes before the first tensor."""
    for entry in header.values():
        entry["data_offsets"] = [offset + 8 for offset in entry["data_offsets"]]
    return bytes(8) + data


def _overlap(header: dict[str, Any], data: bytes) -> bytes:
    """Let `s30` share the byte of `s28`, which has the same value."""
    begin, end = header["s30"]["data_offsets"]
    header["s30"]["data_offsets"] = header["s28"]["data_offsets"]
    for entry in header.values():
        if entry["data_offsets"][0] >= end:
            entry["data_offsets"] = [offset - (end - begin) for offset in entry["data_offsets"]]
    return data[:begin] + data[end:]


MODELS: Final = (
    InvalidModel("tensor-digest", 802, (110,), "one bit of a weight differs from what the digest says",
        late=_flip_weight),
    InvalidModel("tensors-cut", 803, (111,), "the file of tensors is a byte short", blob=lambda data: data[:-1]),
    InvalidModel("tensors-pickled", 803, (111, 113), "a pickle in place of the file of tensors",
        blob=lambda _: tiny.PICKLE),
    InvalidModel("tensors-missing", 801, (114,), "there is no file of tensors", blob=lambda _: None),
    InvalidModel("tensor-undeclared", 803, (111,), "a layer names a tensor that the manifest does not declare",
        late=lambda s, _: s["tensors"].pop("head.1.w")),
    InvalidModel("member-unknown", 803, (111,), "a member that SPEC.md does not have", set_member("gain", to=1)),
    InvalidModel("member-missing", 803, (111,), "no member `context`", drop_member("context")),
    InvalidModel("layer-member-unknown", 803, (111,), "a layer with a member `bias`",
        set_member("heads", 1, 0, "bias", to="b")),
    InvalidModel("operation-unknown", 803, (111,), "an operation `gelu`",
        set_member("spatial_nets", 0, to=[SPATIAL, REQUANT, {"op": "gelu"}])),
    InvalidModel("dtype-f32", 803, (111,), "weights in floating point", cast_tensor("head.1.w", "<f4")),
    InvalidModel("dtype-i32", 803, (111,), "weights of 32 bits", cast_tensor("head.1.w", "<i4")),
    InvalidModel("tensor-missing", 803, (111,), "a layer names a tensor that is not there",
        set_member("heads", 1, 0, "w", to="head.9.w")),
    InvalidModel("conv-inputs", 803, (111,), "weights for three input channels where there are two",
        set_ones("channel.2.w", (1, 3, 1, 1))),
    InvalidModel("conv-bias", 803, (111,), "more biases than output channels", set_ones("head.1.b", (5,))),
    InvalidModel("kernel-even", 803, (111,), "a kernel of 2 × 2", set_ones("spatial.4.w", (1, 4, 2, 2))),
    InvalidModel("kernel-not-square", 803, (111,), "a kernel of 1 × 3", set_ones("spatial.4.w", (1, 4, 1, 3))),
    InvalidModel("requant-shape", 803, (111,), "addends for three channels where there are two",
        set_ones("mean.0.a", (1, 3))),
    InvalidModel("requant-rates", 803, (111,), "shifts for two rates of three", set_ones("mean.0.s", (2, 2))),
    InvalidModel("add-of-other-shape", 803, (111,), "a sum of one channel and two",
        change_all(set_member("spatial_nets", 0, to=[SPATIAL, REQUANT, conv("two.w", "two.b"), ADD, REQUANT]),
        set_ones("two.w", (2, 1, 1, 1), "<i2"), set_ones("two.b", (2,), "<i8"))),
    InvalidModel("add-of-itself", 803, (111,), "a layer that adds its own output",
        set_member("heads", 1, to=[conv("head.1.w", "head.1.b"), {"op": "add", "from": 1}])),
    InvalidModel("head-width", 803, (111,), "a head that gives 3 channels for a group of 2",
        change_all(set_ones("head.1.w", (3, 3, 1, 1)), set_ones("head.1.b", (3,)))),
    InvalidModel("stride-5", 803, (111,), "a stride of 5", set_member("hyper_net", 0, "stride", to=5)),
    InvalidModel("stride-as-truth", 803, (111,), "a stride that is true, where 1 would be right",
        set_member("channel_nets", 1, 0, "stride", to=True)),
    InvalidModel("tensor-more", 803, (111,), "a tensor that nothing uses", set_tensor("more", [[1]], dtype="<i2")),
    InvalidModel("order-unknown", 803, (111,), "an order that SPEC.md does not have",
        set_member("order", to="interleaved")),
    InvalidModel("context-unknown", 803, (111,), "a context that SPEC.md does not have",
        set_member("context", to="last")),
    InvalidModel("channel-net-of-group-0", 803, (111,), "a channel context for the first group",
        set_member("channel_nets", 0, to=[SPATIAL, REQUANT])),
    InvalidModel("nets-too-few", 803, (111,), "two heads for three groups", lambda s, _: s["heads"].pop()),
    InvalidModel("kernel-17", 803, (115,), "a kernel of 17 × 17", set_ones("spatial.4.w", (1, 4, 17, 17))),
    InvalidModel("layers-17", 803, (115,), "a net of 17 layers",
        set_member("spatial_nets", 0, to=[SPATIAL, REQUANT, *([RELU] * 15)])),
    InvalidModel("channels-4097", 803, (115,), "a net of 4097 channels",
        change_all(set_member("spatial_nets", 0,
        to=[conv("wide.w", "wide.b"), REQUANT, conv("thin.w", "b"), REQUANT]),
        set_ones("wide.w", (4097, 2, 1, 1), "<i2"), set_ones("wide.b", (4097,), "<i8"),
        set_ones("thin.w", (1, 4097, 1, 1), "<i2"))),
    InvalidModel("ladder-62", 803, (111,), "a ladder of 62 thresholds", set_tensor("ladder", list(range(62)))),
    InvalidModel("format-version-0", 705, (116,), "a package of the draft",
        text=lambda data: data.replace(b'"format_version": 1', b'"format_version": 0')),
    InvalidModel("format-version-2", 705, (116,), "a package of a later version",
        text=lambda data: data.replace(b'"format_version": 1', b'"format_version": 2')),
    InvalidModel("tensor-named-by-list", 803, (111,), "the name of a tensor in a list",
        set_member("z_input", "m", to=["m"])),
    InvalidModel("requant-three-axes", 803, (111,), "multipliers of three axes",
        change_all(set_member("z_input", "m", to="m3"), set_tensor("m3", [[[21_000]]], dtype="<i2"))),
    InvalidModel("add-of-other-channels", 803, (111,),
        "a sum of one channel and two, of which a layer makes one again",
        change_all(spatial_net(SPATIAL, REQUANT, conv("two.w", "two.b"), {"op": "add", "from": 1}, REQUANT,
        conv("thin.w", "b"), REQUANT), TWO, set_ones("thin.w", (1, 2, 1, 1), "<i2"))),
    InvalidModel("add-from-minus-1", 803, (111,), "a sum with the layer before the first",
        set_member("heads", 1, to=[conv("head.1.w", "head.1.b"), {"op": "add", "from": -1}])),
    InvalidModel("stride-0", 803, (111,), "a stride of 0", set_member("hyper_net", 0, "stride", to=0)),
    InvalidModel("layer-as-text", 803, (111,), "a layer that is a text", spatial_net(SPATIAL, REQUANT, "relu")),
    InvalidModel("relu-member", 803, (111,), "a relu with a member",
        spatial_net(SPATIAL, REQUANT, RELU | {"slope": 0})),
    InvalidModel("requant-as-list", 803, (111,), "a requant object that is a list of its members",
        set_member("z_input", to=["hi", "lo", "m", "s"])),
    InvalidModel("nets-as-object", 803, (111,), "nets by number in an object",
        lambda s, _: s.update(spatial_nets={str(k): net for k, net in enumerate(s["spatial_nets"])})),
    InvalidModel("conv-five-axes", 803, (111,), "weights of five axes", set_ones("head.1.w", (4, 3, 1, 1, 1))),
    InvalidModel("channels-0", 803, (115,), "a layer of no channels",
        change_all(spatial_net(conv("none.w", "none.b"), REQUANT, conv("some.w", "b"), REQUANT),
        set_ones("none.w", (0, 2, 1, 1), "<i2"), set_ones("none.b", (0,), "<i8"),
        set_ones("some.w", (1, 0, 1, 1), "<i2"))),
    InvalidModel("z-offset-turned", 803, (111,), "offsets of shape (hyper, R)", transpose("z.offset")),
    InvalidModel("z-size-turned", 803, (111,), "sizes of shape (hyper, R)", transpose("z.size")),
    InvalidModel("z-freq-two-axes", 803, (111,), "frequencies of two axes", reshape_tensor("z.freq", -1, 1)),
    InvalidModel("shape-of-truths", 803, (111,), "a shape of true in the manifest",
        late=edit_declaration("b", shape=[True])),
    InvalidModel("format-other", 803, (111,), "another `format`",
        text=lambda data: data.replace(b'"sem-model"', b'"sem-models"')),
    InvalidModel("format-version-true", 705, (116,), "a `format_version` that is true",
        text=lambda data: data.replace(b'"format_version": 1', b'"format_version": true')),
    InvalidModel("spatial-net-empty", 803, (111,),
        "a spatial net of no layers, with a head that takes what it would give",
        change_all(spatial_net(), set_member("heads", 0, 0, "w", to="three.w"),
        set_ones("three.w", (4, 3, 1, 1), "<i2"), drop_tensor("head.0.w"))),
    InvalidModel("stride-0-of-conv", 803, (111,), "a convolution with a stride of 0",
        set_member("hyper_net", 2, "stride", to=0)),
    InvalidModel("tensors-trailing", 803, (111,), "a byte behind the last tensor", blob=lambda data: data + b"\0"),
    InvalidModel("tensors-gap", 803, (111,), "eight bytes before the first tensor that belong to none",
        blob=edit_header(_gap)),
    InvalidModel("tensors-overlap", 803, (111,), "two tensors of the same bytes that lie on one another",
        set_tensor("s30", [[28]]), blob=edit_header(_overlap)),
    InvalidModel("format-version-missing", 705, (116,), "no `format_version`",
        text=lambda data: data.replace(b' "format_version": 1,\n', b"")),
)  # fmt: skip

CASES: Final = MODELS
