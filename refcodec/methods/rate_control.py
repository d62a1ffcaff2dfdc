# SPDX-License-Identifier: MIT
"""Code latents at the rate of a job: at a quality, or in a file of a number of bits per pixel (decision 0034)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from refcodec.methods import rate_search
from refcodec.methods.operating_point import OperatingPoint, at_position, at_quality
from refcodec.rate_target import TOLERANCE

if TYPE_CHECKING:
    from refcodec.assemble import CodedPayload
    from refcodec.methods.inputs import PackJob
    from refcodec.methods.latent_coding import CodedLatents, LatentEncoder
    from refcodec.networks.context_model import Trace

ANALYSED: Final = 0.4  # share of the progress that the analysis has taken
PACE: Final = 0.75  # each evaluation of a search leaves this share of the remaining progress


def code_latents(
    encoder: LatentEncoder, kind: int, job: PackJob, others: list[CodedPayload], what: str
) -> tuple[CodedLatents, list[str]]:
    """Return the stream at the quality of a job, or the best within its bits per pixel, and notices.

    others: the other payloads of the file, which count as well. what: "file" or "sketch", for the notice of a target
    that is out of reach. Raises Code.LIMIT_FILE for such a target in a strict job.
    """
    if job.quality is not None:
        return code_at(encoder, at_quality(job.quality, encoder.model.rates), job.trace), []
    candidates = _Candidates(encoder, kind, job, others)
    rates, target = encoder.model.rates, job.target
    found = rate_search.search(candidates.size_at, target.file_bytes, rates, TOLERANCE)
    missed = found.short or not found.fits
    if missed and target.strict:
        raise target.error(candidates.size_at(0), candidates.size_at(rates - 0.5))
    end = "largest" if found.fits else "smallest"
    notices = [target.missed(f"this is the {end} {what} of this model")] if missed else []
    return candidates.coded(found.position), [*notices]


def code_at(
    encoder: LatentEncoder,
    point: OperatingPoint,
    trace: Trace | None = None,
    span: tuple[float, float] = (ANALYSED, 1.0),
) -> CodedLatents:
    """Return the stream at an operating point. span: the part of the progress that this call covers."""
    start, stop = span
    y = None
    if point.correction:
        y = encoder.y + np.float32(point.correction) * encoder.loss(point.rate, (start, (start + stop) / 2))
        start = (start + stop) / 2
    return encoder.at(point.rate, point.factor * encoder.strength, trace, (start, stop), y)


@dataclass
class _Candidates:
    """The streams of one picture at several positions, of which the best is kept: the largest that fits, or the smallest."""

    encoder: LatentEncoder
    kind: int
    job: PackJob
    others: list[CodedPayload]
    best: tuple[float, float] = (-math.inf, 0.0)  # size, negative if it does not fit, and negative position
    kept: CodedLatents | None = None
    left: float = 1.0  # share of the progress

    def size_at(self, position: float) -> int:
        """Return the size of the file in bytes with the latents coded at a position."""
        assert self.job.file is not None
        left, self.left = self.left, PACE * self.left
        span = (1 - (1 - ANALYSED) * left, 1 - (1 - ANALYSED) * self.left)
        coded = code_at(self.encoder, at_position(position, self.encoder.model.rates), span=span)
        size = self.job.file.size_with(self.kind, len(coded.body), self.others)
        rank = (size if size <= self.job.target.file_bytes else -size, -position)
        if rank > self.best:
            self.best, self.kept = rank, coded
        return size

    def coded(self, position: float) -> CodedLatents:
        """Return the stream at a position, coded again only if it was not kept or the job has a trace."""
        if self.kept is not None and -self.best[1] == position and self.job.trace is None:
            if self.encoder.progress is not None:
                self.encoder.progress(1.0)
            return self.kept
        return code_at(
            self.encoder,
            at_position(position, self.encoder.model.rates),
            self.job.trace,
            (1 - (1 - ANALYSED) * self.left, 1.0),
        )
