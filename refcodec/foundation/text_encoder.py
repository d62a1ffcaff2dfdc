# SPDX-License-Identifier: MIT
"""The role text_encoder of method `elic`: encode a caption as token states for a text adapter (Lee et al. 2024, eq. (3)).

TACO uses CLIP's text model (openai/clip-vit-base-patch32): the last hidden states of 38 tokens, padded or cut.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from refcodec.foundation.device import device_of
from refcodec.foundation.loading import OWN_FILES, load_pretrained, loading, require_config, running
from refcodec.foundation.required_files import check_tokenizer_files
from refcodec.foundation.resolve import Models
from refcodec.foundation.tokenizer_probe import check_tokenizer
from refcodec.foundation.worker.phases import preparing

ROLE = "text_encoder"
TYPES = ("clip", "clip_text_model")
TOKENS = 38


class TextEncoder:
    """Encode captions as float32[tokens, width]. The model is frozen and always runs in float32."""

    def __init__(self, model: Any, tokenizer: Any, name: str = "", tokens: int = TOKENS) -> None:
        self.model, self.tokenizer, self.name, self.tokens = model, tokenizer, name, tokens

    @classmethod
    def load(cls, folder: Path, models: Models | None = None, tokens: int = TOKENS) -> TextEncoder:
        """Load a local folder of a CLIP model, or of its text half, with its tokenizer. models: selects the device.

        Raises Code.MODEL_MALFORMED or DEPENDENCY_MISSING.
        """
        require_config(ROLE, folder, "config.json", "model_type", TYPES)
        with loading(ROLE, folder):
            from transformers import CLIPTextModel, CLIPTokenizerFast

            check_tokenizer_files(ROLE, folder.name, folder, kind="CLIPTokenizer")
            model = load_pretrained(ROLE, folder, CLIPTextModel)
            tokenizer = CLIPTokenizerFast.from_pretrained(folder, **OWN_FILES)
            check_tokenizer(ROLE, folder.name, tokenizer, model, padded=True)
            if tokens > model.config.max_position_embeddings:
                raise ValueError(f"it takes {model.config.max_position_embeddings} tokens, not {tokens}")
        device = "cpu" if models is None else device_of(models)
        return cls(model.to(device), tokenizer, folder.name, tokens)

    @property
    def width(self) -> int:
        return int(self.model.config.hidden_size)

    def states(self, captions: list[str]) -> Tensor:
        """Return the last hidden states float[B, tokens, width], on the device of the model."""
        with preparing():
            batch = self.tokenizer(
                captions, padding="max_length", max_length=self.tokens, truncation=True, return_tensors="pt"
            )
        out = self.model(**batch.to(self.model.device)).last_hidden_state
        return cast(Tensor, out.float())

    def __call__(self, caption: str) -> NDArray[np.float32]:
        """Return float32[tokens, width] of one caption. Raises Code.MODEL_MALFORMED for a model that does not run on it."""
        with running(ROLE, self.name, self.model):
            return cast(NDArray[np.float32], self.states([caption])[0].cpu().numpy())
