# SPDX-License-Identifier: MIT
"""Train a sketch network further on HED maps, from the weights of a package, without forgetting its own maps.

    OMP_NUM_THREADS=1 python -m tools.train.sketch_tune PACKAGE PHOTOS --maps MAPS --plan tools/train/sketch-hed.json --out RUN

MAPS is a folder of tools/train/hed_maps.py. A run trains on the maps that are complete when it begins, whose names it keeps
in `maps.json`, and on contours and Sobel maps of each `OWN_EVERY`-th photograph, about a third of the pixels. Everything else
is as in tools/train/long.py: one process, exactly resumable, stages that end in snapshots for tools.train.pack; what it
measures are the held-out HED maps.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tools import program
from tools.train import elic, hed_maps, long, photos, sketches
from tools.train.losses import line_distortion
from tools.train.plans import Plan

OWN_EVERY = 4
WINDOW = (0.005, 0.2)  # bits per pixel, of BD-rates
MEASURED = (3, 8, 13, 19, 23, 25)  # rates of sketch-small, from 0.006 bpp on contours
NAMES = "maps.json"  # of a run: the names of the maps that it trains on
Map = NDArray[np.uint8]


class SketchRun(long.Run):
    """A run on edge maps: no crop is resized, which would blur lines, and lines in the wrong place count."""

    def draw(self, pictures: list[Map], side: int, rng: np.random.Generator) -> Map:
        return photos.crop(pictures, side, rng, resized=0.0)

    def distortion(self, x: Tensor, target: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        return line_distortion(x, target, self.plan.structure, sketches.levels(len(x), rng))


def chosen(maps: Path, out: Path, count: int) -> list[str]:
    """Return the names of the maps of a run, chosen when it begins; exit if the held-out ones are not there.

    count: number of photographs of the listing, the last `elic.HELD_OUT` of which are held out.
    """
    path = out / NAMES
    if path.exists():
        names: list[str] = json.loads(path.read_text())
        return names
    names = hed_maps.complete(maps)
    held_out = [name for name in names if int(name[:4]) >= count - elic.HELD_OUT]
    if len(held_out) != elic.HELD_OUT or len(names) <= elic.HELD_OUT:
        raise SystemExit(f"error: {maps} lacks maps of the held-out photographs: run tools.train.hed_maps first")
    path.write_text(json.dumps(names) + "\n")
    return names


def own_maps(files: list[Path], seed: int) -> list[Map]:
    """Return contours and Sobel maps uint8[H, W, 1] of each `OWN_EVERY`-th photograph, at random sizes."""
    rng = np.random.default_rng([seed, len(files)])
    maps: list[Map] = []
    for file in files[::OWN_EVERY]:
        pair = sketches.versions(photos.load(file), rng)[0]
        maps += [np.ascontiguousarray(pair[..., i : i + 1]) for i in (0, 1)]
    return maps


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("package", type=Path)
    ap.add_argument("photos", type=Path)
    ap.add_argument("--maps", type=Path, required=True)
    long.options(ap)
    args = ap.parse_args(argv)
    torch.set_num_threads(1)
    with long.exclusive(args.out):
        plan, files = Plan.read(args.plan), photos.require_listing(args.photos, elic.HELD_OUT)
        about: dict[str, Any] = json.loads((args.maps / hed_maps.ABOUT).read_text())
        if about["listing_sha256"] != photos.digest(args.photos, files):
            raise SystemExit(f"error: {args.maps} holds maps of other photographs")
        names = chosen(args.maps, args.out, len(files))
        data = hashlib.sha256(json.dumps([about, names]).encode()).hexdigest()
        maps = own_maps(files[: -elic.HELD_OUT], plan.seed) + hed_maps.load(args.maps, names)
        print(f"training on {len(names) - elic.HELD_OUT} HED maps and {len(maps) - len(names)} others", flush=True)
        long.work(args, plan, maps, data, SketchRun, MEASURED, WINDOW)


if __name__ == "__main__":
    raise SystemExit(program.run(main))
