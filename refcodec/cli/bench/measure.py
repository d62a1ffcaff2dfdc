# SPDX-License-Identifier: MIT
"""Sizes of real files and the quality of the pictures decoded from them, measured once and kept in a cache folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from refcodec.cli.bench.distortions import Curve, Picture
from refcodec.cli.bench.metric_registry import Metric
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.images.load import load as load_image
from refcodec.progress import Progress

SUFFIXES = (".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp", ".jpg", ".jpeg", ".avif")
Setting = (
    int | float | str | None
)  # a quality, the bits per pixel asked for, a profile, or what the method does by itself


@dataclass(frozen=True)
class Codec:
    """A codec under test: RGB picture and setting to the bytes of a file, and these to one picture or several.

    `identity` names all that decides its bytes and pixels (versions, settings, digests): results are cached under it.
    """

    name: str
    identity: str
    settings: tuple[Setting, ...]
    encode: Callable[[Image.Image, Setting], bytes]
    decode: Callable[[bytes], list[Image.Image]]


@dataclass(frozen=True)
class Source:
    """A picture to measure with."""

    name: str  # file name without its folder
    pixels: Picture  # uint8[H, W, 3]
    sha256: str  # of "width height" and the pixels, so that the file format it came in is of no matter


@dataclass(frozen=True)
class Point:
    """One file, or the mean of several."""

    setting: Setting
    bpp: float  # 8 * len(file) / pixels
    values: Mapping[str, float]  # by metric, those in decibels besides

    def to_dict(self) -> dict[str, Any]:
        return {**named(self.setting), "bpp": self.bpp, **self.values}


@dataclass(frozen=True)
class Sweep:
    """A codec at all its settings."""

    rows: list[list[Point]]  # [picture][setting]
    average: list[Point]  # [setting]: means over pictures of every value (of decibels too), and the metrics of sets


def named(setting: Setting) -> dict[str, int | float | str]:
    """A setting as reports and cache keys say it."""
    if setting is None:
        return {}
    kind = "quality" if isinstance(setting, int) else "wanted_bpp" if isinstance(setting, float) else "profile"
    return {kind: setting}


def load(paths: Iterable[Path], metrics: Sequence[Metric] = ()) -> list[Source]:
    """Pictures of the files given and, for a folder, of the picture files directly in it, by name.

    SemError of family 1 where there is none, one cannot be read, or one is too small for a metric.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        files.extend(inside)
    if not files:
        raise SemError(Code.CANNOT_READ, "no pictures found", hint="name picture files, or folders that have some")
    return [_load(path, metrics) for path in files]


def _load(path: Path, metrics: Sequence[Metric]) -> Source:
    pixels = load_image(path).pixels
    height, width, _ = pixels.shape
    for metric in metrics:
        if min(height, width) < metric.smallest:
            what = f"{shown(path.name)} is {width}x{height}, but {metric.title} needs sides of at least {metric.smallest} pixels"
            raise SemError(
                Code.PICTURE_UNREADABLE, what, hint="give larger pictures, or leave the metric out with --metrics"
            )
    digest = hashlib.sha256(f"{width} {height}\n".encode() + pixels.tobytes()).hexdigest()
    return Source(path.name, pixels, digest)


