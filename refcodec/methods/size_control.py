# SPDX-License-Identifier: MIT
"""Bring a searched stream close to a size, from below: by the weight of the distortion while the search runs, then by
that of the quantisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from refcodec.rate_target import TOLERANCE

if TYPE_CHECKING:
    from refcodec.methods.latent_coding import CodedLatents

CHECKS: Final = (0.25, 0.45, 0.65, 0.8, 0.9)  # shares of the steps of a search after which its size is measured
RESPONSE: Final = 3.0  # growth of the log weight for a log size that is missing
CLOSE: Final = (-0.015, 0.025)  # log sizes beside the target that trimming can bring within the tolerance
USUAL: Final = 4.0  # factor with which searched latents are quantised
TRIMS: Final = 9  # codings that it may take


class SizeControl:
    """Measure and correct the size of the file of a search.

    code: the stream of the latents as they are, quantised with a factor on the usual weight of the distortion. size_of:
    the size of the file of a stream. target: in bytes.
    """

    def __init__(
        self, code: Callable[[float], CodedLatents], size_of: Callable[[CodedLatents], int], target: float
    ) -> None:
        self.code, self.size_of, self.target = code, size_of, target
        self.checks = list(CHECKS)

    def adjust(self, done: float) -> float:
        """Return a factor on the weight of the distortion, when a share of the steps is done."""
        if not self.checks or done < self.checks[0]:
            return 1.0
        self.checks.pop(0)
        return math.exp(min(max(-RESPONSE * self.excess(), -0.5), 0.5))

    def excess(self) -> float:
        """Return the log size of the latents as they are, relative to the target."""
        return math.log(self.size_of(self.code(USUAL)) / self.target)

    def is_close(self) -> bool:
        """Return whether trimming can bring the latents within the tolerance."""
        return CLOSE[0] <= self.excess() <= CLOSE[1]

    def trimmed(self) -> CodedLatents | None:
        """Return the largest stream found whose size is within the tolerance below the target, or None."""
        low, high, at = 0.0, 1.0, 0.5
        best, best_size = None, (1 - TOLERANCE) * self.target
        for _ in range(TRIMS):
            coded = self.code(USUAL * at / (1 - at))
            size = self.size_of(coded)
            if best_size <= size <= self.target:
                best, best_size = coded, size
            if size > self.target:
                high = at
            else:
                low = at
            at = (low + high) / 2
        return best
