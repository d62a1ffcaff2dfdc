# SPDX-License-Identifier: MIT
"""Method 5, `perco` (Careil et al. 2024): VQ indices, and beside them a caption or the PQ codes of an image embedding
(SPEC §13.5, §13.2, §13.4)."""

from __future__ import annotations

from dataclasses import replace

from refcodec import spec
from refcodec.methods.given import Job, Made, row
from refcodec.methods.pics import prompt
from refcodec.models import store
from refcodec.models.small import SmallModel
from refcodec.payloads import kinds, pq_codes, vq_indices
from refcodec.registry import Profile
from refcodec.writing import Payload, profiles

ACCEPTS = frozenset({"text", "caption", "vector", "codes", "indices"})


def ready(job: Job) -> Made:
    """The payloads of what is given, by ascending kind; ValueError for what does not fit the profile."""
    given = job.given
    payloads = prompt(replace(job, given=replace(given, codes=None)))  # codes are of the embedding here
    if given.vector is not None and given.codes is not None:
        raise ValueError("give the vector or its codes, not both")
    if given.vector is not None or given.codes is not None:
        payloads.append(_embedding(job))
    if given.indices is not None:
        payloads.append(_grid(job))
    return payloads, []


def _small(job: Job, kind: int) -> SmallModel | None:
    if job.folder is None:
        return None
    model = store.small_model(job.folder, job.digest)
    kinds.fits(model, kind, job.parameters(kind))
    return model


def _embedding(job: Job) -> Payload:
    parameters = job.parameters(spec.PQ)
    if job.given.codes is not None:
        codes = tuple(row(job.given.codes, "codes"))
    else:
        model = _small(job, spec.PQ)
        if model is None:
            raise ValueError("a vector needs the codebooks of a model to become codes: name one with its folder")
        codes = pq_codes.search(job.given.vector, model.tensor)
    return Payload(spec.PQ, pq_codes.encode(codes, parameters), pq_codes.PqCodes(codes))


def _grid(job: Job) -> Payload:
    parameters, usage = job.parameters(spec.VQ), None
    if kinds.needs_model(spec.VQ, parameters):
        model = _small(job, spec.VQ)
        usage = None if model is None else model.table
    h, w = vq_indices.grid(job.size, parameters)
    indices = job.given.indices
    if isinstance(indices, list) and indices and all(isinstance(line, list | tuple) for line in indices):
        import numpy as np

        indices = np.array(indices)  # rows, as `payload` gives them
    if getattr(indices, "ndim", 2) == 2 and hasattr(indices, "dtype"):
        if indices.shape != (h, w):
            fitting = ", ".join(p.name for p in _fitting(job.size, indices.shape)) or "none"
            raise ValueError(
                f"profile {job.profile.name} has {h} rows of {w} indices for {job.size[0]}x{job.size[1]}, not "
                f"{indices.shape[0]} of {indices.shape[1]} (profiles of that shape: {fitting})"
            )
        indices = indices.reshape(-1)
    values = tuple(row(indices, "indices"))
    return Payload(spec.VQ, vq_indices.encode(values, parameters, job.size, usage), vq_indices.VqIndices(values, h, w))


def _fitting(size: tuple[int, int], shape: tuple[int, ...]) -> list[Profile]:
    rows = (p for p in profiles("perco") if spec.VQ in p.kinds)
    return [p for p in rows if vq_indices.grid(size, p.parameters(spec.VQ)) == tuple(shape)]
