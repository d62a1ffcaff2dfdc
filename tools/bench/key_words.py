# SPDX-License-Identifier: MIT
"""Measure the restorer on what the method consonant sends: the key words that the encoder's rules choose.

    python -m tools.bench.key_words CAPTIONS.tsv [--fold 0 … 9] [--quick] [--ablations] [--json OUT]

Trains on the captions of nine tenths of the images and measures those of the others. A text is reduced to its K most
important words as `semtool encode` does without a language model (`select_words.Ranking`), these to consonants, and the
consonants are restored. exact: share of the words that come back; to number: the same, ignoring singular and plural, of
which the encoder sends one form. One caption has few key words; the captions of an image, joined, are a description from
which the encoder has to choose.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from refcodec.consonant_text.lexicon import Model, Ngrams, pack
from refcodec.consonant_text.normalise import normalise, singular, skeleton
from refcodec.consonant_text.restore import restore
from refcodec.consonant_text.select_words import Ranking
from tools.train.consonant import Captions, read, split_captions
from tools.train.restorer import Learner

OF_CAPTIONS, OF_DESCRIPTIONS = (4, 6, 9), (4, 9, 13, 18, 25)  # K
EVERY = 1 << 20  # K of all words

Lists = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Score:
    """Numbers of words: measured, restored exactly, restored up to number."""

    total: int
    exact: int
    number: int

    def __str__(self) -> str:
        exact, number = self.percent
        return f"exact {exact:6.2f} %  to number {number:6.2f} %"

    @property
    def percent(self) -> tuple[float, float]:
        """Return the shares of words restored exactly, and up to number."""
        return 100 * self.exact / max(1, self.total), 100 * self.number / max(1, self.total)


def key_words(texts: Iterable[str], count: int = EVERY) -> list[list[str]]:
    """Return the key words of each text, at most `count` of them, in the order in which they are sent."""
    return [Ranking(text).best(count) for text in texts]


def descriptions(captions: Captions) -> list[str]:
    """Return all captions of each image as one text."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for image, text in captions:
        texts[image].append(text)
    return [". ".join(group) for group in texts.values()]


def score(lists: Lists, restored: Lists) -> Score:
    """Compare lists of words with restored ones of the same lengths."""
    pairs = [pair for one, other in zip(lists, restored, strict=True) for pair in zip(one, other, strict=True)]
    number = sum(singular(one) == singular(other) for one, other in pairs)
    return Score(len(pairs), sum(one == other for one, other in pairs), number)


def by_model(lists: Lists, model: Model) -> Lists:
    """Return the words that a model restores from the consonants of lists of words."""
    texts = [" ".join(map(skeleton, listed)) for listed in lists]
    return [[word.text for word in restore(text, model, articles=False).words] for text in texts]


def commonest(trained: Lists) -> Mapping[str, str]:
    """Return the commonest word of each consonant word in lists; of equally common ones, the last in the alphabet."""
    counts = Counter(word for listed in trained for word in listed)
    ranked = sorted(counts, key=lambda word: (counts[word], word), reverse=True)
    best: dict[str, str] = {}
    for word in ranked:
        best.setdefault(skeleton(word), word)
    return best


def unlisted(lists: Lists, model: Model) -> int:
    """Return the number of words that the lexicon lacks."""
    return sum(
        all(word not in found for found in model.candidates(skeleton(word))) for listed in lists for word in listed
    )


def show(name: str, result: Score) -> Score:
    """Print one line; return the score."""
    print(f"{name:46} {result}", flush=True)
    return result


def bounds(lists: Lists, learner: Learner, model: Model) -> None:
    """Print what a table of words would find, and what no restorer with this lexicon and these words can find."""
    table = commonest(learner.lists)
    show(
        "the commonest word of these consonants",
        score(lists, [[table.get(skeleton(word), "") for word in listed] for listed in lists]),
    )
    total = sum(map(len, lists))
    unseen = sum(word not in learner.counts for listed in lists for word in listed)
    missing = unlisted(lists, model)
    print(f"of {total} words {100 * unseen / total:.2f} % are not in the captions trained on,", end=" ")
    print(f"{100 * missing / total:.2f} % not in the lexicon either")


def by_count(captions: Captions, model: Model) -> None:
    """Print the score of each K, of captions and of descriptions."""
    for name, texts, counts in (
        ("caption", [text for _, text in captions], (*OF_CAPTIONS, EVERY)),
        ("all captions of an image", descriptions(captions), OF_DESCRIPTIONS),
    ):
        for count in counts:
            lists = key_words(texts, count)
            label = f"{name}, {'all' if count == EVERY else f'K = {count}'} ({sum(map(len, lists))} words)"
            show(label, score(lists, by_model(lists, model)))


def ablations(lists: Lists, learner: Learner, model: Model) -> None:
    """Print the score without each part of the model."""
    none = Ngrams({})
    singles = learner.list_singles()
    for name, part in (
        ("statistics of lists (those of sentences)", replace(model, signs={})),
        ("features", replace(model, key_features={})),
        ("word pairs (features only)", replace(model, key_words=none)),
        ("word pairs (features and single words)", replace(model, key_words=singles)),
        ("both (single words)", replace(model, key_words=singles, key_features={})),
    ):
        show(f"without {name}", score(lists, by_model(lists, part)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path, metavar="CAPTIONS.tsv")
    parser.add_argument("--fold", type=int, default=0, help="number of the tenth of images to hold out, 0 to 9")
    parser.add_argument("--quick", action="store_true", help="measure nothing but the key words of the captions")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write that figure to this file, too")
    parser.add_argument("--ablations", action="store_true", help="measure the model without each of its parts, too")
    arguments = parser.parse_args()
    known, unknown = split_captions(read(arguments.captions), arguments.fold)
    start = time.process_time()
    learner = Learner([text for _, text in known])
    model = learner.model()
    print(f"trained on {len(known)} captions in {time.process_time() - start:.0f} s, {len(pack(model))} bytes packed")
    texts = [text for _, text in unknown]
    lists = key_words(texts)
    sentences = sum(model.suited(normalise(text).consonants.text.split()) is model for text in texts)
    mistaken = sum(model.suited(list(map(skeleton, listed))) is model for listed in lists)
    print(f"of {len(texts)} held-out captions {sentences} count as sentences; of their key words {mistaken} do")
    start = time.process_time()
    found = show("key words of held-out captions", score(lists, by_model(lists, model)))
    print(f"{(time.process_time() - start) / max(1, len(lists)) * 1000:.1f} ms per caption")
    if arguments.json is not None:
        figures = dict(zip(("exact", "to_number"), found.percent, strict=True))
        arguments.json.write_text(json.dumps({"words": found.total, **figures}, indent=1) + "\n")
    if not arguments.quick:
        bounds(lists, learner, model)
        by_count(unknown, model)
    if arguments.ablations:
        ablations(lists, learner, model)


if __name__ == "__main__":
    main()
