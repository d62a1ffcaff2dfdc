# SPDX-License-Identifier: MIT
"""Build models at the bounds of SPEC §11, §12 and §13, with integer arithmetic only.

edge-rates      64 rates, 16 groups; z at both ends of its range; extreme multipliers, shifts and thresholds
edge-layers     a net of 16 layers and one of a single layer; a kernel of 15; 4096 output channels; everything else 1
edge-channels   1024 channels of z, 1024 channels of y in one group
edge-sums       sums and products of `sums.py`
edge-signs      65536 dimensions of one bit; `edge-code`: one dimension of 16 bits
edge-usage      65536 code words; `edge-pair`: two
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np

from tools.vectors.models import package_files, sums
from tools.vectors.models.layers import REQUANT, Layer, Symbols, conv, requant, requant_layer
from tools.vectors.models.package_files import Tensors
from tools.vectors.symbols import Sha256Stream

LOWEST, HIGHEST = -(2**15), 2**15 - 1


class _Maker:
    """Collect tensors; weights and biases are pseudo-random, seeded by the name of the model."""

    def __init__(self, name: str) -> None:
        self.stream, self.tensors = Sha256Stream(name), Tensors()

    def random(self, name: str, dtype: str, limit: int, *shape: int) -> str:
        """Add a tensor of values in -limit ... limit, and return its name."""
        values = [self.stream.below(2 * limit + 1) - limit for _ in range(int(np.prod(shape)))]
        self.tensors[name] = np.array(values, dtype).reshape(shape)
        return name

    def conv(self, name: str, i: int, o: int, kernel: int = 1, op: str = "conv", stride: int = 1) -> Layer:
        """Add weights and biases, and return the layer."""
        shape = (i, o) if op == "deconv" else (o, i)
        self.random(f"{name}.w", "<i2", 300, *shape, kernel, kernel)
        self.random(f"{name}.b", "<i8", 200_000, o)
        return conv(f"{name}.w", f"{name}.b", op, stride)

    def single(self, name: str, dtype: str, value: int) -> None:
        """Add a tensor of one value, of shape (1, 1)."""
        self.tensors[name] = np.array([[value]], dtype)

    def shifts(self, *shifts: int) -> None:
        """Add the multiplier `m` and shifts under the names that `requant` uses."""
        self.single("m", "<i2", 21_000)
        for s in shifts:
            self.single(f"s{s}", "|u1", s)

    def z_tables(self, offsets: Any) -> None:
        """Add z tables of one regular symbol, which is 15 times as likely as the escape."""
        self.tensors["z.offset"] = np.array(offsets, "<i2")
        self.tensors["z.size"] = np.ones(self.tensors["z.offset"].shape, "<i4")
        self.tensors["z.freq"] = np.array([61_440, 4096] * self.tensors["z.offset"].size, "<u2")


def rates() -> tuple[Symbols, Tensors]:
    """Build `edge-rates`."""
    mk, n = _Maker("edge-rates"), 16
    mk.shifts(1, 22, 28, 30, 52)
    mk.single("one", "<i2", 1)
    mk.single("most", "<i2", HIGHEST)
    mk.single("low", "<i8", -(2**52))
    # z_input: the multiplier grows from 1 to 32767 with the rate, and the shift with it
    mk.tensors["z.m"] = np.array([[1 + rate * (HIGHEST - 1) // 63] for rate in range(64)], "<i2")
    mk.tensors["z.s"] = np.array([[1 + rate * 14 // 63] for rate in range(64)], "|u1")
    mk.tensors["ladder"] = np.array([-(2**31), *range(-610, 610, 20), 2**31 - 1], "<i4")
    mk.z_tables([[-HIGHEST], *([rate % 7 - 3] for rate in range(1, 63)), [HIGHEST]])
    spatial = [mk.conv("spatial", 1, 1, 3), REQUANT]
    first, other = mk.conv("head.first", 2, 2), mk.conv("head", 3, 2)
    means, scales = [requant("s28") for _ in range(n)], [requant("s30", 0, 63) for _ in range(n)]
    scales[0], scales[1] = requant("s30", 0, 0), requant("s30", 63, 63)
    scales[2] = requant("s22", LOWEST, HIGHEST, ladder="ladder")
    means[3] = requant("s52", a="low") | {"m": "most"}
    means[5] = requant("s28", -17, -17)
    symbols: Symbols = {
        "kind": 7,
        "rates": 64,
        "hyper": 1,
        "groups": [1] * n,
        "parity": 1,
        "order": "scales-means",
        "context": "all",
        "z_input": requant("z.s") | {"m": "z.m"},
        "y_input": requant("s1") | {"m": "one"},
        "hyper_net": [
            mk.conv("hyper.0", 1, 1, 1, "deconv", 4),
            REQUANT,
            mk.conv("hyper.1", 1, 1, 3, "conv", 4),
            REQUANT,
            mk.conv("hyper.2", 1, 1, 15, "deconv", 4),
            REQUANT,
        ],
        "channel_nets": [None, *([mk.conv(f"channel.{k}", k, 1), REQUANT] for k in range(1, n))],
        "spatial_nets": [spatial] * n,
        "anchor_heads": None,
        "heads": [[first], *([[other]] * (n - 1))],
        "means": means,
        "scales": scales,
    }
    return symbols, mk.tensors


def _sixteen_layers(mk: _Maker) -> list[Layer]:
    """Return a hyper net of 16 layers, one of which has 4096 channels."""
    wide = mk.conv("wide", 1, 4096, 1, "deconv", 4)
    mk.tensors["wide.b"][0] = 2**37 - 2**15 * abs(int(mk.tensors["wide.w"][0, 0, 0, 0]))
    relu = {"op": "relu"}
    return [
        mk.conv("kernel", 1, 1, 15),
        REQUANT,
        conv("same.w", "zero"),
        conv("turned.w", "zero"),
        wide,
        requant_layer("s24", -128, 127),
        relu,
        mk.conv("thin", 4096, 1),
        REQUANT,
        {"op": "add", "from": 8},
        REQUANT,
        relu,
        mk.conv("last", 1, 1, 3),
        REQUANT,
        {"op": "add", "from": 10},
        requant_layer("s8"),
    ]


def layers() -> tuple[Symbols, Tensors]:
    """Build `edge-layers`.

    Its first convolutions follow each other without a requant: their inputs reach 32768, the bound. The wide
    deconvolution reaches 2^37, the bound of accumulators.
    """
    mk = _Maker("edge-layers")
    mk.shifts(8, 22, 24, 28, 30)
    mk.single("a", "<i8", 2**20)
    mk.z_tables([[0]])
    for name, weight in (("same", 1), ("turned", -1)):
        mk.tensors[f"{name}.w"] = np.full((1, 1, 1, 1), weight, "<i2")
    mk.tensors["zero"] = np.zeros(1, "<i8")
    symbols: Symbols = {
        "kind": 7,
        "rates": 1,
        "hyper": 1,
        "groups": [1],
        "parity": 0,
        "order": "means-scales",
        "context": "ends",
        "z_input": requant("s8"),
        "y_input": requant("s8"),
        "hyper_net": _sixteen_layers(mk),
        "channel_nets": [None],
        "spatial_nets": [[REQUANT | {"a": "a"}]],
        "anchor_heads": [[mk.conv("anchor", 1, 2)]],
        "heads": [[mk.conv("head", 2, 2)]],
        "means": [requant("s28")],
        "scales": [requant("s30", 0, 63)],
    }
    return symbols, mk.tensors


def channels() -> tuple[Symbols, Tensors]:
    """Build `edge-channels`."""
    mk = _Maker("edge-channels")
    mk.shifts(8, 12, 22, 28, 30)
    mk.z_tables([[channel % 5 - 2 for channel in range(1024)]])
    symbols: Symbols = {
        "kind": 7,
        "rates": 1,
        "hyper": 1024,
        "groups": [1024],
        "parity": 0,
        "order": "scales-means",
        "context": "all",
        "z_input": requant("s8"),
        "y_input": requant("s12"),
        "hyper_net": [mk.conv("hyper", 1024, 1, 1, "deconv", 4), REQUANT],
        "channel_nets": [None],
        "spatial_nets": [[mk.conv("spatial", 1024, 1), REQUANT]],
        "anchor_heads": None,
        "heads": [[mk.conv("head", 2, 2048)]],
        "means": [requant("s28")],
        "scales": [requant("s30", 0, 63)],
    }
    return symbols, mk.tensors


def signs(d: int, b: int, frequency: int) -> tuple[Symbols, Tensors]:
    """Build a table model of kind 3: d dimensions of b bits, all signs of one frequency."""
    return {"kind": 3, "d": d, "b": b}, {"sign": np.full(d, frequency, "<u2")}


def usage(*frequencies: int) -> tuple[Symbols, Tensors]:
    """Build a table model of kind 5."""
    return {"kind": 5, "v": len(frequencies)}, {"usage": np.array(frequencies, "<u2")}


LATENTS: Final[dict[str, Callable[[], tuple[Symbols, Tensors]]]] = {
    "edge-rates": rates,
    "edge-layers": layers,
    "edge-channels": channels,
    sums.NAME: sums.sums,
}
TABLES: Final[dict[str, Callable[[], tuple[Symbols, Tensors]]]] = {
    "edge-signs": lambda: signs(65_536, 1, 65_535), "edge-code": lambda: signs(1, 16, 1),
    "edge-usage": lambda: usage(*[1] * 65_536), "edge-pair": lambda: usage(1, 65_535),
}  # fmt: skip
NAMES: Final = (*LATENTS, *TABLES)


@lru_cache(maxsize=len(NAMES))
def package(name: str) -> tuple[Symbols, Tensors, dict[str, bytes]]:
    """Return `symbols` with its tensors declared, the tensors, and the files by name."""
    symbols, tensors = (LATENTS | TABLES)[name]()
    symbols["tensors"] = package_files.declare(tensors)
    text = package_files.manifest(name, symbols, "At the bounds of SPEC.md: for conformance only.")
    return symbols, tensors, {"manifest.json": text, "symbols.safetensors": package_files.safetensors(tensors)}
