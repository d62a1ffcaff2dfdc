# SPDX-License-Identifier: MIT
"""Restore English from consonant text without a language model: by a lexicon, word pairs, and features of the context.

Each consonant word has a few candidates. Viterbi's algorithm finds the best sequence; its cost is that of its word pairs
minus the weights of the features of its words. All costs are integers in 1/32 of a natural logarithm, so that every
machine restores the same words. Not normative.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from zlib import crc32

from refcodec.consonant_text.lexicon import END, START, UNIT, Model, article_keys, feature_keys, feature_names, shipped
from refcodec.consonant_text.spell import spell

ALTERNATIVES: Final = 4  # other candidates returned for a word
SPELT: Final = 64  # unknown words of a text that are spelt; with more it is not English, and they are kept
CERTAIN: Final = 32 * UNIT  # score of a word without alternatives

Candidate = tuple[str, int]  # a word, and its cost
Steps = list[list[list[int]]]  # [n][i][j]: cost of word j of column n after word i of the column before it
Costs = list[list[int]]  # of each candidate of each word


@dataclass(frozen=True)
class Word:
    """One restored word.

    consonants: the consonants it was restored from, empty for an inserted "a". score: how much likelier the text is, in 1/32
    of a natural logarithm, than with the best alternative (0 and more); CERTAIN without one. alternatives: other
    (word, score), score 0 and less. guess: the lexicon has no such word, and it was spelt from letter n-grams.
    """

    text: str
    consonants: str
    score: int
    guess: bool
    alternatives: tuple[Candidate, ...]


@dataclass(frozen=True)
class Restored:
    """The words of a text, in order."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """Return the words as a line."""
        return " ".join(word.text for word in self.words)


def restore(text: str, model: Model | None = None, *, articles: bool = True) -> Restored:
    """Return the likeliest words of a consonant text: letters and spaces (others count as words that the lexicon lacks).

    articles: insert "a" where it is likely, since words of vowels only leave no consonants.
    """
    known = shipped() if model is None else model
    consonants = text.split()
    words = _choose(consonants, known)
    if not articles:
        return Restored(tuple(words))
    spelt = [word.text for word in words]
    out = []
    for at, word in enumerate(words):
        weight = sum(known.articles.get(key, 0) for key in article_keys(spelt, at))
        if weight > 0:
            out.append(Word("a", "", weight, False, ()))
        out.append(word)
    return Restored(tuple(out))


def _choose(consonants: list[str], model: Model) -> list[Word]:
    """Return the best word for each consonant word, scored against the best sequence through every other one."""
    if not consonants:
        return []
    columns = _columns(consonants, model)
    steps = _steps(columns, model)
    forward, origins = _forward(columns, steps)
    backward = _backward(columns, steps)
    path = _trace_back(forward[-1], backward[-1], origins)
    guesses = [skeleton not in model.lexicon for skeleton in consonants]
    return [
        _scored(skeleton, column, [cost + rest for cost, rest in zip(before, after, strict=True)], chosen, guess)
        for skeleton, column, before, after, chosen, guess in zip(
            consonants, columns, forward, backward, path, guesses, strict=True
        )
    ]


def _columns(consonants: list[str], model: Model) -> list[list[Candidate]]:
    """Return the candidates of each consonant word, at least one; words missing from the lexicon are spelt."""
    columns: list[list[Candidate]] = []
    spelt: dict[str, list[Candidate]] = {}
    for at, skeleton in enumerate(consonants):
        column = _candidates(consonants, at, model)
        if not column:
            if skeleton not in spelt and len(spelt) < SPELT:
                spelt[skeleton] = spell(skeleton, model, ALTERNATIVES + 1)
            column = spelt.get(skeleton, [(skeleton, 0)])
        columns.append(column)
    return columns


def _forward(columns: list[list[Candidate]], steps: Steps) -> tuple[Costs, list[list[int]]]:
    """Return the cost of the best sequence up to each candidate, and the preceding candidate on that sequence."""
    forward = [[cost + step for (_, cost), step in zip(columns[0], steps[0][0], strict=True)]]
    origins: list[list[int]] = []
    for column, table in zip(columns[1:], steps[1:-1], strict=True):
        costs, origin = [], []
        for j, (_, cost) in enumerate(column):
            best, i = min((before + table[i][j], i) for i, before in enumerate(forward[-1]))
            costs.append(best + cost)
            origin.append(i)
        forward.append(costs)
        origins.append(origin)
    return forward, origins


def _backward(columns: list[list[Candidate]], steps: Steps) -> Costs:
    """Return the cost of the best sequence after each candidate."""
    backward = [[row[0] for row in steps[-1]]]
    for column, table in zip(reversed(columns), reversed(steps[1:-1]), strict=False):
        after = [cost + rest for (_, cost), rest in zip(column, backward[-1], strict=True)]
        backward.append([min(step + cost for step, cost in zip(row, after, strict=True)) for row in table])
    backward.reverse()
    return backward


def _trace_back(last: list[int], ends: list[int], origins: list[list[int]]) -> list[int]:
    """Return the candidate of each word on the best sequence. ends: costs after each candidate of the last word."""
    _, chosen = min((cost + rest, i) for i, (cost, rest) in enumerate(zip(last, ends, strict=True)))
    path = [chosen]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    path.reverse()
    return path


def _scored(consonants: str, column: list[Candidate], total: list[int], chosen: int, guess: bool) -> Word:
    """Return the chosen word. total: cost of the best sequence through each candidate."""
    others = sorted((total[i] - total[chosen], word) for i, (word, _) in enumerate(column) if i != chosen)
    score = min(others[0][0], CERTAIN) if others else 0 if guess else CERTAIN
    alternatives = tuple((word, -more) for more, word in others[:ALTERNATIVES])
    return Word(column[chosen][0], consonants, score, guess, alternatives)


def _candidates(consonants: list[str], at: int, model: Model) -> list[Candidate]:
    """Return the words of the lexicon that have these consonants, with their own costs."""
    known, rare = model.candidates(consonants[at])
    keys, features = feature_keys(consonants, at), model.features
    scored = []
    for word in known:
        scored.append(
            (word, -sum(features.get(crc32(name, key), 0) for name, n in feature_names(word) for key in keys[:n]))
        )
    return scored + [(word, 0) for word in rare]  # rarer words have no features


def _steps(columns: list[list[Candidate]], model: Model) -> Steps:
    """Return the costs of all word pairs; the two ends of the text are columns with one entry."""
    ends = [[(START, 0)], *columns, [(END, 0)]]
    known: dict[tuple[str, str], int] = {}

    def cost(a: str, b: str) -> int:
        if (a, b) not in known:
            known[a, b] = model.words.cost((a,), b)
        return known[a, b]

    return [[[cost(a, b) for b, _ in right] for a, _ in left] for left, right in pairwise(ends)]
