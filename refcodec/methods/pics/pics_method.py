# SPDX-License-Identifier: MIT
"""Method 4, `pics` (Lei et al. 2023, Text+Sketch): a prompt (PIC), or a prompt and an edge map (PICS; SPEC §13.2, §13.6, §B.4).

picture -> 512 pixels on the shorter side -> caption, or prompt inversion -> caption text or token ids
                                          -> edge map -> sketch
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.assemble import CodedPayload
from refcodec.errors import Code, SemError
from refcodec.foundation.worker.proxy import call
from refcodec.methods.base import EncodeRequest, Method
from refcodec.methods.identity_check import check_encoding_tokenizer
from refcodec.methods.inputs import Description, Packed, PackJob, int_list
from refcodec.methods.pics import best_of_n
from refcodec.methods.pics.generators import reconstruct, roles_of
from refcodec.methods.pics.text_sketch_size import resize
from refcodec.methods.sampler import SamplerSettings
from refcodec.payloads.caption import modes
from refcodec.payloads.kinds import check_model
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.foundation.clip_model import ClipModel
    from refcodec.methods.picture_size import Pixels

HED_ROW: Final = "pics-hed"  # its sketch model was trained on HED maps, too


def pack(job: PackJob) -> Packed:
    """Return a caption, from a text or from token ids, a sketch, or both.

    Raises ValueError if they do not fit the profile.
    """
    payloads = prompt(job)
    return (payloads, []) if job.symbols.sketch is None else _with_sketch(job, payloads)


def _with_sketch(job: PackJob, payloads: list[CodedPayload]) -> Packed:
    from refcodec.networks import package_cache

    if job.folder is None:
        raise ValueError(f"profile {job.profile.name} names no model for a sketch: name one with its folder")
    from refcodec.methods import rate_control, sketch

    check_model(package_cache.symbol_model(job.folder, job.digest), spec.SKETCH, job.parameters(spec.SKETCH))
    encoder = sketch.SketchEncoder(job.symbols.sketch, job.folder, job.digest, tables=job.environment.tables)
    coded, notices = rate_control.code_latents(encoder, spec.SKETCH, job, payloads, "sketch")
    return [*payloads, CodedPayload(spec.SKETCH, coded.body, coded.latents)], notices


def prompt(job: PackJob) -> list[CodedPayload]:
    """Return the caption of a job, if it has one. Raises ValueError for more than one."""
    symbols, out, candidate = job.symbols, [], job.candidate
    texts = [text for text in (symbols.text, symbols.caption) if text is not None]
    if len(texts) + (symbols.codes is not None) > 1:
        raise ValueError("give one prompt: a text, a caption, or token ids")
    if texts:
        parameters, tables = job.parameters(spec.CAPTION), job.environment.tables
        out.append(modes.encode(texts[0], parameters, job.mode, tables=tables, candidate=candidate))
    elif symbols.codes is not None:
        ids = int_list(symbols.codes, "token ids")
        out.append(modes.encode_tokens(ids, job.parameters(spec.CAPTION), candidate))
    limit = 1 << 30  # the limit of the level is checked when the file is written
    parameters, tables = job.profile.parameters(spec.CAPTION), job.environment.tables
    return [CodedPayload(spec.CAPTION, body, modes.decode(body, parameters, limit, tables=tables)) for body in out]


def analyse(request: EncodeRequest) -> Description:
    """Return the prompt and the edge map of the picture, resized to `text_sketch_size`; with candidates, also the best seed.

    Without a prompt from the user, the role clip finds one. Raises Code.MODEL_UNAVAILABLE if no model fills a role.
    """
    before = request.pixels.shape[1::-1]
    pixels = resize(request.pixels)
    size = (pixels.shape[1], pixels.shape[0])
    notices: tuple[str, ...] = (
        () if size == before else (f"described in the size {size[0]}x{size[1]}, in place of {before[0]}x{before[1]}",)
    )
    _check_given(request, size)
    notices += _advice(request)
    lines = _lines(request, pixels)
    if lines is None and (request.settings.quality is not None or request.settings.bpp is not None):
        raise ValueError("quality and bpp set the rate of the edge map, but none is sent")
    several = request.settings.options.candidates > 1
    if several:
        best_of_n.load_clip(request, lines is not None)
    symbols = replace(request.symbols, sketch=lines)
    if symbols.names() <= {"sketch"} and spec.CAPTION in request.profile.kinds:
        symbols = replace(symbols, codes=_inverted(request, pixels))
    description = Description(symbols, size, notices=notices)
    return best_of_n.choose_seed(request, pixels, description, pack) if several else description


def _check_given(request: EncodeRequest, size: tuple[int, int]) -> None:
    """Raise ValueError for a prompt or a mode that cannot be sent, before any model is loaded."""
    if request.settings.mode is not None and not request.symbols.names() & {"text", "caption"}:
        raise ValueError("mode needs a caption")
    prompt(request.trial_job(size))


def _uses_hed(request: EncodeRequest) -> bool:
    """Return whether the edge map comes from the role edge_detector."""
    chosen = request.settings.options.edges
    if chosen == "auto":
        return spec.SKETCH in request.profile.kinds and request.models.has("edge_detector")
    return chosen == "hed"


def _advice(request: EncodeRequest) -> tuple[str, ...]:
    """Return a notice that a row has a sketch model for HED maps, if the user has named neither a row nor a model."""
    settings, rows = request.settings, request.models.environment.registry.rows.values()
    if settings.profile is not None or settings.model is not None or not _uses_hed(request):
        return ()
    if all(row.name != HED_ROW for row in rows):
        return ()
    return (f"profile {HED_ROW} codes edge maps of HED better than {request.profile.name}; decoders need that row",)


def _lines(request: EncodeRequest, pixels: Pixels) -> Any:
    """Return the edge map uint8[H, W] of the picture; None if only a prompt is sent."""
    chosen = request.settings.options.edges
    if chosen == "none" or (chosen == "auto" and spec.SKETCH not in request.profile.kinds):
        return None
    if _uses_hed(request):
        return request.models.load("edge_detector", "hed:EdgeDetector.load", request.profile.recommended.models)(pixels)
    from refcodec.images.edge_detector import contours

    return contours(pixels)


def _inverted(request: EncodeRequest, pixels: Pixels) -> list[int]:
    """Return token ids found by prompt inversion."""
    from refcodec.foundation.roles import missing_model_error

    profile, options = request.profile, request.settings.options
    parameters = profile.parameters(spec.CAPTION)
    if "tokens" not in parameters["modes"]:
        raise ValueError(f"profile {profile.name} has no prompts of token ids: give a caption")
    if not request.models.has("clip"):
        error = missing_model_error("clip", profile.recommended.models)
        hint = f"{error.hint}; or describe the picture with --caption"
        raise SemError(Code.MODEL_UNAVAILABLE, f"{error.what}, and no caption is given", path="clip", hint=hint)
    clip: ClipModel = request.models.load("clip", best_of_n.CLIP, profile.recommended.models)
    check_encoding_tokenizer(clip.tokenizer, profile, "clip", clip.name)
    inverted = call(
        "prompt_inversion:invert",
        clip,
        pixels,
        count=options.prompt_tokens,
        iterations=options.iterations,
        vocabulary=parameters["vocabulary"],
        seed=SamplerSettings.of(profile.recommended.hints, request.settings.hints).seed,
        progress=part(request.progress, 0, 0.9 if options.candidates == 1 else 0.5),
    )
    request.note(
        "inversion",
        {
            "tokens": list(inverted.tokens),
            "text": clip.words(inverted.tokens),
            "cosine": inverted.cosine,
            "steps": inverted.steps,
            "course": [list(entry) for entry in inverted.course],
        },
    )
    request.models.means("tokenizer", "clip")
    request.models.means("text_encoder", "clip")
    return list(inverted.tokens)


METHOD: Final = Method(
    name="pics",
    accepts=frozenset({"text", "caption", "codes", "sketch"}),
    options=frozenset({"candidates", "iterations", "prompt_tokens", "edges"}),
    sampler_settings=frozenset({"seed", "generator", "steps", "guidance", "scheduler", "strength"}),
    analyse=analyse,
    pack=pack,
    reconstruct=reconstruct,
    generator_roles=lambda kinds: roles_of(sketch=spec.SKETCH in kinds),
)
