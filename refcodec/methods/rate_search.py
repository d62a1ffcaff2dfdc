# SPDX-License-Identifier: MIT
"""Find the position, on an axis of growing sizes, whose size comes closest to a target from below.

The axis is that of `operating_point`: integers are the rates of a model, r+½ the largest size of rate r, and above it
rate r+1 follows with sizes that may begin anew below that of r+½. The search knows nothing else about what it measures:

1. Bracket the target by two neighbouring rates, by interpolation of log sizes.
2. Take the half of the gap whose end encloses the target: above r if r+½ exceeds it, else below r+1.
3. Interpolate log sizes there (regula falsi, halving where one end stays) until the size is within the tolerance.

Sizes need not be monotone between the rates: the best size that was measured counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

EVALUATIONS: Final = 14  # at most; about 6 are usual
SPAN: Final = 2.6  # log size of the highest rate above the lowest, where nothing is known yet
REACH: Final = 0.6  # r+½ rarely covers more of the gap between two rates, in log size
NARROWEST: Final = 1e-5  # between two positions that are worth telling apart
SHRINKS: Final = 0.6  # log size by which the half below a rate shrinks, where nothing is known yet


@dataclass(frozen=True)
class Found:
    """The chosen position and its size; without a position that fits, the smallest size, `fits` False.

    short: even the largest size is below the target by more than the tolerance. evaluations: sizes that were measured.
    """

    position: float
    size: int
    fits: bool
    short: bool
    evaluations: int


def search(size_of: Callable[[float], int], target: float, rates: int, tolerance: float) -> Found:
    """Return the position from 0 to rates - ½ with the largest size of at most `target` that was found.

    size_of: called at most once for a position, with `EVALUATIONS` positions at most. tolerance: share of the target by
    which a size may stay below it.
    """
    return _Search(size_of, target, rates, tolerance).run()


@dataclass
class _Search:
    size_of: Callable[[float], int]
    target: float
    rates: int
    tolerance: float
    sizes: dict[float, int] = field(default_factory=dict)

    def run(self) -> Found:
        low = self._bracket()
        if low < 0:
            return Found(0, self.measure(0), False, False, len(self.sizes))
        if not self._done():
            self._between(low)
        best = max((at for at in self.sizes if self.fits(at)), key=lambda at: (self.sizes[at], -at))
        short = low == self.rates - 1 and not self._done() and self.fits(low + 0.5)
        return Found(best, self.sizes[best], True, short, len(self.sizes))

    def measure(self, at: float) -> int:
        if at not in self.sizes:
            self.sizes[at] = self.size_of(at)
        return self.sizes[at]

    def fits(self, at: float) -> bool:
        return self.measure(at) <= self.target

    def _close(self, size: int) -> bool:
        return self.target * (1 - self.tolerance) <= size <= self.target

    def _done(self) -> bool:
        return any(map(self._close, self.sizes.values()))

    def _bracket(self) -> int:
        """Return the highest rate that fits, or one that is close enough; -1 if none fits."""
        low, high = -1, self.rates
        at = (self.rates - 1) // 2
        while high - low > 1:
            low, high = (at, high) if self.fits(at) else (low, at)
            if self._close(self.measure(at)):
                return at
            at = min(max(self._floor(at), low + 1), high - 1)
        return low

    def _floor(self, at: int) -> int:
        """Return the rate below which the target lies if log sizes go on from `at` as between the rates measured."""
        others = [other for other in self.sizes if other != at]
        slope = SPAN / max(1, self.rates - 1)
        if others:
            near = min(others, key=lambda other: abs(other - at))
            slope = max(slope / 4, (_log(self.sizes[near]) - _log(self.sizes[at])) / (near - at))
        return math.floor(at + (_log(self.target) - _log(self.sizes[at])) / slope)

    def _between(self, low: int) -> None:
        """Measure between a rate that fits and the next, which does not, until a size is close."""
        middle, last = low + 0.5, low == self.rates - 1
        if last or self._covered(low) < REACH:
            if not self.fits(middle):
                self._narrow(low, middle, _log(self.measure(low)), known=True)
                return
            if last or self._done():
                return
        high = low + 1
        self._narrow(middle, high, _log(self.measure(high)) - SHRINKS, known=False)

    def _covered(self, low: int) -> float:
        """Return the share of the gap above a rate, in log size, at which the target is."""
        sizes = self.measure(low), self.measure(low + 1)
        return (_log(self.target) - _log(sizes[0])) / max(_log(sizes[1]) - _log(sizes[0]), 1e-9)

    def _narrow(self, low: float, high: float, log_low: float, *, known: bool) -> None:
        """Measure between two positions until a size is close; `high` does not fit.

        log_low: log size just above `low`; not known: an estimate.
        """
        log_high, side, repeated = _log(self.measure(high)), 0, 0
        aim = _log(self.target * (1 - self.tolerance / 2))
        while len(self.sizes) < EVALUATIONS and not self._done():
            if high - low < NARROWEST or (known and self.measure(high) - self.measure(low) <= 1):
                return
            share = (aim - log_low) / (log_high - log_low) if log_high > log_low else 0.5
            if repeated > 1 or not 0 < share < 1:
                share = 0.5
            at = low + (high - low) * min(max(share, 0.02), 0.98)
            if self.fits(at):
                low, log_low, known, now = at, _log(self.measure(at)), True, -1
            else:
                if not known:  # let the estimate follow the slope that was measured
                    slope = (log_high - _log(self.measure(at))) / (high - at)
                    log_low = _log(self.measure(at)) - max(slope, 1e-3) * (at - low)
                high, log_high, now = at, _log(self.measure(at)), 1
            repeated = repeated + 1 if now == side else 1
            side = now


def _log(size: float) -> float:
    return math.log(max(size, 1e-9))
