# SPDX-License-Identifier: MIT
"""A plausible spelling for consonants that no known word has: a beam search over letters, by their n-grams."""

from __future__ import annotations

from typing import Final

from refcodec.consonant_text.lexicon import END, START, Model
from refcodec.consonant_text.normalise import VOWELS, skeleton

ORDER: Final = 4  # letters of an n-gram
BEAM: Final = 32
LONGEST: Final = 24  # consonants of a word that is spelt; a longer one is no word
RUN: Final = 3  # vowels in a row
# The letters that the normaliser writes as one consonant, or as two.
SOURCES: Final = {"v": "vw", "g": "gj", "k": "kq", "s": "sz"}
DOUBLE: Final = {"ks": "x"}

Beam = dict[str, int]  # spelling → cost


def spell(consonants: str, model: Model, count: int) -> list[tuple[str, int]]:
    """At most `count` spellings, (word, cost), the likeliest first; at least one, the consonants themselves."""
    if len(consonants) > LONGEST:
        return [(consonants, 0)]
    beams: list[Beam] = [{} for _ in range(len(consonants) + 1)]  # of the first so many consonants
    beams[0][""] = 0
    for at, beam in enumerate(beams[:-1]):
        grown = _with_vowels(beam, model)
        for letter in SOURCES.get(consonants[at], consonants[at]):
            beams[at + 1].update(_longer(grown, letter, model))
        if (letter := DOUBLE.get(consonants[at : at + 2], "")) != "":
            beams[at + 2].update(_longer(grown, letter, model))
    ended = _longer(_with_vowels(beams[-1], model), END, model)
    # a last s may be one that would be taken for a plural
    fitting = [(word[:-1], cost) for word, cost in ended.items() if skeleton(word[:-1]) == consonants]
    return sorted(fitting, key=_rank)[:count] or [(consonants, 0)]


def _with_vowels(beam: Beam, model: Model) -> Beam:
    """The best spellings, and the best of these with up to RUN vowels more."""
    best = dict(sorted(beam.items(), key=_rank)[:BEAM])
    out = dict(best)
    for _ in range(RUN):
        longer: Beam = {}
        for vowel in sorted(VOWELS):
            longer.update(_longer(best, vowel, model))
        best = dict(sorted(longer.items(), key=_rank)[:BEAM])
        out.update(best)
    return out


def _longer(beam: Beam, letter: str, model: Model) -> Beam:
    """Every spelling with one letter more."""
    return {
        word + letter: cost + model.letters.cost(tuple((START * (ORDER - 1) + word)[-(ORDER - 1) :]), letter)
        for word, cost in beam.items()
    }


def _rank(item: tuple[str, int]) -> tuple[int, str]:
    return item[1], item[0]
