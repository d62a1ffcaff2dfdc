# SPDX-License-Identifier: MIT
"""Tiny symbol models for every kind that has one, a few kB each at most. None was trained: they exist to be decoded.

    python -m tools.vectors.tiny test_vectors/models

`elic-tiny` is the plain graph of SPEC §12, with seeded weights, and so is `sketch-tiny`. `elic-tiny-2` has what they
lack: anchor heads, a ladder, means first, odd parity, the "ends" context, a 3x3 head, relu and add layers. `elic-square`
is `elic-tiny` with as many input as output channels in a deconvolution. `clip-tiny`, `pq-tiny` and `vq-tiny` are one
tensor each, written out below; `clip-twin-1` and `clip-twin-2` differ from the first, and in digests only behind 4 bytes.
`elic-paint` and `sketch-paint` have painters. Beside the tensors of `vq-foreign` lies what nobody must open; the files
of `clip-spelt` are JSON of an unusual spelling.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from refcodec.convert.z_tables import counted_tables
from refcodec.networks.package import build_model, declare, symbol_digest
from tools.vectors import mini, paint

ROOT = Path(__file__).resolve().parents[2]

Array = NDArray[Any]
Package = tuple[dict[str, Any], dict[str, Array]]  # `symbols` without `tensors`, and the tensors


class _Maker:
    """Collects layers and tensors; `seed` names every random choice."""

    def __init__(self, seed: int, rates: int) -> None:
        self.rng, self.rates, self.tensors = np.random.default_rng(seed), rates, dict[str, Array]()

    def conv(self, name: str, i: int, o: int, kernel: int, op: str = "conv", stride: int = 1) -> list[dict[str, Any]]:
        shape = (i, o, kernel, kernel) if op == "deconv" else (o, i, kernel, kernel)
        self.tensors[f"{name}.w"] = self.rng.integers(-300, 301, shape).astype(np.int16)
        self.tensors[f"{name}.b"] = self.rng.integers(-200_000, 200_001, o).astype(np.int64)
        return [{"op": op, "w": f"{name}.w", "b": f"{name}.b", "stride": stride}]

    def requant(
        self,
        name: str,
        channels: int,
        shift: int,
        lo: int,
        hi: int,
        add: tuple[int, int] | None = None,
        per_rate: bool = False,
    ) -> dict[str, Any]:
        rows = self.rates if per_rate else 1
        self.tensors[f"{name}.m"] = self.rng.integers(2**14, 2**15, (rows, channels)).astype(np.int16)
        self.tensors[f"{name}.s"] = (shift + self.rng.integers(0, 2, (rows, channels))).astype(np.uint8)
        obj: dict[str, Any] = {"m": f"{name}.m", "s": f"{name}.s", "lo": lo, "hi": hi}
        if add is not None:
            base = self.rng.integers(add[0], add[1] + 1, (rows, channels)).astype(np.int64)
            self.tensors[f"{name}.a"] = base << self.tensors[f"{name}.s"].astype(np.int64)
            obj["a"] = f"{name}.a"
        return obj

    def layer(self, *args: Any, **kw: Any) -> dict[str, Any]:
        return {"op": "requant", **self.requant(*args, **kw)}

    def z_tables(self, hyper: int) -> dict[str, Array]:
        def one(r: int, c: int) -> tuple[int, Array]:
            half = 2 + r + c % 3
            v = np.arange(-half, half + 1)
            return -half + c % 2, np.exp(-np.abs(v) / (1.0 + 0.5 * r))

        shape = (self.rates, hyper)
        return counted_tables((one(r, c) for r in range(self.rates) for c in range(hyper)), shape)


def plain(kind: int, seed: int, rates: int, hyper: int, *groups: int, wide: tuple[int, int] = (8, 12)) -> Package:
    """The graph of `elic-tiny`. `wide`: output channels of the hyper net's layers."""
    mk = _Maker(seed, rates)
    s: dict[str, Any] = {
        "kind": kind,
        "rates": rates,
        "hyper": hyper,
        "groups": list(groups),
        "parity": 0,
        "order": "scales-means",
        "context": "all",
        "z_input": mk.requant("z_input", hyper, 6, -32767, 32767, per_rate=True),
        "y_input": mk.requant("y_input", sum(groups), 12, -32767, 32767, per_rate=True),
        "hyper_net": [
            *mk.conv("hyper.0", hyper, wide[0], 5, "deconv", 2),
            mk.layer("hyper.0.q", wide[0], 21, 0, 32767),
            *mk.conv("hyper.1", *wide, 5, "deconv", 2),
            mk.layer("hyper.1.q", wide[1], 23, -32767, 32767),
        ],
        "channel_nets": [None],
        "spatial_nets": [],
        "anchor_heads": None,
        "heads": [],
        "means": [],
        "scales": [],
    }
    for k, c in enumerate(groups):
        base = wide[1]
        if k:
            s["channel_nets"].append(
                [*mk.conv(f"channel.{k}", sum(groups[:k]), 6, 3), mk.layer(f"channel.{k}.q", 6, 21, -32767, 32767)]
            )
            base += 6
        s["spatial_nets"].append([*mk.conv(f"spatial.{k}", c, 5, 5), mk.layer(f"spatial.{k}.q", 5, 22, -32767, 32767)])
        s["heads"].append(
            [
                *mk.conv(f"head.{k}.0", base + 5, 9, 1),
                mk.layer(f"head.{k}.0.q", 9, 22, 0, 32767),
                *mk.conv(f"head.{k}.1", 9, 2 * c, 1),
            ]
        )
        s["means"].append(mk.requant(f"mean.{k}", c, 28, -32767, 32767, per_rate=True))
        s["scales"].append(mk.requant(f"scale.{k}", c, 34, 0, 63, add=(3, 22), per_rate=True))
    mk.tensors.update(mk.z_tables(hyper))
    return s, mk.tensors


