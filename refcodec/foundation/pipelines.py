# SPDX-License-Identifier: MIT
"""Load the diffusion pipelines of folders, with all of their parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.device import device_of, dtype_of
from refcodec.foundation.folder_kind import components, model_index
from refcodec.foundation.loading import OWN_FILES, load_pretrained
from refcodec.foundation.required_files import check_pipeline_files
from refcodec.foundation.resolve import Models
from refcodec.foundation.tokenizer_probe import check_tokenizer
from refcodec.foundation.weight_files import weight_files
from refcodec.foundation.worker.phases import preparing

TOKENS_MAX = 4096  # of a text, if the encoder sets no limit


def load_pipeline(role: str, kind: Any, folder: Path, models: Models) -> Any:
    """Return the diffusion pipeline of a folder, from safetensors by `kind.from_pretrained`. Call inside `loading`.

    Raises Code.MODEL_MALFORMED for a part without its files, and for a tokenizer that does not distinguish texts.
    """
    check_pipeline_files(role, folder)
    _require_parts(role, folder)
    pipeline = kind.from_pretrained(
        folder,
        use_safetensors=True,
        torch_dtype=dtype_of(models),
        **OWN_FILES,
        **_networks(role, folder, dtype_of(models)),
    )
    pipeline.set_progress_bar_config(disable=True)
    for part, tokenizer in pipeline.components.items():
        if "tokenizer" in part and tokenizer is not None:
            limit_tokenizer(tokenizer, _encoder_of(pipeline, part))
    check_tokenizers(role, folder.name, pipeline)
    return pipeline.to(device_of(models))


def native_side(pipeline: Any) -> int:
    """Return the side in pixels of the pictures that the U-Net of a pipeline was trained on."""
    return int(pipeline.unet.config.sample_size * pipeline.vae_scale_factor)


def try_texts(pipeline: Any, *texts: Any) -> None:
    """Tokenise texts as a pipeline will, within the narrow limits for preparing input."""
    with preparing():
        for name in ("tokenizer", "tokenizer_2", "tokenizer_3"):
            if (tokenizer := getattr(pipeline, name, None)) is not None:
                for text in texts:
                    if isinstance(text, str):
                        tokenizer(text, truncation=True)


def _networks(role: str, folder: Path, dtype: Any) -> dict[str, Any]:
    """Return the networks of a pipeline, loaded one by one: with all their weights, of a variant such as fp16 if there are no others."""
    from diffusers import ModelMixin
    from diffusers.pipelines.pipeline_loading_utils import simple_get_class_obj
    from transformers import PreTrainedModel

    networks = {}
    for name, (library, kind) in components(folder).items():
        if weight_files(folder / name) is not None:
            cls = simple_get_class_obj(library, kind)
            if isinstance(cls, type) and issubclass(cls, ModelMixin | PreTrainedModel):
                networks[name] = load_pretrained(role, folder / name, cls, dtype)
    return networks


def _require_parts(role: str, folder: Path) -> None:
    """Raise Code.MODEL_MALFORMED if model_index.json has no entry, or null, for a part that its pipeline requires."""
    import diffusers

    kind = getattr(diffusers, str((model_index(folder) or {}).get("_class_name")), None)
    if kind is None or not issubclass(kind, diffusers.DiffusionPipeline):
        return
    required, _ = kind._get_signature_keys(kind)
    named = components(folder)
    for part in sorted(required):
        if part not in named and part not in kind._optional_components:
            what = f"{role}: {shown(folder.name)} has no {part}, which {kind.__name__} needs"
            raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="get the model again")


def check_tokenizers(role: str, name: str, pipeline: Any) -> None:
    """Raise Code.MODEL_MALFORMED for a tokenizer of a pipeline that does not distinguish texts."""
    for part, tokenizer in pipeline.components.items():
        if "tokenizer" in part and tokenizer is not None:
            check_tokenizer(role, name, tokenizer, _encoder_of(pipeline, part), padded=True)


def _encoder_of(pipeline: Any, tokenizer: str) -> Any:
    """Return the text encoder that belongs to a tokenizer of a pipeline, None if it has no part of that name."""
    return getattr(pipeline, tokenizer.replace("tokenizer", "text_encoder"), None)


def limit_tokenizer(tokenizer: Any, encoder: Any) -> None:
    """Limit padding to the length that the text encoder reads, since the length in the folder is untrusted."""
    limit = getattr(getattr(encoder, "config", None), "max_position_embeddings", None)
    tokenizer.model_max_length = min(tokenizer.model_max_length, limit if isinstance(limit, int) else TOKENS_MAX)
