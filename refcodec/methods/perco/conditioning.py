# SPDX-License-Identifier: MIT
"""Conditioning of method perco for the cross-attention of the generator: a caption, or the PQ codes of an image embedding
(Careil et al. 2024 §3.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.methods.base import DecodeContext, EncodeRequest
from refcodec.methods.inputs import SymbolInputs
from refcodec.networks import package, package_search
from refcodec.networks.table_model import TableModel
from refcodec.payloads import kinds, pq_codes

if TYPE_CHECKING:
    from refcodec.foundation.image_embedder import ImageEmbedder

TOKENS: Final = 32  # of a caption (Careil et al. 2024, §4.1)


def check_models(request: EncodeRequest) -> None:
    """Raise ValueError for models or a mode that contradict the conditioning, before any model is loaded."""
    roles, given = request.models.roles, request.symbols.names()
    if not given and "captioner" in roles and "image_embedder" in roles:
        raise ValueError(
            "a file has a caption or an image embedding beside its indices: name a captioner or an image_embedder, not both"
        )
    described = given & {"text", "caption"} or (not given and "captioner" in roles)
    if request.settings.mode is not None and not described:
        raise ValueError("mode needs a caption")


def add_conditioning(request: EncodeRequest, symbols: SymbolInputs) -> SymbolInputs:
    """Add a caption or image embedding from the user's models, unless the user supplied one."""
    roles, recommended = request.models.roles, request.profile.recommended.models
    if symbols.names() - {"indices"}:
        return symbols
    if "image_embedder" in roles:
        embedder: ImageEmbedder = request.models.load(
            "image_embedder", "image_embedder:ImageEmbedder.load", recommended
        )
        return replace(symbols, vector=embedder(request.pixels))
    if "captioner" in roles:
        captioner = request.models.load_captioner(recommended)
        return replace(symbols, caption=captioner.caption(request.pixels, tokens=TOKENS))
    return symbols


def cross_attention_context(context: DecodeContext, generator: Any) -> Any:
    """Return the context of the U-Net: the embedded caption, the image embedding as one token, or None."""
    caption, codes = context.value(spec.CAPTION), context.value(spec.PQ)
    if codes is not None:
        return generator.image(pq_codes.lookup(codes.codes, codebooks(context)))
    if caption is None:
        return None
    return generator.text(caption.text if caption.text is not None else list(caption.tokens))


def codebooks(context: DecodeContext) -> Any:
    """Return the codebooks of a package named by the user. Raises Code.MODEL_UNAVAILABLE if absent."""
    parameters = context.profile.parameters(spec.PQ)
    for folder in context.models.folders:
        if (folder / package_search.MANIFEST).is_file():
            model = package.load_any(folder)
            if isinstance(model, TableModel) and model.kind == spec.PQ:
                kinds.check_model(model, spec.PQ, parameters)
                return model.tensor
    raise SemError(
        Code.MODEL_UNAVAILABLE,
        "the codebooks of the image embedding are not available",
        path="model",
        hint="name their package with --model FOLDER",
    )
