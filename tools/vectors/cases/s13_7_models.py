# SPDX-License-Identifier: MIT
"""SPEC §13.7: models whose scales, z tables or shapes break the rules of ELIC latents."""

from __future__ import annotations

from typing import Final

import numpy as np

from tools.vectors.case_types.invalid_model import InvalidModel
from tools.vectors.model_changes import change_all, set_last_z_table, set_member, set_ones, set_tensor, spatial_net
from tools.vectors.models.layers import REQUANT, Symbols, conv
from tools.vectors.models.package_files import Tensors

FOLDER: Final = "models-bad"
ONE: Final = set_ones("one.w", (1, 1, 1, 1), "<i2")
HYPER: Final = (conv("hyper.0.w", "b2", "deconv", 4), REQUANT)


def _wrong_sum(_: Symbols, tensors: Tensors) -> None:
    tensors["z.freq"][0] -= 1


def _zero_frequency(_: Symbols, tensors: Tensors) -> None:
    """Move a frequency to its neighbour in the second table, which has two regular symbols."""
    tensors["z.freq"][3] += tensors["z.freq"][2]
    tensors["z.freq"][2] = 0


def _too_few_frequencies(_: Symbols, tensors: Tensors) -> None:
    """Join the last two frequencies of the last table, whose sum remains 2^16."""
    freq = tensors["z.freq"].copy()
    freq[-2] += freq[-1]
    tensors["z.freq"] = freq[:-1]


def _negative_size(_: Symbols, tensors: Tensors) -> None:
    """Set the size of the last table to -1, without frequencies."""
    sizes = tensors["z.size"].copy()
    tensors["z.freq"] = tensors["z.freq"][: -int(sizes[-1, -1]) - 1]
    sizes[-1, -1] = -1
    tensors["z.size"] = sizes


MODELS: Final = (
    InvalidModel("index-64", 804, (121,), "a scale index can be 64", set_member("scales", 2, "hi", to=64)),
    InvalidModel("index-below-0", 804, (121,), "a scale index can be -1", set_member("scales", 2, "lo", to=-1)),
    InvalidModel("ladder-not-ascending", 803, (124,), "two equal thresholds", set_tensor("ladder", [0, *range(62)])),
    InvalidModel("z-frequency-0", 803, (122,), "a frequency of 0 in a table that sums to 2^16", _zero_frequency),
    InvalidModel("z-sum", 803, (122,), "a table that sums to 2^16 - 1", _wrong_sum),
    InvalidModel("z-count", 803, (122,), "more frequencies than the sizes say",
        lambda _, t: t.update({"z.freq": np.append(t["z.freq"], t["z.freq"][:2])})),
    InvalidModel("hyper-net-twofold", 803, (123,), "a hyper net that enlarges twofold",
        set_member("hyper_net", 0, "stride", to=2)),
    InvalidModel("hyper-net-eightfold", 803, (123,), "a hyper net that enlarges eightfold",
        set_member("hyper_net", 2, "stride", to=1)),
    InvalidModel("channel-net-halves", 803, (123,), "a channel net that halves h and w",
        set_member("channel_nets", 1, 0, "stride", to=2)),
    InvalidModel("spatial-net-doubles", 803, (123,), "a spatial net that doubles h and w",
        change_all(set_member("spatial_nets", 0, 0, to=conv("two.w", "b", "deconv", 2)),
        set_ones("two.w", (2, 1, 1, 1), "<i2"))),
    InvalidModel("hyper-net-stride-3", 803, (123,),
        "a stride of 3 where the enlargement is fourfold, and a fourfold one behind it",
        set_member("hyper_net",
        to=[*HYPER, conv("hyper.1.w", "b2", "conv", 3), REQUANT, conv("hyper.2.w", "b", "deconv", 4), REQUANT])),
    InvalidModel("hyper-net-eightfold-between", 803, (123,), "a hyper net that enlarges eightfold, then halves",
        change_all(set_member("hyper_net",
        to=[*HYPER, conv("hyper.1.w", "b2"), REQUANT, conv("hyper.2.w", "b", "deconv", 2), REQUANT,
        conv("one.w", "b", "conv", 2), REQUANT]), ONE)),
    InvalidModel("spatial-net-halves-and-doubles", 803, (123,),
        "a spatial net that halves h and w, then doubles them",
        change_all(spatial_net(conv("spatial.2.w", "b", "conv", 2), REQUANT, conv("one.w", "b", "deconv", 2),
        REQUANT), ONE)),
    InvalidModel("z-count-short", 803, (122,), "a frequency less than the sizes say", _too_few_frequencies),
    InvalidModel("z-size-minus-1", 803, (122,), "a table of -1 regular symbols, and no escape", _negative_size),
    InvalidModel("z-offset-lowest", 803, (90, 122), "a regular symbol for -32768", set_last_z_table(-32_768, 1)),
    InvalidModel("z-offset-highest", 803, (90, 122), "a regular symbol for 32768", set_last_z_table(32_767, 3)),
    InvalidModel("z-offset-highest-by-1", 803, (90, 122), "regular symbols up to 32768", set_last_z_table(32_766, 3)),
)  # fmt: skip

CASES: Final = MODELS
