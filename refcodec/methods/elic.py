# SPDX-License-Identifier: MIT
"""Method 1, `elic`: picture -> analysis -> z, y -> one range-coded stream, and back (SPEC §13.7, §B.1)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from refcodec import spec
from refcodec.assemble import CodedPayload, provenance_entries
from refcodec.efforts import EFFORTS, FASTEST
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.methods import latent_coding, rate_control
from refcodec.methods.base import DecodeContext, EncodeRequest, Method
from refcodec.methods.inputs import Description, Packed, PackJob, SymbolInputs
from refcodec.methods.network_memory import require_memory
from refcodec.networks import package_cache
from refcodec.payloads import kinds

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from refcodec.foundation.text_encoder import TextEncoder
    from refcodec.methods.picture_size import Pixels


def analyse(request: EncodeRequest) -> Description:
    """Return the latents of the picture, computed by the encoder of the model package and not yet quantised.

    Raises ValueError for a caption that the model does not accept, ModelError for a missing or malformed model.
    """
    profile, pixels = request.profile, request.pixels
    folder, digest = request.plans[0].model()
    kinds.check_model(package_cache.symbol_model(folder, digest), spec.ELIC, profile.parameters(spec.ELIC))
    text, notices = _steering(request, folder)
    require_memory(request.models.limits, folder, "encoder", (pixels.shape[1], pixels.shape[0]))
    effort = request.settings.options.effort
    if EFFORTS[effort].steps:
        package_cache.need_torch(f"encoding with effort {effort}")
    if EFFORTS[effort].steps or (effort != FASTEST and request.settings.bpp is None):
        _require_synthesis(folder, effort)
    if EFFORTS[effort].steps:
        _require_search_memory(request, folder, digest)
    latents = latent_coding.LatentEncoder(
        pixels,
        folder,
        digest,
        request.progress,
        tables=request.models.environment.tables,
        text=text,
        device=latent_coding.device_of(request.models, folder, "encoder"),
    )
    name = package_cache.manifest(folder).get("name", "")
    setting = (
        f"at most {request.settings.bpp} bpp"
        if request.settings.bpp is not None
        else f"quality {request.settings.rate[0]}"
    )
    note = provenance_entries(model=f"{name} {digest}", setting=setting)
    size = (pixels.shape[1], pixels.shape[0])
    return Description(SymbolInputs(latents=latents), size, notices=notices, provenance=note, model=(folder, digest))


def _require_synthesis(folder: Path, effort: int) -> None:
    """Raise Code.MODEL_UNAVAILABLE (SEM-E-801) for a package without the synthesis network by which an effort compares files."""
    name = "painter.safetensors"
    if not os.path.isfile(folder / name):
        what = f"encoding with effort {effort} needs {name}, which is not in {shown(folder.name)}"
        raise SemError(
            Code.MODEL_UNAVAILABLE, what, path=name, hint="name a complete model package, or leave out effort"
        )


def _require_search_memory(request: EncodeRequest, folder: Path, digest: str) -> None:
    """Raise `MemoryLimitError` if searching latents would take more memory than the caller allows."""
    from refcodec.search.picture_search import predicted_bytes

    device = latent_coding.device_of(request.models, folder, "encoder")
    size = (request.pixels.shape[1], request.pixels.shape[0])
    predicted = predicted_bytes(folder, device, package_cache.symbol_model(folder, digest), size)
    request.models.limits.check_memory(predicted, f"encoding with effort {request.settings.options.effort}")


def _steering(request: EncodeRequest, folder: Path) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    """Return the embedding for the text adapter of an encoder, and notices; (None, ()) without an adapter.

    The caption is the user's, else that of the role captioner if a model fills it, else empty. Raises ValueError for a
    caption if there is no adapter, Code.MODEL_UNAVAILABLE if no model fills the role text_encoder.
    """
    models, caption = request.models, request.symbols.caption
    if not latent_coding.takes_text(folder):
        if caption is not None:
            raise ValueError(f"model {folder.name} has no text adapter: a caption cannot steer it")
        return None, ()
    recommended, notices = request.profile.recommended.models, tuple[str, ...]()
    encoder: TextEncoder = models.load("text_encoder", "text_encoder:TextEncoder.load", recommended)
    if caption is None and models.has("captioner"):
        caption = models.load_captioner(recommended).caption(request.pixels)
        notices = (f"encoded with the caption {caption!r}, which is not sent",)
    return encoder(caption or ""), notices


def pack(job: PackJob) -> Packed:
    """Return one payload, the latents quantised and coded at the rate of the job."""
    assert job.symbols.latents is not None
    assert job.folder is not None
    coded, notices = rate_control.code_latents(job.symbols.latents, spec.ELIC, job, [], "file")
    return [CodedPayload(spec.ELIC, coded.body, coded.latents)], notices


def reconstruct(context: DecodeContext) -> list[Pixels]:
    """Return one picture, by the synthesis network of the package that decoded the symbols."""
    latents, folder = context.need(spec.ELIC), context.folder
    assert folder is not None
    require_memory(context.models.limits, folder, "painter", context.size)
    device = latent_coding.device_of(context.models, folder, "painter")
    pixels = latent_coding.synthesise(latents, folder, context.size, context.progress, device=device)
    context.models.used["painter"] = folder.name
    return [pixels]


METHOD: Final = Method(
    name="elic",
    accepts=frozenset({"caption"}),
    options=frozenset({"effort"}),
    needs_picture=True,
    compact=spec.ELIC,
    analyse=analyse,
    pack=pack,
    reconstruct=reconstruct,
)
