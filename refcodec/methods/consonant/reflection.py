# SPDX-License-Identifier: MIT
"""Reflection (Dotzel et al. 2024, §2): a painted picture is described, compared with its text, and painted over.

The decoder does it alone, so that it costs no bits. The authors do it twice, above some 500 µbpp, where there is enough
text to compare with.
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

USUAL: Final = 2
WORTH: Final = 500e-6  # bits per pixel above which they are made unasked
STRENGTH: Final = 0.6  # of an edit: enough to change an object, too little for another composition
CHANGE_TOKENS, CHANGE_LETTERS = 64, 400
SEEDS: Final = 10**19  # seeds are below it (SPEC §6)


@dataclass(frozen=True)
class Reflector:
    """`count` reflections of each picture, by a captioner and a language model."""

    context: DecodeContext
    prompts: Prompts
    count: int
    captioner: Any = None
    language: Any = None

    def reflected(self, pixels: Pixels, painter: Any, text: str, seed: int, progress: Progress | None) -> Pixels:
        """The picture painted over `count` times, or until nothing is found to change."""
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
                seed=seed_of(seed, i),
                kind=settings.generator,
                steps=settings.steps,
                guidance=settings.guidance,
                sampler=settings.scheduler,
                progress=part(progress, i / (1 + self.count), (i + 1) / (1 + self.count)),
            )
            self.context.note(f"edited-{i}", pixels)
        return pixels


def make_reflector(context: DecodeContext, prompts: Prompts, language: Any) -> Reflector:
    """For as many reflections as the user asks for, or as the rate is worth; for none, with a notice, without its models."""
    usual = USUAL if context.bpp > WORTH else 0
    count = usual if context.reflections is None else context.reflections
    if not count:
        return Reflector(context, prompts, 0)
    lacking = [
        role
        for role, there in (("captioner", context.models.has("captioner")), ("language", language is not None))
        if not there
    ]
    if lacking:
        context.notices.append(f"no reflections: nothing fills the role {' or '.join(lacking)}, which they need")
        return Reflector(context, prompts, 0)
    from refcodec.foundation.captioner import captioner

    return Reflector(context, prompts, count, captioner(context.models, context.profile.recommended.models), language)


def seed_of(seed: int, reflection: int) -> int:
    """The seed of an edit: another one than that of the picture, and of every other edit."""
    return int.from_bytes(hashlib.sha256(f"{seed} {reflection}".encode()).digest()[:8]) % SEEDS
