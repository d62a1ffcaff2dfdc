# SPDX-License-Identifier: MIT
"""Train the consonant restorer on captions and write restorer.bin. The output is deterministic.

    python -m tools.train.restorer CAPTIONS.tsv --out refcodec/consonant_text/data

Word pairs and letter sequences are Kneser-Ney estimates. Feature weights belong to a log-linear (maximum entropy) model
of a word given the surrounding consonants, fitted with Adagrad. Words missing from the captions come from
restorer_words.txt, written for this project, and from regular inflections.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from refcodec.consonant_text.lexicon import (
    END,
    GENERAL,
    START,
    UNIT,
    Model,
    Ngrams,
    article_keys,
    context_key,
    feature_keys,
    feature_names,
    pack,
)
from refcodec.consonant_text.normalise import VOWELS, singular, skeleton, words
from refcodec.consonant_text.spell import ORDER
from tools import program
from tools.train.consonant import read

WORDS = Path(__file__).with_name("restorer_words.txt")
PAIR_DISCOUNT, LETTER_DISCOUNT = 0.85, 0.75
MIN_OCCURRENCES = 2  # features that support a word less often are dropped
MIN_WEIGHT = 5  # in 1/32: smaller weights, about half of all, are dropped at almost no loss
EPOCHS, BATCHES, RATE = 6, 200, 0.1

Sentences = Sequence[Sequence[str]]
# (feature keys, candidates each as (name, number of feature keys) pairs, index of the correct candidate)
Position = tuple[Sequence[int], Sequence[Sequence[tuple[bytes, int]]], int]


# --- The lexicon ---


@lru_cache(maxsize=1)
def own_words() -> Mapping[str, int]:
    """Return word -> rank: 0 for the words of restorer_words.txt, 1 for their inflections."""
    rank: dict[str, int] = {}
    lines = [line.partition(":") for line in WORDS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for _, _, listed in lines:
        rank.update(dict.fromkeys(listed.split(), 0))
    for kind, _, listed in lines:
        for word in listed.split():
            for form in inflections(word, kind):
                rank.setdefault(form, 1)
    return rank


def inflections(word: str, kind: str) -> list[str]:
    """Return the regular inflections of a noun (n) or verb (v), [] for other kinds."""
    if kind not in ("n", "v") or len(word) < 2:
        return []
    soft = word.endswith("y") and word[-2] not in VOWELS
    plural = word[:-1] + "ies" if soft else word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")
    if kind == "n":
        return [plural]
    if word.endswith("e"):
        return [plural, word[:-1] + "ing", word + "d"]
    stem = word
    if 2 < len(word) < 6 and word[-1] not in "aeiouwxy" and word[-2] in "aeiou" and word[-3] not in "aeiou":
        stem = word + word[-1]
    return [plural, stem + "ing", (word[:-1] + "i" if soft else stem) + "ed"]


def lexicon(
    counts: Counter[str], letters: Ngrams, *, own: bool = True, inflect: bool = True, plurals: bool = True
) -> dict[str, str]:
    """Return consonants -> "known words|rarer words", each list sorted by decreasing likelihood."""
    rank = {word: r for word, r in own_words().items() if r == 0 or inflect} if own else {}
    if inflect:
        for word in sorted(counts):
            if not word.endswith(("s", "ed", "ing", "ly", "er")) and counts[word] > 1:
                for form in inflections(word, "v"):
                    rank.setdefault(form, 2)
    groups: defaultdict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        if plurals or singular(word) == word:
            groups[skeleton(word)][0].append(word)
    for word in sorted(rank, key=lambda word: (rank[word], spelling_cost(word, letters), word)):
        known, rare = groups[skeleton(word)]
        # rule-based forms help only where no other word is known for these consonants
        if word not in counts and (plurals or singular(word) == word) and (rank[word] < 2 or not (known or rare)):
            rare.append(word)
    return {
        key: " ".join(known) + "|" + " ".join(rare) for key, (known, rare) in groups.items() if key and known + rare
    }


def spelling_cost(word: str, letters: Ngrams) -> int:
    """Return the cost of a word under the letter model."""
    padded = START * (ORDER - 1) + word + END
    return sum(letters.cost(tuple(padded[at - ORDER + 1 : at]), padded[at]) for at in range(ORDER - 1, len(padded)))


# --- n-grams ---


def ngrams(samples: Iterable[Sequence[str]], order: int, discount: float) -> Ngrams:
    """Estimate an interpolated Kneser-Ney model of an order; samples are padded with START and END."""
    levels: list[defaultdict[tuple[str, ...], Counter[str]]] = [defaultdict(Counter) for _ in range(order)]
    for sample in samples:
        padded = [START] * (order - 1) + list(sample) + [END]
        for at in range(order - 1, len(padded)):
            levels[-1][tuple(padded[at - order + 1 : at])][padded[at]] += 1
    for longer, shorter in zip(reversed(levels), reversed(levels[:-1]), strict=False):
        for context, counts in longer.items():
            for item in counts:
                shorter[context[1:]][item] += 1
    costs: dict[int, int] = {}
    chances: dict[tuple[tuple[str, ...], str], float] = {}
    for length, level in enumerate(levels):
        for context, counts in level.items():
            total, seed = sum(counts.values()), context_key(context)
            rest = discount * len(counts) / total
            costs[seed] = units(rest)
            for item, count in counts.items():
                shorter_chance = chances.get((context[1:], item), 0.0) if length else 0.0
                chances[context, item] = chance = (count - discount) / total + rest * shorter_chance
                costs[crc32(item.encode(), seed)] = units(chance)
    return Ngrams(costs)


def units(chance: float) -> int:
    """Return the cost of a probability in the units of the model, 1/32 nat."""
    return round(-UNIT * math.log(chance))


# --- Features ---


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


# --- The complete model ---


class Learner:
    """Trains the parts of a model separately, so that an ablation can leave one out."""

    def __init__(self, texts: Iterable[str]) -> None:
        # all words, and those that leave a consonant
        self.sentences = [words(text) for text in texts]
        self.visible = [[word for word in sentence if skeleton(word)] for sentence in self.sentences]
        self.counts = Counter(word for sentence in self.visible for word in sentence)
        self.letters = ngrams([*sorted(self.counts), *sorted(own_words())], ORDER, LETTER_DISCOUNT)

    def lexicon(self, *, own: bool = True, inflect: bool = True, plurals: bool = True) -> dict[str, str]:
        """Return the lexicon of the texts."""
        return lexicon(self.counts, self.letters, own=own, inflect=inflect, plurals=plurals)

    def pairs(self) -> Ngrams:
        """Return the word bigram model."""
        return ngrams(self.visible, 2, PAIR_DISCOUNT)

    def singles(self) -> Ngrams:
        """Return the word unigram model."""
        total, seed = sum(self.counts.values()), context_key(())
        return Ngrams({crc32(word.encode(), seed): units(count / total) for word, count in self.counts.items()})

    def features(self, entries: Mapping[str, str], *, without: Container[int] = (), kinds: int = 3) -> dict[int, int]:
        """Return the feature weights for the known words of a lexicon."""
        known = {key: value.partition("|")[0].split() for key, value in entries.items()}
        return fit(clue_positions(self.visible, known, without=without, kinds=kinds))

    def articles(self) -> dict[int, int]:
        """Return the feature weights for an "a" in a gap."""
        return fit(article_positions(self.sentences))


def train(texts: Iterable[str]) -> Model:
    """Train the restorer on texts."""
    learner = Learner(texts)
    entries = learner.lexicon()
    return Model(entries, learner.pairs(), learner.letters, learner.features(entries), learner.articles())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for restorer.bin")
    arguments = parser.parse_args()
    model = train([text for _, text in read(arguments.captions)])
    data = pack(model)
    (arguments.out / "restorer.bin").write_bytes(data)
    sizes = f"{len(model.lexicon)} consonant words, {len(model.words.costs)} + {len(model.letters.costs)} n-grams"
    print(f"{sizes}, {len(model.features)} + {len(model.articles)} feature weights")
    print(f"restorer.bin: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    raise SystemExit(program.run(main))
