# SPDX-License-Identifier: MIT
"""Tensors of public HED checkpoints, in two layouts:

ControlNet    `norm`, `block1.convs.0.weight` … `block5.projection.bias`: RGB, the mean of the five sides
pytorch-hed   `netVggOne.0.weight` … `netVggFiv.5.bias`, `netScoreOne.weight` … `netCombine.0.bias`: BGR, a fusion layer

The second is `network-bsds500`, which Text+Sketch uses; its files have `module` in place of `net`. The fusion layer is a
weighted sum of the five enlarged sides before the sigmoid, v = c + Σ w_k up(s_k). Bilinear interpolation is linear and keeps
constants, so the mean over k of up(5 w_k s_k + c) is the same v: w_k and c move into the projection that gives s_k, and the
network of ControlNet computes what the other one does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

from refcodec.errors import Code, SemError
from refcodec.fileio import shown

ROLE: Final = "edge_detector"
BLOCKS: Final = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (channels, convolutions), those of VGG16
MEAN: Final = (122.67891434, 116.66876762, 104.00698793)  # R, G, B in 0 … 255, of Caffe's VGG
SIDES: Final = ("One", "Two", "Thr", "Fou", "Fiv")
FUSION: Final = "netCombine.0"
_WRAPPER: Final = re.compile(r"^(?:(?:module|model|network|net|netNetwork|state_dict)\.)+")
_OLD: Final = re.compile(r"^module(?=Vgg|Score|Combine)")


def unified(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict in ControlNet's layout for one in either layout, with or without the prefixes of wrappers.

    A state in the layout of pytorch-hed is checked and becomes float32; any other is returned under its bare names. Raises
    Code.MODEL_MALFORMED for missing or other tensors and other shapes, and for numbers that are not finite when folded.
    """
    bare: dict[str, Tensor] = {}
    for name, tensor in state.items():
        known = _OLD.sub("net", _WRAPPER.sub("", name))
        if known in bare:
            raise malformed(f"the weights have {shown(known)} twice, with and without a prefix")
        bare[known] = tensor
    if not any(name.startswith(("netVgg", "netScore", "netCombine")) for name in bare):
        return bare
    require_shapes(bare, layout())
    tensors = {name: tensor.float() for name, tensor in _fold(bare).items()}
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise malformed(f"{name} has numbers that are not finite")
    return tensors


def require_shapes(state: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise Code.MODEL_MALFORMED unless a state has real numbers of the expected names and shapes, and no others."""
    for name in sorted(expected.keys() | state.keys()):
        if name not in state:
            raise malformed(f"the weights have no {name}")
        if name not in expected:
            raise malformed(f"the weights have {shown(name)}, which HED does not have")
        if tuple(state[name].shape) != expected[name] or not state[name].is_floating_point():
            raise malformed(
                f"{name} is {list(state[name].shape)}, not real numbers of the shape {list(expected[name])}"
            )


def layout() -> dict[str, tuple[int, ...]]:
    """Return name -> shape of every tensor of pytorch-hed."""
    shapes: dict[str, tuple[int, ...]] = {}
    widths = (3, *(channels for channels, _ in BLOCKS))
    for b, (before, channels) in enumerate(pairwise(widths)):
        for i in range(BLOCKS[b][1]):
            name = _convolution(b, i)
            shapes[f"{name}.weight"] = (channels, before if i == 0 else channels, 3, 3)
            shapes[f"{name}.bias"] = (channels,)
        shapes[f"netScore{SIDES[b]}.weight"], shapes[f"netScore{SIDES[b]}.bias"] = (1, channels, 1, 1), (1,)
    return shapes | {f"{FUSION}.weight": (1, len(SIDES), 1, 1), f"{FUSION}.bias": (1,)}


def _convolution(b: int, i: int) -> str:
    """Return the name of convolution i of block b; a pooling layer comes first in all but the first block."""
    return f"netVgg{SIDES[b]}.{2 * i + (b > 0)}"


def _fold(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the same function in ControlNet's layout, float64."""
    state = {name: tensor.double() for name, tensor in state.items()}
    tensors = {"norm": torch.tensor(MEAN, dtype=torch.float64).reshape(1, 3, 1, 1)}
    fusion, constant = state[f"{FUSION}.weight"].flatten(), state[f"{FUSION}.bias"]
    for b, (_, number) in enumerate(BLOCKS):
        for i in range(number):
            weight = state[f"{_convolution(b, i)}.weight"]
            tensors[f"block{b + 1}.convs.{i}.weight"] = weight.flip(1) if b == i == 0 else weight  # BGR to RGB
            tensors[f"block{b + 1}.convs.{i}.bias"] = state[f"{_convolution(b, i)}.bias"]
        score, factor = f"netScore{SIDES[b]}", len(SIDES) * fusion[b]
        tensors[f"block{b + 1}.projection.weight"] = factor * state[f"{score}.weight"]
        tensors[f"block{b + 1}.projection.bias"] = factor * state[f"{score}.bias"] + constant
    return tensors


def malformed(what: str) -> SemError:
    return SemError(
        Code.MODEL_MALFORMED,
        f"{ROLE}: {what}",
        path=ROLE,
        hint="convert the HED weights of ControlNet or pytorch-hed with semtool models import --as hed",
    )
