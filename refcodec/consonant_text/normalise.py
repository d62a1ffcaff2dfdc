# SPDX-License-Identifier: MIT
"""Reduce any text to consonant text (Dotzel et al. 2024, third prompt), by rules that record each change.

mark         é → e, ß → ss: compatibility forms are decomposed, marks are dropped
case         A → a
digit        2 → two, each digit by itself
punctuation  an apostrophe is dropped, everything else becomes a space
script       a letter that is not Latin becomes a space
plural       dogs → dog, knives → knife (`singular`)
vowel        a e i o u y are dropped; y everywhere, as no letter of the alphabet is near it
fold         w → v, j → g, q → k, z → s, x → ks: letters that the alphabet lacks
vanished     a, eye: words of vowels only leave nothing
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from refcodec.payloads.consonant import Consonants, from_text

VOWELS: Final = frozenset("aeiouy")
FOLDS: Final = {"w": "v", "j": "g", "q": "k", "z": "s", "x": "ks"}
DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
APOSTROPHES: Final = frozenset("'’‘ʼ`´")
# Latin letters without a decomposition
LATIN: Final = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "ı": "i"}

# Plurals that the rules below miss, and words that are not plurals, mapped to themselves.
IRREGULAR: Final = {
    "men": "man", "women": "woman", "children": "child", "people": "people", "feet": "foot", "teeth": "tooth",
    "mice": "mouse", "geese": "goose", "oxen": "ox", "knives": "knife", "wives": "wife", "leaves": "leaf",
    "wolves": "wolf", "calves": "calf", "halves": "half", "shelves": "shelf", "scarves": "scarf", "loaves": "loaf",
    "hooves": "hoof", "thieves": "thief", "elves": "elf", "buses": "bus", "potatoes": "potato", "tomatoes": "tomato",
    **{word: word for word in (
        "always", "as", "atlas", "bias", "canvas", "christmas", "does", "gas", "has", "its", "lens", "news", "perhaps",
        "series", "species", "was", "yes",
    )},
}  # fmt: skip
SIBILANTS: Final = ("sses", "xes", "ches", "shes", "zzes")
NO_PLURAL: Final = ("ss", "us", "is")


@dataclass(frozen=True)
class Change:
    """`before` became `after` `count` times; `kind` is one of the rules listed above."""

    kind: str
    before: str
    after: str
    count: int


@dataclass(frozen=True)
class Normalised:
    """A consonant text and the changes from the original text, in the order they first occur."""

    consonants: Consonants
    changes: tuple[Change, ...]

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of changes of each kind."""
        total: Counter[str] = Counter()
        for change in self.changes:
            total[change.kind] += change.count
        return dict(total)


Tally = Counter[tuple[str, str, str]]


def normalise(text: str, *, strict: bool = False) -> Normalised:
    """Return the consonant text of any text. With `strict`, raise ValueError naming the first change that it would need."""
    if strict:
        return Normalised(from_text(text), ())
    tally: Tally = Counter()
    skeletons = []
    for word in _words(text, tally):
        consonants = _skeleton(word, tally)
        if consonants:
            skeletons.append(consonants)
        else:
            tally["vanished", word, ""] += 1
    changes = tuple(Change(*change, count) for change, count in tally.items())
    return Normalised(from_text(" ".join(skeletons)), changes)


def words(text: str) -> list[str]:
    """Return the words of a text in a … z: lower case, digits spelt out, marks and punctuation removed."""
    return _words(text, Counter())


@lru_cache(maxsize=1 << 16)
def skeleton(word: str) -> str:
    """Return the consonants of one of `words`, "" if it has none."""
    return _skeleton(word, Counter())


def singular(word: str) -> str:
    """Return the singular of a plural, by rules; verbs lose their s as well.

    A word without vowels keeps it, so that consonant text is not changed.
    """
    if word in IRREGULAR:
        return IRREGULAR[word]
    if not word.endswith("s") or word.endswith(NO_PLURAL) or len(word) < 3 or VOWELS.isdisjoint(word):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(SIBILANTS) else word[:-1]


def _words(text: str, tally: Tally) -> list[str]:
    out: list[str] = []
    for letter in text:
        parts = _letters(letter)
        out.append(parts[1])
        if parts[0]:
            tally[parts[0], letter, parts[1].strip()] += 1
    return "".join(out).split()


@lru_cache(maxsize=1 << 12)
def _letters(letter: str) -> tuple[str, str]:
    """Return (kind of change or "", replacement) for one character; a space separates words."""
    if "a" <= letter <= "z":
        return "", letter
    if "A" <= letter <= "Z":
        return "case", letter.lower()
    if letter.isspace():
        return "", " "
    if letter in APOSTROPHES:
        return "punctuation", ""
    plain, kinds = "", set()
    for part in unicodedata.normalize("NFKD", letter).lower():
        digit = unicodedata.decimal(part, None)
        category = unicodedata.category(part)
        if "a" <= part <= "z" or part in LATIN:
            plain += LATIN.get(part, part)
        elif digit is not None:
            plain += f" {DIGITS[digit]} "
            kinds.add("digit")
        elif not category.startswith("M"):
            plain += "" if category == "Cf" else " "
            kinds.add("script" if category.startswith("L") else "punctuation")
    return next((kind for kind in ("script", "digit", "punctuation") if kind in kinds), "mark"), plain


def _skeleton(word: str, tally: Tally) -> str:
    single = singular(word)
    if single != word:
        tally["plural", word, single] += 1
    out = ""
    for letter in single:
        if letter in VOWELS:
            tally["vowel", letter, ""] += 1
        else:
            if letter in FOLDS:
                tally["fold", letter, FOLDS[letter]] += 1
            out += FOLDS.get(letter, letter)
    return out
