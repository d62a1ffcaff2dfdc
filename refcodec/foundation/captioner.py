# SPDX-License-Identifier: MIT
"""The role captioner: describe a picture by a vision-language model or a captioning model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.foundation.device import device_of, dtype_of
from refcodec.foundation.input_size import require_size
from refcodec.foundation.llm_output import SENTENCE, strip_reasoning
from refcodec.foundation.loaded_models import name_of
from refcodec.foundation.loading import (
    OWN_FILES,
    library_errors,
    load_pretrained,
    loading,
    reports_tokens,
    require_config,
    running,
)
from refcodec.foundation.required_files import check_processor_files, check_tokenizer_files
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_lengths import CAPTION_TOKENS, DESCRIPTION_TOKENS
from refcodec.foundation.tokenizer_probe import check_tokenizer
from refcodec.foundation.worker.phases import preparing

ROLE = "captioner"

Pixels = NDArray[np.uint8]


class Captioner:
    """Describe pictures in words. Decoding is greedy, so that results are repeatable."""

    ADOPTS: Final = "an image-text-to-text pipeline of transformers"

    def __init__(self, model: Any, processor: Any, name: str = "") -> None:
        self.model, self.processor, self.name = model, processor, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> Captioner:
        """Load a local folder. Raises Code.MODEL_MALFORMED for another kind of model."""
        with loading(ROLE, folder):
            from transformers import AutoModelForImageTextToText
            from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as KNOWN

            require_config(ROLE, folder, "config.json", "model_type", tuple(KNOWN))
            check_tokenizer_files(ROLE, folder.name, folder)
            check_processor_files(ROLE, folder.name, folder)
            model = load_pretrained(ROLE, folder, AutoModelForImageTextToText, dtype_of(models))
            processor = _processor(folder, model)
            check_tokenizer(ROLE, folder.name, getattr(processor, "tokenizer", processor), model)
        return cls(model.to(device_of(models)), processor, folder.name)

    @classmethod
    def adopt(cls, pipeline: Any) -> Captioner | None:
        """Return the model of a loaded image-text-to-text pipeline of transformers, None for another object."""
        with library_errors(ROLE, Path(type(pipeline).__name__)):
            from transformers import ImageTextToTextPipeline

            known = isinstance(pipeline, ImageTextToTextPipeline) and pipeline.processor is not None
        return cls(pipeline.model, pipeline.processor, name_of(pipeline.model)) if known else None

    @property
    def template(self) -> str | None:
        """The chat template, or None for a captioning model, which takes no instruction."""
        own = getattr(self.processor, "chat_template", None)
        return own or getattr(getattr(self.processor, "tokenizer", None), "chat_template", None)

    def describe(self, pixels: Pixels, instruction: str | None = None, max_tokens: int | None = None) -> str:
        """Return a description of pixels uint8[H, W, 3]. instruction: passed on if the model takes one.

        max_tokens: None for the length of a long description.
        """
        with running(ROLE, self.name, self.model):
            inputs = self._inputs(Image.fromarray(pixels), instruction or SENTENCE)
            require_size(ROLE, self.name, inputs)
            whole = self.template is None or self.model.config.is_encoder_decoder
            start = 0 if whole else inputs["input_ids"].shape[1]
            tokens = self.model.generate(
                **inputs.to(self.model.device, self.model.dtype),
                max_new_tokens=max_tokens or DESCRIPTION_TOKENS,
                do_sample=False,
                num_beams=1,
                stopping_criteria=[reports_tokens],
            )
            with preparing():
                answer = self.processor.decode(tokens[0, start:], skip_special_tokens=True)
            return strip_reasoning(answer)

    def _inputs(self, picture: Image.Image, instruction: str) -> Any:
        """Return what the model takes for a picture, and for the instruction if there is a chat template."""
        content = [{"type": "image", "image": picture}, {"type": "text", "text": instruction}]
        with preparing():
            if self.template is None:
                return self.processor(images=picture, return_tensors="pt")
            return self.processor.apply_chat_template(
                [{"role": "user", "content": content}],
                chat_template=self.template,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
            )

    def caption(self, pixels: Pixels, tokens: int = CAPTION_TOKENS) -> str:
        """Return a one-line caption of pixels uint8[H, W, 3]."""
        return " ".join(self.describe(pixels, SENTENCE, tokens).split())


def _processor(folder: Path, model: Any) -> Any:
    """Return the model's processor, with pictures resized by Pillow: the default depends on whether torchvision is installed.

    Models that also take videos name a processor that requires torchvision; theirs is assembled from the other parts.
    """
    from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    kind = PROCESSOR_MAPPING.get(type(model.config), None)
    if kind is None or "video_processor" not in kind.get_attributes():
        return AutoProcessor.from_pretrained(folder, **OWN_FILES, backend="pil")

    class Still(kind):  # type: ignore[misc, valid-type]
        def check_argument_for_proper_class(self, name: str, value: Any) -> Any:
            return None if name == "video_processor" else super().check_argument_for_proper_class(name, value)

    makers = {"image_processor": AutoImageProcessor, "tokenizer": AutoTokenizer}
    more = {"image_processor": {"backend": "pil"}, "tokenizer": {}}
    parts = [
        makers[name].from_pretrained(folder, **OWN_FILES, **more[name]) if name in makers else None
        for name in kind.get_attributes()
    ]
    settings, _ = kind.get_processor_dict(folder, local_files_only=True)
    return Still.from_args_and_dict(parts, settings)
