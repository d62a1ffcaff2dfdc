# SPDX-License-Identifier: MIT
"""The conditioning beside the indices of method perco, for the cross-attention of the generator: a caption, or the PQ codes
of an image embedding (Careil et al. 2024 §3.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.methods.base import DecodeContext, EncodeRequest
from refcodec.methods.inputs import SymbolInputs
from refcodec.networks import package, package_search
from refcodec.networks.table_model import TableModel
from refcodec.payloads import kinds, pq_codes

TOKENS: Final = 32  # of a caption (Careil et al. 2024, §4.1)


def add_conditioning(request: EncodeRequest, symbols: SymbolInputs) -> SymbolInputs:
    """Add a caption or image embedding from the user's models, unless the user supplied one."""
    named, recommended = request.models.roles, request.profile.recommended.models
    if symbols.names() - {"indices"}:
        return symbols
    if "captioner" in named and "image_embedder" in named:
        raise ValueError(
            "beside the indices stands a caption or an image embedding: name a captioner or an image_embedder, not both"
        )
    if "image_embedder" in named:
        from refcodec.foundation.image_embedder import ImageEmbedder

        return replace(
            symbols, vector=request.models.load("image_embedder", ImageEmbedder.load, recommended)(request.pixels)
        )
    if "captioner" in named:
        from refcodec.foundation.captioner import captioner

        return replace(symbols, caption=captioner(request.models, recommended).caption(request.pixels, tokens=TOKENS))
    return symbols


def cross_attention_context(context: DecodeContext, generator: Any) -> Any:
    """Return what the U-Net attends to: the caption, the image embedding as one token, or None."""
    caption, codes = context.value(spec.CAPTION), context.value(spec.PQ)
    if codes is not None:
        return generator.image(pq_codes.lookup(codes.codes, codebooks(context)))
    if caption is None:
        return None
    return generator.text(caption.text if caption.text is not None else list(caption.tokens))


def codebooks(context: DecodeContext) -> Any:
    """Return the codebooks of a package that the user names, which fit the row. Raises Code.MODEL_UNAVAILABLE if absent."""
    parameters = context.profile.parameters(spec.PQ)
    for folder in context.models.folders:
        if (folder / package_search.MANIFEST).is_file():
            model = package.load_any(folder)
            if isinstance(model, TableModel) and model.kind == spec.PQ:
                kinds.check_model(model, spec.PQ, parameters)
                return model.tensor
    raise SemError(
        Code.MODEL_UNAVAILABLE,
        "the codebooks of the image embedding are not here",
        path="model",
        hint="name their package with --model FOLDER",
    )
