# SPDX-License-Identifier: MIT
"""Reduce a description to K words, and these to consonants: by a language model whose answers are checked, or by rules.

Dotzel et al. 2024, appendix B.1, Word Select and Word Compress. Models seldom keep to a number of words, and often
explain themselves, so an answer is accepted if it, or one line of it, has the requested form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from refcodec.consonant_text.normalise import normalise, skeleton, words
from refcodec.consonant_text.select_words import Ranking
from refcodec.methods.consonant.prompts import Prompts
from refcodec.payloads.consonant import LETTERS

TRIES: Final = 3  # answers requested before rules are used instead
_BULLET: Final = re.compile(r"\s*(\d{1,3}[.)]|[-*•])\s+")


@dataclass(frozen=True)
class Selection:
    """text: consonants and single spaces. selected: the words that were reduced to it."""

    text: str
    selected: str
    notices: tuple[str, ...] = ()


class WordSelector:
    """Select words of one description, caching each result. language: an object with `ask`; None: use rules only."""

    def __init__(self, description: str, language: Any, prompts: Prompts) -> None:
        self.description, self.language, self.prompts = description, language, prompts
        self._ranking = Ranking(description)
        self._made: dict[int, Selection] = {}

    @property
    def available(self) -> int:
        """Number of words in the description that can be sent."""
        return len(self._ranking)

    def at(self, count: int) -> Selection:
        """Return a selection of about `count` words."""
        count = min(count, self.available)
        if count not in self._made:
            self._made[count] = self._make(count)
        return self._made[count]

    def by_rules(self, count: int) -> Selection:
        """Return a selection of `count` words, made without the language model."""
        selected = " ".join(self._ranking.best(count))
        return Selection(normalise(selected).consonants.text, selected)

    def _make(self, count: int) -> Selection:
        if self.language is None or not count:
            return self.by_rules(count)
        selected = self._ask(
            "select", self.description, count, _words, lambda answer_words: Ranking(" ".join(answer_words)).best(count)
        )
        notices = []
        if selected is None:
            notices.append(f"the language model did not choose {count} words: rules did")
            selected = self._ranking.best(count)
        short = self._ask(
            "compress",
            " ".join(selected),
            len(selected),
            _consonants,
            lambda answer_words: answer_words[: len(selected)],
        )
        if short is None:
            notices.append("the language model did not keep to the 15 consonants: rules made them")
            short = _consonants(" ".join(selected))
        return Selection(" ".join(short), " ".join(selected), tuple(notices))

    def _ask(
        self, role: str, text: str, count: int, read: Callable[[str], list[str]], cut: Callable[[list[str]], list[str]]
    ) -> list[str] | None:
        """Return about `count` words from the answer to a prompt about a text; None after TRIES invalid answers.

        read: returns the words of an answer. cut: returns `count` of too many words.
        """
        known = {skeleton(word) for word in words(text)}
        for again in range(TRIES):
            prompt = self.prompts.ask(role, again=again, words=count)
            answer = self.language.ask(prompt, text, 8 * count + 32)
            for limit in (count + tolerance(count), 2 * count):  # a longer answer is an explanation
                for candidate in candidate_answers(answer):
                    answer_words = read(candidate)
                    if count - tolerance(count) <= len(answer_words) <= limit and _mostly_from(answer_words, known):
                        return answer_words if len(answer_words) <= count + tolerance(count) else cut(answer_words)
        return None


def tolerance(count: int) -> int:
    """Return the number of words by which an answer may be off: 10 % (appendix B.1), but at least one."""
    return max(1, count // 10) if count > 1 else 0


def candidate_answers(answer: str) -> Iterator[str]:
    """Yield the parts of an answer that may be the requested text: valid lines first, then the entire answer, then each line."""
    lines = [_BULLET.sub("", line, 1).strip() for line in answer.splitlines()]
    lines = [line for line in lines if line and not line.endswith(":")]
    entire = " ".join(lines)
    candidates = [entire, entire.rpartition(":")[2], *lines, *(line.rpartition(":")[2] for line in lines)]
    yield from sorted(dict.fromkeys(candidates), key=lambda candidate: not set(candidate.strip()) <= set(LETTERS))


def _words(text: str) -> list[str]:
    return [word for word in words(text) if skeleton(word)]


def _consonants(text: str) -> list[str]:
    """Return the consonant words of a text; those of a valid consonant text are unchanged."""
    return normalise(text).consonants.text.split()


def _mostly_from(answer_words: list[str], known: set[str]) -> bool:
    """Return whether at least half of the words are shortened forms of known ones; the others may be synonyms."""
    short = [skeleton(word) for word in answer_words]
    own = sum(any(_is_subsequence(word, long) for long in known) for word in short)
    return 2 * own >= len(answer_words)


def _is_subsequence(short: str, long: str) -> bool:
    """Return whether `short` is a subsequence of the letters of `long`."""
    left = iter(long)
    return all(letter in left for letter in short)
