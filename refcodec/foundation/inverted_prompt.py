# SPDX-License-Identifier: MIT
"""The result of prompt inversion. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Inverted:
    """A prompt and its cosine with the picture. course: (step, cosine) of each improvement."""

    tokens: tuple[int, ...]
    cosine: float
    course: tuple[tuple[int, float], ...]
    steps: int  # number taken
