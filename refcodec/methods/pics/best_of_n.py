# SPDX-License-Identifier: MIT
"""Generate candidate pictures and send the seed of the one most like the original (Lei et al. 2023; SPEC §14.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from refcodec.methods.base import DecodeContext, EncodeRequest
from refcodec.methods.inputs import Description, Packed, PackJob
from refcodec.methods.pics.generators import load_generators, reconstruct
from refcodec.methods.sampler import SamplerSettings
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.foundation.clip_model import ClipModel
    from refcodec.methods.picture_size import Pixels

CLIP: Final = "clip_model:ClipModel.load"


def choose_seed(
    request: EncodeRequest, pixels: Pixels, description: Description, pack: Callable[[PackJob], Packed]
) -> Description:
    """Return the description with the `seed` hint of the candidate with the highest CLIP cosine to pixels uint8[H, W, 3].

    Seeds count up from that of the settings. Each picture is generated from the file with its hint, since at a fixed rate
    the bytes of the hint reduce those of the sketch. pack: the function that codes the symbols.
    """
    clip = load_clip(request, description.symbols.sketch is not None)
    recommended, count = request.profile.recommended.hints, request.settings.options.candidates
    first = SamplerSettings.of(recommended, request.settings.hints).seed
    contexts: dict[int, DecodeContext] = {}
    candidates: list[tuple[float, int, Description]] = []
    target = clip.picture(pixels)
    for i in range(count):
        seed = (first + i) % 10**19
        own = seed == SamplerSettings.of(recommended).seed and "seed" not in request.settings.hints
        candidate = description if own else replace(description, hints={**description.hints, "seed": str(seed)})
        length = 0 if own else len(str(seed))
        if length not in contexts:
            contexts[length] = _context(request, candidate, pack)
        context = replace(contexts[length], overrides={"seed": seed}, progress=part(request.progress, *_span(i, count)))
        picture = reconstruct(context)[0]
        candidates.append((clip.cosine(picture, target), seed, candidate))
        request.note(f"candidate-{seed}", picture)
    score, seed, chosen = max(candidates, key=lambda entry: entry[0])
    summary = {"seeds": [entry[1] for entry in candidates], "cosines": [entry[0] for entry in candidates], "best": seed}
    request.note("candidates", summary)
    text = f"of {count} pictures, that of seed {seed} is most like the original (CLIP cosine {score:.3f})"
    notices = dict.fromkeys((*description.notices, *contexts[next(iter(contexts))].notices, text))
    return replace(chosen, notices=tuple(notices))


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
    load_generators(request.models, request.profile, sketch=sketch)
    return request.models.load("clip", CLIP, request.profile.recommended.models)


def _span(i: int, count: int) -> tuple[float, float]:
    """Return the part of the progress that candidate i covers, in the second half."""
    return 0.5 + 0.5 * i / count, 0.5 + 0.5 * (i + 1) / count
