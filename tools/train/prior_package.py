# SPDX-License-Identifier: MIT
"""Turn a trained prior into integers (post-training quantisation) and write it as a package (SPEC §12)."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from refcodec.convert.calibrate import TOP, Ranges, convolutions
from refcodec.convert.quantise import LayerWriter
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.package import FORMAT, FORMAT_VERSION
from refcodec.networks.symbol_model import symbol_digest
from refcodec.networks.tensors import declare
from refcodec.payloads.coding import CodingContext
from refcodec.payloads.drafts import grids as grid_payload
from refcodec.payloads.drafts.grid_frequencies import OCTAVE
from refcodec.payloads.drafts.grid_prior import IndexPrior, build
from tools.train.prior import bits_per_index
from tools.train.prior_data import Grid
from tools.train.prior_net import PriorConfig, PriorNet

CALIBRATED = 64  # grids
Array = NDArray[Any]


@torch.no_grad()
def calibrate(net: PriorNet, grids: list[Grid]) -> Ranges:
    """Return the ranges of all activations over the passes of some grids."""
    ranges = Ranges(1e-2)
    with _observed(net, ranges):
        for grid in grids:
            x = torch.from_numpy(grid.astype(np.int64))[None]
            for number in range(len(net.steps)):
                net.contexts[net.context_of(number)](net.inputs(x, number)[0])
    return ranges


@contextmanager
def _observed(net: PriorNet, ranges: Ranges) -> Iterator[None]:
    """Record the range after every convolution of the context networks, and its ReLU, if any."""

    def recorder(name: str, relu: bool) -> Any:
        return lambda _module, _inputs, output: ranges.observe(name, torch.relu(output) if relu else output)

    handles = []
    for k in net.used():
        convs = convolutions(net.contexts[k])
        for i, conv in enumerate(convs):
            handles.append(conv.register_forward_hook(recorder(f"nets.{k}.{i}", i < len(convs) - 1)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def symbol_model(
    net: PriorNet, ranges: Ranges, stride: int, split: int, kind: int
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return (`symbols` of the manifest, tensors) of a float prior of one grid of a stride."""
    out = LayerWriter()
    embedding = net.embedding.detach().double().numpy()
    scale = np.full(embedding.shape[1], TOP / np.abs(embedding).max())
    out.tensors["embedding"] = np.round(embedding * scale).astype(np.int16)
    used = net.used()
    contexts = [out.net(f"nets.{k}", net.contexts[k], scale, ranges, head=False) for k in used]
    common = np.minimum.reduce([units for _, units in contexts])  # one head reads the features of every network
    for layers, units in contexts:
        _rescale(out, layers[-1], common / units)
    _, units = out.conv("head", net.head, common)
    out.tensors["head.w"] = np.ascontiguousarray(out.tensors["head.w"][:, :, 0, 0])
    logits = out.requant("logits", (OCTAVE / math.log(2) / units)[None], -TOP - 1, TOP)
    nets = [{"context": layers, "head": {"w": "head.w", "b": "head.b", "logits": logits}} for layers, _ in contexts]
    passes = [{"step": step, "net": used.index(net.context_of(number))} for number, step in enumerate(net.steps)]
    context = {"from": [], "embedding": "embedding", "schedule": net.numbers.tolist(), "passes": passes}
    symbols: dict[str, Any] = {
        "kind": kind,
        "v": net.cfg.v,
        "grids": [stride],
        "split": split,
        "contexts": [context],
        "nets": nets,
        "tensors": declare(out.tensors),
    }
    return symbols, out.tensors


def _rescale(out: LayerWriter, layer: dict[str, Any], factor: Array) -> None:
    """Multiply the ratios of a requantisation by factors of at most 1, per channel."""
    ratio = out.tensors[layer["m"]].astype(np.float64) * np.exp2(-out.tensors[layer["s"]].astype(np.float64)) * factor
    out.requant(layer["m"].removesuffix(".m"), ratio, layer["lo"], layer["hi"])


def measured(prior: IndexPrior, stride: int, grids: list[Grid]) -> float:
    """Return the bits an index of the bodies of some grids."""
    total = 0
    for grid in grids:
        size = stride * grid.shape[1], stride * grid.shape[0]
        parameters = {"v": prior.v, "grids": [stride]}
        context = CodingContext(parameters, size, model=prior, backend=NumpyBackend())
        total += 8 * len(grid_payload.encode(grid_payload.IndexGrids((grid,)), context))
    return total / sum(grid.size for grid in grids)


def write(folder: Path, symbols: dict[str, Any], tensors: dict[str, Array], about: dict[str, Any]) -> str:
    """Write the package; return its digest."""
    build(symbols, tensors)  # raises what a decoder would raise
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "symbols.safetensors").write_bytes(save({k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())}))
    manifest = {"format": FORMAT, "format_version": FORMAT_VERSION, **about, "symbols": symbols}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return symbol_digest(symbols)


def pack(args: argparse.Namespace, state: dict[str, Any], cfg: PriorConfig, data: Any) -> None:
    """Write the package of a checkpoint, and print the bits an index of the float network and of the integers."""
    train, held, about = data
    net = PriorNet(cfg)
    net.load_state_dict(state["average"])
    chosen = train[:: max(1, len(train) // CALIBRATED)][:CALIBRATED]
    split = 1 << math.ceil(math.log2(cfg.v) / 2)
    symbols, tensors = symbol_model(net.eval(), calibrate(net, chosen), args.stride, split, grid_payload.NUMBER)
    prior = build(symbols, tensors)
    training = {
        "steps": state["step"],
        "seconds": round(state["seconds"]),
        "seed": state["seed"],
        "listing_sha256": about["listing_sha256"],
        "command": args.command,
    }
    words = {"name": args.name, "licence": args.licence, "notes": args.notes, "training": training}
    digest = write(args.pack, symbols, tensors, words)
    size = sum(path.stat().st_size for path in args.pack.iterdir())
    print(f"held out: {bits_per_index(net, held):.4f} bits an index in floating point,")
    print(f"          {measured(prior, args.stride, held):.4f} in bytes of integers")
    print(f"{args.pack}: {size} bytes, digest {digest}")
