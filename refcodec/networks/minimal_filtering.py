# SPDX-License-Identifier: MIT
"""Minimal filtering F(4, n) of Toom, Cook and Winograd for convolutions of SPEC §11, in one direction and exact.

Four neighbouring outputs of a row of n taps take n + 3 products instead of 4 n:

    y = OUTPUT ((TAPS w) * (INPUT x)) / SCALE          x: n + 3 inputs, w: n taps, * element by element

The matrices evaluate polynomials at the points 0, ±1, ±2 and infinity, for n = 5 also at ±1/2. TAPS is multiplied by
SCALE, the odd part of its denominators, so that all values are integers times a power of two. In units of the smallest
such power no sum exceeds the bound of the convolution, at most 2^37 (SEM-R-101), by more than a factor of 2^GROWTH, so
that binary64 holds all of them. tests/unit/test_minimal_filtering.py computes that factor with fractions.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

OUTPUTS: Final = 4
POINTS: Final = {3: ("0", "1", "-1", "2", "-2"), 5: ("0", "1", "-1", "2", "-2", "1/2", "-1/2")}  # and infinity, by n
GROWTH: Final = 14  # bits
Matrix = list[list[Fraction]]


class Filtering(NamedTuple):
    """The matrices for n taps: inputs [p, p], taps [p, n] and outputs [4, p] of p = n + 3 products, and the scale."""

    inputs: NDArray[np.float64]
    taps: NDArray[np.float64]
    outputs: NDArray[np.float64]
    scale: int


@lru_cache(maxsize=len(POINTS))
def filtering(n: int) -> Filtering:
    """Return the matrices for n = 3 or 5 taps."""
    inputs, taps, outputs = matrices(n)
    scale = odd_denominator(taps)
    scaled = [[scale * entry for entry in row] for row in taps]
    return Filtering(np.array(inputs, float), np.array(scaled, float), np.array(outputs, float), scale)


def matrices(n: int) -> tuple[Matrix, Matrix, Matrix]:
    """Return the matrices INPUT, TAPS and OUTPUT, unscaled, as fractions.

    Row i of INPUT holds the coefficients of the product of (x - q) over all points q but the i-th.
    """
    points = [Fraction(point) for point in POINTS[n]]
    inputs, taps = [], []
    for point in points:
        others = [q for q in points if q != point]
        value = Fraction(1)
        for q in others:
            value *= point - q
        taps.append([point**k / value for k in range(n)])
        inputs.append([*_product(others), Fraction(0)])
    inputs.append(_product(points))
    taps.append([Fraction(int(k == n - 1)) for k in range(n)])
    outputs = [[*(q**i for q in points), Fraction(int(i == OUTPUTS - 1))] for i in range(OUTPUTS)]
    return inputs, taps, outputs


def odd_denominator(matrix: Matrix) -> int:
    """Return the least odd number that turns the entries into integers over powers of two."""
    common = np.lcm.reduce([entry.denominator for row in matrix for entry in row])
    return int(common) // (int(common) & -int(common))


def _product(roots: list[Fraction]) -> list[Fraction]:
    """Return the coefficients of the product of (x - q) over the roots, from x^0 up."""
    coefficients = [Fraction(1)]
    for q in roots:
        coefficients = [
            a - q * b for a, b in zip([Fraction(0), *coefficients], [*coefficients, Fraction(0)], strict=True)
        ]
    return coefficients
