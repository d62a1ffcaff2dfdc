# SPDX-License-Identifier: MIT
"""Expand restored words into a fuller prompt before a picture is generated (Dotzel et al. 2024, §2).

The authors' chat model does so by itself on its way to the generator. Here it is a step whose answer is checked: it has
to be about the words, and those that it leaves out are appended, so that the generator is always asked for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from refcodec.consonant_text.normalise import skeleton, words
from refcodec.consonant_text.select_words import HELPERS
from refcodec.methods.consonant.prompts import Prompts

WORDS: Final = 50  # of a prompt, for a generator that does not state how many it reads
LETTERS_MAX: Final = 4000  # of a prompt
QUOTES: Final = "\"'“”‘’`*"


@dataclass(frozen=True)
class Expansion:
    """A prompt for the generator. notice: why it is the restored text itself, if it was to be expanded."""

    prompt: str
    notice: str | None = None


def expand(text: str, language: Any, prompts: Prompts, generator: Any, wanted: bool | None) -> Expansion:
    """Return a fuller prompt of a restored text by the language model, or the text itself.

    wanted: None for an expansion where a language model is present. generator: its `prompt_words`, if it has that
    attribute, is the number of words that it reads.
    """
    if wanted is False or not text:
        return Expansion(text)
    if language is None:
        return Expansion(text, "not expanded: nothing fills the role language, which it needs" if wanted else None)
    most = int(getattr(generator, "prompt_words", WORDS))
    sent = words(text)
    if len(sent) >= most:
        return Expansion(text, f"not expanded: the painter reads about {most} words, and the text has {len(sent)}")
    answer = cleaned(language.ask(prompts.ask("expand", words=most), text, 2 * most + 64))
    made = words(answer)
    missing = [
        word for word in dict.fromkeys(sent) if word not in HELPERS and skeleton(word) not in map(skeleton, made)
    ]
    kept = len(set(sent) - HELPERS) - len(missing)
    if not len(sent) < len(made) <= 2 * most or len(answer) > LETTERS_MAX or kept < len(missing):
        return Expansion(text, "the language model did not expand the words: they are the prompt themselves")
    return Expansion(f"{answer.rstrip('.')}. {', '.join(missing).capitalize()}." if missing else answer)


def cleaned(answer: str) -> str:
    """Return an answer as one line, without an introduction that ends with a colon, and without quotes around it."""
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        lines = lines[1:]
    return " ".join(" ".join(lines).strip(QUOTES).split())
