# SPDX-License-Identifier: MIT
"""Use token ids as the prompt of a Stable Diffusion pipeline, without decoding and tokenising them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.folder_digest import file_sha256
from refcodec.foundation.loading import running
from refcodec.foundation.worker.phases import preparing

FILE = "tokenizer.json"
CLASSES = ("StableDiffusionPipeline",)  # pipelines with a single CLIP text encoder


def takes_ids(pipeline: Any) -> bool:
    """Return whether a pipeline takes prompts as CLIP's token ids, read by a single CLIP text encoder."""
    return type(pipeline).__name__ in CLASSES


def tokenizer_of(pipeline: Any, role: str, name: str) -> Any:
    """Return the CLIP tokenizer of a pipeline. Raises Code.MODEL_MALFORMED if it has another one."""
    tokenizer = getattr(pipeline, "tokenizer", None)
    if not type(tokenizer).__name__.startswith("CLIPTokenizer"):
        what = f"{role}: {shown(name)} has no CLIP tokenizer, to which the token ids of the prompt belong"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="name another painter")
    return tokenizer


def embed(pipeline: Any, ids: Sequence[int], suffix: str, role: str, name: str) -> torch.Tensor:
    """Return the states float[1, n, W] of begin, the ids, those of `suffix`, end and padding.

    Ids beyond n are cut off at the end, as tokenizers do. Raises Code.MODEL_MALFORMED for an id that the encoder lacks.
    """
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder
    known = int(encoder.config.vocab_size)
    if ids and max(ids) >= known:
        what = f"{role}: {shown(name)} has token ids below {known}, the prompt has {max(ids)}"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="name a painter with the tokenizer of CLIP")
    limit = int(tokenizer.model_max_length)
    with running(role, name):
        with preparing():
            text = [*ids, *tokenizer(suffix, add_special_tokens=False).input_ids][: limit - 2]
        row = [tokenizer.bos_token_id, *text, tokenizer.eos_token_id]
        row += [tokenizer.pad_token_id] * (limit - len(row))
        return cast(torch.Tensor, encoder(torch.tensor([row], device=encoder.device))[0])


def check_tokenizer(tokenizer: Any, sha256: str | None, role: str, name: str) -> None:
    """Raise Code.MODEL_DIGEST unless the tokenizer is the one named by the profile. sha256 None: any tokenizer."""
    if sha256 is None:
        return
    path = Path(str(tokenizer.name_or_path)) / FILE
    if not path.is_file() or file_sha256(path) != sha256:
        what = f"{role}: the {FILE} of {shown(name)} is not the one that the profile names, {sha256[:16]}"
        raise SemError(
            Code.MODEL_DIGEST, what, path=role, hint="name a model with that tokenizer, or give a caption in words"
        )
