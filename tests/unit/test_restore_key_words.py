# SPDX-License-Identifier: MIT
"""The bench of key words: which words, which captions, and what it prints."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from refcodec.consonant_text.lexicon import Model, Ngrams
from tools.bench import key_words as bench
from tools.train.consonant import FUNCTION_WORDS, split, split_captions
from tools.train.restorer import Learner

CAPTIONS = [
    (str(image), f"A {colour} {what} on the {place}.")
    for image, (colour, what, place) in enumerate(
        itertools.product(("red", "big", "new"), ("cat", "dogs", "bus"), ("mat", "road", "table"))
    )
]


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
