# SPDX-License-Identifier: MIT
"""What stands beside the indices of method perco, told at the encoder and attended to by the painter: a caption, or the
PQ codes of an image embedding (Careil et al. 2024 §3.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.methods.base import Request, Scene
from refcodec.methods.inputs import Given
from refcodec.networks import package, package_search
from refcodec.networks.table_model import SmallModel
from refcodec.payloads import kinds, pq_codes

TOKENS: Final = 32  # of a caption (Careil et al. 2024, §4.1)


def told(request: Request, given: Given) -> Given:
    """What is said beside the indices, by models that the user names for it where the user says nothing."""
    named, recommended = request.models.roles, request.profile.recommended.models
    if given.names() - {"indices"}:
        return given
    if "captioner" in named and "image_embedder" in named:
        raise ValueError(
            "beside the indices stands a caption or an image embedding: name a captioner or an image_embedder, not both"
        )
    if "image_embedder" in named:
        from refcodec.foundation.image_embedder import ImageEmbedder

        return replace(
            given, vector=request.models.load("image_embedder", ImageEmbedder.load, recommended)(request.pixels)
        )
    if "captioner" in named:
        from refcodec.foundation.captioner import captioner

        return replace(given, caption=captioner(request.models, recommended).caption(request.pixels, tokens=TOKENS))
    return given


def context(scene: Scene, painter: Any) -> Any:
    """What the U-Net attends to: the caption, the image embedding as one token, or None."""
    said, codes = scene.value(spec.CAPTION), scene.value(spec.PQ)
    if codes is not None:
        return painter.image(pq_codes.lookup(codes.codes, codebooks(scene)))
    if said is None:
        return None
    return painter.text(said.text if said.text is not None else list(said.tokens))


def codebooks(scene: Scene) -> Any:
    """Those of a package that the user names, which fit the row; SEM-E-801 where there is none."""
    parameters = scene.profile.parameters(spec.PQ)
    for folder in scene.models.folders:
        if (folder / package_search.MANIFEST).is_file():
            model = package.load_any(folder)
            if isinstance(model, SmallModel) and model.kind == spec.PQ:
                kinds.fits(model, spec.PQ, parameters)
                return model.tensor
    raise SemError(
        Code.MODEL_UNAVAILABLE,
        "the codebooks of the image embedding are not here",
        path="model",
        hint="name their package with --model FOLDER",
    )
