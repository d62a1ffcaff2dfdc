# SPDX-License-Identifier: MIT
"""Measure the sizes of files and the quality of the pictures decoded from them. Results are kept in a cache folder."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from refcodec.cli.bench.distortions import Curve, Picture
from refcodec.cli.bench.metric_registry import Metric
from refcodec.cli.bench.seconds import Seconds, computer, mean, timed
from refcodec.errors import Code, SemError
from refcodec.fileio import shown, write_atomic
from refcodec.images.load import load as load_image
from refcodec.progress import Progress

SUFFIXES = (".png", ".ppm", ".bmp", ".tif", ".tiff", ".webp", ".jpg", ".jpeg", ".avif")
Setting = int | float | str | None  # a quality, bits per pixel, a profile, or the method's default


@dataclass(frozen=True)
class Codec:
    """A codec under test: encodes an RGB picture at a setting to a file, and decodes that to one picture or several.

    `identity` names everything that decides its bytes and pixels (versions, settings, digests): results are cached under
    it. `prepare` is called once before anything is timed.
    """

    name: str
    identity: str
    settings: tuple[Setting, ...]
    encode: Callable[[Image.Image, Setting], bytes]
    decode: Callable[[bytes], list[Image.Image]]
    prepare: Callable[[], None] | None = None


@dataclass(frozen=True)
class Source:
    """A test picture."""

    name: str  # file name without its folder
    pixels: Picture  # uint8[H, W, 3]
    sha256: str  # of "width height" and the pixels, whatever the format of the file


@dataclass(frozen=True)
class Point:
    """One file, or the mean of several."""

    setting: Setting
    bpp: float  # 8 * len(file) / pixels
    values: Mapping[str, float]  # by metric, with a second value for those in decibels

    def to_dict(self) -> dict[str, Any]:
        return {**setting_key(self.setting), "bpp": self.bpp, **self.values}


@dataclass(frozen=True)
class Sweep:
    """A codec at all its settings."""

    rows: list[list[Point]]  # [picture][setting]
    average: list[Point]  # [setting]: means over pictures of every value (of decibels too), and the metrics of sets
    seconds: Sequence[Seconds] = ()  # [setting]: means over pictures


def setting_key(setting: Setting) -> dict[str, int | float | str]:
    """Return a setting as it stands in reports and cache keys."""
    if setting is None:
        return {}
    kind = "quality" if isinstance(setting, int) else "wanted_bpp" if isinstance(setting, float) else "profile"
    return {kind: setting}


def load(paths: Iterable[Path], metrics: Sequence[Metric] = ()) -> list[Source]:
    """Return the pictures of files and, for a folder, of the picture files directly in it, by name.

    Raises InputOutputError if there are none, one cannot be read, or one is too small for a metric.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        files.extend(inside)
    if not files:
        raise SemError(Code.CANNOT_READ, "no pictures found", hint="name picture files, or folders that contain some")
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
    """A cache of small results in files named for the SHA-256 of their key. Without a folder it keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """Return the value of `key`, or the result of `make`, which is then stored atomically."""
        if self.folder is None:
            return make()
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        path = self.folder / digest[:2] / f"{digest}.json"
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):  # absent or damaged: measured anew
            if path.is_file():
                return json.loads(path.read_bytes())["value"]
        value = make()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"{shown(str(path.parent))}: {error.strerror or error}"
            raise SemError(Code.CANNOT_WRITE, what, hint="name another folder with --cache") from error
        write_atomic(path, json.dumps({"key": key, "value": value}, indent=1).encode())
        return value


@dataclass
class _File:
    """One file of one picture, encoded and decoded at most once, and only for results that are not in the cache."""

    codec: Codec
    source: Source
    setting: Setting
    prepare: Callable[[], None]  # does its work in the first call

    @cached_property
    def encoding(self) -> tuple[bytes, float, float]:
        """The file and the seconds that it took, on the clock and of processors."""
        image = Image.fromarray(self.source.pixels)  # pixels only, without colour profile and EXIF
        self.prepare()
        return timed(lambda: self.codec.encode(image, self.setting))

    @property
    def data(self) -> bytes:
        return self.encoding[0]

    @cached_property
    def decoding(self) -> tuple[list[Image.Image], float, float]:
        """The pictures of the file, and the seconds that they took."""
        data = self.data
        return timed(lambda: self.codec.decode(data))

    @cached_property
    def decoded(self) -> list[Picture]:
        return [np.asarray(picture.convert("RGB")) for picture in self.decoding[0]]

    def seconds(self) -> dict[str, float]:
        return Seconds(*self.encoding[1:], *self.decoding[1:]).to_dict()

    @cached_property
    def original(self) -> Picture:
        """The part of the picture that the file contains: all of it, or the centre square."""
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
        """Return the mean of a metric over the pictures decoded from the file."""
        assert metric.pair is not None
        return float(np.mean([metric.pair(self.source.name, self.original, picture) for picture in self.decoded]))

    def features(self, metric: Metric) -> dict[str, list[list[float]]]:
        """Return the features of the original and of the pictures decoded from the file."""
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
    """Measure every source at every setting, except for results in the cache."""
    results, done = Cache(cache), 0
    prepare, of_seconds = lru_cache(codec.prepare or (lambda: None)), f"seconds {computer()}"
    times: list[list[Seconds]] = [[] for _ in codec.settings]
    rows: list[list[Point]] = []
    features: dict[tuple[str, int], list[dict[str, Any]]] = {}  # by metric of sets and number of the setting
    for source in sources:
        row = []
        for number, setting in enumerate(codec.settings):
            file = _File(codec, source, setting, prepare)
            key = {"codec": codec.identity, "picture": source.sha256, **setting_key(setting)}
            bits = results.get({**key, "of": "file"}, file.bits)
            times[number].append(Seconds.of(results.get({**key, "of": of_seconds}, file.seconds)))
            values: dict[str, float] = {}
            for metric in metrics:
                own = {**key, "of": metric.identity, "name": source.name if metric.name == "clip-score" else ""}
                if metric.of_sets is None:
                    values |= metric.values(results.get(own, lambda f=file, m=metric: f.pair(m)))  # type: ignore[misc]
                else:
                    vectors = results.get(own, lambda f=file, m=metric: f.features(m))  # type: ignore[misc]
                    features.setdefault((metric.name, number), []).append(vectors)
            row.append(Point(setting, bits["bpp"], values))
            done += 1
            if progress is not None:
                progress(done / (len(sources) * len(codec.settings)))
        rows.append(row)
    average = [_average([row[n] for row in rows], _of_sets(metrics, features, n)) for n in range(len(codec.settings))]
    return Sweep(rows, average, [mean(of_setting) for of_setting in times])


def _of_sets(
    metrics: Sequence[Metric], features: Mapping[tuple[str, int], list[dict[str, Any]]], number: int
) -> dict[str, float]:
    values = {}
    for metric in metrics:
        if metric.of_sets is not None:
            entries = features[metric.name, number]
            a, b = (
                np.array([vector for entry in entries for vector in entry[side]]) for side in ("original", "decoded")
            )
            values[metric.name] = metric.of_sets(a, b)
    return values


def _average(points: Sequence[Point], more: Mapping[str, float]) -> Point:
    def mean(values: Iterable[float]) -> float:
        return sum(values) / len(points)

    values = {name: mean(point.values[name] for point in points) for name in points[0].values}
    return Point(points[0].setting, mean(point.bpp for point in points), values | dict(more))


def curve(points: Iterable[Point], metric: Metric) -> Curve:
    """Return (bpp, quality), higher is better: decibels, or the value, negated if lower values are better."""
    sign = 1 if metric.higher else -1
    return [(point.bpp, sign * point.values[metric.curve]) for point in points]


def open_picture(data: bytes) -> list[Image.Image]:
    """Decode a file that Pillow reads."""
    with Image.open(io.BytesIO(data)) as image:
        return [image.convert("RGB")]
