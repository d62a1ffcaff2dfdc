# SPDX-License-Identifier: MIT
"""The metrics by name: which there are, what each needs, and how it is taken of pictures or of sets of them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from refcodec.errors import SemError
from refcodec.files import shown
from refcodec.models.digest import file_sha256, folder_sha256
from semtool.bench import metrics, sets
from semtool.bench.metrics import Picture

if TYPE_CHECKING:
    from refcodec.models.sources import Models

NAMES: Final = ("psnr", "ms-ssim", "ssimulacra2", "lpips-alex", "lpips-vgg", "dists", "clip-cosine", "clip-score", "css", "bss", "fid", "kid")
DEFINED: Final = 1  # part of every cache key: count up when a definition of this package changes
T = TypeVar("T")
Pair = Callable[[str, Picture, Picture], float]  # name of the picture, original, decoded -> value


@dataclass(frozen=True)
class Metric:
    """Of pairs of pictures (`pair`), or of two sets of them (`features` of each picture, and `of_sets` of all).

    `identity` names all that decides its values, digests of weights too: results are cached under it. `decibels`: what
    curves and BD-rates take in the place of the value.
    """

    name: str
    title: str
    identity: str
    digits: int = 4
    higher: bool = True  # is better
    smallest: int = 1  # side of a picture
    pair: Pair | None = None
    features: Callable[[Picture], NDArray[np.float64]] | None = None
    of_sets: Callable[[sets.Features, sets.Features], float] | None = None
    decibels: Callable[[float], float] | None = None
    unit: str = ""

    @property
    def curve(self) -> str:
        """The member of a point that curves show."""
        return f"{self.name}-db" if self.decibels else self.name

    @property
    def label(self) -> str:
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def values(self, value: float) -> dict[str, float]:
        """What a point says."""
        return {self.name: value} | ({self.curve: self.decibels(value)} if self.decibels else {})


@dataclass(frozen=True)
class Places:
    """Where metrics find what they need."""

    models: Models
    weights: Path | None = None  # folder of metric networks; None: the folders where models are looked for
    captions: Path | None = None


def chosen(names: Sequence[str], places: Places) -> list[Metric]:
    """The metrics of these names, ready. SEM-E-801, 803 and 805 for what one lacks; ValueError for another name."""
    networks = _Networks(places)
    return [_metric(name, networks) for name in dict.fromkeys(names)]


def _metric(name: str, networks: _Networks) -> Metric:
    own = f"{name} {DEFINED}"
    if name == "psnr":
        return Metric(name, "PSNR", own, 3, pair=lambda _, a, b: metrics.psnr(a, b), unit="dB")
    if name == "ms-ssim":
        side = metrics.MIN_SIDE
        return Metric(name, "MS-SSIM", own, 5, smallest=side, pair=lambda _, a, b: metrics.ms_ssim(a, b), decibels=metrics.decibel, unit="dB")
    if name == "ssimulacra2":
        return Metric(name, "SSIMULACRA2", f"{own} {_ssimulacra2_version()}", 2, smallest=8, pair=_ssimulacra2)
    if name in ("lpips-alex", "lpips-vgg", "dists"):
        call, digest = networks.distance(name)
        title = {"lpips-alex": "LPIPS (AlexNet)", "lpips-vgg": "LPIPS (VGG)", "dists": "DISTS"}[name]
        return Metric(name, title, f"{own} {digest}", 4, higher=False, smallest=31 if name == "lpips-alex" else 16, pair=lambda _, a, b: call(a, b))
    if name in ("fid", "kid"):
        features, digest = networks.features()
        title, of_sets = ("FID", sets.fid) if name == "fid" else ("KID", sets.kid)
        return Metric(name, title, f"inception {DEFINED} {digest}", 3 if name == "fid" else 5, higher=False, features=features, of_sets=of_sets)
    if name in ("clip-cosine", "clip-score"):
        return _of_clip(name, own, networks)
    if name in ("css", "bss"):
        return _of_classes(name, own, networks)
    raise ValueError(f"there is no metric {name}: choose of {', '.join(NAMES)}")


def _of_clip(name: str, own: str, networks: _Networks) -> Metric:
    clip, digest = networks.role("clip", name)
    from refcodec.models.metrics.clip import clip_score, cosine

    embed = remembered(clip.picture)
    if name == "clip-cosine":
        return Metric(name, "CLIP cosine", f"{own} {digest}", pair=lambda _, a, b: cosine(embed(a), embed(b)))
    captions, texts = networks.captions()
    read: dict[str, NDArray[np.float64]] = {}

    def score(picture: str, _: Picture, decoded: Picture) -> float:
        if picture not in read:
            read[picture] = clip.text(caption_of(picture, captions))
        return clip_score(embed(decoded), read[picture])

    return Metric(name, "CLIP score", f"{own} {digest} {texts}", 2, pair=score)


def _of_classes(name: str, own: str, networks: _Networks) -> Metric:
    segmenter, digest = networks.role("segmenter", name)
    from refcodec.models.metrics.segmenter import bss, css

    count, compare = remembered(segmenter), css if name == "css" else bss
    return Metric(name, name.upper(), f"{own} {digest}", pair=lambda _, a, b: compare(count(a), count(b)))


class _Networks:
    """The networks that metrics share, each loaded once, with a digest of its weights."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._known: dict[str, tuple[Any, str]] = {}

    def _once(self, name: str, make: Callable[[], tuple[Any, str]]) -> tuple[Any, str]:
        if name not in self._known:
            self._known[name] = make()
        return self._known[name]

    def distance(self, kind: str) -> tuple[Callable[[Picture, Picture], float], str]:
        file = self._file(kind)
        from refcodec.models.metrics.run import distance

        return self._once(kind, lambda: (distance(kind, file, self.places.models.torch_device()), file_sha256(file)))

    def features(self) -> tuple[Callable[[Picture], NDArray[np.float64]], str]:
        file = self._file("inception")
        from refcodec.models.metrics.run import features

        return self._once("inception", lambda: (remembered(features(file, self.places.models.torch_device())), file_sha256(file)))

    def role(self, role: str, metric: str) -> tuple[Any, str]:
        return self._once(role, lambda: self._role(role, metric))

    def _role(self, role: str, metric: str) -> tuple[Any, str]:
        from refcodec.models.sources import ROLES, Source, local, source
        from refcodec.models.store import need_torch

        need_torch(f"the metric {metric}")
        models, weights = self.places.models, self.places.weights
        found = models.roles.get(role)
        if found is None and weights is not None and (weights / role).is_dir():
            found = source(role, weights / role)
        found = found if found is not None else models.find(role)
        if not isinstance(found, Source):
            where = f"there is no {shown(str(weights / role))}" if weights else f"no folder with a {role} is named"
            hint = f"name {ROLES[role]}, a folder or a hub id, with --model {role}=WHAT, or put it as {role} into the folder of --weights"
            raise SemError(801, f"the metric {metric} has no model: {where}", path=role, hint=hint)
        folder = local(found)
        if role == "clip":
            from refcodec.models.metrics.clip import Clip as Loaded
        else:
            from refcodec.models.metrics.segmenter import Segmenter as Loaded  # type: ignore[assignment]
        return Loaded.load(folder, models), folder_sha256(folder)

    def captions(self) -> tuple[Mapping[str, str], str]:
        if self.places.captions is None:
            raise ValueError("the metric clip-score compares with captions: name them with --captions")
        return read_captions(self.places.captions), file_sha256(self.places.captions)

    def _file(self, kind: str) -> Path:
        from refcodec import modelpath
        from refcodec.models.store import need_torch

        need_torch(f"the metric of {kind}")
        from refcodec.models.metrics.weights import missing, path_of

        if self.places.weights is not None:
            return path_of(self.places.weights, kind) if self.places.weights.is_dir() else _no_folder(self.places.weights, kind)
        for place in modelpath.search_path():
            for folder in (place, place / "metrics"):
                if (folder / f"{kind}.safetensors").is_file():
                    return folder / f"{kind}.safetensors"
        raise missing(kind)


