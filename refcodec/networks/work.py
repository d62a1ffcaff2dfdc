# SPDX-License-Identifier: MIT
"""SPEC §15: the work and the memory that a model asks for, from the shapes of its manifest alone (SEM-R-143 to 145).

    work_of(symbols)    what a model asks for; opens no tensors
    check(work, size)   SEM-E-607 for a model above its level, and for one whose arrays are too large in this picture

Networks run on blocks of 64 x 64 pixels, each one site of z: `rows` are those of an array to one row of z.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.networks.layer_reader import LATENT_SCALE
from refcodec.networks.manifest_values import malformed, require_list
from refcodec.networks.safetensors_layout import DTYPES
from refcodec.networks.symbol_model import CHANNELS_MAX, GROUPS_MAX, context_groups

BLOCK: Final = 64  # pixels of a side
AXES_MAX: Final = 4  # of any tensor of §12


@dataclass(frozen=True)
class Work:
    """What a model asks for: bytes of its tensors, multiplications a block, values a block of its largest array."""

    tensor_bytes: int
    multiplications: int = 0
    array_values: int = 0


@dataclass(frozen=True)
class _Array:
    """An array between two layers: its channels, and its rows to one row of z."""

    channels: int
    rows: int

    @property
    def values(self) -> int:
        return self.channels * self.rows**2


def work_of(symbols: Mapping[str, Any]) -> Work:
    """Return what the model of a manifest's `symbols` asks for.

    Raises Code.MODEL_MALFORMED (SEM-E-803) for shapes or nets of another form; most of their rules are checked later.
    """
    try:
        shapes = {name: _shape(entry) for name, entry in symbols.get("tensors", {}).items()}
        size = sum(
            math.prod(shape) * DTYPES[symbols["tensors"][name]["dtype"]].itemsize for name, shape in shapes.items()
        )
        if symbols.get("kind") not in (spec.SKETCH, spec.ELIC):
            return Work(size)
        steps = list(_latent_steps(symbols, shapes))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise malformed("a tensor or a net of another form", "symbols") from error
    return Work(size, sum(count for count, _ in steps), max(array.values for _, array in steps))


def check(work: Work, size: tuple[int, int] | None = None, level: int = 1) -> None:
    """Raise Code.LIMIT_MODEL (SEM-E-607) for work above a level. size: (width, height) of the picture, if there is one."""
    bounds = spec.MODEL_LEVELS[level]
    _limit(work.tensor_bytes, "bytes of tensors", bounds[0])
    _limit(work.multiplications, f"multiplications for {BLOCK} x {BLOCK} pixels", bounds[1])
    if size is not None:
        blocks = math.prod(-(-side // BLOCK) for side in size)
        _limit(work.array_values * blocks, "values of one array of its networks", bounds[2])


def _limit(value: int, unit: str, limit: int) -> None:
    if value > limit:
        raise SemError(Code.LIMIT_MODEL, f"the model asks for {value} {unit}, more than {limit}", path="symbols")


def _shape(entry: Mapping[str, Any]) -> tuple[int, ...]:
    shape = entry["shape"]
    if not isinstance(shape, list) or len(shape) > AXES_MAX:
        raise TypeError
    return tuple(map(_integer, shape))


def _integer(value: object, maximum: int = 2**53) -> int:
    if type(value) is not int or not 0 <= value <= maximum:
        raise TypeError
    return value


def _latent_steps(s: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[int, _Array]]:
    """Yield (multiplications a block, array) for the input and each layer of each net of kind 6 or 7 (§13.7)."""
    groups = [_integer(c, CHANNELS_MAX) for c in require_list(s["groups"], 1, GROUPS_MAX, "groups")]

    def run(net: Any, channels: int, rows: int = LATENT_SCALE) -> int:
        """Add the steps of a net, and return the channels of its output."""
        found = list(_net_steps(net, _Array(channels, rows), shapes))
        steps.extend(found)
        return found[-1][1].channels

    steps: list[tuple[int, _Array]] = []
    hyper = run(s["hyper_net"], _integer(s["hyper"], CHANNELS_MAX), 1)
    for k, channels in enumerate(groups):
        before = sum(groups[group] for group in context_groups(s["context"], k))
        context = hyper + (run(s["channel_nets"][k], before) if k else 0)
        spatial = run(s["spatial_nets"][k], channels)
        run(s["heads"][k], spatial + context)
        if s["anchor_heads"] is not None:
            run(s["anchor_heads"][k], context)
    yield from steps


def _net_steps(net: Any, x: _Array, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[int, _Array]]:
    """Yield (multiplications a block, array) for the input and each layer of a net."""
    yield 0, x
    for layer in net:
        count = 0
        if layer["op"] in ("conv", "deconv"):
            weights, stride = shapes[layer["w"]], _integer(layer["stride"])
            if len(weights) != 4:
                raise TypeError
            if layer["op"] == "deconv":
                count, x = math.prod(weights) * x.rows**2, _Array(weights[1], x.rows * stride)
            else:
                x = _Array(weights[0], -(-x.rows // max(stride, 1)))
                count = math.prod(weights) * x.rows**2
        yield count, x
