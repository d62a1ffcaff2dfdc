# SPDX-License-Identifier: MIT
"""A description as K words, and these as consonants: by a language model whose answers are checked, or by rules.

Dotzel et al. 2024, appendix B.1, Word Select and Word Compress. Models seldom keep to a number of words, and like to
explain themselves; an answer is taken where it, or a line of it, is what was asked for.
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

TRIES: Final = 3  # answers asked for before rules take over
_BULLET: Final = re.compile(r"\s*(\d{1,3}[.)]|[-*•])\s+")


@dataclass(frozen=True)
class Selection:
    """`text`: consonants and single spaces; `selected`: the words that it was made of."""

    text: str
    selected: str
    notices: tuple[str, ...] = ()


class WordSelector:
    """The short forms of one description, each made once. `language`: has `ask`; None: rules do it all."""

    def __init__(self, description: str, language: Any, prompts: Prompts) -> None:
        self.description, self.language, self.prompts = description, language, prompts
        self._ranking = Ranking(description)
        self._made: dict[int, Selection] = {}

    @property
    def most(self) -> int:
        """The words that the description has to offer."""
        return len(self._ranking)

    def at(self, count: int) -> Selection:
        """The short form of about `count` words."""
        count = min(count, self.most)
        if count not in self._made:
            self._made[count] = self._make(count)
        return self._made[count]

    def by_rules(self, count: int) -> Selection:
        """The same without the language model."""
        selected = " ".join(self._ranking.best(count))
        return Selection(normalise(selected).consonants.text, selected)

    def _make(self, count: int) -> Selection:
        if self.language is None or not count:
            return self.by_rules(count)
        selected = self._asked(
            "select", self.description, count, _words, lambda found: Ranking(" ".join(found)).best(count)
        )
        notices = []
        if selected is None:
            notices.append(f"the language model did not choose {count} words: rules did")
            selected = self._ranking.best(count)
        short = self._asked(
            "compress", " ".join(selected), len(selected), _consonants, lambda found: found[: len(selected)]
        )
        if short is None:
            notices.append("the language model did not keep to the 15 consonants: rules made them")
            short = _consonants(" ".join(selected))
        return Selection(" ".join(short), " ".join(selected), tuple(notices))

    def _asked(
        self, role: str, text: str, count: int, read: Callable[[str], list[str]], cut: Callable[[list[str]], list[str]]
    ) -> list[str] | None:
        """About `count` words of the answer to a prompt about a text; None where several answers are not that.

        read: the words of an answer; cut: those of them that stay where they are too many.
        """
        known = {skeleton(word) for word in words(text)}
        for again in range(TRIES):
            prompt = self.prompts.ask(role, again=again, words=count)
            answer = self.language.ask(prompt, text, 8 * count + 32)
            for most in (count + tolerance(count), 2 * count):  # beyond twice as many it is an explanation
                for reading in candidate_answers(answer):
                    found = read(reading)
                    if count - tolerance(count) <= len(found) <= most and _of(found, known):
                        return found if len(found) <= count + tolerance(count) else cut(found)
        return None


def tolerance(count: int) -> int:
    """By how many words an answer may miss the number: 10 %, as models do (appendix B.1), but at least one."""
    return max(1, count // 10) if count > 1 else 0


def candidate_answers(answer: str) -> Iterator[str]:
    """What of an answer may be what was asked for: lawful lines first, then all of it, then each line by itself."""
    lines = [_BULLET.sub("", line, 1).strip() for line in answer.splitlines()]
    lines = [line for line in lines if line and not line.endswith(":")]
    whole = " ".join(lines)
    found = [whole, whole.rpartition(":")[2], *lines, *(line.rpartition(":")[2] for line in lines)]
    yield from sorted(dict.fromkeys(found), key=lambda reading: not set(reading.strip()) <= set(LETTERS))


def _words(text: str) -> list[str]:
    return [word for word in words(text) if skeleton(word)]


def _consonants(text: str) -> list[str]:
    """Of a lawful text its own words; of any other what the rules leave of it."""
    return normalise(text).consonants.text.split()


def _of(found: list[str], known: set[str]) -> bool:
    """Whether at least half of the words come, shortened, from those known; synonyms may be the others."""
    short = [skeleton(word) for word in found]
    own = sum(any(_within(word, long) for long in known) for word in short)
    return 2 * own >= len(found)


def _within(short: str, long: str) -> bool:
    """Whether a word is left when letters of another are dropped."""
    left = iter(long)
    return all(letter in left for letter in short)
