# SPDX-License-Identifier: MIT
"""Generate candidate pictures and send which is most like the original (Lei et al. 2023; SPEC §B.4).

A row with `candidates` sends the number of the picture as a symbol of the caption, other rows its seed as a hint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from refcodec.foundation.required_roles import require_roles
from refcodec.methods import candidates as chosen_number
from refcodec.methods.base import DecodeContext, EncodeRequest
from refcodec.methods.inputs import Description, Packed, PackJob
from refcodec.methods.pics.generators import load_generators, reconstruct
from refcodec.methods.sampler import SamplerSettings
from refcodec.option_bounds import SEEDS
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.foundation.clip_model import ClipModel
    from refcodec.methods.picture_size import Pixels

CLIP: Final = "clip_model:ClipModel.load"


def choose_seed(
    request: EncodeRequest, pixels: Pixels, description: Description, pack: Callable[[PackJob], Packed]
) -> Description:
    """Return the description that names the candidate with the highest CLIP cosine to pixels uint8[H, W, 3].

    It is named by the hint `candidate` for a row whose captions hold it, else by the hint `seed`. Seeds count up from that
    of the settings. Each picture is generated from its file, since at a fixed rate the bytes that name it reduce those of
    the sketch. pack: the function that codes the symbols.
    """
    clip = load_clip(request, description.symbols.sketch is not None)
    recommended, count = request.profile.recommended.hints, request.settings.options.candidates
    first = SamplerSettings.of(recommended, request.settings.hints).seed
    contexts: dict[int, DecodeContext] = {}
    candidates: list[tuple[float, int, Description]] = []
    target = clip.picture(pixels)
    for i in range(count):
        seed = (first + i) % SEEDS
        hints, room = _name(request, i, seed)
        candidate = replace(description, hints={**description.hints, **hints})
        if room not in contexts:
            contexts[room] = _context(request, candidate, pack)
        context = replace(contexts[room], overrides={"seed": seed}, progress=part(request.progress, *_span(i, count)))
        picture = reconstruct(context)[0]
        candidates.append((clip.cosine(picture, target), seed, candidate))
        request.note(f"candidate-{seed}", picture)
    score, seed, chosen = max(candidates, key=lambda entry: entry[0])
    summary = {"seeds": [entry[1] for entry in candidates], "cosines": [entry[0] for entry in candidates], "best": seed}
    request.note("candidates", summary)
    text = f"of {count} pictures, that of seed {seed} is most like the original (CLIP cosine {score:.3f})"
    notices = dict.fromkeys((*description.notices, *contexts[next(iter(contexts))].notices, text))
    return replace(chosen, notices=tuple(notices))


def _name(request: EncodeRequest, number: int, seed: int) -> tuple[dict[str, str], int]:
    """Return the hints that name a candidate; and a key, equal for candidates that leave the sketch the same bytes."""
    if chosen_number.count(request.profile) is not None:
        return {chosen_number.HINT: str(number)}, 0 if request.settings.bpp is None else number
    if seed == SamplerSettings.of(request.profile.recommended.hints).seed and "seed" not in request.settings.hints:
        return {}, 0
    return {"seed": str(seed)}, len(str(seed))


def _context(request: EncodeRequest, description: Description, pack: Callable[[PackJob], Packed]) -> DecodeContext:
    """Return the context in which a decoder of the file of a description reconstructs its picture."""
    job, (width, height) = request.plans[0].job(description), description.size
    payloads, _ = pack(job)
    assert job.file is not None
    return DecodeContext(
        values={payload.kind: payload.value for payload in payloads},
        profile=request.profile,
        size=(width, height),
        models=request.models,
        hints={**request.settings.hints, **description.hints},
        overrides={},
        bpp=8 * job.file.size_of(payloads) / (width * height),
        folder=job.folder,
    ).followable()


def load_clip(request: EncodeRequest, sketch: bool) -> ClipModel:
    """Load all models that candidates need, and return CLIP. Raises ModelError.

    Called before any slow work, and before the provenance lists the models used.
    """
    roles = ("painter", *(("controlnet",) if sketch else ()), "clip")
    require_roles(request.models, roles, request.profile.recommended.models)
    load_generators(request.models, request.profile, sketch=sketch)
    return request.models.load("clip", CLIP, request.profile.recommended.models)


def _span(i: int, count: int) -> tuple[float, float]:
    """Return the part of the progress that candidate i covers, in the second half."""
    return 0.5 + 0.5 * i / count, 0.5 + 0.5 * (i + 1) / count
