# SPDX-License-Identifier: MIT
"""Fit the restorer's feature weights: a log-linear (maximum entropy) model of a word given the surrounding consonants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from refcodec.consonant_text.lexicon import GENERAL, UNIT, article_keys, feature_keys, feature_names, sign_keys
from refcodec.consonant_text.normalise import skeleton

MIN_OCCURRENCES = 2  # features that support a word less often are dropped
MIN_WEIGHT = 5  # in 1/32: smaller weights, about half of all, are dropped at almost no loss
EPOCHS, BATCHES, RATE = 6, 200, 0.1

Sentences = Sequence[Sequence[str]]

# (feature keys, candidates each as (name, number of feature keys) pairs, index of the correct candidate)
Position = tuple[Sequence[int], Sequence[Sequence[tuple[bytes, int]]], int]


def fit(positions: Sequence[Position], epochs: int = EPOCHS) -> dict[int, int]:
    """Fit the weights, in 1/32, that maximise the likelihood of the correct candidates; rare features are dropped."""
    seen: Counter[int] = Counter()
    for keys, candidates, correct in positions:
        seen.update(_weights_of(keys, candidates[correct]))
    number = {key: n for n, key in enumerate((key for key, count in seen.items() if count >= MIN_OCCURRENCES), 1)}
    rows, sizes, gold = [], [], []
    for keys, candidates, correct in positions:
        for i, candidate in enumerate(candidates):
            rows.append([number[key] for key in _weights_of(keys, candidate) if key in number])
            gold.append(i == correct)
        sizes.append(len(candidates))
    weights = _adagrad(rows, np.array(sizes), np.array(gold, np.float64), len(number) + 1, epochs)
    scaled = np.clip(np.rint(weights * UNIT), -127, 127).astype(int).tolist()
    return {key: scaled[n] for key, n in number.items() if abs(scaled[n]) >= MIN_WEIGHT}


def _weights_of(keys: Sequence[int], candidate: Sequence[tuple[bytes, int]]) -> Iterator[int]:
    """Yield the weight keys of a candidate; each of its names uses the first `count` feature keys."""
    for name, count in candidate:
        for key in keys[:count]:
            yield crc32(name, key)


def _adagrad(rows: list[list[int]], sizes: Any, gold: Any, count: int, epochs: int) -> Any:
    """Return weights float64[count], averaged over the later half of the epochs to reduce overfitting.

    rows: weight numbers of each candidate, the candidates of a position in sequence. sizes: candidates per position.
    gold: 1.0 for correct candidates.
    """
    table = np.zeros((len(rows), max(map(len, rows), default=1)), np.int32)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    first = np.concatenate([[0], np.cumsum(sizes)])
    weights, squares = np.zeros(count), np.full(count, 1e-2)
    mean = np.zeros(count)
    rng = np.random.default_rng(1)
    for epoch in range(epochs):
        for batch in np.array_split(rng.permutation(len(sizes)), min(BATCHES, len(sizes))):
            index = np.concatenate([np.arange(first[i], first[i + 1]) for i in batch])
            length = sizes[batch]
            start = np.concatenate([[0], np.cumsum(length)[:-1]])
            used = table[index]
            score = weights[used].sum(1)
            score = np.exp(score - np.repeat(np.maximum.reduceat(score, start), length))
            error = score / np.repeat(np.add.reduceat(score, start), length) - gold[index]
            change = np.bincount(used.ravel(), np.repeat(error, used.shape[1]), minlength=count)
            at = np.flatnonzero(change)
            at = at[at > 0]  # number 0 is padding
            slope = change[at]
            squares[at] += slope * slope
            weights[at] -= RATE * slope / np.sqrt(squares[at])
            if epoch >= epochs // 2:
                mean += weights
    return mean / ((epochs - epochs // 2) * min(BATCHES, len(sizes)))


def clue_positions(
    sentences: Sentences, known: Mapping[str, Sequence[str]], *, without: Container[int] = (), kinds: int = 3
) -> list[Position]:
    """Return a position for every word whose consonants have several candidates.

    without: indices of feature keys to leave out. kinds: how many of the names of a candidate to use.
    """
    out: list[Position] = []
    for sentence in sentences:
        consonants = [skeleton(word) for word in sentence]
        for at, word in enumerate(sentence):
            candidates = known.get(consonants[at], [])
            if len(candidates) < 2 or word not in candidates:
                continue
            keys = [key for i, key in enumerate(feature_keys(consonants, at)) if i not in without]
            general = sum(i not in without for i in range(GENERAL))
            named = [
                [(name, general if n == GENERAL else n) for name, n in feature_names(c)[:kinds]] for c in candidates
            ]
            out.append((keys, named, candidates.index(word)))
    return out


def article_positions(sentences: Sentences) -> list[Position]:
    """Return a position for every gap between words, with the candidates no "a" and "a"; other vowel-only words are removed."""
    out: list[Position] = []
    for sentence in sentences:
        kept = [word for word in sentence if skeleton(word) or word == "a"]
        gaps: list[int] = []
        plain: list[str] = []
        for word in kept:
            if word == "a":
                gaps.append(len(plain))
            else:
                plain.append(word)
        for gap in range(len(plain)):
            keys = article_keys(plain, gap)
            out.append((keys, [[(b"", 0)], [(b"", len(keys))]], int(gap in gaps)))
    return out


def sign_positions(sentences: Sentences, lists: Sentences) -> list[Position]:
    """Return a position for every sentence and list of words, with the candidates list and sentence."""
    out: list[Position] = []
    for correct, texts in enumerate((lists, sentences)):
        for text in texts:
            keys = sign_keys([skeleton(word) for word in text])
            out.append((keys, [[(b"", 0)], [(b"", len(keys))]], correct))
    return out
