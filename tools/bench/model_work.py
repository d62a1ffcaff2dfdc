# SPDX-License-Identifier: MIT
"""Print what each model asks for beside the limits of SPEC §15: decision 0059.

python -m tools.bench.model_work [FOLDER …]     packages in these folders; by default those shipped, and the test vectors'

The public networks of 320 channels are counted from their graphs, without weights, where torch is installed. Their tensors
are given as the bytes of their weights alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from refcodec import spec
from refcodec.networks import package, package_search
from refcodec.networks.work import Work, work_of

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = (ROOT / "refcodec" / "data" / "models", ROOT / "test_vectors" / "models")
PUBLIC: Final = ("taco", "compressai", "chandelier")
BLOCKS: Final = 8466  # of 64 x 64 pixels, the most in a picture of level 1: 15873 x 2113 pixels


def packages(folders: list[Path]) -> Iterator[tuple[str, Work]]:
    """Yield the name and the work of each package that has networks."""
    for folder in package_search.packages(folders):
        symbols = package.read_manifest(folder)["symbols"]
        if symbols["kind"] in (spec.SKETCH, spec.ELIC):
            yield folder.name, work_of(symbols)


def public() -> Iterator[tuple[str, Work]]:
    """Yield the name and the work of each public network of 320 channels."""
    import torch
    from torch import nn

    from refcodec.transforms.elic import config
    from refcodec.transforms.elic.network import Elic

    for name in PUBLIC:
        with torch.device("meta"):
            entropy = Elic(getattr(config, name)()).entropy
        weights, count, widest, rows = 0, 0, 0, 1
        for part in ("h_s", "spatial", "channel", "anchor_head", "head"):
            rows = 1 if part == "h_s" else 4
            for layer in getattr(entropy, part).modules():
                if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                    weights += layer.weight.numel()
                    up = isinstance(layer, nn.ConvTranspose2d)
                    before, rows = rows, rows * layer.stride[0] if up else rows // layer.stride[0]
                    count += layer.weight.numel() * (before if up else rows) ** 2
                    widest = max(widest, layer.in_channels * before**2, layer.out_channels * rows**2)
        yield f"{name} (320)", Work(2 * weights, count, widest)


def main() -> None:
    folders = [Path(name) for name in sys.argv[1:]] or list(FOLDERS)
    most = spec.MODEL_LEVELS[1]
    print("| model | bytes of tensors | multiplications a block | values of an array a block |\n|---|---|---|---|")
    print(f"| level 1 | {most[0]:,} | {most[1]:,} | {most[2] // BLOCKS:,} in the largest picture |")
    for name, work in (*public(), *packages(folders)):
        print(f"| {name} | {work.tensor_bytes:,} | {work.multiplications:,} | {work.array_values:,} |")


if __name__ == "__main__":
    main()
