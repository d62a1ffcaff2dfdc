# SPDX-License-Identifier: MIT
"""Code edge maps uint8[H, W] as sketches and reconstruct them (SPEC §13.6): latents of one channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refcodec.methods import latent_coding
from refcodec.payloads.latents import ElicLatents
from refcodec.progress import Progress
from refcodec.table_files import TableFiles


class SketchEncoder(latent_coding.LatentEncoder):
    """Encoder of one edge map uint8[H, W], which is analysed once and coded at any rate of its model."""

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
        """Raise ValueError for an array of another shape or type, ModelError for an unusable model package."""
        if edges.ndim != 2 or edges.dtype != np.uint8 or edges.size == 0:
            raise ValueError("not an edge map uint8[H, W]")
        super().__init__(edges[..., None], folder, digest, progress, tables=tables, device=device)


def synthesise(
    latents: ElicLatents, folder: Path, size: tuple[int, int], progress: Progress | None = None, *, device: str = "cpu"
) -> NDArray[np.uint8]:
    """Return the edge map uint8[H, W] of a sketch of size (width, height)."""
    return np.ascontiguousarray(latent_coding.synthesise(latents, folder, size, progress, device=device)[..., 0])
