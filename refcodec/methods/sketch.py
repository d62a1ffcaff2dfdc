# SPDX-License-Identifier: MIT
"""Edge maps uint8[H, W] to sketches and back (SPEC §13.6): latents, as of pictures, with one channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refcodec.methods import latent_coding
from refcodec.payloads.latents import ElicLatents
from refcodec.progress import Progress
from refcodec.table_files import TableFiles


class SketchEncoder(latent_coding.LatentEncoder):
    """One edge map uint8[H, W], analysed once and coded at any of its model's rates."""

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
        """Raise ValueError for an array of another shape or type, ModelError for a model package that cannot be used."""
        if edges.ndim != 2 or edges.dtype != np.uint8 or edges.size == 0:
            raise ValueError("not an edge map uint8[H, W]")
        super().__init__(edges[..., None], folder, digest, progress, tables=tables, device=device)


def synthesise(
    latents: ElicLatents, folder: Path, size: tuple[int, int], progress: Progress | None = None, *, device: str = "cpu"
) -> NDArray[np.uint8]:
    """Return uint8[H, W] grey values of a sketch of size (width, height)."""
    return np.ascontiguousarray(latent_coding.synthesise(latents, folder, size, progress, device=device)[..., 0])