def _no_folder(place: Path, kind: str) -> Path:
    from refcodec.models.metrics.weights import missing

    raise missing(kind, shown(str(place)))


def remembered(function: Callable[[Picture], T]) -> Callable[[Picture], T]:
    """Calls once for each picture: originals come up at every rate."""
    known: dict[bytes, T] = {}

    def call(pixels: Picture) -> T:
        key = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()
        if key not in known:
            known[key] = function(pixels)
        return known[key]

    return call


def read_captions(path: Path) -> dict[str, str]:
    """File name -> caption: lines of name, tab, text, or JSON objects with file_name and caption. The first of a name counts.

    SEM-E-101 for a file that cannot be read, or that is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SemError(101, f"cannot read the captions of {shown(str(path))}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            name, caption = _json_caption(line) if line.lstrip().startswith("{") else line.split("\t")[:2]
        except (ValueError, KeyError, TypeError) as error:
            raise SemError(101, f"line {number} of {shown(str(path))} is no caption", hint="write name, tab, text") from error
        found.setdefault(name, caption)
    return found


def _json_caption(line: str) -> tuple[str, str]:
    document = json.loads(line)
    name, caption = document["file_name"], document["caption"]
    if not isinstance(name, str) or not isinstance(caption, str):
        raise TypeError
    return name, caption


def caption_of(picture: str, captions: Mapping[str, str]) -> str:
    """By the file's name, with or without its suffix. SEM-E-101 where there is none."""
    caption = captions.get(picture, captions.get(Path(picture).stem))
    if caption is None:
        raise SemError(101, f"there is no caption for {shown(picture)}", hint="add a line for it to the file of --captions")
    return caption


def _ssimulacra2_version() -> str:
    try:
        import ssimulacra2
    except ImportError as error:
        what = "the metric ssimulacra2 needs the package ssimulacra2, which is not installed"
        raise SemError(805, what, path="metrics", hint="pip install 'refcodec[bench]'") from error
    return str(ssimulacra2.__version__)


def _ssimulacra2(_: str, a: Picture, b: Picture) -> float:
    """Sneyers 2022; 100 for identical pictures, below 0 for very bad ones."""
    from PIL import Image
    from ssimulacra2 import compute_ssimulacra2

    files = [io.BytesIO() for _ in range(2)]
    for file, pixels in zip(files, (a, b), strict=True):
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return float(compute_ssimulacra2(*files))
