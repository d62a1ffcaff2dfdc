# SPDX-License-Identifier: MIT
"""CLIP (Radford et al. 2021) as a metric of how similar two pictures, or a picture and a text, are. The role `clip`.

CC of Bachard & Maugey 2024 is the cosine of two pictures; CLIPScore of Hessel et al. 2021 is here 100 max(cos, 0) of a
picture and its caption, as is usual (the paper's own factor is 2.5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.foundation.clip_model import ROLE, ClipModel
from refcodec.foundation.loading import quiet, running
from refcodec.foundation.resolve import Models
from refcodec.foundation.worker.phases import preparing

Vector = NDArray[np.float64]


class Clip:
    """Unit vectors of pictures and texts, always in float32."""

    def __init__(self, clip: ClipModel) -> None:
        self.clip = clip

    @classmethod
    def load(cls, folder: Path, models: Models) -> Clip:
        """Load a folder with a CLIPModel, its image processor and its tokenizer. Raises ModelError."""
        return cls(ClipModel.load(folder, models))

    def picture(self, pixels: NDArray[np.uint8]) -> Vector:
        """Return the unit vector float64[D] of pixels uint8[H, W, 3], resized and cropped by the model's processor."""
        return _unit(self.clip.picture(pixels))

    def text(self, caption: str) -> Vector:
        """Return the unit vector float64[D] of a text, truncated to the model's window."""
        with running(ROLE, self.clip.name, self.clip.model), quiet():
            with preparing():
                ids = self.clip.tokenizer(caption, add_special_tokens=False)["input_ids"][: self.clip.max_tokens]
            return _unit(self.clip.text(torch.tensor(ids, dtype=torch.int64)))


def _unit(features: Any) -> Vector:
    vector: Vector = features.double().cpu().numpy()
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def cosine(a: Vector, b: Vector) -> float:
    """Return the cosine of two unit vectors, -1 to 1."""
    return float(np.clip(a @ b, -1, 1))


def clip_score(picture: Vector, caption: Vector) -> float:
    """Return the CLIP score of two unit vectors, 0 to 100."""
    return 100 * max(cosine(picture, caption), 0.0)
