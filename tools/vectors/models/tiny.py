# SPDX-License-Identifier: MIT
"""Build the tiny models of every kind that has one, at most a few kB each. Not trained: for decoding only.

    python -m tools.vectors.models.tiny test_vectors/models

`elic-tiny` and `sketch-tiny` have the plain graph, `elic-tiny-2` the varied one. `elic-square` is `elic-tiny` with as
many input as output channels in a deconvolution; `elic-paint` and `sketch-paint` come with synthesis networks.
`clip-tiny`, `pq-tiny` and `vq-tiny` are one tensor each, written out below. `clip-twin-1` and `clip-twin-2` have digests
with the same first 4 bytes. `vq-foreign` comes with files of code and pickles, which a decoder must not open.
`clip-spelt` has JSON of an unusual but valid spelling.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from refcodec.networks.package import build_model, declare, symbol_digest
from tools.vectors.models import package_files, painter
from tools.vectors.models.tiny_latents import Package, plain, varied


def clip() -> Package:
    """Build `clip-tiny`: sign frequencies at both extremes, and likely, unlikely and even ones."""
    sign = np.array([1, 65_535, 32_768, 20_000, 45_000, 9_000, 60_000, 32_767], np.uint16)
    return {"kind": 3, "d": 8, "b": 2}, {"sign": sign}


def pq() -> Package:
    """Build `pq-tiny`: two codebooks of four code words of three binary32 numbers, the extremes among them."""
    tiny, huge = 2.0**-149, (2.0 - 2.0**-23) * 2.0**127
    words = [
        [[0, 0, 0], [0.5, -0.25, 1], [-0.0, tiny, -tiny], [3, -4, 12]],
        [[1, 1, 1], [-1, -1, -1], [0.0999755859375, 1.5, -2.5], [huge, -huge, 2.0**-126]],
    ]
    return {"kind": 4, "m": 2, "v": 4, "d": 6}, {"codebooks": np.array(words, np.float32)}


def twin(fifth: int) -> Package:
    """Build `clip-tiny` with two other frequencies; the digests of both twins begin with E9 FF 67 81."""
    symbols, tensors = clip()
    tensors["sign"][3:5] = 20_014, fifth
    return symbols, tensors


def vq() -> Package:
    """Build `vq-tiny`: six code words, one of them with the lowest frequency."""
    return {"kind": 5, "v": 6}, {"usage": np.array([40_000, 1, 20_000, 5_000, 500, 35], np.uint16)}


def foreign() -> Package:
    """Build `vq-tiny` with other frequencies."""
    return {"kind": 5, "v": 6}, {"usage": np.array([30_000, 10_000, 20_000, 5_000, 500, 36], np.uint16)}


def spelt() -> Package:
    """Build `clip-tiny` with other frequencies."""
    symbols, tensors = clip()
    tensors["sign"][3:5] = 12_345, 54_321
    return symbols, tensors


MODELS: dict[str, Callable[[], Package]] = {
    "elic-tiny": lambda: plain(7, 1, 3, 4, 2, 2, 4),
    "elic-tiny-2": varied,
    "sketch-tiny": lambda: plain(6, 3, 2, 2, 2, 2),
    "elic-square": lambda: plain(7, 5, 3, 4, 2, 2, 4, wide=(4, 6)),
}
WITH_PAINTER: dict[str, Callable[[], Package]] = {
    "elic-paint": lambda: plain(7, 11, 3, 4, 2, 2, 4),
    "sketch-paint": lambda: plain(6, 13, 2, 2, 2, 2),
}
MODELS |= WITH_PAINTER
TABLES: dict[str, Callable[[], Package]] = {"clip-tiny": clip, "pq-tiny": pq, "vq-tiny": vq}
FOREIGN: dict[str, Callable[[], Package]] = {"vq-foreign": foreign}
SPELT: dict[str, Callable[[], Package]] = {"clip-spelt": spelt}
TWINS: dict[str, Callable[[], Package]] = {"clip-twin-1": lambda: twin(40_216), "clip-twin-2": lambda: twin(40_539)}
ONE_TENSOR = TABLES | TWINS | FOREIGN | SPELT
ALL = MODELS | ONE_TENSOR


# A process that unpickles or runs one of these exits at once with status 99.
EXIT = b"# SPDX-License-Identifier: CC0-1.0\nimport os\n\nos._exit(99)\n"
PICKLE = b"cos\n_exit\n(I99\ntR."
FOREIGN_FILES = {
    "__init__.py": EXIT, "model.py": EXIT, "symbols.py": EXIT, "symbols.pkl": PICKLE, "symbols.bin": PICKLE,
    "pytorch_model.bin": PICKLE, "painter.pt": PICKLE,
}  # fmt: skip


def write_unusual_json(out: Path, manifest: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Write both files with unusual spacing, escapes and order of members, and with unknown members."""
    (name, t), data = next(iter(tensors.items())), next(iter(tensors.values())).tobytes()
    entry = {"layout": None, "data_offsets": [0, len(data)], "shape": list(t.shape), "dtype": "U16"}
    head = json.dumps({name: entry, "__metadata__": {"numbers": [1, 2.5], "nothing": None}}, indent=2)
    head = f" \n{head}\t".replace('"dtype"', '"\\u0064type"')
    (out / "symbols.safetensors").write_bytes(len(head).to_bytes(8, "little") + head.encode() + data)
    members = {"quality": 2.5e-1, "quelle": "von Hand gewählt"} | {key: manifest[key] for key in reversed(manifest)}
    text = "\r\n" + json.dumps(members, indent="\t", ensure_ascii=False).replace('"kind"', '"ki\\u006ed"') + " \n"
    (out / "manifest.json").write_text(text, encoding="utf-8", newline="")


def write(folder: Path, name: str) -> str:
    """Write one package, and return its digest. Raises SemError if a decoder would reject the model."""
    symbols, tensors = ALL[name]()
    symbols["tensors"] = declare(tensors)
    build_model(symbols, tensors)
    out = folder / name
    out.mkdir(parents=True, exist_ok=True)
    blob = save({k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())})
    (out / "symbols.safetensors").write_bytes(blob)
    origin = "Chosen by hand" if name in ONE_TENSOR else "Seeded weights, not trained"
    manifest: dict[str, Any] = {
        **package_files.manifest_head(name, f"{origin}: for conformance only."),
        "symbols": symbols,
    }
    if name in WITH_PAINTER:
        weights, manifest["painter"] = painter.build(name, symbols)
        (out / "painter.safetensors").write_bytes(weights)
    if name in FOREIGN:
        manifest |= {"auto_map": {"AutoModel": "model.Model"}, "code": "symbols.py", "weights": "pytorch_model.bin"}
        for foreign_name, data in FOREIGN_FILES.items():
            (out / foreign_name).write_bytes(data)
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    if name in SPELT:
        write_unusual_json(out, manifest, tensors)
    print(
        f"{name}: {len(blob)} bytes of tensors, sha256 {hashlib.sha256(blob).hexdigest()[:16]}, digest {symbol_digest(symbols)}"
    )
    return symbol_digest(symbols)


def main() -> None:
    for name in ALL:
        write(Path(sys.argv[1]), name)


if __name__ == "__main__":
    main()
