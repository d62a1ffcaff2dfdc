# SPDX-License-Identifier: MIT
"""Rates and distortions of `semtool bench rate`: what is kept of every file, and what follows from that.

Kept of each codec, quality and picture: [bytes, PSNR, MS-SSIM]. Means, decibels and BD-rates are computed from these, so
that curves of different runs over the same pictures can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from statistics import median
from typing import Any, Final

from PIL import Image

from refcodec.cli.bench.distortions import Curve, bd_rate, bd_rates
from tools.results.bench import Figures, Inputs

TOLERANCE: Final = 0.05  # percent between BD-rates of the points and those that the bench printed
METRICS: Final = {"psnr": 1, "ms-ssim": 2}  # member of a point
SECONDS: Final = ("encode_s", "encode_cpu_s", "decode_s", "decode_cpu_s")


@dataclass(frozen=True)
class Means:
    """Means over the pictures at one setting; MS-SSIM also in decibels, the mean of those of the pictures."""

    setting: str
    bpp: float
    psnr: float
    ms_ssim: float
    ms_ssim_db: float


@dataclass(frozen=True)
class Saving:
    """BD-rates in percent: of the average curves, the mean of the pictures and the largest of one."""

    average: float
    mean: float
    worst: float


@dataclass(frozen=True, eq=False)
class Measured:
    """A codec over a set of pictures."""

    pixels: Mapping[str, int]  # by picture
    settings: tuple[str, ...]
    points: Mapping[str, list[list[float]]]  # by picture, one for each setting
    seconds: tuple[tuple[float, ...], ...]  # by setting: encode, its CPU, decode, its CPU, means over pictures

    @cached_property
    def means(self) -> list[Means]:
        """Return the average curve."""
        return [self._mean(number) for number in range(len(self.settings))]

    def _mean(self, number: int) -> Means:
        rows = [
            (8 * points[number][0] / self.pixels[name], *points[number][1:]) for name, points in self.points.items()
        ]
        columns = list(zip(*((bpp, psnr, similar, decibels(similar)) for bpp, psnr, similar in rows), strict=True))
        return Means(self.settings[number], *(sum(column) / len(rows) for column in columns))

    @property
    def cpu(self) -> tuple[float, float]:
        """Return the processor seconds of encoding and decoding, medians over the settings: other work disturbs some."""
        return median(row[1] for row in self.seconds), median(row[3] for row in self.seconds)

    def average(self, metric: str) -> Curve:
        """Return (bpp, decibels) of the average curve."""
        return [(point.bpp, point.psnr if metric == "psnr" else point.ms_ssim_db) for point in self.means]

    def single(self, metric: str) -> list[Curve]:
        """Return (bpp, decibels) of each picture, in the order of the names."""
        of = METRICS[metric]
        return [
            [(8 * p[0] / self.pixels[name], p[of] if metric == "psnr" else decibels(p[of])) for p in self.points[name]]
            for name in sorted(self.points)
        ]


def decibels(similarity: float) -> float:
    """Return MS-SSIM in decibels."""
    return -10 * math.log10(max(1 - similarity, 1e-12))


@lru_cache(maxsize=256)
def saving(tested: Measured, anchor: Measured, metric: str, window: tuple[float, float] = (0.1, 0.8)) -> Saving | None:
    """Return how many more bits `tested` needs than `anchor`, None if the curves have no quality in common."""
    average = bd_rate(anchor.average(metric), tested.average(metric), window)
    single = bd_rates(anchor.single(metric), tested.single(metric), window)
    if average is None or not single:
        return None
    return Saving(average.percent, sum(single) / len(single), max(single))


def curves(figures: Figures) -> dict[str, Measured]:
    """Return the codecs of stored figures by name."""
    pixels = figures["pictures"]
    return {
        name: Measured(pixels, tuple(of["settings"]), of["points"], tuple(map(tuple, of["seconds"])))
        for name, of in figures["codecs"].items()
    }


def read(document: Any, inputs: Inputs) -> Figures:
    """Return what is kept of the JSON of `semtool bench rate`. ValueError if its BD-rates do not follow from it."""
    names = [picture["name"] for picture in document["pictures"]]
    (folder,) = inputs.values()
    pixels = {name: _pixels(folder / name) for name in names}
    figures: Figures = {"pictures": pixels, "codecs": {}}
    for codec, curve in document["curves"].items():
        times = document["seconds"][codec]
        figures["codecs"][codec] = {
            "settings": [f"quality {point['quality']}" for point in curve["average"]],
            "seconds": [[round(each[name], 3) for name in SECONDS] for each in times],
            "points": {
                name: [[round(p["bpp"] * pixels[name] / 8), round(p["psnr"], 3), round(p["ms-ssim"], 6)] for p in row]
                for name, row in zip(names, curve["pictures"], strict=True)
            },
        }
    _check(document, curves(figures))
    return figures


def _pixels(path: Path) -> int:
    with Image.open(path) as picture:
        return picture.width * picture.height


def _check(document: Any, found: Mapping[str, Measured]) -> None:
    """Raise ValueError if a BD-rate of the bench differs from that of the points."""
    low, high = document["window_bpp"]
    for row in document["bd_rate"]:
        of_points = saving(found[row["codec"]], found[row["anchor"]], row["metric"], (low, high))
        if (of_points is None) != (row["average"] is None):
            raise ValueError(f"{row['codec']} and {row['anchor']} have a BD-rate on one side only")
        if of_points is not None and abs(of_points.average - row["average"]["percent"]) > TOLERANCE:
            raise ValueError(f"the BD-rate of {row['codec']} against {row['anchor']} does not follow from its points")