def odd() -> Package:
    """`elic-tiny-2`: groups 1, 2, 2, 1; two rates; the rest of the grammar."""
    mk, groups, hyper = _Maker(2, 2), (1, 2, 2, 1), 3
    s: dict[str, Any] = {
        "kind": 7,
        "rates": 2,
        "hyper": hyper,
        "groups": list(groups),
        "parity": 1,
        "order": "means-scales",
        "context": "ends",
        "z_input": mk.requant("z_input", 1, 6, -32768, 32767),
        "y_input": mk.requant("y_input", sum(groups), 12, -32767, 32767, add=(-3, 3)),
        "hyper_net": [
            *mk.conv("hyper.0", hyper, 6, 3, "deconv", 4),
            mk.layer("hyper.0.q", 6, 20, -32767, 32767),
            {"op": "relu"},
            *mk.conv("hyper.1", 6, 6, 3),
            mk.layer("hyper.1.q", 6, 22, -16000, 16000),
            {"op": "add", "from": 2},
            mk.layer("hyper.2.q", 6, 15, -32768, 32767),
        ],
        "channel_nets": [None],
        "spatial_nets": [],
        "anchor_heads": [],
        "heads": [],
        "means": [],
        "scales": [],
    }
    mk.tensors["ladder"] = np.cumsum(mk.rng.integers(1, 90, 63)).astype(np.int32)
    for k, c in enumerate(groups):
        base = 6
        if k:
            before = groups[0] if k == 1 else groups[0] + groups[k - 1]
            s["channel_nets"].append(
                [
                    *mk.conv(f"channel.{k}.0", before, 4, 5),
                    mk.layer(f"channel.{k}.0.q", 4, 21, 0, 32767),
                    *mk.conv(f"channel.{k}.1", 4, 4, 1),
                    mk.layer(f"channel.{k}.1.q", 4, 22, -32767, 32767),
                ]
            )
            base += 4
        s["spatial_nets"].append(
            [
                *mk.conv(f"spatial.{k}.0", c, 4, 3),
                mk.layer(f"spatial.{k}.0.q", 4, 21, 0, 32767),
                *mk.conv(f"spatial.{k}.1", 4, 4, 3),
                mk.layer(f"spatial.{k}.1.q", 4, 22, -32767, 32767),
            ]
        )
        s["heads"].append(
            [
                *mk.conv(f"head.{k}.0", base + 4, 6, 3),
                mk.layer(f"head.{k}.0.q", 6, 23, 0, 32767),
                *mk.conv(f"head.{k}.1", 6, 2 * c, 1),
            ]
        )
        s["anchor_heads"].append(
            [
                *mk.conv(f"anchor.{k}.0", base, 5, 1),
                mk.layer(f"anchor.{k}.0.q", 5, 22, 0, 32767),
                *mk.conv(f"anchor.{k}.1", 5, 2 * c, 1),
            ]
        )
        s["means"].append(mk.requant(f"mean.{k}", c, 28, -32767, 32767))
        s["scales"].append({**mk.requant(f"scale.{k}", c, 27, -32768, 32767, add=(300, 700)), "ladder": "ladder"})
    mk.tensors.update(mk.z_tables(hyper))
    return s, mk.tensors


def clip() -> Package:
    """`clip-tiny`: signs of both extremes, and likely, unlikely and even ones."""
    sign = np.array([1, 65_535, 32_768, 20_000, 45_000, 9_000, 60_000, 32_767], np.uint16)
    return {"kind": 3, "d": 8, "b": 2}, {"sign": sign}


def pq() -> Package:
    """`pq-tiny`: two codebooks of four code words of three binary32 numbers, among them the least and the largest."""
    tiny, huge = 2.0**-149, (2.0 - 2.0**-23) * 2.0**127
    words = [
        [[0, 0, 0], [0.5, -0.25, 1], [-0.0, tiny, -tiny], [3, -4, 12]],
        [[1, 1, 1], [-1, -1, -1], [0.0999755859375, 1.5, -2.5], [huge, -huge, 2.0**-126]],
    ]
    return {"kind": 4, "m": 2, "v": 4, "d": 6}, {"codebooks": np.array(words, np.float32)}


