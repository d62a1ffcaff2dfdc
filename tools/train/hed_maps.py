# SPDX-License-Identifier: MIT
"""Detect HED edge maps of training photographs once, and keep them in a folder outside of the repository.

    python -m tools.train.hed_maps PHOTOS --detector SET/edge_detector --out MAPS

MAPS gets a PNG for each version of a photograph, `0007-1.png`: `sketches.VERSIONS` at random sizes, as for the other maps
(tools/train/sketches.py), or one at half size for the held-out photographs, which come first, and `maps.json` with the digests
of photographs and detector. What is there is kept, so that the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from refcodec.foundation.folder_digest import folder_sha256
from refcodec.foundation.hed import EdgeDetector
from refcodec.foundation.resolve import Models
from tools import program
from tools.train import photos, sketches

ABOUT = "maps.json"
Map = NDArray[np.uint8]


def scales(index: int, count: int, held_out: int, seed: int) -> list[float]:
    """Return the factors by which photograph `index` of `count` is resized: one of 1/2 for a held-out one."""
    if index >= count - held_out:
        return [0.5]
    return [float(s) for s in np.random.default_rng([seed, index]).uniform(sketches.MIN_SCALE, 1.0, sketches.VERSIONS)]


def resized(pixels: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return a picture uint8[H, W, 3] at `scale`, sides at least 16, which HED needs."""
    width, height = (max(16, round(n * scale)) for n in pixels.shape[1::-1])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def write(path: Path, edges: Map) -> None:
    """Write a map as PNG, completely or not at all."""
    part = path.with_suffix(".part")
    Image.fromarray(edges).save(part, "PNG")
    os.replace(part, path)


def detect(files: list[Path], detector: EdgeDetector, out: Path, held_out: int, seed: int) -> Iterator[Path]:
    """Detect the maps that `out` lacks; yield the path of each."""
    order = [*range(len(files) - held_out, len(files)), *range(len(files) - held_out)]
    for index, file in ((i, files[i]) for i in order):
        wanted = [
            (out / f"{index:04}-{v}.png", scale) for v, scale in enumerate(scales(index, len(files), held_out, seed))
        ]
        missing = [(path, scale) for path, scale in wanted if not path.exists()]
        pixels = photos.load(file) if missing else None
        for path, scale in missing:
            assert pixels is not None
            with torch.no_grad():
                write(path, detector(resized(pixels, scale)))
            yield path


def complete(folder: Path) -> list[str]:
    """Return the names of the maps that are there, sorted: those of the held-out photographs are the last ones."""
    return sorted(path.name for path in folder.glob("[0-9]*-[0-9].png"))


def load(folder: Path, names: list[str]) -> list[Map]:
    """Return the maps of these names, uint8[H, W, 1]."""
    maps = []
    for name in names:
        with Image.open(folder / name) as image:
            maps.append(np.asarray(image.convert("L"))[..., None])
    return maps


def main(argv: list[str] | None = None) -> None:
    from tools.train.elic import HELD_OUT

    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("photos", type=Path)
    ap.add_argument("--detector", type=Path, required=True, help="folder of the role edge_detector")
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args(argv)
    torch.set_num_threads(1)
    files = photos.require_listing(args.photos, HELD_OUT)
    about = {
        "photos": len(files), "listing_sha256": photos.digest(args.photos, files),
        "detector_sha256": folder_sha256(args.detector), "seed": args.seed,
    }  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / ABOUT
    if path.exists() and json.loads(path.read_text()) != about:
        raise SystemExit(f"error: {args.out} holds maps of other photographs, or of another detector")
    path.write_text(json.dumps(about, indent=1) + "\n")
    detector, start = EdgeDetector.load(args.detector, Models.of(device="cpu")), time.monotonic()
    for number, made in enumerate(detect(files, detector, args.out, HELD_OUT, args.seed), 1):
        if number % 20 == 0:
            print(f"{made.name}: {number} maps, {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    raise SystemExit(program.run(main))
