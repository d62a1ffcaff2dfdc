# SPDX-License-Identifier: MIT
"""drafts/grids.md: frequencies of indices from the integer logits of a prior. Integers only.

A logit is a logarithm to the base 2 in units of 1/64. A weight is 2^20 where a logit is the largest of those compared,
and half of that for each 64 below it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from refcodec.entropy.tables import TOTAL

Ints = NDArray[np.int64]
OCTAVE: Final = 64
# floor(2^(20 - i / 64) + 1/2)
POWERS: Final = (
    1048576, 1037281, 1026107, 1015054, 1004120, 993303, 982604, 972019, 961548, 951191, 940944, 930809, 920782, 910863,
    901051, 891345, 881744, 872246, 862850, 853555, 844361, 835265, 826268, 817367, 808563, 799853, 791237, 782714,
    774282, 765942, 757691, 749529, 741455, 733468, 725567, 717752, 710020, 702372, 694806, 687321, 679917, 672593,
    665348, 658181, 651091, 644078, 637140, 630276, 623487, 616771, 610127, 603555, 597053, 590622, 584260, 577966,
    571740, 565581, 559489, 553462, 547500, 541603, 535768, 529997,
)  # fmt: skip
_POWERS: Final = np.array(POWERS, np.int64)


def weights(logits: Ints) -> Ints:
    """Return the weights of logits int64[..., n], each relative to the largest of the last axis: 0 … 2^20."""
    below = logits.max(-1, keepdims=True) - logits
    result: Ints = _POWERS[below % OCTAVE] >> np.minimum(below // OCTAVE, 31)
    return result


def frequencies(shares: Ints) -> Ints:
    """Return frequencies in proportion to shares int64[..., n], each at least 1 and 2^16 in sum over the last axis.

    Shares are 0 … 2^36, not all 0, and n is at most 2^14. What rounding leaves goes to the first of the largest.
    """
    n = shares.shape[-1]
    result: Ints = 1 + (TOTAL - n) * shares // shares.sum(-1, keepdims=True)
    rest = TOTAL - result.sum(-1, keepdims=True)
    first = shares.argmax(-1)[..., None]
    np.put_along_axis(result, first, np.take_along_axis(result, first, -1) + rest, -1)
    return result


def cumulative(shares: Ints) -> Ints:
    """Return the tables of `frequencies`, int64[..., n + 1], from 0 to 2^16."""
    table = np.zeros((*shares.shape[:-1], shares.shape[-1] + 1), np.int64)
    np.cumsum(frequencies(shares), -1, out=table[..., 1:])
    return table


def part_tables(logits: Ints, split: int) -> Ints:
    """Return the tables of floor(index / split) for logits int64[n, V], int64[n, parts + 1]."""
    shares = weights(logits)
    parts = -(-logits.shape[1] // split)
    padded = np.pad(shares, ((0, 0), (0, parts * split - logits.shape[1])))
    return cumulative(padded.reshape(len(logits), parts, split).sum(2))


def rest_table(logits: Ints, split: int, part: int) -> Ints:
    """Return the table of index mod split within one part, for the logits int64[V] of one site."""
    return cumulative(weights(logits[part * split : (part + 1) * split]))
