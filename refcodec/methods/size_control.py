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

CHECKS: Final = (0.4, 0.6, 0.75, 0.9)  # shares of the steps of a search after which its size is measured
RESPONSE: Final = 1.5  # growth of the log weight for a log size that is missing
USUAL: Final = 4.0  # factor with which searched latents are quantised
TRIMS: Final = 9


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
        missing = math.log(self.target * (1 - TOLERANCE / 2) / self.size_of(self.code(USUAL)))
        return math.exp(min(max(RESPONSE * missing, -0.4), 0.4))

    def trimmed(self) -> CodedLatents | None:
        """Return the largest stream found whose size is within the tolerance below the target, or None."""
        low, high, at = 0.0, 1.0, 0.5
        best, best_size = None, (1 - TOLERANCE) * self.target
        for _ in range(TRIMS):
            coded = self.code(USUAL * at / (1 - at) if at < 1 else math.inf)
            size = self.size_of(coded)
            if best_size <= size <= self.target:
                best, best_size = coded, size
            if size > self.target:
                high = at
            else:
                low = at
            at = (low + high) / 2
        return best
