# SPDX-License-Identifier: MIT
"""Code latents at the rate of a job: at a quality, or in a file of a number of bits per pixel (decision 0034)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from refcodec.efforts import EFFORTS, FASTEST, Effort
from refcodec.methods import rate_search
from refcodec.methods.effort_coding import EffortCoding
from refcodec.methods.operating_point import OperatingPoint, at_position, at_quality, position_of
from refcodec.progress import part
from refcodec.rate_target import TOLERANCE

if TYPE_CHECKING:
    from refcodec.assemble import CodedPayload
    from refcodec.methods.inputs import PackJob
    from refcodec.methods.latent_coding import CodedLatents, LatentEncoder

ANALYSED: Final = 0.4  # share of the progress that the analysis has taken
SEARCHING: Final = 0.45  # where the progress of a search of latents begins
PACE: Final = 0.75  # each evaluation of a search leaves this share of the remaining progress


def code_latents(
    encoder: LatentEncoder, kind: int, job: PackJob, others: list[CodedPayload], what: str
) -> tuple[CodedLatents, list[str]]:
    """Return the stream at the quality of a job, or the best within its bits per pixel, and notices.

    others: the other payloads of the file, which count as well. what: "file" or "sketch", for the notice of a target
    that is out of reach. Raises Code.LIMIT_FILE for such a target in a strict job.
    """
    rates, effort = encoder.model.rates, EFFORTS[job.effort]
    if job.quality is not None:
        coded = _at_quality(encoder, job.quality, effort)
        if job.trace is not None:
            encoder.replay(coded.latents, job.trace)
        return coded, []
    candidates, target = _Candidates(encoder, kind, job, others), job.target
    found = rate_search.search(candidates.size_at, target.file_bytes, rates, TOLERANCE)
    missed = found.short or not found.fits
    if missed and target.strict:
        raise target.error(candidates.size_at(0), candidates.size_at(rates - 0.5))
    end = "largest" if found.fits else "smallest"
    notices: list[str] = [target.missed(f"this is the {end} {what} of this model")] if missed else []
    coded = candidates.coded(found.position)
    if effort.steps and not missed:
        coding = EffortCoding(encoder, effort, part(encoder.progress, candidates.end, 1.0))
        coded = coding.within(coded, found.position, candidates.file_size, target.file_bytes)
    if job.trace is not None:
        encoder.replay(coded.latents, job.trace)
    return coded, notices


def _at_quality(encoder: LatentEncoder, quality: float, effort: Effort) -> CodedLatents:
    """Return the best stream of an effort at a quality."""
    point = at_quality(quality, encoder.model.rates)
    if effort == EFFORTS[FASTEST]:
        return code_at(encoder, point)
    plain = code_at(encoder, point, span=(ANALYSED, SEARCHING))
    coding = EffortCoding(encoder, effort, part(encoder.progress, SEARCHING, 1.0))
    return coding.improved(plain, position_of(quality, encoder.model.rates))


def code_at(
    encoder: LatentEncoder,
    point: OperatingPoint,
    span: tuple[float, float] = (ANALYSED, 1.0),
) -> CodedLatents:
    """Return the stream at an operating point. span: the part of the progress that this call covers."""
    start, stop = span
    latents = encoder.latents
    if point.correction:
        loss = encoder.loss(point.rate, (start, (start + stop) / 2))
        latents = latents._replace(y=latents.y + np.float32(point.correction) * loss)
        start = (start + stop) / 2
    return encoder.at(point.rate, point.factor * encoder.strength, (start, stop), latents)


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
        left, self.left = self.left, PACE * self.left
        span = (self.end - (self.end - ANALYSED) * left, self.end - (self.end - ANALYSED) * self.left)
        coded = code_at(self.encoder, at_position(position, self.encoder.model.rates), span=span)
        size = self.file_size(coded)
        rank = (size if size <= self.job.target.file_bytes else -size, -position)
        if rank > self.best:
            self.best, self.kept = rank, coded
        return size

    @property
    def end(self) -> float:
        """The progress when the best stream is found."""
        return SEARCHING if EFFORTS[self.job.effort].steps else 1.0

    def file_size(self, coded: CodedLatents) -> int:
        """Return the size in bytes of the file with a stream."""
        assert self.job.file is not None
        return self.job.file.size_with(self.kind, len(coded.body), self.others)

    def coded(self, position: float) -> CodedLatents:
        """Return the stream at a position, coded again only if it was not kept."""
        if self.kept is not None and -self.best[1] == position:
            if self.encoder.progress is not None:
                self.encoder.progress(self.end)
            return self.kept
        return code_at(
            self.encoder,
            at_position(position, self.encoder.model.rates),
            (self.end - (self.end - ANALYSED) * self.left, self.end),
        )
