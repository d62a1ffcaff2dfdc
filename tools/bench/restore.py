# SPDX-License-Identifier: MIT
"""Measure the share of words that the restorer recovers: train on captions of 90 % of the images, test on the others.

    python -m tools.bench.restore CAPTIONS.tsv [--quick] [--fold 0 … 9] [--json OUT]

exact: share of the words with a consonant that are restored exactly (lower case, no punctuation, digits spelt out).
to number: the same, ignoring singular and plural (`normalise.singular`). all: share of all words, including those of
vowels only, that are in the longest common subsequence with the restored text. These are whole captions, with their function
words; tools/bench/key_words.py measures what the method consonant sends.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from refcodec.consonant_text.lexicon import Model, pack
from refcodec.consonant_text.normalise import normalise, singular, skeleton, words
from refcodec.consonant_text.restore import restore
from tools.train.consonant import key_words, read, split
from tools.train.restorer import Learner

# Written for this benchmark, with the vocabulary of travel and science texts.
TRAVEL = (
    "The old harbour lies at the end of a narrow valley. We arrived early in the morning, when fishermen were selling their "
    "catch from small wooden boats, and walked along the quay towards the market. Merchants offered olives, fresh bread, "
    "spices and painted bowls. Behind the cathedral a steep path climbs between stone walls to a ruined fortress, and from "
    "its highest tower you can see the whole coast. In the afternoon the wind grew stronger and heavy clouds came over the "
    "mountains, so we waited in a quiet cafe until the rain had passed. Our train left at seven in the evening. Tomorrow we "
    "will cross the border and visit the lakes, where the hotels are cheaper and the water is said to be warm."
)
SCIENCE = (
    "A comet is a lump of ice and dust that moves around the sun on a long, stretched orbit. Far away it is dark and frozen. "
    "As it comes closer, sunlight heats its surface, the ice turns into gas, and the gas carries dust into space. Pressure "
    "from the light pushes this dust away from the sun, so the tail always points outwards, even when the comet is leaving. "
    "Astronomers study comets because they have hardly changed since the planets formed. Probes have measured their mass, "
    "their temperature and the chemistry of the grains, and one small robot has even landed on a nucleus. Some of these "
    "bodies return every few years; others need thousands of years for a single turn, and many are seen only once."
)

# Indices in `feature_keys`
FAR = frozenset({3, 4, 5, 6})  # single neighbours two and three words away
JOINT = frozenset(range(7, 14))  # pairs and triples of neighbours
TOPIC = range(14, 100)  # nearby words in any order


def measure(texts: Sequence[str], model: Model, *, articles: bool = False) -> tuple[int, int, int, int, int]:
    """Return counts (words with a consonant, exact, exact to number, all words, recovered of all words)."""
    total = exact = number = everything = recovered = 0
    for text in texts:
        original = words(text)
        kept = [word for word in original if skeleton(word)]
        restored = restore(normalise(text).consonants.text, model, articles=articles)
        back = [word.text for word in restored.words if word.consonants]
        total += len(kept)
        exact += sum(a == b for a, b in zip(kept, back, strict=True))
        number += sum(singular(a) == singular(b) for a, b in zip(kept, back, strict=True))
        if articles:
            everything += len(original)
            recovered += common(original, [word.text for word in restored.words])
    return total, exact, number, everything, recovered


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for a in one:
        last = 0
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], last + 1 if a == b else max(row[j], row[j - 1])
    return row[-1]


def show(name: str, texts: Sequence[str], model: Model, *, articles: bool = False) -> dict[str, float]:
    """Measure a model on texts and print one line; return its shares in percent."""
    total, exact, number, everything, recovered = measure(texts, model, articles=articles)
    share = f"  all {100 * recovered / everything:5.1f} %" if everything else ""
    print(f"{name:46} exact {100 * exact / total:6.2f} %  to number {100 * number / total:6.2f} %{share}", flush=True)
    return {"words": total, "exact": 100 * exact / total, "to_number": 100 * number / total}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--quick", action="store_true", help="measure the complete model only, without ablations")
    parser.add_argument("--json", type=Path, help="write the figures of the complete model to this file, too")
    parser.add_argument("--fold", type=int, default=0, help="number of the tenth of images to hold out, 0 to 9")
    arguments = parser.parse_args()
    known, unknown = split(read(arguments.captions), arguments.fold)
    start = time.monotonic()
    learner = Learner(known)
    model = learner.model()
    entries = model.lexicon
    tested = [word for text in unknown for word in words(text) if skeleton(word)]
    unseen = sum(word not in learner.counts for word in tested)
    print(f"trained on {len(known)} captions in {time.monotonic() - start:.0f} s, {len(pack(model))} bytes packed")
    print(
        f"held out: {len(unknown)} captions, {len(tested)} words with a consonant, {unseen} of them unseen in training"
    )
    start = time.monotonic()
    result = {"captions": show("complete model", unknown, model, articles=True)}
    print(f"{(time.monotonic() - start) / len(unknown) * 1000:.1f} ms per caption")
    result["without function words"] = show("the same without function words", key_words(unknown), model)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    show("travel text", [TRAVEL], model, articles=True)
    show("science text", [SCIENCE], model, articles=True)
    for text in (TRAVEL, SCIENCE):
        print(" ", restore(normalise(text).consonants.text, model).text)
    if arguments.quick:
        return
    print("without:")
    show("features (word pairs only)", unknown, replace(model, features={}))
    show("word pairs (features and single words)", unknown, replace(model, words=learner.singles()))
    show("both (always the most frequent word)", unknown, replace(model, words=learner.singles(), features={}))
    for name, without in (
        ("the topic", TOPIC),
        ("distant neighbours, single", FAR),
        ("pairs and triples of neighbours", JOINT),
    ):
        show(name, unknown, replace(model, features=learner.features(entries, without=without)))
    show("word classes", unknown, replace(model, features=learner.features(entries, kinds=2)))
    show("word classes and singulars", unknown, replace(model, features=learner.features(entries, kinds=1)))
    show(
        "words missing from the captions",
        unknown,
        replace(model, lexicon=learner.lexicon(own=False, common=False, inflect=False)),
    )
    show("words of the list of SCOWL", unknown, replace(model, lexicon=learner.lexicon(common=False)))
    show("inflections of known words", unknown, replace(model, lexicon=learner.lexicon(inflect=False)))
    single = learner.lexicon(plurals=False)
    show("plural candidates", unknown, replace(model, lexicon=single, features=learner.features(single)))


if __name__ == "__main__":
    main()
