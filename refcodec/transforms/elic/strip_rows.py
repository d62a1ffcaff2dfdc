# SPDX-License-Identifier: MIT
"""The strips of latent rows in which torch runs a transform, to bound its memory. Imports no torch."""

from __future__ import annotations

import math
from typing import Final

from refcodec.transforms.elic.config import ElicConfig

STRIP: Final = 48  # latent rows of one strip: 768 pixel rows
# smallest number of latent rows around a strip on which its result can depend
HALO: Final = {"patch": 8, "elic": 24}


def halo(cfg: ElicConfig) -> int:
    """Return the number of latent rows around a strip on which its result can depend.

    A bottleneck adds one row of its scale, a plain block two.
    """
    reach = 0.0
    for blocks in (cfg.analysis_blocks, cfg.synthesis_blocks):
        rows = [bottleneck + 2 * plain for bottleneck, plain in blocks]
        # the 3x3 beside the pixels reaches one row of the finest scale
        reach = max(reach, (rows[0] + 1) / 4 + rows[1] / 2 + rows[2])
    return max(HALO[cfg.transform], math.ceil(reach) + 1)


def largest_strip(rows: int, halo: int) -> int:
    """Return the rows of the largest strip of a latent with this number of rows, with the halo on both sides of it."""
    return rows if rows <= 2 * STRIP else min(rows, STRIP + 2 * halo)
