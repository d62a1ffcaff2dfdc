# SPDX-License-Identifier: MIT
"""What each effort of an encoder tries, from 1, the quantisation alone, to 9. Imports no torch.

Efforts 2 and 3 code latents in several ways and keep the best; from 4 on, the latents are searched by gradient
descent, which needs torch. Whatever is tried, the result of effort 1 is among the candidates.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from itertools import product
from typing import Final


@dataclass(frozen=True)
class Effort:
    """One effort.

    tries: pairs of a correction, the share of what decoding loses that is added to the latents, and of a factor on the usual
    weight of the distortion in their quantisation. steps: of the descent, 0 for none.
    """

    tries: tuple[tuple[float, float], ...] = ()
    steps: int = 0


FASTEST: Final = 1
EFFORTS: Final = {
    1: Effort(),
    2: Effort(((0.04, 1.0), (0.08, 0.7))),
    3: Effort((*product((0.04, 0.08, 0.12), (0.7, 1.0)), (0.0, 0.7), (0.0, 1.4))),
    4: Effort(steps=15),
    5: Effort(steps=30),
    6: Effort(steps=60),
    7: Effort(steps=100),
    8: Effort(steps=150),
    9: Effort(steps=200),
}
SEARCHED_FACTORS: Final = (2.0, 4.0, 8.0)  # of the quantisation of searched latents, which lie close to integers


def check_effort(effort: int) -> int:
    """Return an effort from 1 to 9. Raises TypeError or ValueError for another value."""
    if isinstance(effort, bool) or not isinstance(effort, numbers.Integral):
        raise TypeError(f"effort is an integer, not {effort!r}")
    if effort not in EFFORTS:
        raise ValueError(f"effort is an integer from 1 to {max(EFFORTS)}")
    return int(effort)
