# SPDX-License-Identifier: MIT
"""Models that stand at the bounds of SPEC §11, §12 and §13, each at as many as are quick to run. Made of integers alone.

edge-rates      64 rates, 16 groups; values of z at both ends; multipliers, shifts and thresholds at theirs
edge-layers     a net of 16 layers, one of one; a kernel of 15, an output of 4096 channels; one of everything else
edge-channels   1024 channels of z, 1024 of y in one group
edge-signs      65536 dimensions of one bit; `edge-code`: one of 16 bits
edge-usage      65536 code words; `edge-pair`: two
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np

from tools.vectors import mini
from tools.vectors.mini import Symbols, Tensors, conv, layer, requant
from tools.vectors.symbols import Sha256Stream

LOWEST, HIGHEST = -(2**15), 2**15 - 1
Layer = dict[str, Any]


class _Maker:
    """Collects tensors; weights and biases come from the name of the model."""

    def __init__(self, name: str) -> None:
        self.stream, self.tensors = Sha256Stream(name), Tensors()

    def around(self, name: str, dtype: str, most: int, *shape: int) -> str:
        values = [self.stream.below(2 * most + 1) - most for _ in range(int(np.prod(shape)))]
        self.tensors[name] = np.array(values, dtype).reshape(shape)
        return name

    def conv(
        self, name: str, i: int, o: int, kernel: int = 1, op: str = "conv", stride: int = 1, most: int = 300
    ) -> Layer:
        shape = (i, o) if op == "deconv" else (o, i)
        self.around(f"{name}.w", "<i2", most, *shape, kernel, kernel)
        self.around(f"{name}.b", "<i8", 200_000, o)
        return conv(f"{name}.w", f"{name}.b", op, stride)

    def one(self, name: str, dtype: str, value: int) -> str:
        self.tensors[name] = np.array([[value]], dtype)
        return name

    def shifts(self, *shifts: int) -> None:
        """The multiplier `m` and shifts, as `mini.requant` names them."""
        self.one("m", "<i2", 21_000)
        for s in shifts:
            self.one(f"s{s}", "|u1", s)

    def z_tables(self, offsets: Any) -> None:
        """Tables of one regular symbol, which is 15 times as likely as the escape."""
        self.tensors["z.offset"] = np.array(offsets, "<i2")
        self.tensors["z.size"] = np.ones(self.tensors["z.offset"].shape, "<i4")
        self.tensors["z.freq"] = np.array([61_440, 4096] * self.tensors["z.offset"].size, "<u2")


def rates() -> tuple[Symbols, Tensors]:
    """`edge-rates`."""
    mk, n = _Maker("edge-rates"), 16
    mk.shifts(1, 22, 28, 30, 52)
    mk.one("one", "<i2", 1)
    mk.one("most", "<i2", HIGHEST)
    mk.one("low", "<i8", -(2**52))
    # of z: the multiplier grows from 1 to 32767, the shift with it
    mk.tensors["z.m"] = np.array([[1 + rate * (HIGHEST - 1) // 63] for rate in range(64)], "<i2")
    mk.tensors["z.s"] = np.array([[1 + rate * 14 // 63] for rate in range(64)], "|u1")
    mk.tensors["ladder"] = np.array([-(2**31), *range(-610, 610, 20), 2**31 - 1], "<i4")
    mk.z_tables([[-HIGHEST], *([rate % 7 - 3] for rate in range(1, 63)), [HIGHEST]])
    spatial = [mk.conv("spatial", 1, 1, 3), layer("s22")]
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
            layer("s22"),
            mk.conv("hyper.1", 1, 1, 3, "conv", 4),
            layer("s22"),
            mk.conv("hyper.2", 1, 1, 15, "deconv", 4),
            layer("s22"),
        ],
        "channel_nets": [None, *([mk.conv(f"channel.{k}", k, 1), layer("s22")] for k in range(1, n))],
        "spatial_nets": [spatial] * n,
        "anchor_heads": None,
        "heads": [[first], *([[other]] * (n - 1))],
        "means": means,
        "scales": scales,
    }
    return symbols, mk.tensors


def layers() -> tuple[Symbols, Tensors]:
    """`edge-layers`. Between its first convolutions stands no requant: their inputs reach 32768, and no more. The wide one reaches 2^37."""
    mk = _Maker("edge-layers")
    mk.shifts(8, 22, 24, 28, 30)
    mk.one("a", "<i8", 2**20)
    mk.z_tables([[0]])
    for name, weight in (("same", 1), ("turned", -1)):
        mk.tensors[f"{name}.w"] = np.full((1, 1, 1, 1), weight, "<i2")
    mk.tensors["zero"] = np.zeros(1, "<i8")
    wide = mk.conv("wide", 1, 4096, 1, "deconv", 4)
    mk.tensors["wide.b"][0] = 2**37 - 2**15 * abs(int(mk.tensors["wide.w"][0, 0, 0, 0]))
    relu = {"op": "relu"}
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
        "hyper_net": [
            mk.conv("kernel", 1, 1, 15),
            layer("s22"),
            conv("same.w", "zero"),
            conv("turned.w", "zero"),
            wide,
            layer("s24", -128, 127),
            relu,
            mk.conv("thin", 4096, 1),
            layer("s22"),
            {"op": "add", "from": 8},
            layer("s22"),
            relu,
            mk.conv("last", 1, 1, 3),
            layer("s22"),
            {"op": "add", "from": 10},
            layer("s8"),
        ],
        "channel_nets": [None],
        "spatial_nets": [[layer("s22") | {"a": "a"}]],
        "anchor_heads": [[mk.conv("anchor", 1, 2)]],
        "heads": [[mk.conv("head", 2, 2)]],
        "means": [requant("s28")],
        "scales": [requant("s30", 0, 63)],
    }
    return symbols, mk.tensors


def channels() -> tuple[Symbols, Tensors]:
    """`edge-channels`."""
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
        "hyper_net": [mk.conv("hyper", 1024, 1, 1, "deconv", 4), layer("s22")],
        "channel_nets": [None],
        "spatial_nets": [[mk.conv("spatial", 1024, 1), layer("s22")]],
        "anchor_heads": None,
        "heads": [[mk.conv("head", 2, 2048)]],
        "means": [requant("s28")],
        "scales": [requant("s30", 0, 63)],
    }
    return symbols, mk.tensors


def signs(d: int, b: int, frequency: int) -> tuple[Symbols, Tensors]:
    return {"kind": 3, "d": d, "b": b}, {"sign": np.full(d, frequency, "<u2")}


def usage(*frequencies: int) -> tuple[Symbols, Tensors]:
    return {"kind": 5, "v": len(frequencies)}, {"usage": np.array(frequencies, "<u2")}


LATENTS: Final[dict[str, Callable[[], tuple[Symbols, Tensors]]]] = {
    "edge-rates": rates,
    "edge-layers": layers,
    "edge-channels": channels,
}
SMALL: Final[dict[str, Callable[[], tuple[Symbols, Tensors]]]] = {
    "edge-signs": lambda: signs(65_536, 1, 65_535), "edge-code": lambda: signs(1, 16, 1),
    "edge-usage": lambda: usage(*[1] * 65_536), "edge-pair": lambda: usage(1, 65_535),
}  # fmt: skip
NAMES: Final = (*LATENTS, *SMALL)


@lru_cache(maxsize=len(NAMES))
def package(name: str) -> tuple[Symbols, Tensors, dict[str, bytes]]:
    """Symbols with their tensors declared, the tensors, and the files by name."""
    symbols, tensors = (LATENTS | SMALL)[name]()
    symbols["tensors"] = mini.declared(tensors)
    text = mini.manifest(name, symbols, "At the bounds of SPEC.md: for conformance only.")
    return symbols, tensors, {"manifest.json": text, "symbols.safetensors": mini.safetensors(tensors)}
