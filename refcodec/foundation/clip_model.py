# SPDX-License-Identifier: MIT
"""The role clip: embed pictures and texts in one space (Radford et al. 2021), in which method pics searches and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
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
from refcodec.foundation.required_files import check_processor_files, check_tokenizer_files
from refcodec.foundation.resolve import Models
from refcodec.foundation.tokenizer_probe import check_tokenizer
from refcodec.foundation.worker.phases import preparing

ROLE = "clip"
TYPES = ("clip",)


class ClipModel:
    """Unit vectors of pictures and of token ids. Always runs in float32, since the search compares close values."""

    def __init__(self, model: Any, processor: Any, tokenizer: Any, name: str = "") -> None:
        self.model, self.processor, self.tokenizer, self.name = model, processor, tokenizer, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> ClipModel:
        require_config(ROLE, folder, "config.json", "model_type", TYPES)
        with loading(ROLE, folder):
            from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

            check_tokenizer_files(ROLE, folder.name, folder, kind="CLIPTokenizer")
            check_processor_files(ROLE, folder.name, folder)
            model = load_pretrained(ROLE, folder, CLIPModel)
            processor = CLIPImageProcessorPil.from_pretrained(folder, **OWN_FILES)
            tokenizer = CLIPTokenizer.from_pretrained(folder, **OWN_FILES)
            check_tokenizer(ROLE, folder.name, tokenizer, model)
        return cls(model.to(device_of(models)), processor, tokenizer, folder.name)

    @property
    def device(self) -> torch.device:
        return cast(torch.device, self.model.device)

    @property
    def table(self) -> torch.Tensor:
        """Embedding of each token id, float32[V, W]."""
        return cast(torch.Tensor, self.model.text_model.get_input_embeddings().weight)

    @property
    def max_tokens(self) -> int:
        """Largest number of token ids in a text, begin and end excluded."""
        return int(self.model.config.text_config.max_position_embeddings) - 2

    @property
    def special(self) -> set[int]:
        """Ids that represent no text: begin, end, padding."""
        return {
            int(i) for i in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id, *self.tokenizer.all_special_ids)
        }

    def picture(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """Return float32[D] of norm 1 for pixels uint8[H, W, 3], resized and cropped by the model's own processor."""
        with running(ROLE, self.name, self.model), quiet():
            with preparing():
                inputs = self.processor(images=Image.fromarray(pixels), return_tensors="pt").to(self.device)
            features = self.model.get_image_features(**inputs).pooler_output[0].float()
        require_finite(ROLE, self.name, bool(features.isfinite().all()))
        return cast(torch.Tensor, features / features.norm())

    def cosine(self, pixels: NDArray[np.uint8], target: torch.Tensor) -> float:
        """Return the cosine of pixels uint8[H, W, 3] and of a `picture`."""
        return float(self.picture(pixels) @ target)

    def text(self, ids: torch.Tensor, points: torch.Tensor | None = None) -> torch.Tensor:
        """Return float32[D] of norm 1 for token ids int64[n] without begin and end.

        points float32[n, W]: replace the embeddings of the ids, so that gradients at them can be computed. No padding is
        needed: attention is causal up to the end token.
        """
        tokenizer = self.tokenizer
        entire = torch.cat([ids.new_tensor([tokenizer.bos_token_id]), ids, ids.new_tensor([tokenizer.eos_token_id])])[
            None
        ]

        def replaced(_: Any, __: Any, out: torch.Tensor) -> torch.Tensor:
            assert points is not None
            return torch.cat([out[:, :1], points[None], out[:, -1:]], 1)

        hook = None if points is None else self.model.text_model.get_input_embeddings().register_forward_hook(replaced)
        try:
            features = self.model.get_text_features(input_ids=entire.to(self.device)).pooler_output[0]
        finally:
            if hook is not None:
                hook.remove()
        return cast(torch.Tensor, features / features.norm())

    def words(self, ids: tuple[int, ...]) -> str:
        """Return the text of token ids, for display; tokenising it may give other ids."""
        return str(self.tokenizer.decode(list(ids)))
