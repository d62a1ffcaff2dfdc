# SPDX-License-Identifier: MIT
"""Build `elic-mini`: the shapes of profile 200 with small kernels, a stride, a ladder and integers at the bounds of SPEC §11.

Only integer arithmetic is used. The invalid models of kind 7 are this one with a defect.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Final

import numpy as np

from tools.vectors.models import package_files
from tools.vectors.models.layers import REQUANT, Symbols, conv, requant
from tools.vectors.models.package_files import Tensors
from tools.vectors.symbols import Sha256Stream

NAME: Final = "elic-mini"


def _tensors() -> Tensors:
    """Return all tensors: pseudo-random weights, chosen biases, requant parameters, the ladder and the z tables."""
    stream, tensors = Sha256Stream(NAME), Tensors()

    def weights(name: str, *shape: int) -> None:
        values = [stream.below(601) - 300 for _ in range(int(np.prod(shape)))]
        tensors[name] = np.array(values, "<i2").reshape(shape)

    def bias(name: str, *values: int) -> None:
        tensors[name] = np.array(values, "<i8")

    weights("hyper.0.w", 4, 2, 1, 1)
    weights("hyper.1.w", 2, 2, 3, 3)
    weights("hyper.2.w", 2, 1, 3, 3)
    for c in (2, 4):
        weights(f"channel.{c}.w", 1, c, 1, 1)
        weights(f"spatial.{c}.w", 1, c, 3, 3)
    bias("b", -70_000)
    bias("b2", 50_000, -120_000)
    for k, (i, o) in enumerate(((2, 4), (3, 4), (3, 8))):
        weights(f"head.{k}.w", o, i, 1, 1)
        bias(f"head.{k}.b", *(stream.below(400_001) + (0 if c < o // 2 else 900_000) for c in range(o)))
    # two accumulators reach 2^37; the sum of the first with itself reaches 2^38, and the product after that 2^53 - 1
    bias_limit = {k: 2**37 - 2**15 * np.abs(tensors[f"head.{k}.w"].astype(np.int64)).sum((1, 2, 3)) for k in (0, 2)}
    tensors["head.0.b"][0] = bias_limit[0][0]
    tensors["head.2.b"][4] = -bias_limit[2][4]
    tensors["mean.0.m"] = np.array([[32767, 20_000]], "<i2")
    tensors["mean.0.s"] = np.array([[46, 28]], "|u1")
    tensors["mean.0.a"] = np.array([[2**38 - 1, 2**27]], "<i8")
    tensors["m"] = np.array([[21_000]], "<i2")
    for s in (8, 12, 22, 28, 30):
        tensors[f"s{s}"] = np.array([[s]], "|u1")
    tensors["ladder"] = np.arange(-5, 58, dtype="<i4")  # dense, so that values equal thresholds
    return tensors | _z_tables()


def _z_tables() -> Tensors:
    """Return the z tables of three rates and four channels."""
    sizes = np.array([[1 + (r + c) % 4 for c in range(4)] for r in range(3)], "<i4")
    # two tables are so far from 0 that escapes to the other side have a prefix of 15 bits
    offsets = -(sizes // 2) + np.array([-40, 40, 0, 0])
    frequencies = [f for n in sizes.ravel().tolist() for f in _frequencies(n)]
    return {"z.offset": offsets.astype("<i2"), "z.size": sizes, "z.freq": np.array(frequencies, "<u2")}


def _symbols() -> Symbols:
    """Return `symbols` without its member `tensors`."""
    return {
        "kind": 7,
        "rates": 3,
        "hyper": 4,
        "groups": [2, 2, 4],
        "parity": 0,
        "order": "means-scales",
        "context": "ends",
        "z_input": requant("s8"),
        "y_input": requant("s12"),
        "hyper_net": [
            conv("hyper.0.w", "b2", "deconv", 4),
            REQUANT,
            conv("hyper.1.w", "b2", "conv", 2),
            REQUANT,
            conv("hyper.2.w", "b", "deconv", 2),
            REQUANT,
        ],
        "channel_nets": [None, *([conv(f"channel.{c}.w", "b"), REQUANT] for c in (2, 4))],
        "spatial_nets": [[conv(f"spatial.{c}.w", "b"), REQUANT] for c in (2, 2, 4)],
        "anchor_heads": None,
        "heads": [
            [conv("head.0.w", "head.0.b"), {"op": "add", "from": 0}],
            [conv("head.1.w", "head.1.b")],
            [conv("head.2.w", "head.2.b")],
        ],
        "means": [
            {"m": "mean.0.m", "s": "mean.0.s", "a": "mean.0.a", "lo": -32768, "hi": 32767},
            requant("s28"),
            requant("s28"),
        ],
        "scales": [requant("s30", 0, 63), requant("s30", -100, 100, ladder="ladder"), requant("s30", 0, 63)],
    }


def _frequencies(n: int) -> list[int]:
    """Return the frequencies of n regular symbols, falling by half, and of the escape."""
    halves = [40_000 >> i for i in range(n)]
    regular = [f * 60_000 // sum(halves) for f in halves]
    return [*regular, 65_536 - sum(regular)]


@lru_cache(maxsize=1)
def package() -> tuple[Symbols, Tensors, dict[str, bytes]]:
    """Return `symbols` with its tensors declared, the tensors, and the files by name."""
    symbols, tensors = json.loads(json.dumps(_symbols())), _tensors()  # each layer an object of its own
    symbols["tensors"] = package_files.declare(tensors)
    notes = "Integers at the bounds of SPEC.md, and what the faulty models are made of: for conformance only."
    files = {
        "manifest.json": package_files.manifest(NAME, symbols, notes),
        "symbols.safetensors": package_files.safetensors(tensors),
    }
    return symbols, tensors, files
