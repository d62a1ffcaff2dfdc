# SPDX-License-Identifier: MIT
"""The role image_embedder: CLIP's projected embedding of a picture (Radford et al. 2021), sent by methods clip and perco."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.foundation.device import device_of
from refcodec.foundation.loading import (
    OWN_FILES,
    load_pretrained,
    loading,
    quiet,
    require_config,
    require_finite,
    running,
)
from refcodec.foundation.required_files import check_processor_files
from refcodec.foundation.resolve import Models
from refcodec.foundation.worker.phases import preparing

ROLE = "image_embedder"
TYPES = ("clip", "clip_vision_model")


class ImageEmbedder:
    """Embed pictures as float32[D]. Always runs in float32, since signs of values near zero are sent."""

    def __init__(self, model: Any, processor: Any, name: str = "") -> None:
        self.model, self.processor, self.name = model, processor, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> ImageEmbedder:
        require_config(ROLE, folder, "config.json", "model_type", TYPES)
        with loading(ROLE, folder):
            from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

            check_processor_files(ROLE, folder.name, folder)
            model = load_pretrained(ROLE, folder, CLIPVisionModelWithProjection)
            processor = CLIPImageProcessorPil.from_pretrained(folder, **OWN_FILES)
        return cls(model.to(device_of(models)), processor, folder.name)

    @property
    def width(self) -> int:
        return int(self.model.config.projection_dim)

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the projection, not normalised, of pixels uint8[H, W, 3], resized and cropped by the model's own processor."""
        with running(ROLE, self.name, self.model), quiet():
            with preparing():
                inputs = self.processor(images=Image.fromarray(pixels), return_tensors="pt").to(self.model.device)
            embedding = self.model(**inputs).image_embeds[0].float().cpu().numpy()
        require_finite(ROLE, self.name, bool(np.isfinite(embedding).all()))
        return cast(NDArray[np.float32], embedding)
