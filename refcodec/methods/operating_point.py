# SPDX-License-Identifier: MIT
"""Operating points between the rates of a model, on one axis on which sizes grow (decision 0034).

r          rate r as it is
r to r+½   rate r, with more detail: the latents are corrected by more and more of what decoding loses, and
           distortion weighs more and more; at r+½ residuals are rounded
r+½ to r+1 rate r+1, with less detail: distortion weighs less than usual; just above r+½ it weighs nothing
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from refcodec.encode_settings import QUALITIES, QUALITY

HALF: Final = 0.5
CORRECTION: Final = (0.1, 0.2)  # at r+½, for the lowest and the highest rate of a model
RISE: Final = 0.6  # with BEND: log sizes are about linear in the position, as measured on photographs
BEND: Final = 0.42
LEAST: Final = 0.6  # root of the smallest weight that a quality has


@dataclass(frozen=True)
class OperatingPoint:
    """A rate index, a factor on the usual weight of the distortion, and a share of the loss by which latents are corrected.

    factor: above 0; infinity rounds residuals. correction: see `LatentEncoder.loss`.
    """

    rate: int
    factor: float = 1.0
    correction: float = 0.0


def rate_of(quality: int, rates: int) -> int:
    """Return the rate index of a quality from 1 to 10, spread over all rates of a model."""
    return round((quality - 1) * (rates - 1) / (QUALITIES - 1))


def quality_of(rate: int, rates: int) -> float:
    """Return the quality from 1 to 10 whose rate index this is: of several integers the nearest, else one with decimals."""
    if rates == 1:
        return QUALITY
    exact = 1 + rate * (QUALITIES - 1) / (rates - 1)
    same = [quality for quality in range(1, QUALITIES + 1) if rate_of(quality, rates) == rate]
    if same:
        return min(same, key=lambda quality: abs(quality - exact))
    below = next(quality for quality in range(1, QUALITIES) if rate < rate_of(quality + 1, rates))
    low, high = rate_of(below, rates), rate_of(below + 1, rates)
    return below + (rate - low) / (high - low)


def at_position(position: float, rates: int) -> OperatingPoint:
    """Return the operating point of a position from 0 to rates - ½."""
    rate = math.floor(position)
    share = position - rate
    if share > HALF:
        return OperatingPoint(rate + 1, (1 - (2 - 2 * share) ** BEND) ** 2)
    more = (2 * share) ** RISE
    most = CORRECTION[0] + (CORRECTION[1] - CORRECTION[0]) * rate / max(1, rates - 1)
    return OperatingPoint(rate, math.inf if more == 1 else 1 / (1 - more * more), most * more)


def position_of(quality: float, rates: int) -> float:
    """Return the position of a quality from 1 to 10."""
    below = math.floor(quality)
    low = rate_of(below, rates)
    return low if quality == below else low + (quality - below) * (rate_of(below + 1, rates) - low)


def at_quality(quality: float, rates: int) -> OperatingPoint:
    """Return the operating point of a quality from 1 to 10. Integers are the rates of `rate_of`, as they are.

    Between two rates, the half below r+½ is that of `at_position`, and the other begins at a weight from which files are
    larger than those below r+½.
    """
    position = position_of(quality, rates)
    if quality == math.floor(quality):
        return OperatingPoint(int(position))
    rate = math.floor(position)
    share = position - rate
    if share < HALF:
        return at_position(position, rates)
    return OperatingPoint(rate + 1, (LEAST + (1 - LEAST) * (2 * share - 1)) ** 2)
