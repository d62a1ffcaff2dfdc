# SPDX-License-Identifier: MIT
"""Train the consonant restorer on captions and write restorer.bin. The output is deterministic.

    python -m tools.train.restorer CAPTIONS.tsv --out refcodec/consonant_text/data

Word pairs and letter sequences are Kneser-Ney estimates. Feature weights belong to a log-linear (maximum entropy) model
of a word given the surrounding consonants, fitted with Adagrad. Words missing from the captions come from
restorer_words.txt, written for this project, from regular inflections, and from restorer_scowl.txt.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from zlib import crc32

from refcodec.consonant_text.lexicon import (
    END,
    START,
    UNIT,
    Model,
    Ngrams,
    context_key,
    pack,
    sign_key,
)
from refcodec.consonant_text.normalise import VOWELS, singular, skeleton, words
from refcodec.consonant_text.select_words import Ranking
from refcodec.consonant_text.spell import ORDER
from tools import program
from tools.train.consonant import read
from tools.train.restorer_features import article_positions, clue_positions, fit, sign_positions

WORDS = Path(__file__).with_name("restorer_words.txt")
COMMON_WORDS = Path(__file__).with_name("restorer_scowl.txt")
PAIR_DISCOUNT, LETTER_DISCOUNT = 0.85, 0.75
LIST_PAIRS = 0.5  # scale of the costs of word pairs in lists, where the features count for more
SIGN_WEIGHT = 8  # in 1/32: consonant words of less weight are no sign of a sentence or list
SENTENCES = UNIT // 2  # added to the sum of the signs, as sentences lose more where they are taken for a list


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


@lru_cache(maxsize=1)
def common_words() -> Sequence[str]:
    """Return the words of restorer_scowl.txt, in the order of the alphabet."""
    lines = COMMON_WORDS.read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


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
    counts: Counter[str],
    letters: Ngrams,
    *,
    own: bool = True,
    common: bool = True,
    inflect: bool = True,
    plurals: bool = True,
) -> dict[str, str]:
    """Return consonants -> "known words|rarer words", each list sorted by decreasing likelihood.

    own, common, inflect: use restorer_words.txt, restorer_scowl.txt, regular inflections. plurals: list plurals, too.
    """
    rank = {word: r for word, r in own_words().items() if r == 0 or inflect} if own else {}
    if inflect:
        for word in sorted(counts):
            if not word.endswith(("s", "ed", "ing", "ly", "er")) and counts[word] > 1:
                for form in inflections(word, "v"):
                    rank.setdefault(form, 2)
    if common:
        for word in common_words():
            rank.setdefault(word, 3)
    groups: defaultdict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        if plurals or singular(word) == word:
            groups[skeleton(word)][0].append(word)
    for word in sorted(rank, key=lambda word: (rank[word], spelling_cost(word, letters), word)):
        known, rare = groups[skeleton(word)]
        # rule-based forms and words of the list help only where no other word is known for these consonants
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


def singles(counts: Counter[str]) -> Ngrams:
    """Return a unigram model."""
    total, seed = sum(counts.values()), context_key(())
    return Ngrams({crc32(word.encode(), seed): units(count / total) for word, count in counts.items()})


def scaled(costs: Ngrams, factor: float) -> Ngrams:
    """Return n-grams with costs multiplied by a factor."""
    return Ngrams({key: round(cost * factor) for key, cost in costs.costs.items()})


def units(chance: float) -> int:
    """Return the cost of a probability in the units of the model, 1/32 nat."""
    return round(-UNIT * math.log(chance))


# --- The complete model ---


class Learner:
    """Trains the parts of a model separately, so that an ablation can leave one out."""

    def __init__(self, texts: Iterable[str]) -> None:
        # all words, those that leave a consonant, and those that are sent as key words
        texts = list(texts)
        self.sentences = [words(text) for text in texts]
        self.lists = [Ranking(text).words for text in texts]
        self.visible = [[word for word in sentence if skeleton(word)] for sentence in self.sentences]
        self.counts = Counter(word for sentence in self.visible for word in sentence)
        self.letters = ngrams([*sorted(self.counts), *sorted(own_words())], ORDER, LETTER_DISCOUNT)

    def lexicon(
        self, *, own: bool = True, common: bool = True, inflect: bool = True, plurals: bool = True
    ) -> dict[str, str]:
        """Return the lexicon of the texts."""
        return lexicon(self.counts, self.letters, own=own, common=common, inflect=inflect, plurals=plurals)

    def pairs(self) -> Ngrams:
        """Return the word bigram model."""
        return ngrams(self.visible, 2, PAIR_DISCOUNT)

    def key_words(self, entries: Mapping[str, str], *, without: Container[int] = ()) -> tuple[Ngrams, dict[int, int]]:
        """Return the word bigram model and the feature weights of lists of key words."""
        known = {key: value.partition("|")[0].split() for key, value in entries.items()}
        pairs = scaled(ngrams(self.lists, 2, PAIR_DISCOUNT), LIST_PAIRS)
        return pairs, fit(clue_positions(self.lists, known, without=without))

    def signs(self) -> dict[int, int]:
        """Return the weights that distinguish sentences from lists."""
        found = fit(sign_positions(self.visible, self.lists))
        weights = {key: weight for key, weight in found.items() if abs(weight) >= SIGN_WEIGHT}
        return weights | {sign_key(""): found.get(sign_key(""), 0) + SENTENCES}

    def model(self, *, sentences: bool = True) -> Model:
        """Return the complete model. sentences: include the features of sentences, which take most of the time."""
        entries = self.lexicon()
        features = self.features(entries) if sentences else {}
        lists = self.key_words(entries)
        return Model(entries, self.pairs(), self.letters, features, self.articles(), *lists, self.signs())

    def singles(self) -> Ngrams:
        """Return the word unigram model."""
        return singles(self.counts)

    def list_singles(self) -> Ngrams:
        """Return the word unigram model of lists of key words."""
        return scaled(singles(Counter(word for listed in self.lists for word in listed)), LIST_PAIRS)

    def features(self, entries: Mapping[str, str], *, without: Container[int] = (), kinds: int = 3) -> dict[int, int]:
        """Return the feature weights for the known words of a lexicon."""
        known = {key: value.partition("|")[0].split() for key, value in entries.items()}
        return fit(clue_positions(self.visible, known, without=without, kinds=kinds))

    def articles(self) -> dict[int, int]:
        """Return the feature weights for an "a" in a gap."""
        return fit(article_positions(self.sentences))


def train(texts: Iterable[str]) -> Model:
    """Train the restorer on texts."""
    return Learner(texts).model()


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
