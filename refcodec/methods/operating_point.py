# SPDX-License-Identifier: MIT
"""Operating points between the rates of a model, on one axis on which sizes grow (decision 0034).

r          rate r as it is
r to r+½   rate r, distortion weighs more and more; at r+½ residuals are rounded, the largest body of the rate
r+½ to r+1 rate r+1, distortion weighs less than usual and more and more; just above r+½ it weighs nothing
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from refcodec.encode_settings import QUALITIES

HALF: Final = 0.5
BEND: Final = 0.42  # makes log sizes about linear in the position, as measured on photographs


@dataclass(frozen=True)
class OperatingPoint:
    """A rate index, and a factor on the usual weight of the distortion: above 0; infinity rounds residuals."""

    rate: int
    factor: float = 1.0


def rate_of(quality: int, rates: int) -> int:
    """Return the rate index of a quality from 1 to 10, spread over all rates of a model."""
    return round((quality - 1) * (rates - 1) / (QUALITIES - 1))


def at_position(position: float) -> OperatingPoint:
    """Return the operating point of a position from 0 to R - ½, for a model of R rates."""
    rate = math.floor(position)
    share = position - rate
    if share <= HALF:
        return OperatingPoint(rate, math.inf if share == HALF else 1 / (1 - 2 * share))
    return OperatingPoint(rate + 1, (1 - (2 - 2 * share) ** BEND) ** 2)


def at_quality(quality: float, rates: int) -> OperatingPoint:
    """Return the operating point of a quality from 1 to 10. Integers are the rates of `rate_of`, at the usual weight.

    Between two rates, the half below r+½ is that of `at_position`, and the other begins with a quarter of the usual
    weight: less would cost more bytes than it is worth, and files could be smaller than those below r+½.
    """
    below = math.floor(quality)
    low = rate_of(below, rates)
    if quality == below:
        return OperatingPoint(low)
    position = low + (quality - below) * (rate_of(below + 1, rates) - low)
    rate = math.floor(position)
    share = position - rate
    return at_position(position) if share < HALF else OperatingPoint(rate + 1, share**2)
