# SPDX-License-Identifier: MIT
"""Consonant text back into English without a language model: a lexicon, word pairs, and clues from the consonants around.

Each consonant word has a few words that could have left it. The best sequence is found by Viterbi's algorithm; what a
reading costs is the cost of its word pairs less the weights of the clues that speak for its words. All costs are
integers in 1/32 of a natural logarithm, so that every machine restores the same words. Nothing here is normative.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from zlib import crc32

from refcodec.consonant_text.lexicon import END, START, UNIT, Model, article_keys, clue_keys, names, shipped
from refcodec.consonant_text.spell import spell

ALTERNATIVES: Final = 4  # other readings given for a word
SPELT: Final = 64  # unknown words of one text that are spelt; more are no text, and stay as they are
CERTAIN: Final = 32 * UNIT  # score of a word that is the only one known

Reading = tuple[str, int]  # a word, and its cost
Steps = list[list[list[int]]]  # [n][i][j]: cost of word j of column n after word i of the column before it
Costs = list[list[int]]  # of each reading of each word


@dataclass(frozen=True)
class Word:
    """One restored word.

    consonants: what it was restored from, empty for an "a" that was put in. score: by how much, in 1/32 of a natural
    logarithm, the text is likelier with this word than with the best other one (0 and more); CERTAIN where there is
    none. alternatives: (word, score) of others, score 0 and less. guess: no word of the lexicon fits, it is spelt by ear.
    """

    text: str
    consonants: str
    score: int
    guess: bool
    alternatives: tuple[Reading, ...]


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

    articles: put in "a" where it is likely; words of vowels only leave no consonants, so they can only be guessed.
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


def _columns(consonants: list[str], model: Model) -> list[list[Reading]]:
    """Return the readings of each consonant word, one or more; words that the lexicon lacks are spelt by ear."""
    columns: list[list[Reading]] = []
    spelt: dict[str, list[Reading]] = {}
    for at, skeleton in enumerate(consonants):
        column = _readings(consonants, at, model)
        if not column:
            if skeleton not in spelt and len(spelt) < SPELT:
                spelt[skeleton] = spell(skeleton, model, ALTERNATIVES + 1)
            column = spelt.get(skeleton, [(skeleton, 0)])
        columns.append(column)
    return columns


def _forward(columns: list[list[Reading]], steps: Steps) -> tuple[Costs, list[list[int]]]:
    """Return the cost of the best sequence up to each reading, and the reading before it on that sequence."""
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


def _backward(columns: list[list[Reading]], steps: Steps) -> Costs:
    """Return the cost of the best sequence after each reading."""
    backward = [[row[0] for row in steps[-1]]]
    for column, table in zip(reversed(columns), reversed(steps[1:-1]), strict=False):
        after = [cost + rest for (_, cost), rest in zip(column, backward[-1], strict=True)]
        backward.append([min(step + cost for step, cost in zip(row, after, strict=True)) for row in table])
    backward.reverse()
    return backward


def _trace_back(last: list[int], ends: list[int], origins: list[list[int]]) -> list[int]:
    """Return the reading of each word on the best sequence; `ends`: the costs after each reading of the last word."""
    _, chosen = min((cost + rest, i) for i, (cost, rest) in enumerate(zip(last, ends, strict=True)))
    path = [chosen]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    path.reverse()
    return path


def _scored(consonants: str, column: list[Reading], total: list[int], chosen: int, guess: bool) -> Word:
    """Return the chosen word; `total`: the cost of the best sequence through each reading."""
    others = sorted((total[i] - total[chosen], word) for i, (word, _) in enumerate(column) if i != chosen)
    score = min(others[0][0], CERTAIN) if others else 0 if guess else CERTAIN
    alternatives = tuple((word, -more) for more, word in others[:ALTERNATIVES])
    return Word(column[chosen][0], consonants, score, guess, alternatives)


def _readings(consonants: list[str], at: int, model: Model) -> list[Reading]:
    """Return the words that have these consonants with their own costs; none if the lexicon has no such word."""
    known, rare = model.readings(consonants[at])
    keys, clues = clue_keys(consonants, at), model.clues
    found = []
    for word in known:
        found.append((word, -sum(clues.get(crc32(name, key), 0) for name, n in names(word) for key in keys[:n])))
    return found + [(word, 0) for word in rare]  # the model knows only their letters


def _steps(columns: list[list[Reading]], model: Model) -> Steps:
    """Return the costs of all word pairs; both ends of the text are columns of one."""
    ends = [[(START, 0)], *columns, [(END, 0)]]
    known: dict[tuple[str, str], int] = {}

    def cost(a: str, b: str) -> int:
        found = known.get((a, b))
        if found is None:
            found = known[a, b] = model.words.cost((a,), b)
        return found

    return [[[cost(a, b) for b, _ in right] for a, _ in left] for left, right in pairwise(ends)]
