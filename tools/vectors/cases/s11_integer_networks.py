# SPDX-License-Identifier: MIT
"""SPEC §11: models whose integers can exceed a bound, most of them by one."""

from __future__ import annotations

from typing import Final

import numpy as np

from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.model_changes import change_all, drop_tensor, set_member, set_tensor, spatial_net
from tools.vectors.models.layers import REQUANT, Symbols, conv, requant_layer
from tools.vectors.models.package_files import Tensors

FOLDER: Final = "models-bad"
SPATIAL: Final = conv("spatial.2.w", "b")
MOST: Final = set_tensor("most", [[2**53 - 2**15 * 21_000]], dtype="<i8")  # beside the multiplier `m`


def _five_times(symbols: Symbols, tensors: Tensors) -> None:
    """Add up to 2^38 + 1 in the last of four layers of a head, five times the output of its convolution."""
    fifth = (2**38 + 1) // 5
    tensors["fifth.b"] = np.array([fifth] * 4, "<i8")
    tensors["fifth.w"] = np.zeros((4, 3, 1, 1), "<i2")
    symbols["heads"][1] = [conv("fifth.w", "fifth.b"), *({"op": "add", "from": at} for at in (0, 1, 0))]
    del tensors["head.1.w"], tensors["head.1.b"]


def _deconv_sum(symbols: Symbols, tensors: Tensors) -> None:
    """Let a deconvolution reach 2^37 + 1 if its weights are summed over both inputs and the entire kernel."""
    total = int(np.abs(tensors["hyper.2.w"].astype(np.int64)).sum())
    tensors["deep.b"] = np.array([2**37 + 1 - 2**15 * total], "<i8")
    symbols["hyper_net"][4]["b"] = "deep.b"


def _anchor_heads(symbols: Symbols, tensors: Tensors) -> None:
    """Add anchor heads, the second of which reaches 2^38: its means then reach 2^53, those of its head less."""
    nets = []
    for k, (i, o) in enumerate(((1, 4), (2, 4), (2, 8))):
        tensors[f"anchor.{k}.w"] = np.zeros((o, i, 1, 1), "<i2")
        tensors[f"anchor.{k}.b"] = np.array([2**37 if k == 1 else 0] * o, "<i8")
        nets.append([conv(f"anchor.{k}.w", f"anchor.{k}.b"), {"op": "add", "from": 0}])
    symbols["anchor_heads"] = nets
    tensors["most"], tensors["even"] = np.array([[2**15 - 1]], "<i2"), np.array([[2**38]], "<i8")
    symbols["means"][1] |= {"m": "most", "a": "even"}


