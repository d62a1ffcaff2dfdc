# SPDX-License-Identifier: MIT
"""The model `elic-mini`: shapes of profile 200, small kernels, a stride, a ladder, integers at the bounds of SPEC §11.

It is made of integers alone, and it is what the faulty models are made of.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.package import FORMAT, FORMAT_VERSION
from tools.vectors.symbols import Sha256Stream

NAME: Final = "elic-mini"
DTYPES: Final = {"<i2": "I16", "<u2": "U16", "<i4": "I32", "<i8": "I64", "|u1": "U8", "<f4": "F32"}

Symbols = dict[str, Any]
Tensors = dict[str, NDArray[Any]]


def requant(s: str, lo: int = -32768, hi: int = 32767, **more: str) -> Symbols:
    return {"m": "m", "s": s, "lo": lo, "hi": hi, **more}


def conv(w: str, b: str, op: str = "conv", stride: int = 1) -> Symbols:
    return {"op": op, "w": w, "b": b, "stride": stride}


def layer(s: str, lo: int = -32768, hi: int = 32767) -> Symbols:
    return {"op": "requant", **requant(s, lo, hi)}


def mini() -> tuple[Symbols, Tensors]:
    """`symbols` without `tensors`, and the tensors."""
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
    most = {k: 2**37 - 2**15 * np.abs(tensors[f"head.{k}.w"].astype(np.int64)).sum((1, 2, 3)) for k in (0, 2)}
    tensors["head.0.b"][0] = most[0][0]
    tensors["head.2.b"][4] = -most[2][4]
    tensors["mean.0.m"] = np.array([[32767, 20_000]], "<i2")
    tensors["mean.0.s"] = np.array([[46, 28]], "|u1")
    tensors["mean.0.a"] = np.array([[2**38 - 1, 2**27]], "<i8")
    tensors["m"] = np.array([[21_000]], "<i2")
    for s in (8, 12, 22, 28, 30):
        tensors[f"s{s}"] = np.array([[s]], "|u1")
    tensors["ladder"] = np.arange(-5, 58, dtype="<i4")  # so close that values meet thresholds
    sizes = np.array([[1 + (r + c) % 4 for c in range(4)] for r in range(3)], "<i4")
    # two tables lie so far to one side that escapes to the other reach a prefix of 15
    offsets = -(sizes // 2) + np.array([-40, 40, 0, 0])
    tensors["z.offset"], tensors["z.size"] = offsets.astype("<i2"), sizes
    tensors["z.freq"] = np.array([f for n in sizes.ravel().tolist() for f in _frequencies(n)], "<u2")
    symbols: Symbols = {
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
            layer("s22"),
            conv("hyper.1.w", "b2", "conv", 2),
            layer("s22"),
            conv("hyper.2.w", "b", "deconv", 2),
            layer("s22"),
        ],
        "channel_nets": [None, *([conv(f"channel.{c}.w", "b"), layer("s22")] for c in (2, 4))],
        "spatial_nets": [[conv(f"spatial.{c}.w", "b"), layer("s22")] for c in (2, 2, 4)],
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
    return symbols, tensors


def _frequencies(n: int) -> list[int]:
    """n regular symbols and the escape."""
    whole = [40_000 >> i for i in range(n)]
    regular = [f * 60_000 // sum(whole) for f in whole]
    return [*regular, 65_536 - sum(regular)]


def declared(tensors: Tensors) -> Symbols:
    """The member `tensors` of the manifest."""
    return {
        name: {
            "dtype": DTYPES[t.dtype.str],
            "shape": list(t.shape),
            "sha256": hashlib.sha256(t.tobytes()).hexdigest(),
        }
        for name, t in sorted(tensors.items())
    }


def safetensors(tensors: Tensors) -> bytes:
    """The file as SPEC §12 describes it, wide types first so that all stand aligned."""
    head, data = dict[str, Any](), b""
    for name, t in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        offsets = [len(data), len(data) + t.nbytes]
        head[name] = {"dtype": DTYPES[t.dtype.str], "shape": list(t.shape), "data_offsets": offsets}
        data += t.tobytes()
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def frame(name: str, notes: str) -> Symbols:
    """The members of a manifest beside `symbols`."""
    return {"format": FORMAT, "format_version": FORMAT_VERSION, "name": name, "licence": "CC0-1.0", "notes": notes}


def manifest(name: str, symbols: Symbols, notes: str) -> bytes:
    """manifest.json, a member of `symbols` and a tensor a line."""
    tensors = symbols.get("tensors", {})
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in symbols.items() if key != "tensors"]
    inner = ",\n".join(f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in tensors.items())
    lines.append('  "tensors": {\n' + inner + "\n  }")
    head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in frame(name, notes).items())
    return ("{\n" + head + ' "symbols": {\n' + ",\n".join(lines) + "\n }\n}\n").encode()


@lru_cache(maxsize=1)
def package() -> tuple[Symbols, Tensors, dict[str, bytes]]:
    """Symbols with their tensors declared, the tensors, and the files by name."""
    symbols, tensors = mini()
    symbols["tensors"] = declared(tensors)
    notes = "Integers at the bounds of SPEC.md, and what the faulty models are made of: for conformance only."
    files = {"manifest.json": manifest(NAME, symbols, notes), "symbols.safetensors": safetensors(tensors)}
    return symbols, tensors, files
