# SPDX-License-Identifier: MIT
"""CSS and BSS of Bachard & Maugey 2024: whether two pictures show the same classes of things. The role `segmenter`.

The paper takes a DeepLab of the classes of MS-COCO; any model for semantic segmentation of transformers does, and figures
of different models cannot be compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from refcodec.foundation.device import device_of
from refcodec.foundation.loading import load_pretrained, loading, quiet, running
from refcodec.foundation.resolve import Models

ROLE: Final = "segmenter"
Counts = NDArray[np.int64]


class Segmenter:
    """How many pixels of a picture belong to each class, int64[classes]."""

    def __init__(self, model: Any, processor: Any, name: str = "") -> None:
        self.model, self.processor, self.name = model, processor, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> Segmenter:
        """Of a folder with a model for semantic segmentation and its image processor. SEM-E-803, 805."""
        with loading(ROLE, folder):
            from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

            model = load_pretrained(ROLE, folder, AutoModelForSemanticSegmentation)
            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
        return cls(model.to(device_of(models)), processor, folder.name)

    def __call__(self, pixels: NDArray[np.uint8]) -> Counts:
        """Of pixels uint8[H, W, 3]: its scores are grown to the picture's size (bilinear), the highest one is the class."""
        with running(ROLE, self.name), quiet():
            inputs = self.processor(images=Image.fromarray(pixels), return_tensors="pt").to(self.model.device)
            scores = F.interpolate(
                self.model(**inputs).logits.float(), pixels.shape[:2], mode="bilinear", align_corners=False
            )
            counts: Counts = torch.bincount(scores[0].argmax(0).flatten(), minlength=scores.shape[1]).cpu().numpy()
        return counts


def css(a: Counts, b: Counts) -> float:
    """Eq. 5: the cosine of the shares of the classes, 0 to 1."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    return min(1.0, float(x @ y) / float(np.linalg.norm(x) * np.linalg.norm(y)))


def bss(a: Counts, b: Counts) -> float:
    """Eq. 6: of the classes that either picture shows, the share that both show, 0 to 1."""
    x, y = a > 0, b > 0
    return float((x & y).sum() / (x | y).sum())
