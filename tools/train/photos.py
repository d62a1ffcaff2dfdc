# SPDX-License-Identifier: MIT
"""Training pictures: a folder of photographs decoded once, random crops from them, and the digest of the listing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUFFIXES = (".webp", ".jpg", ".jpeg", ".png")


def listing(root: Path) -> list[Path]:
    """Every picture below `root`, in the order of their relative POSIX paths."""
    found = [p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES]
    return sorted(found, key=lambda p: p.relative_to(root).as_posix())


def digest(root: Path, files: list[Path]) -> str:
    """SHA-256 over one line `sha256  relative/path` a file: names the training data without shipping it."""
    whole = hashlib.sha256()
    for p in files:
        inner = hashlib.sha256(p.read_bytes()).hexdigest()
        whole.update(f"{inner}  {p.relative_to(root).as_posix()}\n".encode())
    return whole.hexdigest()


def enough(root: Path, held_out: int) -> list[Path]:
    """The listing; ends the program where nothing would be left to train on."""
    files = listing(root)
    if len(files) <= held_out:
        raise SystemExit(f"error: {root} has {len(files)} pictures; {held_out} are held out, so more are needed")
    return files


def load(path: Path) -> NDArray[np.uint8]:
    """uint8[H, W, 3]; says which file it is that cannot be read."""
    try:
        with Image.open(path) as im:
            return np.asarray(im.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as e:
        raise SystemExit(f"error: {path} is no picture that Pillow reads ({e})") from e


def centre(pic: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle of a picture, at most side x side."""
    h, w = (min(n, side) for n in pic.shape[:2])
    top, left = (pic.shape[0] - h) // 2, (pic.shape[1] - w) // 2
    return pic[top : top + h, left : left + w]


def crop(
    pictures: list[NDArray[np.uint8]], size: int, rng: np.random.Generator, resized: float = 0.5
) -> NDArray[np.uint8]:
    """One random square crop uint8[size, size, C]; area-weighted picture, a share of them downscaled, flipped, turned."""
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
