# SPDX-License-Identifier: MIT
"""Method 3, `clip` (Bachard & Maugey 2024): an image embedding at a few bits a dimension (SPEC §13.3)."""

from __future__ import annotations

from refcodec import spec
from refcodec.methods.given import Job, Made, row
from refcodec.models import store
from refcodec.payloads import clip_bits, kinds
from refcodec.writing import Payload

ACCEPTS = frozenset({"vector", "codes"})


def ready(job: Job) -> Made:
    """One payload, of a vector or of codes 0 … 2^b - 1; ValueError for what does not fit the profile."""
    parameters, prior = job.parameters(spec.CLIP), None
    if job.folder is not None and kinds.needs_model(spec.CLIP, parameters):
        model = store.small_model(job.folder, job.digest)
        kinds.fits(model, spec.CLIP, parameters)
        prior = model.table
    given, b = job.given, int(parameters["b"])
    if given.vector is not None and given.codes is not None:
        raise ValueError("give the vector or its codes, not both")
    codes = clip_bits.quantise(given.vector, b) if given.vector is not None else row(given.codes, "codes")
    body = clip_bits.encode(codes, parameters, prior)
    return [Payload(spec.CLIP, body, clip_bits.ClipBits(tuple(codes), b))], []
