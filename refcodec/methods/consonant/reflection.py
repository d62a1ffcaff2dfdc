# SPDX-License-Identifier: MIT
"""Reflection (Dotzel et al. 2024, §2): describe a generated picture, compare it with its text, and edit the difference.

Only the decoder does this, so it costs no bits. The authors do it twice, above about 500 µbpp, where there is enough text
to compare with.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from refcodec.methods.base import DecodeContext
from refcodec.methods.consonant.prompts import Prompts
from refcodec.progress import Progress, part

if TYPE_CHECKING:
    from refcodec.methods.picture_size import Pixels

DEFAULT_COUNT: Final = 2
MIN_BPP: Final = 500e-6  # bits per pixel above which reflections are made by default
STRENGTH: Final = 0.6  # of an edit: enough to change an object, but not the composition
CHANGE_TOKENS, CHANGE_LETTERS = 64, 400
SEEDS: Final = 10**19  # seeds are below it (SPEC §6)


@dataclass(frozen=True)
class Reflector:
    """Apply `count` reflections to each picture, by a captioner and a language model."""

    context: DecodeContext
    prompts: Prompts
    count: int
    captioner: Any = None
    language: Any = None

    def apply(self, pixels: Pixels, painter: Any, text: str, seed: int, progress: Progress | None) -> Pixels:
        """Return the picture after `count` edits, or fewer if there is nothing left to change."""
        settings = self.context.sampler
        for i in range(1, self.count + 1):
            description = self.captioner.describe(pixels, self.prompts.ask("describe"))
            answer = self.language.ask(self.prompts.ask("compare", text=text), description, CHANGE_TOKENS)
            change = " ".join(answer.split())[:CHANGE_LETTERS]
            self.context.note(f"reflection-{i}", {"description": description, "change": change})
            if not change:
                break
            pixels = painter.edit(
                pixels,
                self.prompts.ask("edit", text=text, change=change),
                STRENGTH,
                seed=edit_seed(seed, i),
                kind=settings.generator,
                steps=settings.steps,
                guidance=settings.guidance,
                sampler=settings.scheduler,
                progress=part(progress, i / (1 + self.count), (i + 1) / (1 + self.count)),
            )
            self.context.note(f"edited-{i}", pixels)
        return pixels


def make_reflector(context: DecodeContext, prompts: Prompts, language: Any) -> Reflector:
    """Return a reflector for the number of reflections set by the user or by the rate.

    If a model is missing, add a notice and return one that makes no reflections.
    """
    default = DEFAULT_COUNT if context.bpp > MIN_BPP else 0
    count = default if context.reflections is None else context.reflections
    if not count:
        return Reflector(context, prompts, 0)
    available = {"captioner": context.models.has("captioner"), "language": language is not None}
    if missing := [role for role, present in available.items() if not present]:
        context.notices.append(f"no reflections: nothing fills the role {' or '.join(missing)}, which they need")
        return Reflector(context, prompts, 0)
    captioner = context.models.load_captioner(context.profile.recommended.models)
    return Reflector(context, prompts, count, captioner, language)


def edit_seed(seed: int, reflection: int) -> int:
    """Return the seed of an edit, which differs from those of the picture and of other edits."""
    return int.from_bytes(hashlib.sha256(f"{seed} {reflection}".encode()).digest()[:8]) % SEEDS
