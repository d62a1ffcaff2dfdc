# SPDX-License-Identifier: MIT
"""Prompt inversion: find token ids whose text is close to a picture in CLIP's space (Wen et al. 2023, Hard Prompts Made Easy).

    p = embeddings of random tokens
    repeat:  q = nearest token embeddings of p;  g = gradient of 1 - cos(text(q), picture) at q;  p = AdamW(p, g)

The best q is the prompt. Settings are those of Text+Sketch (Lei et al. 2023, code): 16 tokens, learning rate
and weight decay 0.1, at most 3000 steps. The authors set no seed and send the text of the tokens; here the seed is fixed
and the ids themselves are sent.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.errors import Code, SemError
from refcodec.foundation.clip_model import ROLE, ClipModel
from refcodec.foundation.inverted_prompt import Inverted
from refcodec.foundation.loading import running
from refcodec.foundation.worker.phases import RUN, report
from refcodec.progress import Progress

RATE: Final = 0.1
DECAY: Final = 0.1
PATIENCE: Final = 300  # steps without a better prompt before the search stops; most of the gain is in the first 200


def invert(
    clip: ClipModel,
    pixels: NDArray[np.uint8],
    *,
    count: int = 16,
    iterations: int = 3000,
    seed: int = 0,
    vocabulary: int | None = None,
    progress: Progress | None = None,
) -> Inverted:
    """Return `count` token ids below `vocabulary` for pixels uint8[H, W, 3], repeatable for a seed.

    Raises ValueError for an invalid count or number of iterations, Code.MODEL_MALFORMED for a model that does not run.
    """
    if not 1 <= count <= clip.max_tokens:
        raise ValueError(f"a prompt has 1 to {clip.max_tokens} tokens, not {count}")
    if iterations < 1:
        raise ValueError("prompt inversion takes at least 1 iteration")
    target = clip.picture(pixels)
    allowed = _allowed(clip, vocabulary)
    with running(ROLE, clip.name, clip.model), torch.inference_mode(False), torch.enable_grad():
        return _search(clip, target.clone(), allowed, count, iterations, seed, progress)


def _search(
    clip: ClipModel,
    target: torch.Tensor,
    allowed: torch.Tensor,
    count: int,
    iterations: int,
    seed: int,
    progress: Progress | None,
) -> Inverted:
    units = torch.nn.functional.normalize(clip.table.detach()[allowed], dim=1)
    start = torch.randint(len(allowed), (count,), generator=torch.Generator().manual_seed(seed % 2**63))
    prompt = clip.table.detach()[allowed[start.to(allowed.device)]].clone().requires_grad_()
    optimiser = torch.optim.AdamW([prompt], lr=RATE, weight_decay=DECAY)
    best, tokens, course, step = -2.0, (), [], 0
    for step in range(1, iterations + 1):
        ids = allowed[(torch.nn.functional.normalize(prompt.detach(), dim=1) @ units.T).argmax(1)]
        points = clip.table.detach()[ids].clone().requires_grad_()
        cosine = clip.text(ids, points) @ target
        if float(cosine) > best:
            best, tokens = float(cosine), tuple(ids.tolist())
            course.append((step, best))
        elif step - course[-1][0] >= PATIENCE:
            break
        (prompt.grad,) = torch.autograd.grad(1 - cosine, [points])
        optimiser.step()
        report(RUN)
        if progress is not None:
            progress(step / iterations)
    return Inverted(tokens, best, tuple(course), step)


def _allowed(clip: ClipModel, vocabulary: int | None) -> torch.Tensor:
    """Return the ids that a prompt may have, int64[n], ascending."""
    limit = min(len(clip.table), len(clip.tokenizer), vocabulary or len(clip.table))
    ids = sorted(set(range(limit)) - clip.special)
    if not ids:
        raise SemError(
            Code.MODEL_MALFORMED,
            f"{ROLE}: the vocabulary of {clip.name} has no ids below {limit}",
            path=ROLE,
            hint="name another model for the role",
        )
    return torch.tensor(ids, device=clip.device)
