# SPDX-License-Identifier: MIT
"""Sizes of real files and the quality of the pictures decoded from them, measured once and kept in a cache folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tools.bench.metrics import MIN_SIDE, Curve, Picture, decibel, ms_ssim, psnr

METRICS = "PSNR-RGB, MS-SSIM-RGB; 1"  # part of every cache key: count up when a definition in metrics.py changes
SUFFIXES = (".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp", ".jpg", ".jpeg")


class BenchError(Exception):
    """A picture or a codec cannot be measured; the message is one line for the user."""


@dataclass(frozen=True)
class Codec:
    """A codec under test: RGB picture and quality to the bytes of a file, and back.

    `identity` names all that decides its bytes and pixels (versions, settings, digests): results are cached under it.
    """

    name: str
    identity: str
    qualities: tuple[int, ...]
    encode: Callable[[Image.Image, int], bytes]
    decode: Callable[[bytes], Image.Image]


@dataclass(frozen=True)
class Source:
    """A picture to measure with."""

    name: str  # file name without its folder
    pixels: Picture  # uint8[H, W, 3]
    sha256: str  # of "width height" and the pixels, so that the file format it came in is of no matter


@dataclass(frozen=True)
class Point:
    """One file, or the mean of several."""

    quality: int
    bpp: float  # 8 * len(file) / pixels
    psnr: float  # dB
    ms_ssim: float  # 0 to 1
    ms_ssim_db: float


def load(paths: Iterable[Path]) -> list[Source]:
    """Pictures of the files given and, for a folder, of the picture files directly in it, by name."""
    files: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        files.extend(inside)
    if not files:
        raise BenchError("no pictures found")
    return [_load(path) for path in files]


def _load(path: Path) -> Source:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    height, width, _ = pixels.shape
    if min(height, width) < MIN_SIDE:
        raise BenchError(f"{path.name}: {width}x{height}, but MS-SSIM needs sides of at least {MIN_SIDE} pixels")
    digest = hashlib.sha256(f"{width} {height}\n".encode() + pixels.tobytes()).hexdigest()
    return Source(path.name, pixels, digest)


def _cached(folder: Path | None, key: Mapping[str, str | int], measure: Callable[[], Point]) -> Point:
    """The point kept under `key`, or a new one, kept by an atomic rename (an interrupted run leaves no half file)."""
    if folder is None:
        return measure()
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    path = folder / digest[:2] / f"{digest}.json"
    if path.exists():
        return Point(**json.loads(path.read_text())["point"])
    point = measure()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w") as file:
        json.dump({"key": key, "point": asdict(point)}, file, indent=1)
    os.replace(name, path)
    return point


def _measure(codec: Codec, source: Source, quality: int) -> Point:
    data = codec.encode(Image.fromarray(source.pixels), quality)  # pixels only: no profile or EXIF travels along
    decoded = np.asarray(codec.decode(data).convert("RGB"))
    if decoded.shape != source.pixels.shape:
        raise BenchError(f"{codec.name}: {source.name} came back as {decoded.shape[1]}x{decoded.shape[0]}")
    height, width, _ = source.pixels.shape
    similarity = ms_ssim(source.pixels, decoded)
    bpp = 8 * len(data) / (width * height)
    return Point(quality, bpp, psnr(source.pixels, decoded), similarity, decibel(similarity))


def sweep(codec: Codec, sources: Sequence[Source], cache: Path | None) -> list[list[Point]]:
    """points[picture][quality]; progress on stderr. What the cache holds is not measured again."""
    points = []
    for number, source in enumerate(sources, 1):
        row = []
        for quality in codec.qualities:
            key: dict[str, str | int]
            key = {"codec": codec.identity, "picture": source.sha256, "quality": quality, "metrics": METRICS}
            row.append(_cached(cache, key, partial(_measure, codec, source, quality)))
            if sys.stderr.isatty():
                print(f"\r\033[K{codec.name} {number}/{len(sources)} {source.name} {quality}", end="", file=sys.stderr)
        points.append(row)
        if not sys.stderr.isatty():
            print(f"{codec.name} {number}/{len(sources)} {source.name}", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return points


def average(points: Sequence[Sequence[Point]]) -> list[Point]:
    """The average curve: at each quality the mean over pictures of every member (of dB values too)."""

    def mean(row: Sequence[Point], member: str) -> float:
        return sum(float(getattr(point, member)) for point in row) / len(row)

    members = ("bpp", "psnr", "ms_ssim", "ms_ssim_db")
    return [Point(row[0].quality, *(mean(row, member) for member in members)) for row in zip(*points, strict=True)]


def curve(points: Iterable[Point], metric: str) -> Curve:
    """(bpp, dB) for `psnr` or `ms_ssim_db`."""
    return [(point.bpp, float(getattr(point, metric))) for point in points]


def open_picture(data: bytes) -> Image.Image:
    """Decodes a file that Pillow reads."""
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")
