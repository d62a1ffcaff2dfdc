# SPDX-License-Identifier: MIT
"""FID, KID and CMMD: distances between two sets of pictures by their features, float64[pictures, D]."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

ENOUGH: Final = (
    2048  # pictures for FID: with fewer pictures than features, covariances are singular and FID is too high
)
SUBSETS, SUBSET_SIZE, SEED = 100, 1000, 0
CMMD_SIGMA, CMMD_SCALE = 10.0, 1000.0

Features = NDArray[np.float64]


def fid(a: Features, b: Features) -> float:
    """Return the squared Fréchet distance of two normal distributions, |m - n|² + tr(S + T - 2 (S T)^½).

    Heusel et al. 2017, eq. 6. With S = A Aᵀ and T = B Bᵀ, S T has the eigenvalues of (Aᵀ B)(Aᵀ B)ᵀ, so the trace of its
    root is the sum of the singular values of Aᵀ B. This avoids the root of a matrix, which is singular for few pictures
    and then gets imaginary parts.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError("FID needs two pictures of each set")
    x, y = _root(a), _root(b)
    between = float(((a.mean(0) - b.mean(0)) ** 2).sum())
    within = float((x**2).sum() + (y**2).sum() - 2 * np.linalg.svd(x @ y.T, compute_uv=False).sum())
    return max(0.0, between + within)


def _root(features: Features) -> Features:
    """Return float64[n, D], n at most D, whose transpose times itself is the covariance."""
    centred: Features = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    if len(centred) > centred.shape[1]:
        centred = np.linalg.qr(centred)[1]
    return centred


def kid(a: Features, b: Features) -> float:
    """Return the unbiased squared maximum mean discrepancy with the kernel (x·y / D + 1)³ (Bińkowski et al. 2018).

    For sets of more than 1000 pictures it is the mean over 100 random subsets of 1000. It may be negative.
    """
    size = min(len(a), len(b), SUBSET_SIZE)
    if size < 2:
        raise ValueError("KID needs two pictures of each set")
    if max(len(a), len(b)) <= SUBSET_SIZE:
        return _discrepancy(a, b)
    rng = np.random.default_rng(SEED)
    draws = (tuple(x[rng.choice(len(x), size, replace=False)] for x in (a, b)) for _ in range(SUBSETS))
    return float(np.mean([_discrepancy(x, y) for x, y in draws]))


def _discrepancy(a: Features, b: Features) -> float:
    def kernel(x: Features, y: Features) -> Features:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    def others(x: Features) -> float:
        """Return the mean over pairs of two different pictures."""
        k = kernel(x, x)
        return float((k.sum() - np.trace(k)) / (len(x) * (len(x) - 1)))

    return others(a) + others(b) - 2 * float(kernel(a, b).mean())


def cmmd(a: Features, b: Features) -> float:
    """Return CMMD (Jayasumana et al. 2024): 1000 times the squared maximum mean discrepancy of unit vectors of CLIP.

    The kernel is exp(-|x - y|² / (2 · 10²)). As in the code of its authors each vector is paired with itself, too, so that
    equal sets have 0.
    """

    def kernel(x: Features, y: Features) -> float:
        squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T
        return float(np.exp(-np.maximum(squares, 0) / (2 * CMMD_SIGMA**2)).mean())

    return CMMD_SCALE * max(0.0, kernel(a, a) + kernel(b, b) - 2 * kernel(a, b))
