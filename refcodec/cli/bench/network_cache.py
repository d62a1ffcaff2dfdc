# SPDX-License-Identifier: MIT
"""The networks that metrics share, each found and loaded once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from refcodec.cli.bench.captions import read_captions
from refcodec.cli.bench.distortions import Picture
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.folder_digest import file_sha256, folder_sha256

if TYPE_CHECKING:
    from refcodec.foundation.resolve import Models

T = TypeVar("T")
LOADERS: Final = {
    "clip": "refcodec.cli.bench.metric_networks.clip_similarity:Clip.load",
    "segmenter": "refcodec.cli.bench.metric_networks.segmentation:Segmenter.load",
}


@dataclass(frozen=True)
class Places:
    """The places of models, weights and captions."""

    models: Models
    weights: Path | None = None  # folder of metric networks; None: the folders of model packages
    captions: Path | None = None


class Networks:
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
        from refcodec.cli.bench.metric_networks.evaluate import distance

        return self._once(kind, lambda: (distance(kind, file, self.places.models.torch_device()), file_sha256(file)))

    def features(self) -> tuple[Callable[[Picture], NDArray[np.float64]], str]:
        file = self._file("inception")
        from refcodec.cli.bench.metric_networks.evaluate import features

        return self._once(
            "inception", lambda: (remembered(features(file, self.places.models.torch_device())), file_sha256(file))
        )

    def role(self, role: str, metric: str) -> tuple[Any, str]:
        return self._once(role, lambda: self._role(role, metric))

    def _role(self, role: str, metric: str) -> tuple[Any, str]:
        from refcodec.foundation.download import resolve_folder
        from refcodec.foundation.roles import ROLES, ModelSource, source_of
        from refcodec.networks.package_cache import need_torch

        need_torch(f"the metric {metric}")
        models, weights = self.places.models, self.places.weights
        source = models.roles.get(role)
        if source is None and weights is not None and (weights / role).is_dir():
            source = source_of(role, weights / role)
        source = source if source is not None else models.find(role)
        if not isinstance(source, ModelSource):
            where = f"there is no {shown(str(weights / role))}" if weights else f"no folder with a {role} is named"
            hint = f"name {ROLES[role]}, a folder or a hub id, with --model {role}=MODEL, or put it as {role} into the folder of --weights"
            raise SemError(Code.MODEL_UNAVAILABLE, f"the metric {metric} has no model: {where}", hint=hint)
        folder = resolve_folder(source)
        return models.load_folder(role, LOADERS[role], folder), folder_sha256(folder)

    def captions(self) -> tuple[Mapping[str, str], str]:
        if self.places.captions is None:
            raise ValueError("the metric clip-score compares with captions: name them with --captions")
        return read_captions(self.places.captions), file_sha256(self.places.captions)

    def _file(self, kind: str) -> Path:
        from refcodec.networks.package_cache import need_torch

        need_torch(f"the metric of {kind}")
        from refcodec.cli.bench.metric_networks.weights import missing, path_of

        if self.places.weights is not None:
            return (
                path_of(self.places.weights, kind)
                if self.places.weights.is_dir()
                else _no_folder(self.places.weights, kind)
            )
        for place in self.places.models.environment.package_folders:
            for folder in (place, place / "metrics"):
                if (folder / f"{kind}.safetensors").is_file():
                    return folder / f"{kind}.safetensors"
        raise missing(kind)


def _no_folder(place: Path, kind: str) -> Path:
    from refcodec.cli.bench.metric_networks.weights import missing

    raise missing(kind, shown(str(place)))


def remembered(function: Callable[[Picture], T]) -> Callable[[Picture], T]:
    """Return the function with a cache by picture, since originals are compared at every rate."""
    known: dict[bytes, T] = {}

    def call(pixels: Picture) -> T:
        key = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()
        if key not in known:
            known[key] = function(pixels)
        return known[key]

    return call
