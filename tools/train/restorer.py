# SPDX-License-Identifier: MIT
"""What the restorer knows, counted and fitted on captions: CAPTIONS.tsv → restorer.bin, the same bytes each run.

    python -m tools.train.restorer CAPTIONS.tsv --out refcodec/consonant_text/data

Word pairs and letters are Kneser-Ney estimates. The weights of clues are those of a log-linear model (maximum entropy)
of a word given the consonants around it, fitted with Adagrad. Words that the captions lack come from
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
    clue_keys,
    context_key,
    names,
    pack,
)
from refcodec.consonant_text.normalise import VOWELS, singular, skeleton, words
from refcodec.consonant_text.spell import ORDER
from tools.train.consonant import read

WORDS = Path(__file__).with_name("restorer_words.txt")
PAIR_DISCOUNT, LETTER_DISCOUNT = 0.85, 0.75
CLUES_AT_LEAST = 2  # a clue that speaks for a word less often is left out
SMALLEST = 5  # so is one with a weight below this many 1/32: half of them, and hardly anything is lost
EPOCHS, BATCHES, RATE = 6, 200, 0.1

Sentences = Sequence[Sequence[str]]
# (keys of the clues, candidate readings each as the names its weights stand under, the right one)
Position = tuple[Sequence[int], Sequence[Sequence[tuple[bytes, int]]], int]


# --- The lexicon ---


@lru_cache(maxsize=1)
def own_words() -> Mapping[str, int]:
    """The words of restorer_words.txt, 0 each, and their inflections, 1 each."""
    rank: dict[str, int] = {}
    lines = [line.partition(":") for line in WORDS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for _, _, found in lines:
        rank.update(dict.fromkeys(found.split(), 0))
    for kind, _, found in lines:
        for word in found.split():
            for form in inflections(word, kind):
                rank.setdefault(form, 1)
    return rank


def inflections(word: str, kind: str) -> list[str]:
    """The regular forms of a noun (n) or verb (v); none for other kinds."""
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
    """Consonants → known words, a bar, rarer words, the likelier ones first."""
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
    for word in sorted(rank, key=lambda word: (rank[word], sound(word, letters), word)):
        known, rare = groups[skeleton(word)]
        # what rules make of words is a help where nothing else is known, and in the way where something is
        if word not in counts and (plurals or singular(word) == word) and (rank[word] < 2 or not (known or rare)):
            rare.append(word)
    return {
        key: " ".join(known) + "|" + " ".join(rare) for key, (known, rare) in groups.items() if key and known + rare
    }


def sound(word: str, letters: Ngrams) -> int:
    """Cost of a word by its letters."""
    whole = START * (ORDER - 1) + word + END
    return sum(letters.cost(tuple(whole[at - ORDER + 1 : at]), whole[at]) for at in range(ORDER - 1, len(whole)))


# --- n-grams ---


def ngrams(samples: Iterable[Sequence[str]], order: int, discount: float) -> Ngrams:
    """Interpolated Kneser-Ney of an order; each sample is run through from START to END."""
    levels: list[defaultdict[tuple[str, ...], Counter[str]]] = [defaultdict(Counter) for _ in range(order)]
    for sample in samples:
        whole = [START] * (order - 1) + list(sample) + [END]
        for at in range(order - 1, len(whole)):
            levels[-1][tuple(whole[at - order + 1 : at])][whole[at]] += 1
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
    return round(-UNIT * math.log(chance))


# --- Clues ---


def fit(positions: Sequence[Position], epochs: int = EPOCHS) -> dict[int, int]:
    """The weights, in 1/32, that make the right readings likely; keys that never speak for a right one have none."""
    seen: Counter[int] = Counter()
    for keys, readings, right in positions:
        seen.update(_weights_of(keys, readings[right]))
    number = {key: n for n, key in enumerate((key for key, count in seen.items() if count >= CLUES_AT_LEAST), 1)}
    rows, sizes, gold = [], [], []
    for keys, readings, right in positions:
        for i, reading in enumerate(readings):
            rows.append([number[key] for key in _weights_of(keys, reading) if key in number])
            gold.append(i == right)
        sizes.append(len(readings))
    weights = _adagrad(rows, np.array(sizes), np.array(gold, np.float64), len(number) + 1, epochs)
    scaled = np.clip(np.rint(weights * UNIT), -127, 127).astype(int).tolist()
    return {key: scaled[n] for key, n in number.items() if abs(scaled[n]) >= SMALLEST}


def _weights_of(keys: Sequence[int], reading: Sequence[tuple[bytes, int]]) -> Iterator[int]:
    """The keys of all weights that speak of a reading; each of its names has the first so many clues."""
    for name, count in reading:
        for key in keys[:count]:
            yield crc32(name, key)


def _adagrad(rows: list[list[int]], sizes: Any, gold: Any, count: int, epochs: int) -> Any:
    """float64[count], the mean over the later half of the epochs, which keeps the weights from fitting too closely.

    rows: numbers of the weights of each reading, the readings of a position one after another.
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
            at = at[at > 0]  # number 0 fills the rows up
            slope = change[at]
            squares[at] += slope * slope
            weights[at] -= RATE * slope / np.sqrt(squares[at])
            if epoch >= epochs // 2:
                mean += weights
    return mean / ((epochs - epochs // 2) * min(BATCHES, len(sizes)))


def clue_positions(
    sentences: Sentences, known: Mapping[str, Sequence[str]], *, without: Container[int] = (), kinds: int = 3
) -> list[Position]:
    """Every word that its consonants leave open. Left out: the clues `without`, by place; all but the first `kinds` of `names`."""
    out: list[Position] = []
    for sentence in sentences:
        consonants = [skeleton(word) for word in sentence]
        for at, word in enumerate(sentence):
            candidates = known.get(consonants[at], [])
            if len(candidates) < 2 or word not in candidates:
                continue
            keys = [key for i, key in enumerate(clue_keys(consonants, at)) if i not in without]
            general = sum(i not in without for i in range(GENERAL))
            readings = [[(name, general if n == GENERAL else n) for name, n in names(c)[:kinds]] for c in candidates]
            out.append((keys, readings, candidates.index(word)))
    return out


def article_positions(sentences: Sentences) -> list[Position]:
    """Every gap between words, with and without an "a" in it; other words that vanish are left out."""
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


# --- All of it ---


class Learner:
    """The parts of a model of some texts, so that one can be left out to see what it is worth."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.sentences = [words(text) for text in texts]
        self.whole = [[word for word in sentence if skeleton(word)] for sentence in self.sentences]
        self.counts = Counter(word for sentence in self.whole for word in sentence)
        self.letters = ngrams([*sorted(self.counts), *sorted(own_words())], ORDER, LETTER_DISCOUNT)

    def lexicon(self, *, own: bool = True, inflect: bool = True, plurals: bool = True) -> dict[str, str]:
        return lexicon(self.counts, self.letters, own=own, inflect=inflect, plurals=plurals)

    def pairs(self) -> Ngrams:
        return ngrams(self.whole, 2, PAIR_DISCOUNT)

    def singles(self) -> Ngrams:
        """Costs of words by themselves."""
        total, seed = sum(self.counts.values()), context_key(())
        return Ngrams({crc32(word.encode(), seed): units(count / total) for word, count in self.counts.items()})

    def clues(self, found: Mapping[str, str], *, without: Container[int] = (), kinds: int = 3) -> dict[int, int]:
        known = {key: value.partition("|")[0].split() for key, value in found.items()}
        return fit(clue_positions(self.whole, known, without=without, kinds=kinds))

    def articles(self) -> dict[int, int]:
        return fit(article_positions(self.sentences))


def train(texts: Iterable[str]) -> Model:
    """The model of these texts."""
    learner = Learner(texts)
    found = learner.lexicon()
    return Model(found, learner.pairs(), learner.letters, learner.clues(found), learner.articles())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder that restorer.bin is written to")
    arguments = parser.parse_args()
    model = train([text for _, text in read(arguments.captions)])
    data = pack(model)
    (arguments.out / "restorer.bin").write_bytes(data)
    sizes = f"{len(model.lexicon)} consonant words, {len(model.words.costs)} + {len(model.letters.costs)} n-grams"
    print(f"{sizes}, {len(model.clues)} + {len(model.articles)} clues")
    print(f"restorer.bin: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
