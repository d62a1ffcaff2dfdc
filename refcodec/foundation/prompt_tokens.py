# SPDX-License-Identifier: MIT
"""Token ids as the prompt of a Stable Diffusion pipeline: the ids themselves are read, not a text that may give others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.folder_digest import file_sha256
from refcodec.foundation.loading import running

FILE = "tokenizer.json"
CLASSES = ("StableDiffusionPipeline",)  # those of one CLIP text encoder


def takes_ids(pipeline: Any) -> bool:
    """Whether the prompt of a pipeline is what one CLIP text encoder makes of CLIP's token ids."""
    return type(pipeline).__name__ in CLASSES


def tokenizer_of(pipeline: Any, role: str, name: str) -> Any:
    """The tokenizer of CLIP that a pipeline has; SEM-E-803 where it reads texts in another way."""
    found = getattr(pipeline, "tokenizer", None)
    if not type(found).__name__.startswith("CLIPTokenizer"):
        what = f"{role}: {shown(name)} has no tokenizer of CLIP, which the token ids of the prompt belong to"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="name another painter")
    return found


def embedded(pipeline: Any, ids: Sequence[int], behind: str, role: str, name: str) -> torch.Tensor:
    """float[1, n, W]: begin, the ids, those of the text `behind`, end and padding, through the pipeline's text encoder.

    What does not fit in n is cut off at the end, as tokenizers do. SEM-E-803 for an id that the encoder has not.
    """
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder
    known = int(encoder.config.vocab_size)
    if ids and max(ids) >= known:
        what = f"{role}: {shown(name)} has token ids below {known}, the prompt has {max(ids)}"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="name a painter with the tokenizer of CLIP")
    most = int(tokenizer.model_max_length)
    with running(role, name):
        text = [*ids, *tokenizer(behind, add_special_tokens=False).input_ids][: most - 2]
        row = [tokenizer.bos_token_id, *text, tokenizer.eos_token_id]
        row += [tokenizer.pad_token_id] * (most - len(row))
        return cast(torch.Tensor, encoder(torch.tensor([row], device=encoder.device))[0])


def same_tokenizer(tokenizer: Any, sha256: str | None, role: str, name: str) -> None:
    """SEM-E-802 where the profile names another tokenizer than the model has; None: it names none."""
    if sha256 is None:
        return
    path = Path(str(tokenizer.name_or_path)) / FILE
    if not path.is_file() or file_sha256(path) != sha256:
        what = f"{role}: the {FILE} of {shown(name)} is not the one that the profile names, {sha256[:16]}"
        raise SemError(
            Code.MODEL_DIGEST, what, path=role, hint="name a model with that tokenizer, or give a caption in words"
        )
