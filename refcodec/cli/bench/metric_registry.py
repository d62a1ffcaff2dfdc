# SPDX-License-Identifier: MIT
"""The metrics by name: their networks, and how they are computed from pairs or sets of pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from refcodec.cli.bench import distortions, set_distances
from refcodec.cli.bench.captions import caption_of
from refcodec.cli.bench.distortions import Picture
from refcodec.cli.bench.network_cache import Networks, Places, remembered
from refcodec.errors import Code, SemError

NAMES: Final = (
    "psnr",
    "ms-ssim",
    "ssimulacra2",
    "lpips-alex",
    "lpips-vgg",
    "dists",
    "clip-cosine",
    "clip-score",
    "css",
    "bss",
    "fid",
    "kid",
    "cmmd",
    "miou",
)
DEFINED: Final = 1  # part of every cache key: increment it when a definition of this package changes
Pair = Callable[[str, Picture, Picture], float]  # name of the picture, original, decoded -> value


@dataclass(frozen=True)
class Metric:
    """A metric of pairs of pictures (`pair`), or of two sets (`features` of each picture, `of_sets` of all features).

    `identity` names everything that decides its values, with digests of weights: results are cached under it. `decibels`:
    converts a value for curves and BD-rates.
    """

    name: str
    title: str
    identity: str
    digits: int = 4
    higher: bool = True  # higher is better
    smallest: int = 1  # side of a picture
    pair: Pair | None = None
    features: Callable[[Picture], NDArray[np.float64]] | None = None
    of_sets: Callable[[set_distances.Features, set_distances.Features], float] | None = None
    decibels: Callable[[float], float] | None = None
    unit: str = ""

    @property
    def curve(self) -> str:
        """The key of the value that curves show."""
        return f"{self.name}-db" if self.decibels else self.name

    @property
    def label(self) -> str:
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def values(self, value: float) -> dict[str, float]:
        """Return the values of a point: the metric, and its decibels if it has them."""
        return {self.name: value} | ({self.curve: self.decibels(value)} if self.decibels else {})


def chosen(names: Sequence[str], places: Places) -> list[Metric]:
    """Return the metrics with these names, loaded. Raises ModelError for a missing model, ValueError for another name."""
    networks = Networks(places)
    return [_metric(name, networks) for name in dict.fromkeys(names)]


def _metric(name: str, networks: Networks) -> Metric:
    own = f"{name} {DEFINED}"
    if name == "psnr":
        return Metric(name, "PSNR", own, 3, pair=lambda _, a, b: distortions.psnr(a, b), unit="dB")
    if name == "ms-ssim":
        side = distortions.MIN_SIDE
        return Metric(
            name,
            "MS-SSIM",
            own,
            5,
            smallest=side,
            pair=lambda _, a, b: distortions.ms_ssim(a, b),
            decibels=distortions.decibel,
            unit="dB",
        )
    if name == "ssimulacra2":
        return Metric(name, "SSIMULACRA2", f"{own} {_ssimulacra2_version()}", 2, smallest=8, pair=_ssimulacra2)
    if name in ("lpips-alex", "lpips-vgg", "dists"):
        call, digest = networks.distance(name)
        title = {"lpips-alex": "LPIPS (AlexNet)", "lpips-vgg": "LPIPS (VGG)", "dists": "DISTS"}[name]
        return Metric(
            name,
            title,
            f"{own} {digest}",
            4,
            higher=False,
            smallest=31 if name == "lpips-alex" else 16,
            pair=lambda _, a, b: call(a, b),
        )
    if name in ("fid", "kid"):
        features, digest = networks.features()
        title, of_sets = ("FID", set_distances.fid) if name == "fid" else ("KID", set_distances.kid)
        return Metric(
            name,
            title,
            f"inception {DEFINED} {digest}",
            3 if name == "fid" else 5,
            higher=False,
            features=features,
            of_sets=of_sets,
        )
    if name in ("clip-cosine", "clip-score", "cmmd"):
        return _of_clip(name, own, networks)
    if name in ("css", "bss", "miou"):
        return _of_classes(name, own, networks)
    raise ValueError(f"there is no metric {name}: choose from {', '.join(NAMES)}")


def _of_clip(name: str, own: str, networks: Networks) -> Metric:
    clip, digest = networks.role("clip", name)
    from refcodec.cli.bench.metric_networks.clip_similarity import clip_score, cosine

    embed = remembered(clip.picture)
    if name == "cmmd":
        return Metric(
            name, "CMMD", f"clip {DEFINED} {digest}", 3, higher=False, features=embed, of_sets=set_distances.cmmd
        )
    if name == "clip-cosine":
        return Metric(name, "CLIP cosine", f"{own} {digest}", pair=lambda _, a, b: cosine(embed(a), embed(b)))
    captions, texts = networks.captions()
    read: dict[str, NDArray[np.float64]] = {}

    def score(picture: str, _: Picture, decoded: Picture) -> float:
        if picture not in read:
            read[picture] = clip.text(caption_of(picture, captions))
        return clip_score(embed(decoded), read[picture])

    return Metric(name, "CLIP score", f"{own} {digest} {texts}", 2, pair=score)


def _of_classes(name: str, own: str, networks: Networks) -> Metric:
    segmenter, digest = networks.role("segmenter", name)
    from refcodec.cli.bench.metric_networks.segmentation import bss, css, miou

    if name == "miou":
        reference = remembered(segmenter.classes)
        return Metric(name, "mIoU", f"{own} {digest}", pair=lambda _, a, b: miou(reference(a), segmenter.classes(b)))
    count, compare = remembered(segmenter), css if name == "css" else bss
    return Metric(name, name.upper(), f"{own} {digest}", pair=lambda _, a, b: compare(count(a), count(b)))


def _ssimulacra2_version() -> str:
    try:
        import ssimulacra2
    except ImportError as error:
        what = "the metric ssimulacra2 needs the package ssimulacra2, which is not installed"
        raise SemError(Code.DEPENDENCY_MISSING, what, hint="pip install 'refcodec[bench]'") from error
    return str(ssimulacra2.__version__)


def _ssimulacra2(_: str, a: Picture, b: Picture) -> float:
    """Return SSIMULACRA 2 (Sneyers 2022): 100 for identical pictures, below 0 for very bad ones."""
    from PIL import Image
    from ssimulacra2 import compute_ssimulacra2

    files = [io.BytesIO() for _ in range(2)]
    for file, pixels in zip(files, (a, b), strict=True):
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return float(compute_ssimulacra2(*files))
