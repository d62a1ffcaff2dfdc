# SPDX-License-Identifier: MIT
"""Restore the words of a consonant text with a language model, as far as its answer can be believed.

Every word that is taken from an answer has the consonants that were sent and a vowel. An answer may be prose, JSON that is
cut off, another script or nothing: what it does not restore is left to the restorer (`consonant_text.restore`), word by
word, and all of it where the answer restores less than half.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from refcodec.consonant_text.normalise import VOWELS, skeleton, words
from refcodec.consonant_text.restore import restore
from refcodec.methods.consonant.prompts import Prompts
from refcodec.progress import Progress

WORDS_MAX: Final = 400  # of a text that a language model is asked about; longer texts are restored without one


def restore_words(consonants: str, language: Any, templates: Prompts, progress: Progress | None = None) -> str:
    """Return the words of a consonant text: those of the language model that match it, the restorer's for the others."""
    sent = consonants.split()
    if language is None or not 0 < len(sent) <= WORDS_MAX:
        return restore(consonants, progress=progress).text
    answer = language.ask(templates.ask("decompress"), consonants, 8 * len(sent) + 32)
    fallback = restore(consonants, articles=False, progress=progress).words
    answered = answered_words(sent, answer)
    return " ".join(answered.get(at, word.text) for at, word in enumerate(fallback))


def answered_words(sent: Sequence[str], answer: str) -> dict[int, str]:
    """Return position -> word, for the words of an answer that restore those of a text, in its order; {} for less than half.

    A word restores consonants that it has, with a vowel beside them. One consonant is found in almost any prose ("is",
    "in", "no"): such a word counts beside a restored word of several, or where the answer is the whole text and no more.
    """
    given = [(word, own) for word in words(answer) if (own := skeleton(word))]  # without words of vowels alone
    matcher = SequenceMatcher(None, sent, [own for _, own in given], autojunk=False)
    found: dict[int, str] = {}
    for at, start, length in matcher.get_matching_blocks():
        block = {at + i: given[start + i][0] for i in range(length)}
        if length == len(sent) == len(given) or any(len(sent[i]) > 1 for i in block):
            found |= block
    found = {at: word for at, word in found.items() if not VOWELS.isdisjoint(word)}
    return found if 2 * len(found) >= len(sent) else {}
