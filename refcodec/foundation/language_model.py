# SPDX-License-Identifier: MIT
"""The role language: a language model that follows one instruction about one text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from refcodec.foundation.device import device_of, dtype_of
from refcodec.foundation.input_size import require_size
from refcodec.foundation.llm_output import strip_reasoning
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
from refcodec.foundation.required_files import check_tokenizer_files
from refcodec.foundation.resolve import Models
from refcodec.foundation.tokenizer_probe import check_tokenizer
from refcodec.foundation.worker.phases import preparing

ROLE = "language"


class LanguageModel:
    """Answer instructions. Decoding is greedy, so that answers are repeatable."""

    ADOPTS: Final = "a text-generation pipeline of transformers"

    def __init__(self, model: Any, tokenizer: Any, name: str = "") -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> LanguageModel:
        """Load a local folder. Raises Code.MODEL_MALFORMED for another kind of model."""
        with loading(ROLE, folder):
            from transformers import AutoModelForCausalLM, AutoTokenizer
            from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN

            require_config(ROLE, folder, "config.json", "model_type", tuple(KNOWN))
            check_tokenizer_files(ROLE, folder.name, folder)
            model = load_pretrained(ROLE, folder, AutoModelForCausalLM, dtype_of(models))
            tokenizer = AutoTokenizer.from_pretrained(folder, **OWN_FILES)
            check_tokenizer(ROLE, folder.name, tokenizer, model)
        return cls(model.to(device_of(models)), tokenizer, folder.name)

    @classmethod
    def adopt(cls, pipeline: Any) -> LanguageModel | None:
        """Return the model of a loaded text-generation pipeline of transformers, None for another object."""
        with library_errors(ROLE, Path(type(pipeline).__name__)):
            from transformers import TextGenerationPipeline

            known = isinstance(pipeline, TextGenerationPipeline) and pipeline.tokenizer is not None
        return cls(pipeline.model, pipeline.tokenizer, name_of(pipeline.model)) if known else None

    def ask(self, instruction: str, text: str, max_tokens: int) -> str:
        """Return the answer to an instruction about a text, using the chat template of the model if it has one."""
        question = f"{instruction}\n\n{text}"
        with running(ROLE, self.name, self.model):
            inputs = self._inputs(question)
            require_size(ROLE, self.name, inputs)
            inputs = inputs.to(self.model.device)
            inputs.pop("token_type_ids", None)  # returned by some tokenizers, accepted by no decoder
            tokens = self.model.generate(
                **inputs, max_new_tokens=max_tokens, do_sample=False, num_beams=1, stopping_criteria=[reports_tokens]
            )
            with preparing():
                answer = self.tokenizer.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            return strip_reasoning(answer)

    def _inputs(self, question: str) -> Any:
        """Return the token ids of a question, by the chat template if there is one."""
        with preparing():
            if not self.tokenizer.chat_template:
                return self.tokenizer(f"{question}\n\n", return_tensors="pt")
            return self.tokenizer.apply_chat_template(
                [{"role": "user", "content": question}],
                add_generation_prompt=True,
                enable_thinking=False,
                return_dict=True,
                return_tensors="pt",
            )