class Cache:
    """Small results in files named for the SHA-256 of their key. Without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """The value kept under `key`, or a new one, kept by an atomic rename (an interrupted run leaves no half file)."""
        if self.folder is None:
            return make()
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        path = self.folder / digest[:2] / f"{digest}.json"
        if path.exists():
            return json.loads(path.read_text())["value"]
        value = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w") as file:
            json.dump({"key": key, "value": value}, file, indent=1)
        os.replace(name, path)
        return value


@dataclass
class _File:
    """One file of one picture: made and decoded once, and only where something of it is not known yet."""

    codec: Codec
    source: Source
    setting: Setting

    @cached_property
    def data(self) -> bytes:
        return self.codec.encode(
            Image.fromarray(self.source.pixels), self.setting
        )  # pixels only: no profile or EXIF travels along

    @cached_property
    def decoded(self) -> list[Picture]:
        return [np.asarray(picture.convert("RGB")) for picture in self.codec.decode(self.data)]

    @cached_property
    def original(self) -> Picture:
        """The part of the picture that the file shows: all of it, or the middle square."""
        from refcodec.methods.picture_size import centre_square

        shape = self.decoded[0].shape
        for pixels in (self.source.pixels, centre_square(self.source.pixels)[0]):
            if pixels.shape == shape:
                return pixels
        raise SemError(
            Code.PICTURE_UNREADABLE,
            f"{self.codec.name}: {shown(self.source.name)} came back as {shape[1]}x{shape[0]}",
            hint="measure a codec that keeps sizes",
        )

    def bits(self) -> dict[str, float]:
        height, width, _ = self.original.shape
        return {"bytes": len(self.data), "bpp": 8 * len(self.data) / (width * height)}

    def pair(self, metric: Metric) -> float:
        """The mean over the pictures that the file was painted as."""
        assert metric.pair is not None
        return float(np.mean([metric.pair(self.source.name, self.original, picture) for picture in self.decoded]))

    def features(self, metric: Metric) -> dict[str, list[list[float]]]:
        assert metric.features is not None
        original = metric.features(self.original)
        return {
            "original": [original.tolist()],
            "decoded": [metric.features(picture).tolist() for picture in self.decoded],
        }


def sweep(
    codec: Codec,
    sources: Sequence[Source],
    metrics: Sequence[Metric],
    cache: Path | None,
    progress: Progress | None = None,
) -> Sweep:
    """Measures every source at every setting. What the cache holds is not measured again."""
    kept, done = Cache(cache), 0
    rows: list[list[Point]] = []
    features: dict[tuple[str, int], list[dict[str, Any]]] = {}  # by metric of sets and number of the setting
    for source in sources:
        row = []
        for number, setting in enumerate(codec.settings):
            file = _File(codec, source, setting)
            key = {"codec": codec.identity, "picture": source.sha256, **named(setting)}
            bits = kept.get({**key, "of": "file"}, file.bits)
            values: dict[str, float] = {}
            for metric in metrics:
                own = {**key, "of": metric.identity, "name": source.name if metric.name == "clip-score" else ""}
                if metric.of_sets is None:
                    values |= metric.values(kept.get(own, lambda f=file, m=metric: f.pair(m)))  # type: ignore[misc]
                else:
                    found = kept.get(own, lambda f=file, m=metric: f.features(m))  # type: ignore[misc]
                    features.setdefault((metric.name, number), []).append(found)
            row.append(Point(setting, bits["bpp"], values))
            done += 1
            if progress is not None:
                progress(done / (len(sources) * len(codec.settings)))
        rows.append(row)
    return Sweep(
        rows, [_average([row[n] for row in rows], _of_sets(metrics, features, n)) for n in range(len(codec.settings))]
    )


def _of_sets(
    metrics: Sequence[Metric], features: Mapping[tuple[str, int], list[dict[str, Any]]], number: int
) -> dict[str, float]:
    values = {}
    for metric in metrics:
        if metric.of_sets is not None:
            found = features[metric.name, number]
            a, b = (np.array([vector for entry in found for vector in entry[side]]) for side in ("original", "decoded"))
            values[metric.name] = metric.of_sets(a, b)
    return values


def _average(points: Sequence[Point], more: Mapping[str, float]) -> Point:
    def mean(values: Iterable[float]) -> float:
        return sum(values) / len(points)

    values = {name: mean(point.values[name] for point in points) for name in points[0].values}
    return Point(points[0].setting, mean(point.bpp for point in points), values | dict(more))


def curve(points: Iterable[Point], metric: Metric) -> Curve:
    """(bpp, quality), the higher the better: decibels, or the value, negative where lower ones are better."""
    sign = 1 if metric.higher else -1
    return [(point.bpp, sign * point.values[metric.curve]) for point in points]


def open_picture(data: bytes) -> list[Image.Image]:
    """Decodes a file that Pillow reads."""
    with Image.open(io.BytesIO(data)) as image:
        return [image.convert("RGB")]
