# SPDX-License-Identifier: MIT
"""Build the tables of z in a symbol model (SPEC §12): integer frequencies per rate and channel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.entropy.tables import TOTAL

Array = NDArray[Any]


def logistic_tables(loc: Array, scale: Array) -> dict[str, Array]:
    """Return z tables [R, C] of logistic distributions, with regular symbols for all but 1e-5 of the mass."""
    offsets, sizes, freqs = np.zeros(loc.shape, np.int16), np.zeros(loc.shape, np.int32), list[int]()
    for at in np.ndindex(*loc.shape):
        mu, s = float(loc[at]), float(scale[at])
        reach = s * math.log(2e5)
        lo, hi = math.floor(mu - reach), math.ceil(mu + reach)
        edges = [1 / (1 + math.exp(-(v - 0.5 - mu) / s)) for v in range(lo, hi + 2)]
        freqs += _frequencies([b - a for a, b in pairwise(edges)])
        offsets[at], sizes[at] = lo, hi - lo + 1
    return {"z.offset": offsets, "z.size": sizes, "z.freq": np.array(freqs, np.uint16)}


def counted_tables(counts: Iterator[tuple[int, Array]], shape: tuple[int, int]) -> dict[str, Array]:
    """Return z tables from (offset, weights) of each rate and channel; weights float[n], any positive sum."""
    offsets, sizes, freqs = np.zeros(shape, np.int16), np.zeros(shape, np.int32), list[int]()
    for at, (lo, weights) in zip(np.ndindex(*shape), counts, strict=True):
        freqs += _frequencies(list(weights / weights.sum() * (1 - 2e-5)))
        offsets[at], sizes[at] = lo, len(weights)
    return {"z.offset": offsets, "z.size": sizes, "z.freq": np.array(freqs, np.uint16)}


def _frequencies(p: list[float]) -> list[int]:
    """Return integer frequencies of n symbols and an escape, each at least 1, that sum to 2^16."""
    n = len(p) + 1
    if n > 32768:
        raise ValueError(f"a z table of {n - 1} symbols; the network was hardly trained")
    freq = [1 + int(x * (TOTAL - n)) for x in p] + [1]
    freq[max(range(len(p)), key=freq.__getitem__)] += TOTAL - sum(freq)
    return freq
