# SPDX-License-Identifier: MIT
"""Method 4, `pics` (Lei et al. 2023, Text+Sketch): a prompt (PIC) and, beside it, an edge map (PICS; SPEC §13.2, §13.6, §14.4).

picture -> 512 pixels on the shorter side -> caption, or prompt inversion -> caption text or token ids
                                          -> edge map -> sketch
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.assemble import Payload, room
from refcodec.errors import Code, SemError
from refcodec.methods.base import Described, Painting, Request
from refcodec.methods.inputs import Job, Made, row
from refcodec.methods.pics import best_of_n
from refcodec.methods.pics.generators import paint
from refcodec.methods.pics.text_sketch_size import resized
from refcodec.payloads.caption import kind
from refcodec.payloads.kinds import fits
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.methods.base import Pixels

__all__ = ["ACCEPTS", "CHOOSES_RATE", "OPTIONS", "SETTINGS", "describe", "paint", "ready"]

ACCEPTS = frozenset({"text", "caption", "codes", "sketch"})
CHOOSES_RATE: Final = False  # quality and bpp are for the sketch, in `ready`
OPTIONS: Final = frozenset({"candidates", "iterations", "prompt_tokens", "edges"})
SETTINGS: Final = frozenset({"seed", "generator", "steps", "guidance", "scheduler", "strength"})
EDGES: Final = ("auto", "contours", "hed", "none")


def ready(job: Job) -> Made:
    """A caption, given as text or as token ids, a sketch, or both; ValueError for what does not fit the profile."""
    payloads = prompt(job)
    return (payloads, []) if job.given.sketch is None else _with_sketch(job, payloads)


def _with_sketch(job: Job, payloads: list[Payload]) -> Made:
    from refcodec.networks import package_cache

    if job.folder is None:
        raise ValueError(f"profile {job.profile.name} names no model for a sketch: name one with its folder")
    package_cache.need_torch("encoding an edge map")
    from refcodec.methods import elic, sketch

    fits(package_cache.symbol_model(job.folder, job.digest), spec.SKETCH, job.parameters(spec.SKETCH))
    with package_cache.running(job.folder, "encoder"):
        encoder = sketch.Encoder(job.given.sketch, job.folder, job.digest, tables=job.environment.tables)
        if job.quality is not None:
            made, reached = encoder.at(elic.rate_of(job.quality, encoder.model.rates)), True
        else:
            made, reached = encoder.fitting(room(job.most, spec.SKETCH, lambda stub: job.length([*payloads, *stub])))
    notices = [] if reached else ["the wanted rate cannot be reached: this is the smallest sketch of this model"]
    return [*payloads, Payload(spec.SKETCH, made.body, made.latents)], notices


def prompt(job: Job) -> list[Payload]:
    """The caption of a job, if it has one; ValueError where several are given."""
    given, out = job.given, []
    texts = [text for text in (given.text, given.caption) if text is not None]
    if len(texts) + (given.codes is not None) > 1:
        raise ValueError("give one prompt: a text, a caption, or token ids")
    if texts:
        body = kind.encode(texts[0], job.parameters(spec.CAPTION), job.mode, tables=job.environment.tables)
        out.append(body)
    elif given.codes is not None:
        out.append(kind.encode_tokens(row(given.codes, "token ids"), job.parameters(spec.CAPTION)))
    limit = 1 << 30  # what is too long for the file's level is refused when it is written
    parameters, tables = job.profile.parameters(spec.CAPTION), job.environment.tables
    return [Payload(spec.CAPTION, body, kind.decode(body, parameters, limit, tables=tables)) for body in out]


def describe(request: Request) -> Described:
    """The prompt and the edge map of the picture in the size of `sized`; with candidates, the seed of the best too.

    What the user does not say the role clip finds. SEM-E-801 where nothing fills a role that is needed.
    """
    before = request.pixels.shape[1::-1]
    pixels = resized(request.pixels)
    size = (pixels.shape[1], pixels.shape[0])
    notices = (
        () if size == before else (f"described in the size {size[0]}x{size[1]}, in place of {before[0]}x{before[1]}",)
    )
    lines = _lines(request, pixels)
    if lines is None and (request.quality is not None or request.bpp is not None):
        raise ValueError("quality and bpp are of the edge map, and none is sent")
    several = request.options.candidates > 1
    if several:
        best_of_n.loaded(request, lines is not None)
    given = replace(request.given, sketch=lines)
    if given.names() <= {"sketch"} and spec.CAPTION in request.profile.kinds:
        given = replace(given, codes=_inverted(request, pixels))
    described = Described(given, size, notices=notices)
    return best_of_n.best(request, pixels, described) if several else described


def _lines(request: Request, pixels: Pixels) -> Any:
    """The edge map uint8[H, W] of the picture; None for a prompt alone."""
    chosen = request.options.edges
    if chosen not in EDGES:
        raise ValueError(f"edges is one of {', '.join(EDGES)}, not {chosen!r}")
    if chosen == "none" or (chosen == "auto" and spec.SKETCH not in request.profile.kinds):
        return None
    if chosen == "hed" or (chosen == "auto" and request.models.has("edge_detector")):
        from refcodec.foundation.hed import EdgeDetector

        return request.models.load("edge_detector", EdgeDetector.load, request.profile.recommended.models)(pixels)
    from refcodec.images.edge_detector import contours

    return contours(pixels)


def _inverted(request: Request, pixels: Pixels) -> list[int]:
    """Token ids by prompt inversion."""
    from refcodec.foundation.clip_model import ClipModel
    from refcodec.foundation.prompt_inversion import invert
    from refcodec.foundation.prompt_tokens import same_tokenizer
    from refcodec.foundation.roles import missing_model_error

    profile, options = request.profile, request.options
    parameters = profile.parameters(spec.CAPTION)
    if "tokens" not in parameters["modes"]:
        raise ValueError(f"profile {profile.name} has no prompts of token ids: give a caption")
    if not request.models.has("clip"):
        error = missing_model_error("clip", profile.recommended.models)
        hint = f"{error.hint}; or say what the picture shows with --caption"
        raise SemError(Code.MODEL_UNAVAILABLE, f"{error.what}, and no caption is given", path="clip", hint=hint)
    clip = request.models.load("clip", ClipModel.load, profile.recommended.models)
    same_tokenizer(clip.tokenizer, parameters["tokenizer"], "clip", clip.name)
    found = invert(
        clip,
        pixels,
        count=options.prompt_tokens,
        iterations=options.iterations,
        vocabulary=parameters["vocabulary"],
        seed=Painting.of(profile.recommended.hints, request.wish).seed,
        progress=part(request.progress, 0, 0.9 if options.candidates == 1 else 0.5),
    )
    if request.record is not None:
        request.record(
            "inversion",
            {
                "tokens": list(found.tokens),
                "text": clip.words(found.tokens),
                "cosine": found.cosine,
                "steps": found.steps,
                "course": [list(entry) for entry in found.course],
            },
        )
    return list(found.tokens)
