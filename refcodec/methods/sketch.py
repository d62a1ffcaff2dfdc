# SPDX-License-Identifier: MIT
"""Edge maps uint8[H, W] to sketches and back (SPEC §13.6): what methods/elic.py does, with pictures of one channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refcodec.methods import elic
from refcodec.payloads.latents import ElicLatents
from refcodec.progress import Progress
from refcodec.table_files import TableFiles

RDO = 4.0  # as in methods/elic.py


class Encoder(elic.Encoder):
    """One edge map uint8[H, W], analysed once and coded at any of its model's rates."""

    strength = RDO

    def __init__(
        self,
        edges: NDArray[np.uint8],
        folder: Path,
        digest: str | None = None,
        progress: Progress | None = None,
        *,
        tables: TableFiles,
        device: str = "cpu",
    ):
        """ValueError for what is no map, SemError 801 to 803 for what is wrong with the package, 805 without torch."""
        if edges.ndim != 2 or edges.dtype != np.uint8 or edges.size == 0:
            raise ValueError("not an edge map uint8[H, W]")
        super().__init__(edges[..., None], folder, digest, progress, tables=tables, device=device)


def paint(
    latents: ElicLatents, folder: Path, size: tuple[int, int], progress: Progress | None = None, *, device: str = "cpu"
) -> NDArray[np.uint8]:
    """uint8[H, W] grey values of a sketch of size (width, height)."""
    return np.ascontiguousarray(elic.paint(latents, folder, size, progress, device=device)[..., 0])
