# SPDX-License-Identifier: MIT
"""Pictures painted at the encoder: the seed of the one most like the original goes into the file (Lei et al. 2023; SPEC §14.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from refcodec.methods.base import Described, Painting, Request, Scene
from refcodec.methods.pics.generators import paint, painters
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.foundation.clip_model import ClipModel
    from refcodec.methods.base import Pixels


def best(request: Request, pixels: Pixels, described: Described) -> Described:
    """The description with the hint `seed` of the candidate of the highest CLIP cosine to pixels uint8[H, W, 3].

    Seeds go on from that of the settings. Each picture is painted from what the file with that hint holds: under a rate
    the bytes of the hint are taken from the sketch.
    """
    clip = loaded(request, described.given.sketch is not None)
    recommended, count = request.profile.recommended.hints, request.options.candidates
    first = Painting.of(recommended, request.wish).seed
    scenes: dict[int, Scene] = {}
    tried: list[tuple[float, int, Described]] = []
    target = clip.picture(pixels)
    for i in range(count):
        seed = (first + i) % 10**19
        own = seed == Painting.of(recommended).seed and "seed" not in request.wish
        named = described if own else replace(described, hints={**described.hints, "seed": str(seed)})
        length = 0 if own else len(str(seed))
        if length not in scenes:
            scenes[length] = request.scene(named)
        scene = replace(
            scenes[length],
            wish={**scenes[length].wish, "seed": seed},
            progress=part(request.progress, *_span(i, count)),
        )
        made = paint(scene)[0]
        tried.append((float(clip.picture(made) @ target), seed, named))
        if request.record is not None:
            request.record(f"candidate-{seed}", made)
    score, seed, chosen = max(tried, key=lambda entry: entry[0])
    if request.record is not None:
        request.record(
            "candidates",
            {"seeds": [entry[1] for entry in tried], "cosines": [entry[0] for entry in tried], "best": seed},
        )
    said = f"of {count} pictures that of seed {seed} is most like the original (CLIP cosine {score:.3f})"
    notices = dict.fromkeys((*described.notices, *scenes[next(iter(scenes))].notices, said))
    return replace(chosen, notices=tuple(notices))


def loaded(request: Request, sketch: bool) -> ClipModel:
    """What candidates need, loaded before anything slow is done and before a provenance is written. SEM-E-801 to 805."""
    from refcodec.foundation.clip_model import ClipModel

    painters(request.models, request.profile, sketch=sketch)
    return request.models.load("clip", ClipModel.load, request.profile.recommended.models)


def _span(i: int, count: int) -> tuple[float, float]:
    """The second half of the work is painting."""
    return 0.5 + 0.5 * i / count, 0.5 + 0.5 * (i + 1) / count
