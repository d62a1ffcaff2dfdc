# SPDX-License-Identifier: MIT
"""Method 4, `pics` (Lei et al. 2023, Text+Sketch): a prompt (PIC) and, beside it, an edge map (PICS; SPEC §13.2, §13.6)."""

from __future__ import annotations

from refcodec import spec
from refcodec.methods.given import Job, Made, row
from refcodec.payloads import caption
from refcodec.payloads.kinds import fits
from refcodec.writing import Payload, room

ACCEPTS = frozenset({"text", "caption", "codes", "sketch"})


def ready(job: Job) -> Made:
    """A caption, given as text or as token ids, a sketch, or both; ValueError for what does not fit the profile."""
    payloads = prompt(job)
    return (payloads, []) if job.given.sketch is None else _with_sketch(job, payloads)


def _with_sketch(job: Job, payloads: list[Payload]) -> Made:
    from refcodec.models import store

    if job.folder is None:
        raise ValueError(f"profile {job.profile.name} names no model for a sketch: name one with its folder")
    store.need_torch("encoding an edge map")
    from refcodec.methods import elic, sketch

    fits(store.symbol_model(job.folder, job.digest), spec.SKETCH, job.parameters(spec.SKETCH))
    with store.running(job.folder, "encoder"):
        encoder = sketch.Encoder(job.given.sketch, job.folder, job.digest)
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
        body = caption.encode(texts[0], job.parameters(spec.CAPTION), job.mode)
        out.append(body)
    elif given.codes is not None:
        out.append(caption.encode_tokens(row(given.codes, "token ids"), job.parameters(spec.CAPTION)))
    limit = 1 << 30  # what is too long for the file's level is refused when it is written
    return [Payload(spec.CAPTION, body, caption.decode(body, job.parameters(spec.CAPTION), limit)) for body in out]
