# SPDX-License-Identifier: MIT
"""Use token ids as the prompt of a pipeline with CLIP text encoders, without decoding and tokenising them again (SPEC §B.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.folder_digest import file_sha256
from refcodec.foundation.loading import running
from refcodec.foundation.worker.phases import preparing

FILE = "tokenizer.json"
STABLE_DIFFUSION: Final = ("StableDiffusionPipeline",)  # has default samplers in SPEC §B.4, and takes a ControlNet
# pipelines that pass a prompt through CLIP text encoders of one vocabulary alone, and take their states in its place
CLASSES: Final = (
    *STABLE_DIFFUSION,
    "StableDiffusionControlNetPipeline",
    "StableDiffusionPAGPipeline",
    "LatentConsistencyModelPipeline",
)
XL_CLASSES: Final = ("StableDiffusionXLPipeline", "StableDiffusionXLPAGPipeline")
CLIP_TOKENIZER: Final = "CLIPTokenizer"  # begins the names of its classes


@dataclass(frozen=True)
class EmbeddedPrompt:
    """A prompt as a pipeline's text encoders see it: states float[1, n, W], and of two encoders pooled float[1, P]."""

    states: torch.Tensor
    pooled: torch.Tensor | None = None

    def arguments(self) -> dict[str, torch.Tensor]:
        """Return the prompt as arguments of the pipeline."""
        return {"prompt_embeds": self.states} | ({} if self.pooled is None else {"pooled_prompt_embeds": self.pooled})


def is_stable_diffusion(pipeline: Any) -> bool:
    """Return whether a pipeline is Stable Diffusion 1 or 2, for which SPEC §B.4 names samplers."""
    return type(pipeline).__name__ in STABLE_DIFFUSION


def takes_ids(pipeline: Any) -> bool:
    """Return whether CLIP's token ids are all that a pipeline needs of a prompt. The one behind a ControlNet is such, too."""
    name = type(pipeline).__name__
    if name in CLASSES:
        return _is_clip(pipeline.tokenizer)
    if name not in XL_CLASSES:
        return False
    first, second = pipeline.tokenizer, pipeline.tokenizer_2
    both = _is_clip(first) and _is_clip(second) and pipeline.text_encoder is not None
    return both and first.get_vocab() == second.get_vocab()


def _is_clip(tokenizer: Any) -> bool:
    return type(tokenizer).__name__.startswith(CLIP_TOKENIZER)


def tokenizer_of(pipeline: Any, role: str, name: str) -> Any:
    """Return the CLIP tokenizer of a pipeline. Raises Code.MODEL_MALFORMED if it has another one."""
    tokenizer = getattr(pipeline, "tokenizer", None)
    if not _is_clip(tokenizer):
        what = f"{role}: {shown(name)} has no CLIP tokenizer, to which the token ids of the prompt belong"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="name another painter")
    return tokenizer


def embed(pipeline: Any, ids: Sequence[int], suffix: str, role: str, name: str) -> EmbeddedPrompt:
    """Return what the text encoders of a pipeline make of begin, the ids, those of the text `suffix`, end and padding.

    Raises Code.MODEL_MALFORMED for an id that an encoder lacks.
    """
    parts = [(pipeline.tokenizer, pipeline.text_encoder)]
    if type(pipeline).__name__ in XL_CLASSES:
        parts.append((pipeline.tokenizer_2, pipeline.text_encoder_2))
    prompts = []
    for tokenizer, encoder in parts:
        with running(role, name), preparing():
            prompts.append([*ids, *tokenizer(suffix, add_special_tokens=False).input_ids])
        check_ids(encoder, prompts[-1], role, name)
    with running(role, name, pipeline):
        out = [_encoded(*part, prompt) for part, prompt in zip(parts, prompts, strict=True)]
        if len(out) == 1:
            return EmbeddedPrompt(out[0][0])
        return EmbeddedPrompt(torch.cat([each.hidden_states[-2] for each in out], -1), out[1][0])


def check_ids(encoder: Any, ids: Sequence[int], role: str, name: str) -> None:
    """Raise Code.MODEL_MALFORMED for an id that a text encoder lacks."""
    known = int(encoder.config.vocab_size)
    if ids and max(ids) >= known:
        what = f"{role}: {shown(name)} has token ids below {known}, the prompt has {max(ids)}"
        raise SemError(Code.MODEL_MALFORMED, what, path=role, hint="name a painter with the tokenizer of CLIP")


def id_row(tokenizer: Any, encoder: Any, ids: Sequence[int]) -> tuple[list[int], int]:
    """Return begin, the ids, end and padding, as many as a CLIP text encoder reads, and their number before the padding.

    Ids for which there is no room are cut off at the end.
    """
    room = min(int(tokenizer.model_max_length), int(encoder.config.max_position_embeddings))
    row = [int(tokenizer.bos_token_id), *map(int, ids[: room - 2]), int(tokenizer.eos_token_id)]
    return row + [int(tokenizer.pad_token_id)] * (room - len(row)), len(row)


def _encoded(tokenizer: Any, encoder: Any, ids: Sequence[int]) -> Any:
    """Return the output of a text encoder, with all states. Padding is masked where its configuration asks for it."""
    row, used = id_row(tokenizer, encoder, ids)
    mask = None
    if getattr(encoder.config, "use_attention_mask", False):
        mask = torch.tensor([[1] * used + [0] * (len(row) - used)], device=encoder.device)
    return encoder(torch.tensor([row], device=encoder.device), attention_mask=mask, output_hidden_states=True)


def tokenizer_mismatch(tokenizer: Any, sha256: str, role: str, name: str) -> str | None:
    """Return what is wrong with a tokenizer whose file has another SHA-256 than a row of the registry names, else None."""
    path = Path(str(getattr(tokenizer, "name_or_path", ""))) / FILE
    if path.is_file() and file_sha256(path) == sha256:
        return None
    return f"{role}: the {FILE} of {shown(name)} is not the one that the profile names, {sha256[:16]}"
