# SPDX-License-Identifier: MIT
"""A plausible spelling for consonants that no known word has: a beam search over letters, by their n-grams."""

from __future__ import annotations

from typing import Final

from refcodec.text.model import END, START, Model
from refcodec.text.normalise import skeleton

ORDER: Final = 4  # letters of an n-gram
BEAM: Final = 48
LONGEST: Final = 24  # consonants of a word that is spelt; a longer one is no word
GAPS: Final = ("", *"aeiouy", *(a + b for a in "aeiou" for b in "aeiouy"))  # what may stand between two consonants
# The letters that the normaliser writes as one consonant, or as two.
SOURCES: Final = {"v": ("v", "w"), "g": ("g", "j"), "k": ("k", "q"), "s": ("s", "z")}
DOUBLE: Final = {"ks": "x"}


def spell(consonants: str, model: Model, count: int) -> list[tuple[str, int]]:
    """At most `count` spellings, (word, cost), the likeliest first; at least one, the consonants themselves."""
    if len(consonants) > LONGEST:
        return [(consonants, 0)]
    # beams[n]: spellings of the first n consonants, cost of each
    beams: list[dict[str, int]] = [{} for _ in range(len(consonants) + 1)]
    beams[0][""] = 0
    for at in range(len(consonants)):
        steps = [(letter, at + 1) for letter in SOURCES.get(consonants[at], (consonants[at],))]
        if consonants[at : at + 2] in DOUBLE:
            steps.append((DOUBLE[consonants[at : at + 2]], at + 2))
        for word, cost in sorted(beams[at].items(), key=_rank)[:BEAM]:
            for gap in GAPS:
                before = cost + _cost(word, gap, model)
                for letter, to in steps:
                    spelt = word + gap + letter
                    beams[to][spelt] = before + _cost(word + gap, letter, model)
    ended: dict[str, int] = {}
    for word, cost in sorted(beams[-1].items(), key=_rank)[:BEAM]:
        for gap in GAPS:
            spelt = word + gap
            if skeleton(spelt) == consonants:  # a last s may have been taken for a plural
                ended[spelt] = cost + _cost(word, gap, model) + model.letters.cost(_before(spelt), END)
    return sorted(ended.items(), key=_rank)[:count] or [(consonants, 0)]


def _cost(word: str, letters: str, model: Model) -> int:
    cost = 0
    for letter in letters:
        cost += model.letters.cost(_before(word), letter)
        word += letter
    return cost


def _before(word: str) -> tuple[str, ...]:
    return tuple((START * (ORDER - 1) + word)[-(ORDER - 1) :])


def _rank(item: tuple[str, int]) -> tuple[int, str]:
    return item[1], item[0]
