# SPDX-License-Identifier: MIT
"""The restorer: words for consonants, the best sequence of them, spellings for the unknown; and how it is trained."""

from __future__ import annotations

import hashlib
import itertools
import math
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refcodec.consonant_text import lexicon as models
from refcodec.consonant_text.lexicon import (
    END,
    START,
    UNIT,
    UNSEEN,
    Model,
    Ngrams,
    context_key,
    feature_keys,
    pack,
    shipped,
    unpack,
)
from refcodec.consonant_text.normalise import normalise, singular, skeleton, words
from refcodec.consonant_text.restore import ALTERNATIVES, CERTAIN, restore
from refcodec.consonant_text.spell import LONGEST, spell
from refcodec.errors import SemError
from refcodec.payloads.consonant import LETTERS
from tools.bench import restore as bench
from tools.train import restorer as training
from tools.train import restorer_features

relaxed = settings(deadline=None, max_examples=40)

SMALL = [
    f"A {colour} {what} on a {place}."
    for colour, what, place in itertools.product(("red", "big", "new"), ("cat", "dog", "bus"), ("mat", "road", "table"))
] + ["Two dogs on the road", "A cut on a hand"]


@pytest.fixture(scope="module")
def small() -> Model:
    return training.train(SMALL)


# --- The shipped model ---


def test_the_shipped_file_is_the_named_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = files("refcodec.consonant_text").joinpath("data", "restorer.bin").read_bytes()
    assert hashlib.sha256(data).hexdigest() == models.DATA_SHA256
    assert pack(shipped()) == data
    monkeypatch.setattr(models, "DATA_SHA256", "0" * 64)
    with pytest.raises(SemError) as caught:
        shipped.__wrapped__()
    assert caught.value.code == 802


@pytest.mark.parametrize(
    "text",
    [
        "a man riding a wave on a surfboard",
        "two dogs are running in a park",
        "a woman stands in the dining area at the table",
        "a plate of food with a fork and knife",
        "",
    ],
)
def test_plain_captions_come_back(text: str) -> None:
    assert restore(normalise(text).consonants.text).text == text


def test_words_and_what_else_they_could_be() -> None:
    found = restore("ndn trdtnl rch vndv lt shdv").words
    assert [word.consonants for word in found if word.consonants] == ["ndn", "trdtnl", "rch", "vndv", "lt", "shdv"]
    by = {word.consonants: word for word in found}
    assert (by["ndn"].text, by["ndn"].score, by["ndn"].guess) == ("indian", CERTAIN, False)
    assert (by["trdtnl"].text, by["vndv"].text, by["shdv"].text) == ("traditional", "window", "shadow")
    assert "arch" in {by["rch"].text, *(word for word, _ in by["rch"].alternatives)}


def test_an_unknown_word_is_spelt_and_says_so() -> None:
    (word,) = restore("nkvlpr", articles=False).words
    assert word.guess
    assert skeleton(word.text) == "nkvlpr"
    assert word.text != "nkvlpr"
    assert len(word.alternatives) == ALTERNATIVES


@given(text=st.text(LETTERS, max_size=60))
@example(text="")
@example(text="   ")
@example(text="s ss sss ks ds vs")
@example(text="n" * (LONGEST + 1))
@relaxed
def test_every_word_has_its_consonants(text: str) -> None:
    found = restore(text).words
    assert [word.consonants for word in found if word.consonants] == text.split()
    for word in found:
        if not word.consonants:
            assert (word.text, word.alternatives, word.guess) == ("a", (), False)
            continue
        for spelt in (word.text, *(other for other, _ in word.alternatives)):
            assert skeleton(spelt) == word.consonants or spelt == word.consonants
        scores = [score for _, score in word.alternatives]
        assert 0 <= word.score <= CERTAIN
        assert all(score <= 0 for score in scores)
        assert scores == sorted(scores, reverse=True)
        assert not scores or word.score == min(-scores[0], CERTAIN)