MODELS: Final = (
    InvalidModel("conv-input-unbounded", 804, (100,), "no requant stands between two convolutions",
        change_all(set_member("spatial_nets", 0, to=[SPATIAL, conv("one.w", "b"), REQUANT]),
        set_tensor("one.w", [[[[1]]]], dtype="<i2"))),
    InvalidModel("head-input-unbounded", 804, (100,), "a spatial net ends without a requant",
        set_member("spatial_nets", 0, to=[SPATIAL])),
    InvalidModel("accumulator", 804, (101,), "an accumulator can reach 2^37 + 1",
        set_tensor("head.2.b", [0, 0, 0, 0, -1, 0, 0, 0], add=True)),
    InvalidModel("multiplier-0", 804, (102,), "a multiplier of 0", set_tensor("m", [[0]])),
    InvalidModel("multiplier-16-bits", 804, (102,), "a multiplier of 16 bits, which is a negative I16",
        set_tensor("m", [[-11536]])),
    InvalidModel("shift-0", 804, (102,), "a shift of 0", set_tensor("mean.0.s", [[46, 0]])),
    InvalidModel("shift-53", 804, (102,), "a shift of 53", set_tensor("mean.0.s", [[46, 53]])),
    InvalidModel("product", 804, (103,), "a product can reach 2^53", set_tensor("mean.0.a", [[1, 0]], add=True)),
    InvalidModel("bound-above", 804, (104,), "a mean can reach 32768", set_member("means", 1, "hi", to=32768)),
    InvalidModel("bound-below", 804, (104,), "a mean can reach -32769", set_member("means", 1, "lo", to=-32769)),
    InvalidModel("bounds-crossed", 804, (104,), "lo is above hi",
        change_all(set_member("means", 1, "lo", to=1), set_member("means", 1, "hi", to=0))),
    InvalidModel("sum", 804, (105,), "15 doublings take a sum above 2^38",
        change_all(set_member("heads", 1,
        to=[conv("head.1.w", "head.1.b"), *({"op": "add", "from": i} for i in range(15))]),
        set_tensor("m1", [[1]], dtype="<i2"), set_member("means", 1, "m", to="m1"),
        set_member("scales", 1, "m", to="m1"))),
    InvalidModel("sketch-tiny-shift-0", 804, (102,), "a shift of 0", base="sketch-tiny",
        change=lambda s, t: t.update({s["z_input"]["s"]: t[s["z_input"]["s"]] * 0})),
    InvalidModel("scale-shift-0", 804, (102,), "a shift of 0 in a scale",
        change_all(set_member("scales", 2, "s", to="s0"), set_tensor("s0", [[0]], dtype="|u1"))),
    InvalidModel("conv-input-by-1", 804, (100,), "the input of a convolution can reach 32769",
        change_all(spatial_net(conv("near.w", "near.b"), conv("one.w", "b"), REQUANT),
        set_tensor("near.w", [[[[1]], [[0]]]], dtype="<i2"), set_tensor("near.b", [1], dtype="<i8"),
        set_tensor("one.w", [[[[1]]]], dtype="<i2"))),
    InvalidModel("sum-by-1", 804, (105,), "a sum can reach 2^38 + 1",
        change_all(_five_times, set_tensor("m1", [[1]], dtype="<i2"), set_member("means", 1, "m", to="m1"),
        set_member("scales", 1, "m", to="m1"))),
    InvalidModel("accumulator-of-deconv", 804, (101,),
        "an accumulator of a deconvolution can reach 2^37 + 1, whatever its stride", _deconv_sum),
    InvalidModel("accumulator-of-joined", 804, (101,),
        "one of arrays that were joined can, the largest value of any of them counting for all",
        change_all(set_member("hyper_net", 5, "lo", to=-1), set_member("hyper_net", 5, "hi", to=1),
        set_tensor("head.2.b", [0, 0, 0, 0, -1, 0, 0, 0], add=True))),
    InvalidModel("product-of-anchors", 804, (103,),
        "a product behind an anchor head can reach 2^53, and none behind the head", _anchor_heads),
    InvalidModel("bound-lowest", 804, (104,), "`lo` is -(2^53 - 1), the least integer that JSON has here",
        set_member("means", 1, "lo", to=-(2**53) + 1)),
    InvalidModel("bound-highest", 804, (104,), "`hi` is 2^53 - 1, the largest",
        set_member("means", 1, "hi", to=2**53 - 1)),
    InvalidModel("product-of-default-addend", 804, (103, 107),
        "a product and the addend that is not stated, 2^(s-1), can reach 2^53, and the product alone cannot",
        change_all(lambda s, _: s["means"][0].pop("a"), drop_tensor("mean.0.a"))),
    InvalidModel("product-of-negative-addend", 804, (103, 107), "the same with an addend of -2^38",
        set_tensor("mean.0.a", [[-(2**38), 0]])),
    InvalidModel("product-of-last-rate", 804, (103, 107), "a product can reach 2^53 at the last of three rates only",
        set_tensor("mean.0.a", [[0, 0], [0, 0], [2**38, 0]])),
    InvalidModel("product-of-z-input", 804, (103,),
        "a product of z_input can reach 2^53, its input being 32768 at most, not 32767",
        change_all(set_member("z_input", "a", to="most"), MOST)),
    InvalidModel("product-of-y-input", 804, (103,), "the same of y_input",
        change_all(set_member("y_input", "a", to="most"), MOST)),
    InvalidModel("accumulator-behind-relu", 804, (101, 108),
        "an accumulator can reach 2^37 + 1: a relu leaves X as it is, also where no value above 0 comes to it",
        change_all(spatial_net(SPATIAL, requant_layer("s22", lo=-32_768, hi=0), {"op": "relu"},
        conv("one.w", "near.b"), REQUANT), set_tensor("one.w", [[[[1]]]], dtype="<i2"),
        set_tensor("near.b", [2**37 + 1 - 2**15], dtype="<i8"))),
)  # fmt: skip

CASES: Final = MODELS
