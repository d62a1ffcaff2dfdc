# SPDX-License-Identifier: MIT
"""Encode photographs as grids of VQ indices, the training data of `tools.train.prior`.

    python -m tools.train.prior_data PHOTOS --out GRIDS.npz --variants 7

Each photograph gives its own grid, and `--variants` others of the photograph shifted by less than a site, mirrored or
reduced in size: the indices of those differ. Grids are stored as uint16[h, w] under the name PICTURE.VARIANT; the last
8 pictures of the listing are held out from training, and have one grid each.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.networks import package_search
from refcodec.networks.package import read_manifest
from refcodec.transforms.vq.transforms import VqEncoder
from tools import program
from tools.train import photos

HELD_OUT = 8
Grid = NDArray[np.uint16]


def variant(picture: NDArray[np.uint8], stride: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the picture reduced by up to 2, mirrored half of the time, and without its first rows and columns."""
    height, width = picture.shape[:2]
    if rng.random() < 0.6:
        scale = float(rng.uniform(0.5, 1.0))
        size = max(stride, round(width * scale)), max(stride, round(height * scale))
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    top, left = (int(rng.integers(0, min(stride, n))) for n in picture.shape[:2])
    return np.ascontiguousarray(picture[top:, left:])


def encode(encoder: VqEncoder, picture: NDArray[np.uint8], variants: int, rng: np.random.Generator) -> list[Grid]:
    """Return the grid of a picture, and those of `variants` variants of it."""
    pictures = [picture, *(variant(picture, encoder.cfg.stride, rng) for _ in range(variants))]
    return [encoder(pixels).astype(np.uint16) for pixels in pictures]


def load(path: Path) -> tuple[list[Grid], list[Grid], dict[str, str]]:
    """Return (grids to train on, grids held out, what the file says of its data)."""
    with np.load(path, allow_pickle=False) as file:
        about = json.loads(str(file["about"]))
        names = sorted(name for name in file.files if name != "about")
        held_from = int(about["held_from"])
        train = [file[name] for name in names if int(name.split(".")[0]) < held_from]
        held = [file[name] for name in names if int(name.split(".")[0]) >= held_from]
    return train, held, about


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("photos", type=Path)
    ap.add_argument("--package", type=Path, default=package_search.SHIPPED / "vq-small")
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--variants", type=int, default=7, help="further grids of each photograph")
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args(argv)
    if args.variants < 0:
        ap.error("--variants must not be negative")
    files = photos.require_listing(args.photos, HELD_OUT)
    held_from = len(files) - HELD_OUT
    encoder = VqEncoder(args.package, read_manifest(args.package))
    grids: dict[str, Grid] = {}
    for number, path in enumerate(files):
        rng = np.random.default_rng((args.seed, number))
        count = args.variants if number < held_from else 0
        for k, grid in enumerate(encode(encoder, photos.load(path), count, rng)):
            grids[f"{number:05d}.{k:03d}"] = grid
        if number % 20 == 0:
            print(f"{number} of {len(files)} pictures", flush=True)
    about = {"listing_sha256": photos.digest(args.photos, files), "held_from": held_from, "v": encoder.cfg.v}
    arrays: dict[str, Any] = {"about": np.array(json.dumps(about)), **grids}
    np.savez_compressed(args.out, **arrays)
    print(f"{args.out}: {len(grids)} grids, {sum(map(np.size, grids.values()))} indices")


if __name__ == "__main__":
    raise SystemExit(program.run(main))
