# SPDX-License-Identifier: MIT
"""Encode and preview pictures of method perco by its embedded VQ autoencoder, which needs no download."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.methods.base import DecodeContext, EncodeRequest
from refcodec.methods.identity_check import Filled
from refcodec.methods.network_memory import require_memory
from refcodec.networks import package, package_search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.methods.picture_size import Pixels
    from refcodec.transforms.vq.transforms import VqDecoder, VqEncoder


def indices(request: EncodeRequest) -> NDArray[np.int64]:
    """Return the indices int64[h, w] of the picture, by the package named by the user, else by that of the row."""
    packages = [folder for folder in request.models.folders if (folder / package_search.MANIFEST).is_file()]
    folder = packages[0] if packages else request.models.package_environment.locate_package(request.profile.model or "")
    require_memory(request.models.limits, folder, "encoder", (request.pixels.shape[1], request.pixels.shape[0]))
    encoder = _encoder(folder, package_search.state_of(folder))
    _check_profile(encoder.cfg, request.profile, "encoder")
    grid = encoder(request.pixels, request.progress)
    request.models.used["encoder"] = folder.name
    request.models.resolved["encoder"] = request.models.meaning["hyper_encoder"] = folder
    return grid


def preview(context: DecodeContext, grid: NDArray[np.int64], folder: Path) -> Pixels:
    """Return the picture of the synthesis network in the package that decoded the symbols."""
    if context.samples > 1:
        raise ValueError("the embedded decoder of method perco paints one picture: it has no seed")
    if unsupported := sorted(key for key, value in context.overrides.items() if value is not None):
        raise ValueError(f"the embedded decoder of method perco has no {unsupported[0]}: it has no settings")
    if context.stated.of("hyper_encoder"):
        context.compare(Filled("hyper_encoder", folder))
    require_memory(context.models.limits, folder, "painter", context.size)
    painter = _painter(folder, package_search.state_of(folder))
    _check_profile(painter.cfg, context.profile, "painter")
    pixels = painter(grid, context.size, context.progress)
    context.models.used["painter"] = folder.name
    return pixels


@lru_cache(maxsize=2)
def _encoder(folder: Path, _state: tuple[int, int]) -> VqEncoder:
    from refcodec.transforms.vq.transforms import VqEncoder

    return VqEncoder(folder, package.read_manifest(folder))


@lru_cache(maxsize=2)
def _painter(folder: Path, _state: tuple[int, int]) -> VqDecoder:
    from refcodec.transforms.vq.transforms import VqDecoder

    return VqDecoder(folder, package.read_manifest(folder))


def _check_profile(cfg: Any, profile: Any, part: str) -> None:
    parameters = profile.parameters(spec.VQ)
    if (cfg.v, cfg.stride) != (parameters["v"], parameters["stride"]):
        what = f"its {part} has {cfg.v} codes and a stride of {cfg.stride}, profile {profile.name} has {parameters['v']} and {parameters['stride']}"
        raise SemError(Code.MODEL_MALFORMED, what, path=part)
