# SPDX-License-Identifier: MIT
"""CLIP (Radford et al. 2021) as a metric: how near two pictures, or a picture and a text, are in meaning. The role `clip`.

CC of Bachard & Maugey 2024 is the cosine of two pictures; CLIPScore of Hessel et al. 2021 is here 100 max(cos, 0) of a
picture and its caption, as is usual (the paper's own factor is 2.5).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.models.roles.load import device_of, expect, loading, quiet, running, whole
from refcodec.models.sources import Models

ROLE: Final = "clip"
Vector = NDArray[np.float64]


class Clip:
    """Unit vectors of pictures and texts, in float32 whatever dtype is asked for."""

    def __init__(self, model: Any, processor: Any, tokenizer: Any, name: str = "") -> None:
        self.model, self.processor, self.tokenizer, self.name = model, processor, tokenizer, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> Clip:
        """Of a folder with a CLIPModel, its image processor and its tokenizer. SEM-E-803, 805."""
        expect(ROLE, folder, "config.json", "model_type", ("clip",))
        with loading(ROLE, folder):
            from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel

            model, info = CLIPModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True, dtype="float32"
            )
            whole(ROLE, folder, info)
            processor = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return cls(model.to(device_of(models)).eval(), processor, tokenizer, folder.name)

    def picture(self, pixels: NDArray[np.uint8]) -> Vector:
        """float64[D] of length 1, of pixels uint8[H, W, 3]; resized and cropped as the model's own processor does."""
        with running(ROLE, self.name), quiet():
            inputs = self.processor(images=Image.fromarray(pixels), return_tensors="pt").to(self.model.device)
            return _unit(self.model.get_image_features(**inputs))

    def text(self, caption: str) -> Vector:
        """float64[D] of length 1; a text longer than the model's window is cut."""
        with running(ROLE, self.name), quiet():
            window = self.model.config.text_config.max_position_embeddings
            inputs = self.tokenizer([caption], return_tensors="pt", truncation=True, max_length=window).to(self.model.device)
            return _unit(self.model.get_text_features(**inputs))


def _unit(features: Any) -> Vector:
    vector = cast(Vector, getattr(features, "pooler_output", features)[0].double().cpu().numpy())
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def cosine(a: Vector, b: Vector) -> float:
    """-1 to 1, of unit vectors."""
    return float(np.clip(a @ b, -1, 1))


def clip_score(picture: Vector, caption: Vector) -> float:
    """0 to 100."""
    return 100 * max(cosine(picture, caption), 0.0)
