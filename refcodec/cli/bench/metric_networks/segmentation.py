# SPDX-License-Identifier: MIT
"""Whether two pictures show the same classes of objects: CSS and BSS of Bachard & Maugey 2024, and mIoU. The role `segmenter`.

The paper uses a DeepLab for the classes of MS-COCO. Any semantic segmentation model of transformers works, but figures
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
from refcodec.foundation.loading import OWN_FILES, load_pretrained, loading, quiet, running
from refcodec.foundation.resolve import Models
from refcodec.foundation.worker.phases import preparing

ROLE: Final = "segmenter"
Counts = NDArray[np.int64]
Classes = NDArray[np.int32]


class Segmenter:
    """Finds the class of each pixel of a picture, or counts the pixels of each class."""

    def __init__(self, model: Any, processor: Any, name: str = "") -> None:
        self.model, self.processor, self.name = model, processor, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> Segmenter:
        """Load a folder with a semantic segmentation model and its image processor. Raises ModelError."""
        with loading(ROLE, folder):
            from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

            model = load_pretrained(ROLE, folder, AutoModelForSemanticSegmentation)
            processor = AutoImageProcessor.from_pretrained(folder, **OWN_FILES, backend="pil")
        return cls(model.to(device_of(models)), processor, folder.name)

    def __call__(self, pixels: NDArray[np.uint8]) -> Counts:
        """Return the number of pixels of each class in a picture uint8[H, W, 3], int64[classes]."""
        classes, count = self._classes(pixels)
        counts: Counts = np.bincount(classes.ravel(), minlength=count)
        return counts

    def classes(self, pixels: NDArray[np.uint8]) -> Classes:
        """Return the class of each pixel of a picture uint8[H, W, 3], int32[H, W]."""
        return self._classes(pixels)[0]

    def _classes(self, pixels: NDArray[np.uint8]) -> tuple[Classes, int]:
        """Return the class with the highest score at each pixel, scores scaled bilinearly, and the number of classes."""
        with running(ROLE, self.name, self.model), quiet():
            with preparing():
                inputs = self.processor(images=Image.fromarray(pixels), return_tensors="pt").to(self.model.device)
            scores = F.interpolate(
                self.model(**inputs).logits.float(), pixels.shape[:2], mode="bilinear", align_corners=False
            )
            classes: Classes = scores[0].argmax(0).to(torch.int32).cpu().numpy()
        return classes, scores.shape[1]


def css(a: Counts, b: Counts) -> float:
    """Return the cosine of the shares of the classes, 0 to 1 (eq. 5)."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    return min(1.0, float(x @ y) / float(np.linalg.norm(x) * np.linalg.norm(y)))


def bss(a: Counts, b: Counts) -> float:
    """Return the share of the classes of either picture that both have, 0 to 1 (eq. 6)."""
    x, y = a > 0, b > 0
    return float((x & y).sum() / (x | y).sum())


def miou(reference: Classes, decoded: Classes) -> float:
    """Return the mean intersection over union, 0 to 1, over the classes that either picture shows."""
    scores = []
    for number in np.union1d(reference, decoded):
        x, y = reference == number, decoded == number
        scores.append(float((x & y).sum() / (x | y).sum()))
    return float(np.mean(scores))
