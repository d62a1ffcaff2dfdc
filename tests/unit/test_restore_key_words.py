# SPDX-License-Identifier: MIT
"""Lists of key words: their own statistics, how they are recognised, and the bench that measures them."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from refcodec.consonant_text.lexicon import UNIT, Model, Ngrams, shipped, sign_key, sign_keys
from refcodec.consonant_text.normalise import normalise, skeleton, words
from refcodec.consonant_text.restore import restore
from tools.bench import key_words as bench
from tools.train.consonant import FUNCTION_WORDS, split, split_captions
from tools.train.restorer import Learner

CAPTIONS = [
    (str(image), f"A {colour} {what} on the {place}.")
    for image, (colour, what, place) in enumerate(
        itertools.product(("red", "big", "new"), ("cat", "dogs", "bus"), ("mat", "road", "table"))
    )
]


# --- Sentences and lists ---


def test_lists_of_key_words_have_statistics_of_their_own() -> None:
    lists = Ngrams({1: 2}), {3: 4}
    known = Model({"ct": "cat|"}, Ngrams({}), Ngrams({}), {5: 6}, {7: 8}, *lists)
    model = replace(known, signs={sign_key(""): -10, sign_key("n"): 9, sign_key("th"): 10})
    assert model.suited(["rd", "ct", "th", "mt"]) is model
    assert model.suited(["n", "mt", "n"]) is model
    for consonants in ([], ["rd", "ct", "mt"], ["rd", "ct", "n", "mt"]):
        listed = model.suited(consonants)
        assert (listed.words, listed.features) == (model.key_words, model.key_features)
        assert (listed.lexicon, listed.letters, listed.articles) == (model.lexicon, model.letters, model.articles)
    assert replace(known, signs={}).suited(["rd"]).words is known.words


def test_the_shipped_model_distinguishes_sentences_from_lists() -> None:
    known = shipped()
    for text in ("a man riding a wave on a surfboard", "a plate of food with a fork", "the dog is asleep"):
        assert known.suited([skeleton(word) for word in words(text) if skeleton(word)]) is known
    for text in ("man riding wave surfboard", "plate food fork", "dog asleep"):
        assert known.suited([skeleton(word) for word in words(text)]) is not known


def test_signs_are_learnt_from_sentences_and_lists() -> None:
    found = Learner([text for _, text in CAPTIONS]).signs()
    assert found[sign_key("n")] > UNIT  # "on", in every sentence
    assert sign_key("ct") not in found
    assert sign_keys(["n", "ct"]) == [sign_key(""), sign_key("n"), sign_key("ct")]


@pytest.mark.parametrize(
    ("text", "consonants"),
    [
        ("man riding wave surfboard", "mn rdng vv srfbrd"),
        ("two dogs playing frisbee park", "tv dg plng frsb prk"),
        ("plate topped sandwich fries", "plt tppd sndvch fr"),
        ("woman sits top bench", "vmn st tp bnch"),  # "atop" in sentences
        ("bathroom toilet sink mirror", "bthrm tlt snk mrrr"),
    ],
)
def test_plain_key_words_come_back(text: str, consonants: str) -> None:
    assert normalise(text).consonants.text == consonants
    assert restore(consonants, articles=False).text == text


# --- The bench ---


def test_key_words_are_those_that_the_encoder_sends() -> None:
    text = "A photo of two dogs in the park, the dogs with a red frisbee"
    assert bench.key_words([text]) == [["two", "dogs", "park", "dogs", "red", "frisbee"]]
    assert bench.key_words([text], 3) == [["two", "dogs", "park"]]  # a repeat comes after all others
    assert bench.key_words([text], 1) == [["dogs"]]  # twice
    assert not {"on", "the", "a"} & set(itertools.chain(*bench.key_words([text for _, text in CAPTIONS])))
    assert {"on", "the", "a"} <= FUNCTION_WORDS


@pytest.mark.parametrize("fold", range(10))
def test_no_image_is_trained_on_and_measured(fold: int) -> None:
    captions = [(str(image), f"caption {image} {n}") for image in range(200) for n in range(5)]
    known, unknown = split_captions(captions, fold)
    assert not {image for image, _ in known} & {image for image, _ in unknown}
    assert sorted(known + unknown) == sorted(captions)
    assert 0.02 < len(unknown) / len(captions) < 0.25
    assert split(captions, fold) == ([text for _, text in known], [text for _, text in unknown])


def test_every_image_is_held_out_once() -> None:
    captions = [(str(image), "") for image in range(100)]
    assert sorted(itertools.chain(*(split_captions(captions, fold)[1] for fold in range(10)))) == sorted(captions)


def test_the_bench_trains_on_no_held_out_caption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[str] = []

    class Watched(Learner):
        def __init__(self, texts: list[str]) -> None:
            trained.extend(texts)
            super().__init__(texts)

    path = tmp_path / "captions.tsv"
    path.write_text("".join(f"{image}\t{text}\n" for image, text in CAPTIONS), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["key_words.py", str(path), "--ablations"])
    monkeypatch.setattr(bench, "Learner", Watched)
    bench.main()
    known, unknown = split_captions(CAPTIONS)
    assert trained == [text for _, text in known]
    assert not set(trained) & {text for _, text in unknown}
    out = capsys.readouterr().out
    assert out.startswith(f"trained on {len(known)} captions")
    assert f"of {len(unknown)} held-out captions {len(unknown)} count as sentences; of their key words 0 do" in out
    assert out.count("exact") == 2 + 4 + 5 + 5


def test_score() -> None:
    result = bench.score([["cat", "dogs"], ["bus"]], [["cat", "dog"], ["boss"]])
    assert result == bench.Score(3, 1, 2)
    assert str(result) == "exact  33.33 %  to number  66.67 %"
    assert bench.score([], []) == bench.Score(0, 0, 0)


def test_bounds() -> None:
    assert bench.commonest([["cat", "cot"], ["cot", "dog"]]) == {"ct": "cot", "dg": "dog"}
    assert bench.commonest([["cot", "cat"]]) == {"ct": "cot"}  # equally common: the last in the alphabet
    model = Model({"ct": "cat|cot"}, Ngrams({}), Ngrams({}), {}, {})
    assert bench.unlisted([["cat", "cot", "cut"], ["dog"]], model) == 2


def test_descriptions() -> None:
    captions = [("1", "A cat"), ("2", "A dog"), ("1", "Cats")]
    assert bench.descriptions(captions) == ["A cat. Cats", "A dog"]
