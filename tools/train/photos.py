# SPDX-License-Identifier: MIT
"""Training photographs: list and load a folder, draw random crops, and compute the digest of the listing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUFFIXES = (".webp", ".jpg", ".jpeg", ".png")


def listing(root: Path) -> list[Path]:
    """Return every image file below `root`, sorted by relative POSIX path."""
    found = [p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES]
    return sorted(found, key=lambda p: p.relative_to(root).as_posix())


def digest(root: Path, files: list[Path]) -> str:
    """Return the SHA-256 over one line `sha256  relative/path` per file, which identifies the training data."""
    total = hashlib.sha256()
    for p in files:
        file_digest = hashlib.sha256(p.read_bytes()).hexdigest()
        total.update(f"{file_digest}  {p.relative_to(root).as_posix()}\n".encode())
    return total.hexdigest()


def require_listing(root: Path, held_out: int) -> list[Path]:
    """Return the listing; exit if no picture would be left to train on."""
    files = listing(root)
    if len(files) <= held_out:
        raise SystemExit(
            f"error: {root} has {len(files)} pictures; at least {held_out + 1} are needed, of which {held_out} are held out"
        )
    return files


def load(path: Path) -> NDArray[np.uint8]:
    """Load an image as uint8[H, W, 3]; exit with its path if Pillow cannot read it."""
    try:
        with Image.open(path) as im:
            return np.asarray(im.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as e:
        raise SystemExit(f"error: {path} is not a picture that Pillow can read ({e})") from e


def centre(pic: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the centre of a picture, at most side x side pixels."""
    h, w = (min(n, side) for n in pic.shape[:2])
    top, left = (pic.shape[0] - h) // 2, (pic.shape[1] - w) // 2
    return pic[top : top + h, left : left + w]


def crop(
    pictures: list[NDArray[np.uint8]], size: int, rng: np.random.Generator, resized: float = 0.5
) -> NDArray[np.uint8]:
    """Return a random square crop uint8[size, size, C] of a picture chosen in proportion to its area.

    The share `resized` of crops is downscaled by up to 2; half are mirrored and a tenth rotated by 90 degrees.
    """
    weights = np.array([p.shape[0] * p.shape[1] for p in pictures], dtype=np.float64)
    pic = pictures[int(rng.choice(len(pictures), p=weights / weights.sum()))]
    scale = float(rng.uniform(0.5, 1.0)) if rng.random() < resized else 1.0
    side = min(round(size / scale), *pic.shape[:2])
    top, left = (int(rng.integers(0, n - side + 1)) for n in pic.shape[:2])
    out = pic[top : top + side, left : left + side]
    if out.shape[:2] != (size, size):
        out = np.asarray(Image.fromarray(out).resize((size, size), Image.Resampling.BICUBIC))
    if rng.random() < 0.5:
        out = out[:, ::-1]
    if rng.random() < 0.1:
        out = np.rot90(out)
    return np.ascontiguousarray(out)


def plain_crop(pic: NDArray[np.uint8], size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random square crop uint8[size, size, 3], neither mirrored nor rotated; small pictures are enlarged first."""
    height, width = pic.shape[:2]
    if min(height, width) < size:
        scale = size / min(height, width)
        enlarged = (max(size, round(width * scale)), max(size, round(height * scale)))
        pic = np.asarray(Image.fromarray(pic).resize(enlarged, Image.Resampling.BICUBIC))
    top, left = (int(rng.integers(0, n - size + 1)) for n in pic.shape[:2])
    return pic[top : top + size, left : left + size]
