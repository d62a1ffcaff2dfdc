# SPDX-License-Identifier: MIT
"""Import of checkpoints: the file of tensors, and the states that the converters look through.

The first byte of an input chooses: 0, a safetensors file; 1 to 3, a JSON object of nested states for one of the
converters, whose lists of integers stand for tensors of that shape. Pickles are opened in a process of their own
(refcodec.convert.unpickle), whose last step, from the unpickled object to named tensors, is among the states.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from random import Random
from typing import Any, Final

import torch

from refcodec.convert import perco_checkpoint
from refcodec.convert.checkpoints import load_states
from refcodec.convert.elic_checkpoint import network
from refcodec.convert.unpickle import WRAPPERS, _state
from refcodec.errors import SemError
from refcodec.foundation import hed, hed_layouts
from refcodec.networks.tensors import load_tensors
from refcodec.transforms.elic.config import taco
from tools.fuzz import archive
from tools.fuzz.mutators import json_text, plain
from tools.fuzz.target import MODELS, Target, refusal, require

ELEMENTS = 1 << 12  # of a tensor that is made
CONVERTERS: tuple[Callable[[dict[str, torch.Tensor]], object], ...] = (perco_checkpoint.convert, network, hed.convert)
KEYS = (
    "g_a.analysis_transform.0.weight", "latent_codec.h_a.0.weight", "cc_transforms.0.0.weight", "h_a.reduction.0.weight", "local_context.0.weight",
    "backbone.0.weight", "backbone.13.weight", "quantizer._codebook.embed", "conv_in_extended.weight", "conv_out.weight", "module.a", "n_averaged",
    "down_blocks.0.attentions.0.proj_in.weight", "down_blocks.0.resnets.0.conv2.weight", "down_blocks.99999.x", "down_blocks.x", "netVggOne.0.weight", "moduleCombine.0.weight",
    "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight", *WRAPPERS,
)  # fmt: skip
SHAPES: tuple[list[int], ...] = (
    [],
    [0],
    [1],
    [4, 3, 5, 5],
    [8, 4, 1, 1],
    [2, 8, 3, 3],
    [1, 6, 8],
    [4, 4],
    [1 << 20, 0],
    [320, 4, 3, 3],
)


def seeds() -> list[bytes]:
    """Return small safetensors files, and states in the form of each known checkpoint."""
    files = [(MODELS / name / "symbols.safetensors").read_bytes() for name in ("elic-mini", "clip-tiny", "pq-tiny")]
    with torch.device("meta"):
        edges = {name: list(tensor.shape) for name, tensor in hed.Hed().state_dict().items()}
    hyper = {
        "backbone.0.weight": [8, 4, 1, 1],
        "backbone.13.weight": [6, 8, 1, 1],
        "quantizer._codebook.embed": [1, 4, 3],
    }
    hyper |= {f"backbone.{i}.weight": [8, 8, 5, 5] for i in (4, 9)}
    unet = {"conv_in_extended.weight": [32, 8, 3, 3], "conv_out.weight": [4, 32, 3, 3]}
    unet |= {
        "down_blocks.0.resnets.0.conv2.weight": [32, 32, 3, 3],
        "down_blocks.0.attentions.0.proj_in.weight": [32, 32],
    }
    unet |= {"down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": [32, 16]}
    taco_like = {key: [4, 3, 5, 5] for key in KEYS[:5]}
    assert taco(4, 4, (2, 2)).hyper
    states: list[Any] = [
        edges,
        {name: list(shape) for name, shape in hed_layouts.layout().items()},
        hyper,
        unet,
        taco_like,
        {"state_dict": {"module.a": [2, 2], "n_averaged": []}},
        {"a": {"b": {"c": [3]}}},
    ]
    kinds = (2, 2, 3, 3, 1, 3, 1)
    return [b"\0" + data for data in files] + [
        bytes([kind]) + json.dumps(state).encode() for kind, state in zip(kinds, states, strict=True)
    ]


SCRATCH: Final = archive.Scratch()  # where files are written


def run(data: bytes) -> str:
    """Load a file of tensors, or convert a state."""
    if not data or data[0] == 0:
        return _file(data[1:])
    try:
        state = _made(json.loads(data[1:]))
    except (ValueError, RecursionError):
        return "not JSON"
    try:
        named = _state(state)
    except ValueError:
        return "ValueError"
    require(all(isinstance(name, str) for name in named), "tensors have names")
    converter: Callable[[dict[str, torch.Tensor]], object] = CONVERTERS[data[0] % len(CONVERTERS)]
    try:
        converter(named)
    except SemError as error:
        return refusal(error)
    return "accepted"


def _made(value: Any, depth: int = 0) -> Any:
    """Return a JSON value with tensors for lists of integers."""
    if isinstance(value, dict) and depth < 64:
        return {name: _made(member, depth + 1) for name, member in value.items()}
    shaped = isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 31 for n in value)
    if shaped and len(value) <= 8 and math.prod(value) < 1 << 40:
        small = math.prod(value) <= ELEMENTS
        return torch.full(value, 0.5) if small else torch.zeros(1).expand(value) if value else torch.zeros(())
    return value


def _file(data: bytes) -> str:
    """Load a safetensors file as the converters do and as packages do."""
    path = SCRATCH.folder() / "checkpoint.safetensors"
    path.write_bytes(data)
    outcome = "accepted"
    try:
        load_states([path], SCRATCH.folder())
    except SemError as error:
        outcome = refusal(error)
    try:
        load_tensors(path)
    except SemError as error:
        return f"{outcome}, {refusal(error)}"
    return outcome


def mutate(rng: Random, data: bytes, others: Any) -> bytes:
    """Return another file or another state."""
    if data[:1] == b"\0":
        header = int.from_bytes(data[1:9], "little")
        if rng.random() < 0.4 or header > len(data):
            return plain.mutate(rng, data, others)
        text = STATES(rng, data[9 : 9 + header], [])
        return b"\0" + len(text).to_bytes(8, "little") + text + data[9 + header :]
    changed = STATES(rng, data[1:], [other[1:] for other in others if other[:1] == data[:1]])
    if rng.random() < 0.3:
        changed = changed.replace(rng.choice(KEYS).encode(), rng.choice(KEYS).encode())
    return data[:1] + changed


STATES = json_text.mutator(
    (*KEYS, *SHAPES, {"state_dict": {"a": [1]}}, {"model": {"module.x": [2]}}, "F64", "BF16", "F8_E4M3", [0, 4])
)
TARGET = Target(
    "checkpoint",
    seeds,
    run,
    mutate,
    dictionary=tuple(key.encode() for key in KEYS),
    max_bytes=1 << 12,
    close=SCRATCH.remove,
)
