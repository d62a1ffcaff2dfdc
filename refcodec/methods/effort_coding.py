# SPDX-License-Identifier: MIT
"""Code the latents of a picture with more effort than rounding them, and keep the best stream (decision 0036).

Streams are compared by the Lagrangian of the training, bits + lambda 255^2 / C * distortion of the decoded picture. The
distortion is the sum of squared errors of samples in 0..1; in a search, a part of it is lost structure (`search.distortion`).
The stream of effort 1 is always among the candidates, so no effort makes a file worse.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refcodec.efforts import SEARCHED_FACTORS, Effort
from refcodec.methods.latent_coding import CodedLatents, FloatLatents, LatentEncoder, synthesise
from refcodec.methods.size_control import CHECKS, SizeControl
from refcodec.progress import Progress, part

if TYPE_CHECKING:
    from refcodec.search.latent_search import Schedule
    from refcodec.search.picture_search import PictureSearch

DESCENT: Final = 0.9  # share of the progress of a search that its steps take
ROUNDS: Final = 3  # shorter descents that follow until the size is close
GAIN: Final = 1.08  # a searched stream has the size of a plain one of a Lagrangian smaller by this factor


class Candidate(NamedTuple):
    """Latents, and the factor on the usual weight of the distortion with which they are quantised."""

    latents: FloatLatents
    factor: float


class EffortCoding:
    """Candidates for the stream of the picture of an encoder, beside those of its own."""

    def __init__(self, encoder: LatentEncoder, effort: Effort, progress: Progress | None = None) -> None:
        self.encoder, self.effort, self.progress = encoder, effort, progress

    def improved(self, plain: CodedLatents, position: float) -> CodedLatents:
        """Return the best candidate for a position on the axis of rates, `plain` or another of the same rate."""
        rate, lagrangian = plain.latents.rate, self._lagrangian(position)
        if self.effort.steps:
            search = self._search(rate, plain)
            search.run(_schedule(self.effort.steps), lagrangian, part(self.progress, 0, DESCENT))
            distortion, latents = search.distortion, self._found(search, rate)
            candidates = [Candidate(latents, factor) for factor in SEARCHED_FACTORS]
        else:
            distortion, latents, loss = self._squared_error, self.encoder.latents, self.encoder.loss(rate)
            candidates = [
                Candidate(latents._replace(y=latents.y + np.float32(correction) * loss), factor)
                for correction, factor in self.effort.tries
            ]
        weight = lagrangian * 255**2 / self.encoder.channels
        streams = [plain, *(self._coded(rate, candidate) for candidate in candidates)]
        best = min(streams, key=lambda coded: 8 * len(coded.body) + weight * distortion(self._decoded(coded)))
        if self.progress is not None:
            self.progress(1.0)
        return best

    def within(
        self, plain: CodedLatents, position: float, size_of: Callable[[CodedLatents], int], target: float
    ) -> CodedLatents:
        """Return the candidate with the smallest error whose file is close to `target` bytes from below, or `plain`.

        size_of: the size of the file of a stream in bytes.
        """
        lagrangian = GAIN * self._lagrangian(position)
        rate = int(np.argmin([abs(math.log(weight / lagrangian)) for weight in self.encoder.lambdas]))
        search = self._search(rate, plain)
        control = SizeControl(
            lambda factor: self._coded(rate, Candidate(self._found(search, rate), factor)), size_of, target
        )
        search.run(_schedule(self.effort.steps), lagrangian, part(self.progress, 0, DESCENT), control.adjust)
        for _ in range(ROUNDS):
            if control.is_close():
                break
            control.checks = [0.0, *CHECKS]
            search.run(_schedule(max(8, self.effort.steps // 4), again=True), search.lagrangian, None, control.adjust)
        searched = control.trimmed()
        if self.progress is not None:
            self.progress(1.0)
        if searched is None or search.distortion(self._decoded(searched)) >= search.distortion(self._decoded(plain)):
            return plain
        return searched

    def _search(self, rate: int, plain: CodedLatents) -> PictureSearch:
        from refcodec.search.picture_search import PictureSearch

        encoder, (folder, device, _) = self.encoder, self.encoder.place
        y, z = encoder.latents
        y, z = y * encoder.gain[rate][:, None, None], z * encoder.gain_z[rate][:, None, None]
        return PictureSearch(folder, device, encoder.model, rate, encoder.pixels, self._decoded(plain), y, z)

    def _found(self, search: PictureSearch, rate: int) -> FloatLatents:
        """Return the latents that a search has reached, before gains."""
        y, z = search.latents()
        return FloatLatents(y / self.encoder.gain[rate][:, None, None], z / self.encoder.gain_z[rate][:, None, None])

    def _coded(self, rate: int, candidate: Candidate) -> CodedLatents:
        return self.encoder.at(rate, candidate.factor * self.encoder.strength, None, candidate.latents)

    def _lagrangian(self, position: float) -> float:
        """Return the Lagrangian of a position, geometrically between those of the neighbouring rates."""
        logs = [math.log(weight) for weight in self.encoder.lambdas]
        return math.exp(float(np.interp(position, range(len(logs)), logs)))

    def _decoded(self, coded: CodedLatents) -> NDArray[np.uint8]:
        """Return the picture of a stream, decoded on the CPU."""
        return synthesise(coded.latents, self.encoder.place[0], self.encoder.size)

    def _squared_error(self, decoded: NDArray[np.uint8]) -> float:
        """Return the sum of squared errors of samples in 0..1."""
        rows = zip(decoded, self.encoder.pixels, strict=True)  # one by one, to save memory
        return sum(int(np.square(a.astype(np.int64) - b).sum()) for a, b in rows) / 255**2


def _schedule(steps: int, *, again: bool = False) -> Schedule:
    """Return the schedule of a search, or of one that goes on."""
    from refcodec.search.latent_search import Schedule

    return Schedule(steps, 0.1, pace=0.5) if again else Schedule(steps)
