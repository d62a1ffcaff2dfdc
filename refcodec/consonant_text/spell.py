# SPDX-License-Identifier: MIT
"""Spell consonants that match no known word: beam search over letters with an n-gram model."""

from __future__ import annotations

from typing import Final

from refcodec.consonant_text.lexicon import END, START, Model
from refcodec.consonant_text.normalise import VOWELS, skeleton

ORDER: Final = 4  # letters of an n-gram
BEAM: Final = 32
LONGEST: Final = 24  # consonants; a longer word is not spelt
RUN: Final = 3  # vowels in a row
# The letters that the normaliser writes as one consonant, or as two.
SOURCES: Final = {"v": "vw", "g": "gj", "k": "kq", "s": "sz"}
DOUBLE: Final = {"ks": "x"}

Beam = dict[str, int]  # spelling → cost


def spell(consonants: str, model: Model, count: int) -> list[tuple[str, int]]:
    """Return at most `count` spellings (word, cost), likeliest first, or else the consonants themselves."""
    if len(consonants) > LONGEST:
        return [(consonants, 0)]
    beams: list[Beam] = [{} for _ in range(len(consonants) + 1)]  # beams[n]: spellings of the first n consonants
    beams[0][""] = 0
    for at, beam in enumerate(beams[:-1]):
        grown = _with_vowels(beam, model)
        for letter in SOURCES.get(consonants[at], consonants[at]):
            beams[at + 1].update(_longer(grown, letter, model))
        if (letter := DOUBLE.get(consonants[at : at + 2], "")) != "":
            beams[at + 2].update(_longer(grown, letter, model))
    ended = _longer(_with_vowels(beams[-1], model), END, model)
    # a final s may be taken for a plural
    fitting = [(word[:-1], cost) for word, cost in ended.items() if skeleton(word[:-1]) == consonants]
    return sorted(fitting, key=_rank)[:count] or [(consonants, 0)]


def _with_vowels(beam: Beam, model: Model) -> Beam:
    """Return the best spellings, each also with up to RUN more vowels."""
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
    """Return every spelling with one more letter."""
    return {
        word + letter: cost + model.letters.cost(tuple((START * (ORDER - 1) + word)[-(ORDER - 1) :]), letter)
        for word, cost in beam.items()
    }


def _rank(item: tuple[str, int]) -> tuple[int, str]:
    return item[1], item[0]