def twin(fifth: int) -> Package:
    """`clip-tiny` with two other frequencies, chosen so that the digests of two such models begin with E9 FF 67 81."""
    symbols, tensors = clip()
    tensors["sign"][3:5] = 20_014, fifth
    return symbols, tensors


def vq() -> Package:
    """`vq-tiny`: six code words, one of which is next to never used."""
    return {"kind": 5, "v": 6}, {"usage": np.array([40_000, 1, 20_000, 5_000, 500, 35], np.uint16)}


def foreign() -> Package:
    """`vq-tiny` with other frequencies."""
    return {"kind": 5, "v": 6}, {"usage": np.array([30_000, 10_000, 20_000, 5_000, 500, 36], np.uint16)}


def spelt() -> Package:
    """`clip-tiny` with other frequencies."""
    symbols, tensors = clip()
    tensors["sign"][3:5] = 12_345, 54_321
    return symbols, tensors


MODELS: dict[str, Callable[[], Package]] = {
    "elic-tiny": lambda: plain(7, 1, 3, 4, 2, 2, 4),
    "elic-tiny-2": odd,
    "sketch-tiny": lambda: plain(6, 3, 2, 2, 2, 2),
    "elic-square": lambda: plain(7, 5, 3, 4, 2, 2, 4, wide=(4, 6)),
}
PAINTED: dict[str, Callable[[], Package]] = {
    "elic-paint": lambda: plain(7, 11, 3, 4, 2, 2, 4),
    "sketch-paint": lambda: plain(6, 13, 2, 2, 2, 2),
}
MODELS |= PAINTED
SMALL: dict[str, Callable[[], Package]] = {"clip-tiny": clip, "pq-tiny": pq, "vq-tiny": vq}
FOREIGN: dict[str, Callable[[], Package]] = {"vq-foreign": foreign}
SPELT: dict[str, Callable[[], Package]] = {"clip-spelt": spelt}
TWINS: dict[str, Callable[[], Package]] = {"clip-twin-1": lambda: twin(40_216), "clip-twin-2": lambda: twin(40_539)}
BY_HAND = SMALL | TWINS | FOREIGN | SPELT  # of one tensor each
ALL = MODELS | BY_HAND


# Whoever unpickles or runs one of these ends at once with status 99.
EXIT = b"# SPDX-License-Identifier: CC0-1.0\nimport os\n\nos._exit(99)\n"
PICKLE = b"cos\n_exit\n(I99\ntR."
STRANGERS = {
    "__init__.py": EXIT, "model.py": EXIT, "symbols.py": EXIT, "symbols.pkl": PICKLE, "symbols.bin": PICKLE,
    "pytorch_model.bin": PICKLE, "painter.pt": PICKLE,
}  # fmt: skip


def spell(out: Path, manifest: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Both files as no writer would have them, and with members that nobody has to know."""
    (name, t), data = next(iter(tensors.items())), next(iter(tensors.values())).tobytes()
    entry = {"layout": None, "data_offsets": [0, len(data)], "shape": list(t.shape), "dtype": "U16"}
    head = json.dumps({name: entry, "__metadata__": {"numbers": [1, 2.5], "nothing": None}}, indent=2)
    head = f" \n{head}\t".replace('"dtype"', '"\\u0064type"')
    (out / "symbols.safetensors").write_bytes(len(head).to_bytes(8, "little") + head.encode() + data)
    members = {"quality": 2.5e-1, "quelle": "von Hand gewählt"} | {key: manifest[key] for key in reversed(manifest)}
    text = "\r\n" + json.dumps(members, indent="\t", ensure_ascii=False).replace('"kind"', '"ki\\u006ed"') + " \n"
    (out / "manifest.json").write_text(text, encoding="utf-8", newline="")


def write(folder: Path, name: str) -> str:
    """One package; returns its digest."""
    symbols, tensors = ALL[name]()
    symbols["tensors"] = declare(tensors)
    by_hand = name in BY_HAND
    build_model(symbols, tensors)  # refuses what a decoder would refuse
    out = folder / name
    out.mkdir(parents=True, exist_ok=True)
    blob = save({k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())})
    (out / "symbols.safetensors").write_bytes(blob)
    manifest: dict[str, Any] = {
        **mini.frame(name, f"{'Chosen by hand' if by_hand else 'Seeded weights, not trained'}: for conformance only."),
        "symbols": symbols,
    }
    if name in PAINTED:
        painter, manifest["painter"] = paint.painter(name, symbols)
        (out / "painter.safetensors").write_bytes(painter)
    if name in FOREIGN:
        manifest |= {"auto_map": {"AutoModel": "model.Model"}, "code": "symbols.py", "weights": "pytorch_model.bin"}
        for stranger, data in STRANGERS.items():
            (out / stranger).write_bytes(data)
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    if name in SPELT:
        spell(out, manifest, tensors)
    print(
        f"{name}: {len(blob)} bytes of tensors, sha256 {hashlib.sha256(blob).hexdigest()[:16]}, digest {symbol_digest(symbols)}"
    )
    return symbol_digest(symbols)


def main() -> None:
    for name in ALL:
        write(Path(sys.argv[1]), name)


if __name__ == "__main__":
    main()