@given(text=st.text(max_size=30))
@relaxed
def test_any_text_gives_words(text: str) -> None:
    assert [word.consonants for word in restore(text).words if word.consonants] == text.split()


def test_a_text_of_nothing_known_ends_soon(small: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refcodec.consonant_text.restore.SPELT", 4)
    strange = ["".join(letters) for letters in itertools.product("kpb", repeat=5)]
    found = restore(" ".join(strange[:9]), small, articles=False).words
    assert all(word.guess for word in found)
    assert [word.text for word in found[4:]] == strange[4:9]


# --- The search ---


def cost(sentence: Sequence[str], model: Model) -> int:
    """Return the cost of one candidate sequence, computed independently."""
    total = 0
    consonants = [skeleton(word) for word in sentence]
    model = model.suited(consonants)
    for at, word in enumerate(sentence):
        if word in model.candidates(consonants[at])[0]:
            keys = feature_keys(consonants, at)
            for name, count in ((word, 99), (f"~{singular(word)}", 99), (models.word_class(word), models.GENERAL)):
                total -= sum(model.features.get(crc32(name.encode(), key), 0) for key in keys[:count])
    pairs = itertools.pairwise([START, *sentence, END])
    return total + sum(model.words.cost((before,), word) for before, word in pairs)


@pytest.mark.parametrize("text", ["ct", "rd ct n mt", "tv dg n th rd", "ct n hnd", "bs t tbl", "bg rd dg n"])
def test_the_best_sequence_is_found(text: str, small: Model) -> None:
    consonants = text.split()
    candidates = [list(itertools.chain(*small.candidates(word))) for word in consonants]
    costs = {sentence: cost(sentence, small) for sentence in itertools.product(*candidates)}
    best = min(costs.values())
    found = restore(text, small, articles=False).words
    assert costs[tuple(word.text for word in found)] == best
    for at, word in enumerate(found):
        for other, score in word.alternatives:
            assert min(c for sentence, c in costs.items() if sentence[at] == other) == best - score


def test_articles_can_be_left_out(small: Model) -> None:
    assert restore("rd ct n mt", small).text == "a red cat on a mat"
    assert restore("rd ct n mt", small, articles=False).text == "red cat on mat"


# --- Spelling ---


@given(consonants=st.text(LETTERS[1:], min_size=1, max_size=8))
@settings(parent=relaxed, max_examples=25)
def test_spellings_have_the_consonants(consonants: str) -> None:
    found = spell(consonants, shipped(), 3)
    assert 1 <= len(found) <= 3
    assert [c for _, c in found] == sorted(c for _, c in found)
    assert all(skeleton(word) == consonants for word, _ in found)


def test_spelling_knows_the_folded_letters() -> None:
    letters = training.ngrams(["jazzy", "queen", "taxi", "wow"], 4, 0.1)
    model = Model({}, Ngrams({}), letters, {}, {})
    for word in ("jazzy", "queen", "taxi", "wow"):
        assert spell(skeleton(word), model, 1)[0][0] == word


# --- The model file ---


def test_pack_and_unpack(small: Model) -> None:
    data = pack(small)
    assert unpack(data) == small
    assert pack(unpack(data)) == data


def test_back_off() -> None:
    seed, start = context_key(("x",)), context_key(())
    ngrams = Ngrams({seed: 7, crc32(b"y", seed): 20, crc32(b"z", start): 30, start: 5})
    assert ngrams.cost(("x",), "y") == 20
    assert ngrams.cost(("x",), "z") == 37
    assert ngrams.cost(("q",), "z") == 30
    assert ngrams.cost(("x",), "w") == 7 + 5 + UNSEEN
    assert ngrams.cost((), "z") == 30


# --- Training ---


def test_training_again_gives_the_same_bytes(small: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captions = tmp_path / "captions.tsv"
    captions.write_text("".join(f"{i}\t{text}\n" for i, text in enumerate(SMALL)), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["restorer.py", str(captions), "--out", str(tmp_path)])
    training.main()
    assert (tmp_path / "restorer.bin").read_bytes() == pack(small)


def test_chances_sum_to_one() -> None:
    samples = [words(text) for text in SMALL]
    ngrams = training.ngrams(samples, 2, 0.85)
    items = {word for sample in samples for word in sample} | {END}
    for context in ((), ("on",), ("a",), (START,)):
        known = sum(math.exp(-ngrams.cost(context, item) / UNIT) for item in items)
        # what is left is for words never seen
        assert 0.5 < known < 1.03


def test_clues_learn_what_they_are_told() -> None:
    """A coin of two candidates, told by its neighbour, and once in ten falsely."""
    positions: list[restorer_features.Position] = []
    for i in range(400):
        side = i % 2
        positions.append(([1 + side], [[(b"one", 1)], [(b"two", 1)]], side if i % 20 > 1 else 1 - side))
    weights = restorer_features.fit(positions)
    odds = [weights.get(crc32(b"two", key), 0) - weights.get(crc32(b"one", key), 0) for key in (1, 2)]
    assert odds[0] < -UNIT
    assert odds[1] > UNIT


@pytest.mark.parametrize(
    ("word", "kind", "forms"),
    [
        ("cat", "n", "cats"), ("berry", "n", "berries"), ("box", "n", "boxes"), ("day", "n", "days"),
        ("bake", "v", "bakes baking baked"), ("stop", "v", "stops stopping stopped"), ("cook", "v", "cooks cooking cooked"),
        ("carry", "v", "carries carrying carried"), ("play", "v", "plays playing played"),
        ("watch", "v", "watches watching watched"), ("big", "a", ""), ("x", "n", ""),
    ],
)  # fmt: skip
def test_inflections(word: str, kind: str, forms: str) -> None:
    assert training.inflections(word, kind) == forms.split()


def test_own_words_are_plain() -> None:
    for listed in (training.own_words(), training.common_words()):
        assert all(word.isascii() and word.isalpha() and word.islower() for word in listed)
    assert len(training.common_words()) > 30_000
    assert list(training.common_words()) == sorted(set(training.common_words()))


def test_a_common_word_is_used_where_no_other_has_its_consonants(small: Model) -> None:
    assert {"caricature", "circuitry"} <= set(
        training.common_words()
    )  # the same consonants; this one is spelt more simply
    assert small.lexicon[skeleton("caricature")] == "|circuitry"
    assert "cite" in training.common_words()
    assert "cite" not in small.lexicon[skeleton("cite")].replace("|", " ").split()


def test_lexicon_parts() -> None:
    learner = training.Learner(SMALL)
    whole, plain = learner.lexicon(), learner.lexicon(own=False, common=False, inflect=False)
    assert plain["ct"] == "cat cut|"
    assert whole["ct"].startswith("cat cut|")
    assert "coat" in whole["ct"].split("|")[1].split()
    assert plain["dg"] == "dog dogs|"
    assert learner.lexicon(own=False, common=False, inflect=False, plurals=False)["dg"] == "dog|"
    assert all(
        singular(word) == word
        for value in learner.lexicon(plurals=False).values()
        for word in value.replace("|", " ").split()
    )


# --- The bench ---


def test_measure(small: Model) -> None:
    assert bench.measure(["A red cat on a mat", "a kpbkpb"], small, articles=True) == (5, 4, 4, 8, 7)
    assert bench.measure([""], small) == (0, 0, 0, 0, 0)


def test_common() -> None:
    assert bench.common("abcde", "xbxdxe") == 3
    assert bench.common("", "a") == 0


def test_bench_prints_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    captions = tmp_path / "captions.tsv"
    captions.write_text("".join(f"{i}\t{text}\n" for i, text in enumerate(SMALL * 2)), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["restore.py", str(captions)])
    bench.main()
    out = capsys.readouterr().out
    assert out.count("exact") == 16
    assert "plural candidates" in out
