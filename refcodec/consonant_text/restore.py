# SPDX-License-Identifier: MIT
"""Restore English from consonant text without a language model: by a lexicon, word pairs, and features of the context.

Each consonant word has a few candidates. Viterbi's algorithm finds the best sequence; its cost is that of its word pairs
minus the weights of the features of its words. Sentences and lists of key words have statistics of their own. All costs
are integers in 1/32 of a natural logarithm, so that every machine restores the same words. Not normative.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from operator import add
from typing import Final
from zlib import crc32

from refcodec.consonant_text.lexicon import (
    END,
    GENERAL,
    START,
    UNIT,
    Model,
    article_keys,
    feature_keys,
    feature_names,
    shipped,
)
from refcodec.consonant_text.spell import spell
from refcodec.limits import NONE, Limits
from refcodec.progress import Progress, part

ALTERNATIVES: Final = 4  # other candidates returned for a word
SPELT: Final = 64  # unknown words of a text that are spelt; with more it is not English, and they are kept
CACHED: Final = 1 << 17  # features of consonant words that are kept
WEIGHED: Final = (
    1 << 19
)  # weights that are looked up for one text; further features count as 0, so that none takes long
REPORTED: Final = 32  # words between two reports of the progress
CERTAIN: Final = 32 * UNIT  # score of a word without alternatives
MODEL_BYTES: Final = 88 << 20  # memory of the shipped model
PAIR_BYTES, CANDIDATE_BYTES, WORD_BYTES = 115, 230, 700  # of a pair of candidates, a candidate, a word: measured

Candidate = tuple[str, int]  # a word, and its cost
Steps = list[list[list[int]]]  # [n][j][i]: cost of word j of column n after word i of the column before it
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


def restore(
    text: str,
    model: Model | None = None,
    *,
    articles: bool = True,
    progress: Progress | None = None,
    limits: Limits = NONE,
) -> Restored:
    """Return the likeliest words of a consonant text: letters and spaces (others count as words that the lexicon lacks).

    articles: insert "a" where it is likely, since words of vowels only leave no consonants. Time and memory are linear in
    the text; progress: called every few words. Raises MemoryLimitError before it would take more memory than `limits` allow.
    """
    if model is None and not shipped.cache_info().currsize:
        limits.check_memory(MODEL_BYTES, "the lexicon of words")
    known = shipped() if model is None else model
    consonants = text.split()
    limits.check_memory(_memory(consonants, known), "restoring its words")
    words = _choose(consonants, known.suited(consonants), progress)
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


def _choose(consonants: list[str], model: Model, progress: Progress | None) -> list[Word]:
    """Return the best word for each consonant word, scored against the best sequence through every other one."""
    if not consonants:
        return []
    columns = _columns(consonants, model, part(progress, 0, 0.5))
    steps = _steps(consonants, columns, model, part(progress, 0.5, 0.7))
    forward, origins = _forward(columns, steps, part(progress, 0.7, 0.85))
    backward = _backward(columns, steps, part(progress, 0.85, 1))
    path = _trace_back(forward[-1], backward[-1], origins)
    guesses = [skeleton not in model.lexicon for skeleton in consonants]
    return [
        _scored(skeleton, column, [cost + rest for cost, rest in zip(before, after, strict=True)], chosen, guess)
        for skeleton, column, before, after, chosen, guess in zip(
            consonants, columns, forward, backward, path, guesses, strict=True
        )
    ]


def _memory(consonants: list[str], model: Model) -> int:
    """Return the bytes that restoring these words takes, beside the model."""
    counts = {skeleton: max(1, sum(map(len, model.candidates(skeleton)))) for skeleton in set(consonants)}
    pairs = sum(counts[a] * counts[b] for a, b in set(pairwise(consonants)))
    candidates = sum(counts[skeleton] for skeleton in consonants)
    return PAIR_BYTES * pairs + CANDIDATE_BYTES * candidates + WORD_BYTES * len(consonants)


def _report(progress: Progress | None, done: int, count: int) -> None:
    if progress is not None and done % REPORTED == 0:
        progress(done / count)


def _columns(consonants: list[str], model: Model, progress: Progress | None) -> list[list[Candidate]]:
    """Return the candidates of each consonant word, at least one; words missing from the lexicon are spelt."""
    columns: list[list[Candidate]] = []
    spelt: dict[str, list[Candidate]] = {}
    weights = FeatureWeights(model)
    for at, skeleton in enumerate(consonants):
        column = _candidates(consonants, at, model, weights)
        if not column:
            if skeleton not in spelt and len(spelt) < SPELT:
                spelt[skeleton] = spell(skeleton, model, ALTERNATIVES + 1)
            column = spelt.get(skeleton, [(skeleton, 0)])
        columns.append(column)
        _report(progress, at, len(consonants))
    return columns


def _forward(columns: list[list[Candidate]], steps: Steps, progress: Progress | None) -> tuple[Costs, list[list[int]]]:
    """Return the cost of the best sequence up to each candidate, and the preceding candidate on that sequence."""
    forward = [[cost + step for (_, cost), (step,) in zip(columns[0], steps[0], strict=True)]]
    origins: list[list[int]] = []
    for at, (column, table) in enumerate(zip(columns[1:], steps[1:-1], strict=True)):
        costs, origin, before = [], [], forward[-1]
        for (_, cost), arriving in zip(column, table, strict=True):
            totals = list(map(add, before, arriving))
            best = min(totals)
            costs.append(best + cost)
            origin.append(totals.index(best))
        forward.append(costs)
        origins.append(origin)
        _report(progress, at, len(columns))
    return forward, origins


def _backward(columns: list[list[Candidate]], steps: Steps, progress: Progress | None) -> Costs:
    """Return the cost of the best sequence after each candidate."""
    (last,) = steps[-1]
    backward = [last]
    for at, (column, table) in enumerate(zip(reversed(columns), reversed(steps[1:-1]), strict=False)):
        after = [cost + rest for (_, cost), rest in zip(column, backward[-1], strict=True)]
        backward.append([min(map(add, leaving, after)) for leaving in zip(*table, strict=True)])
        _report(progress, at, len(columns))
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


def _candidates(consonants: list[str], at: int, model: Model, weights: FeatureWeights) -> list[Candidate]:
    """Return the words of the lexicon that have these consonants, with their own costs."""
    known, rare = model.candidates(consonants[at])
    totals = weights.sums(consonants[at], known, feature_keys(consonants, at))
    return [(word, -total) for word, total in zip(known, totals, strict=True)] + [
        (word, 0)
        for word in rare  # rarer words have no features
    ]


class FeatureWeights:
    """Weights of the features of a model, by consonant word and feature. They recur in a text, and most are 0."""

    def __init__(self, model: Model) -> None:
        self._features, self._left = model.features, WEIGHED
        self._known: dict[tuple[str, int, bool], tuple[int, ...] | None] = {}

    def sums(self, consonants: str, words: list[str], keys: list[int]) -> list[int]:
        """Return the sum of the weights of each word over the features `keys`, the first GENERAL of which are general."""
        totals = [0] * len(words)
        for at, key in enumerate(keys):
            entry = (consonants, key, at < GENERAL)
            if entry not in self._known:
                if len(self._known) >= CACHED:
                    self._known.clear()
                self._known[entry] = self._weights(words, key, at)
            weights = self._known[entry]
            if weights is not None:
                totals = list(map(add, totals, weights))
        return totals

    def _weights(self, words: list[str], key: int, at: int) -> tuple[int, ...] | None:
        """Return the weight of feature number `at` for each word, None if all are 0, or WEIGHED is exhausted."""
        self._left -= len(words)
        if self._left < 0:
            return None
        get = self._features.get
        weights = tuple(sum(get(crc32(name, key), 0) for name, n in feature_names(word) if at < n) for word in words)
        return weights if any(weights) else None


def _steps(consonants: list[str], columns: list[list[Candidate]], model: Model, progress: Progress | None) -> Steps:
    """Return the costs of all word pairs; the two ends of the text are columns with one entry.

    Neighbours that occur again have the same table.
    """
    ends = [[(START, 0)], *columns, [(END, 0)]]
    names = [START, *consonants, END]
    tables: dict[tuple[str, str], list[list[int]]] = {}
    known: dict[tuple[str, str], int] = {}

    def cost(a: str, b: str) -> int:
        if (a, b) not in known:
            known[a, b] = model.words.cost((a,), b)
        return known[a, b]

    steps = []
    for at, (pair, (left, right)) in enumerate(zip(pairwise(names), pairwise(ends), strict=True)):
        if pair not in tables:
            tables[pair] = [[cost(a, b) for a, _ in left] for b, _ in right]
        steps.append(tables[pair])
        _report(progress, at, len(names))
    return steps
