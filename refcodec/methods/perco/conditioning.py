# SPDX-License-Identifier: MIT
"""Conditioning of method perco for the cross-attention of the generator: a caption, or the PQ codes of an image embedding
(Careil et al. 2024 §3.2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.foundation.roles import ModelSource
from refcodec.methods.base import DecodeContext, EncodeRequest
from refcodec.methods.identity_check import Filled
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
        request.models.means("image_embedder", "image_embedder")
        return replace(symbols, vector=embedder(request.pixels))
    if "captioner" in roles:
        captioner = request.models.load_captioner(recommended)
        return replace(symbols, caption=captioner.caption(request.pixels, tokens=TOKENS))
    return symbols


def cross_attention_context(context: DecodeContext, generator: Any) -> Any:
    """Return the context of the U-Net: the embedded caption, the image embedding as one token, or None."""
    caption, codes = context.value(spec.CAPTION), context.value(spec.PQ)
    if codes is not None:
        return generator.image(pq_codes.lookup(codes.codes, codebooks(context)[1]))
    if caption is None:
        return None
    if caption.text is not None:
        return generator.text(caption.text)
    name = getattr(generator, "name", "") or type(generator).__name__
    context.compare_tokenizer(getattr(generator, "tokenizer", None), "painter", name)
    return generator.text(list(caption.tokens))


def filled(context: DecodeContext) -> Iterator[Filled]:
    """Yield the models that give meaning to the payloads of a file beside its indices, in the roles of an identity.

    A generator that attends to an image embedding does not hold its embedder: one that the user names is compared.
    """
    if context.value(spec.PQ) is not None:
        yield Filled("codebooks", codebooks(context)[0])
        source = context.models.roles.get("image_embedder")
        folder = Path(source.place) if isinstance(source, ModelSource) and os.path.isdir(source.place) else None
        yield Filled("image_embedder", folder, "" if folder else "the generator does not hold it")
    caption = context.value(spec.CAPTION)
    if caption is not None and caption.tokens is not None:
        yield from (Filled.by(role, context.models, "painter") for role in ("tokenizer", "text_encoder"))


def codebooks(context: DecodeContext) -> tuple[Path, Any]:
    """Return folder and tensor of the codebooks named by the user, else of those that the file names.

    Of several packages that the user names, one that the file states comes first. Raise Code.MODEL_UNAVAILABLE if absent.
    """
    parameters, found = context.profile.parameters(spec.PQ), []
    named = [folder for folder in context.models.folders if (folder / package_search.MANIFEST).is_file()]
    for folder in filter(None, (*named, context.stated.codebooks)):
        model = package.load_any(folder)
        if isinstance(model, TableModel) and model.kind == spec.PQ:
            kinds.check_model(model, spec.PQ, parameters)
            found.append((folder, model))
    stated = tuple(context.stated.of("codebooks").values())
    for folder, model in sorted(found, key=lambda entry: not entry[1].digest.startswith(stated)):
        return folder, model.tensor
    raise SemError(
        Code.MODEL_UNAVAILABLE,
        "the codebooks of the image embedding are not available",
        path="model",
        hint="name their package with --model FOLDER",
    )
