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
from refcodec.methods.consonant.editing import Editing, make_editing
from refcodec.methods.consonant.prompts import Prompts
from refcodec.option_bounds import SEEDS
from refcodec.progress import Progress, part

if TYPE_CHECKING:
    from refcodec.methods.picture_size import Pixels

DEFAULT_COUNT: Final = 2
MIN_BPP: Final = 500e-6  # bits per pixel above which reflections are made by default
CHANGE_TOKENS, CHANGE_LETTERS = 64, 400


@dataclass(frozen=True)
class Reflector:
    """Apply `count` reflections to each picture, by a captioner, a language model and what edits pictures."""

    context: DecodeContext
    prompts: Prompts
    count: int
    captioner: Any = None
    language: Any = None
    editing: Editing | None = None

    def apply(self, pixels: Pixels, text: str, prompt: str, seed: int, progress: Progress | None) -> Pixels:
        """Return the picture after `count` edits, or fewer if there is nothing left to change.

        text: the restored words, with which the picture is compared. prompt: from which it was generated.
        """
        for i in range(1, self.count + 1):
            assert self.editing is not None
            description = self.captioner.describe(pixels, self.prompts.ask("describe"))
            question, rest = self.prompts.compare(text, description)
            change = " ".join(self.language.ask(question, rest, CHANGE_TOKENS).split())[:CHANGE_LETTERS]
            self.context.note(f"reflection-{i}", {"description": description, "change": change})
            if not change:
                break
            share = part(progress, i / (1 + self.count), (i + 1) / (1 + self.count))
            pixels = self.editing.apply(pixels, prompt, change, edit_seed(seed, i), share)
            self.context.note(f"edited-{i}", pixels)
        return pixels


def make_reflector(context: DecodeContext, prompts: Prompts, language: Any, painter: Any) -> Reflector:
    """Return a reflector for the number of reflections set by the user or by the rate.

    If a model is missing, add a notice and return one that makes no reflections.
    """
    default = DEFAULT_COUNT if context.bpp > MIN_BPP else 0
    count = default if context.reflections is None else context.reflections
    available = {"captioner": context.models.has("captioner"), "language": language is not None}
    missing = [role for role, present in available.items() if not present]
    if count and missing:
        context.notices.append(f"no reflections: nothing fills the role {' or '.join(missing)}, which they need")
    if not count or missing:
        _check_image_guidance(context, read=False)
        return Reflector(context, prompts, 0)
    captioner = context.models.load_captioner(context.profile.recommended.models)
    editing = make_editing(context, prompts, painter)
    _check_image_guidance(context, read=editing.reads_image_guidance)
    return Reflector(context, prompts, count, captioner, language, editing)


def _check_image_guidance(context: DecodeContext, *, read: bool) -> None:
    """Add a notice for an image-guidance of the user that nothing reads."""
    if context.overrides.get("image-guidance") is not None and not read:
        context.notices.append(
            "the image-guidance has no effect: only reflections by a model in the role editor read it"
        )


def edit_seed(seed: int, reflection: int) -> int:
    """Return the seed of an edit, which differs from those of the picture and of other edits."""
    return int.from_bytes(hashlib.sha256(f"{seed} {reflection}".encode()).digest()[:8]) % SEEDS
