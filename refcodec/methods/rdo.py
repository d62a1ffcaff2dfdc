# SPDX-License-Identifier: MIT
"""Rate-distortion optimised quantisation: move a symbol one step towards zero if that lowers the cost.

A residual s for a latent that lies r steps from its mean costs  bits(s) + weight (r - s)^2 , the Lagrangian of the
training, with bits(s) from the tables of the coder. Decoders are not affected.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from refcodec.entropy import TableBank

_SPAN = 2048  # larger residuals are never moved
_FAR = 1 << 15  # above every valid residual (SEM-R-120), but a float network may exceed it


@lru_cache(maxsize=4)
def cost_table(gaussians: TableBank) -> NDArray[np.float32]:
    """Return the bits, float32[64, 2049], of |s| under each Gaussian table. Table 0 codes nothing."""
    flat = gaussians.flat
    out = np.zeros((64, _SPAN + 1), dtype=np.float32)
    for j in range(1, 64):
        start, n = int(flat.start[j]), int(flat.size[j])
        freq = np.diff(flat.cumulative[start : start + n + 1].astype(np.int64))
        half = n // 2 - 1  # n counts the escape, the last symbol
        bits = 16 - np.log2(freq)
        reach = min(half, _SPAN)
        out[j, : reach + 1] = bits[half : half + reach + 1]
        excess = np.arange(1, _SPAN - reach + 1)
        out[j, reach + 1 :] = bits[-1] + 2 + 2 * np.floor(np.log2(excess))
    return out


def quantise(
    r: NDArray[np.float32], index: NDArray[np.uint8], weight: NDArray[np.float32], gaussians: TableBank
) -> NDArray[np.int32]:
    """Return residuals int32 with the shape of r.

    weight: bits per squared step, broadcast to r; infinity means plain rounding.
    """
    s = np.rint(np.clip(r, -_FAR, _FAR)).astype(np.int32)
    s[index == 0] = 0
    at = np.nonzero((s != 0) & (np.abs(s) < _SPAN))
    some, sign = s[at], np.sign(s[at])
    table = cost_table(gaussians)
    j, magnitude = index[at], np.abs(some)
    saved = table[j, magnitude] - table[j, magnitude - 1]
    x = np.abs(r[at])
    added = (x - (magnitude - 1)) ** 2 - (x - magnitude) ** 2
    s[at] = some - sign * (saved / np.broadcast_to(weight, r.shape)[at] > added)
    return s
