# SPDX-License-Identifier: MIT
"""Method consonant on the real classes, and on models that say what a test wants: describe, shorten, restore, paint, reflect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("diffusers")

import re

import tiny_models
from cli_harness import Semtool, contents, refused, valid
from default_environment import default_rows

import refcodec
from refcodec import codec, reconstruct
from refcodec.assemble import EncodedFile
from refcodec.consonant_text.normalise import normalise, skeleton
from refcodec.consonant_text.normalise import words as words_of
from refcodec.consonant_text.restore import restore
from refcodec.consonant_text.select_words import HELPERS, Ranking
from refcodec.decoder import decode_file
from refcodec.errors import SemError
from refcodec.foundation import captioner as captioners
from refcodec.foundation.captioner import Captioner
from refcodec.foundation.language_model import LanguageModel
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_to_image import TextToImage
from refcodec.methods.consonant import editing, prompts, reflection, word_selection
from refcodec.methods.consonant.consonant_method import WORDS, largest_fitting, word_count
from refcodec.methods.consonant.restoration import answered_words, restore_words
from refcodec.methods.consonant.word_selection import WordSelector, candidate_answers, tolerance
from refcodec.payloads.consonant import LETTERS

pytestmark = pytest.mark.models

PHOTO = tiny_models.photo(96, 64)
DESCRIPTION = """A large old stone bridge with three grey arches crosses a calm blue river in the middle of the picture. On
the left a small man in a red coat walks a brown dog along the bank, under tall green trees. On the right stand two white
houses with dark roofs and a church with a pointed tower. The sky is pale with a few thin clouds, and a wooden boat lies
on the water in front of the bridge. The light is soft, as on an early morning in autumn, and yellow leaves float downstream."""
BRIDGE = "old stone bridge calm river"
TEXT = prompts.shipped()


# --- Models that say what a test wants ---


@dataclass
class Says:
    """A captioner."""

    said: str = DESCRIPTION
    asked: list[tuple[NDArray[np.uint8], str | None]] = field(default_factory=list)
    name = "says"

    def describe(self, pixels: NDArray[np.uint8], instruction: str | None = None, max_tokens: int = 512) -> str:
        self.asked.append((pixels, instruction))
        return self.said


def role_of(instruction: str) -> str:
    """The role of the prompt that an instruction was made of."""
    return next(
        role
        for role in prompts.PLACEHOLDERS
        if role != "generate" and instruction.startswith(TEXT.texts[role].partition("{")[0][:24])
    )


@dataclass
class Answers:
    """A language model: by role, a function of the text and of how often it was told to do better."""

    by: dict[str, Callable[[str, int], str]]
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    name = "answers"

    def ask(self, instruction: str, text: str, max_tokens: int) -> str:
        role = role_of(instruction)
        again = instruction.count("Your answer before")
        self.asked.append((role, instruction, text))
        return self.by[role](text, again)

    def count(self, role: str) -> int:
        return sum(asked[0] == role for asked in self.asked)


@dataclass
class Paints:
    """A painter: a picture of another colour for each prompt, seed and setting."""

    native = 64
    name = "paints"
    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def paint(self, prompt: str, size: tuple[int, int], **settings_: Any) -> NDArray[np.uint8]:
        return self._made("paint", (size[1], size[0]), {"prompt": prompt, **settings_})

    def edit(self, pixels: NDArray[np.uint8], prompt: str, strength: float, **settings_: Any) -> NDArray[np.uint8]:
        return self._made(
            "edit", pixels.shape[:2], {"prompt": prompt, "strength": strength, "mean": pixels.mean(), **settings_}
        )

    def _made(self, what: str, shape: tuple[int, ...], how: dict[str, Any]) -> NDArray[np.uint8]:
        how.pop("progress")
        self.done.append((what, how))
        seed = int.from_bytes(hashlib.sha256(repr(sorted(how.items())).encode()).digest())
        return np.random.default_rng(seed).integers(0, 255, (*shape, 3), dtype=np.uint8)


def chooser(count: int) -> Callable[[str, int], str]:
    return lambda text, _: " ".join(Ranking(text).best(count))


def shortens(text: str, _: int = 0) -> str:
    return normalise(text).consonants.text


def language(**by: Callable[[str, int], str]) -> Answers:
    """One that does as it is told, but for what is said here."""
    good = {
        "compress": shortens,
        "decompress": lambda text, _: restore(text, articles=False).text,
        "expand": lambda text, _: f"A picture of {text}.",
        "compare": lambda *_: "The dog is missing.",
    }
    return Answers(good | by)


def encoded(pixels: NDArray[np.uint8] = PHOTO, **settings_: Any) -> EncodedFile:
    """A file of a picture, described as above unless other models are named."""
    return codec.encode_file(pixels, method="consonant", **{"models": {"captioner": Says()}, **settings_})


def text_of(data: bytes) -> str:
    (value,) = decode_file(data).values.values()
    assert set(value.text) <= set(LETTERS)
    return str(value.text)


def painted(data: bytes, models: Any, **settings_: Any) -> reconstruct.Reconstruction:
    return reconstruct.reconstruct(decode_file(data), models=models, **settings_)


def sent(text: str = BRIDGE, size: tuple[int, int] = (64, 64)) -> bytes:
    return refcodec.encode(method="consonant", text=text, size=size)


# --- Prompts ---


def test_the_shipped_prompts_ask_for_the_alphabet_and_the_number() -> None:
    assert "n t s r h l d c m f g p b k v" in TEXT.ask("compress", words=3)
    assert "17" in TEXT.ask("select", words=17)
    assert TEXT.ask("select", words=3, again=2).count("Your answer before") == 2
    assert {"a cat", "Add a dog."} <= {
        TEXT.ask("generate", text="a cat"),
        *TEXT.ask("edit", text="a cat", change="Add a dog.").split(" a cat"),
    }
    assert {
        role_of(TEXT.ask(role, words=2, text="x", change="y"))
        for role in ("describe", "select", "compress", "decompress", "compare")
    } == {
        "describe",
        "select",
        "compress",
        "decompress",
        "compare",
    }


def test_braces_in_a_text_are_no_placeholders() -> None:
    assert TEXT.ask("generate", text="a {words} {0} {{cat}}") == "a {words} {0} {{cat}}"


@pytest.mark.parametrize(("old", "new", "said"), [
    ("[describe]", "[descry]", "describe is missing|descry is missing"), ("{text}\"\n\n[compare]", "\"\n\n[compare]", "generate lacks {text}"),
    ("{change} {text}", "{change} {word} {text}", "edit has {word}"), ('prompt = "{text}"', 'prompt = 7', "generate have no prompt"),
    ("again", "more", "select have no again"), ("only {words} words", "only some words", None), ("{words}", "some", "select lacks {words}"),
])  # fmt: skip
def test_prompts_are_judged(old: str, new: str, said: str | None) -> None:
    whole = Path(prompts.__file__).with_name("prompts.toml").read_text(encoding="utf-8")
    assert old in whole
    if said is None:
        prompts.read(whole.replace(old, new))
        return
    with pytest.raises(ValueError, match=said):
        prompts.read(whole.replace(old, new))


# --- Words without a language model ---


def test_what_matters_comes_first() -> None:
    ranking = Ranking(DESCRIPTION)
    assert ranking.best(1) == ["bridge"]  # said as often as any other word, and before it
    assert ranking.best(3) == ["large", "old", "bridge"]  # in the order of the text
    assert not HELPERS & set(ranking.best(len(ranking)))
    assert Ranking("of the and it").best(9) == ["of", "the", "and", "it"]
    assert len(Ranking("a eye, I owe you")) == len([word for word in words_of("a eye, I owe you") if skeleton(word)])
    assert Ranking("").best(3) == []


@given(
    st.lists(st.sampled_from([*"bdk", "tree", "trees", "the", "red", "eye"])).map(" ".join),
    st.integers(1, 30),
    st.integers(1, 30),
)
@settings(deadline=None, max_examples=80)
def test_more_words_hold_fewer_words(text: str, a: int, b: int) -> None:
    fewer, more = Ranking(text).best(min(a, b)), iter(Ranking(text).best(max(a, b)))
    assert all(word in more for word in fewer)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 60))
@settings(deadline=None, max_examples=200)
def test_the_largest_that_fits(last: int, start: int, most: int) -> None:
    last, start = min(last, most), min(start, most)
    tried: list[int] = []
    assert largest_fitting(lambda k: tried.append(k) or k, last, start, most) == last  # type: ignore[func-returns-value]
    assert len(set(tried)) == len(tried) <= 14
    assert all(1 <= k <= most for k in tried)


# --- Shortening ---


def test_a_good_answer_is_taken_as_it_is() -> None:
    model = language(select=lambda *_: "old stone bridge, calm River", compress=lambda *_: "ld stn brdg clm rvr")
    short = WordSelector(DESCRIPTION, model, TEXT).at(5)
    assert (short.text, short.selected, short.notices) == ("ld stn brdg clm rvr", "old stone bridge calm river", ())
    assert [asked[0] for asked in model.asked] == ["select", "compress"]
    assert model.asked[0][2] == DESCRIPTION
    assert model.asked[1][2] == "old stone bridge calm river"


def test_a_number_of_words_is_asked_for_once() -> None:
    model = language(select=chooser(5))
    shortener = WordSelector(DESCRIPTION, model, TEXT)
    assert shortener.at(5) is shortener.at(5)
    assert len(model.asked) == 2


@pytest.mark.parametrize("answer", [
    "Here are the words:\nold stone bridge calm river", "The words: old stone bridge calm river", "1. old\n2. stone\n3. bridge\n4. calm\n5. river",
    "- old\n- stone\n- bridge\n- calm\n- river", "Sure, I can do that for you right away today!\nold, stone, bridge, calm, river",
    "OLD STONE BRIDGE CALM RIVER.",
])  # fmt: skip
def test_what_models_put_around_an_answer(answer: str) -> None:
    short = WordSelector(DESCRIPTION, language(select=lambda *_: answer), TEXT).at(5)
    assert (short.text, short.notices) == ("ld stn brdg clm rvr", ())


@pytest.mark.parametrize(("answer", "text"), [
    ("ld stn brdg clm rvr", "ld stn brdg clm rvr"), ("Compressed text: ld stn brdg clm rvr", "ld stn brdg clm rvr"),
    ("Ld, stn, brdg, clm, rvr.", "ld stn brdg clm rvr"), ("old stone bridge calm river", "ld stn brdg clm rvr"), ("ld stn wtr clm rvr", "ld stn vtr clm rvr"),
    ("ld stn brdg clm rvr trs hss", "ld stn brdg clm rvr"), ("I removed all vowels for you now\nld stn brdg clm rvr", "ld stn brdg clm rvr"),
    ("ld stn brdg rvr", "ld stn brdg rvr"),
])  # fmt: skip
def test_an_answer_is_repaired(answer: str, text: str) -> None:
    short = WordSelector(
        DESCRIPTION, language(select=lambda *_: "old stone bridge calm river", compress=lambda *_: answer), TEXT
    ).at(5)
    assert (short.text, short.notices) == (text, ())


def test_it_is_asked_again_and_more_firmly() -> None:
    model = language(
        select=lambda _, again: "old stone bridge calm river" if again else "I would rather not.",
        compress=lambda _, again: "ld stn brdg clm rvr" if again == 2 else "What?",
    )
    short = WordSelector(DESCRIPTION, model, TEXT).at(5)
    assert (short.text, short.notices) == ("ld stn brdg clm rvr", ())
    assert (model.count("select"), model.count("compress")) == (2, 3)


@pytest.mark.parametrize(
    "answer",
    ["", "???", "no", "zebra " * 5, "x" * 3000, "bridge " * 40, "\n:\n1. \n-", "zwölf Boxkämpfer jagen Viktor quer"],
)
def test_rules_take_over(answer: str) -> None:
    model = language(select=lambda *_: answer, compress=lambda *_: answer)
    short = WordSelector(DESCRIPTION, model, TEXT).at(5)
    assert short == word_selection.Selection(
        shortens(" ".join(Ranking(DESCRIPTION).best(5))), " ".join(Ranking(DESCRIPTION).best(5)), short.notices
    )
    assert [("rules" in notice) for notice in short.notices] == [True, True]
    assert (model.count("select"), model.count("compress")) == (word_selection.TRIES, word_selection.TRIES)


@given(st.text(max_size=80), st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_any_answer_leaves_a_lawful_text(answer: str, count: int) -> None:
    short = WordSelector(DESCRIPTION, language(select=lambda *_: answer, compress=lambda *_: answer), TEXT).at(count)
    found = short.text.split()
    assert short.text == " ".join(found)
    assert set(short.text) <= set(LETTERS)
    assert count - tolerance(count) - 1 <= len(found) <= count + 2 * tolerance(count)


def test_lawful_lines_are_read_first() -> None:
    assert next(candidate_answers("I did it.\nld stn")) == "ld stn"
    assert list(candidate_answers("")) == [""]


# --- How many words ---


def test_quality_is_a_number_of_words() -> None:
    assert list(WORDS) == sorted(set(WORDS))
    counts = [len(text_of(encoded(quality=q).data).split()) for q in range(1, 11)]
    most = len(Ranking(DESCRIPTION))
    assert counts == [min(count, most) for count in WORDS]
    assert len(text_of(encoded().data).split()) == WORDS[4]


def test_words() -> None:
    assert len(text_of(encoded(words=7).data).split()) == 7
    for other in ({"quality": 3}, {"bpp": 0.1}):
        with pytest.raises(ValueError, match="one of them"):
            encoded(words=7, **other)


@pytest.mark.parametrize("bpp", [0.018, 0.03, 0.06, 0.1, 1.0])
@pytest.mark.parametrize("by_model", [False, True], ids=["rules", "model"])
def test_the_file_meets_its_rate_and_no_larger_one_would(bpp: float, by_model: bool) -> None:
    def wordy(text: str, _: int) -> str:  # a model whose words are longer than those of the rules
        return " ".join(word + ("n" if len(word) > 3 else "") for word in shortens(text).split())

    def chosen(text: str, again: int) -> str:
        return " ".join(Ranking(text).best(asked[0]))

    asked = [0]

    class Counts(Answers):
        def ask(self, instruction: str, text: str, max_tokens: int) -> str:
            if role_of(instruction) == "select":
                asked[0] = int(instruction.partition("only ")[2].split()[0])
            return super().ask(instruction, text, max_tokens)

    model = Counts({"select": chosen, "compress": wordy})
    models = {"captioner": Says(), **({"language": model} if by_model else {})}
    made = encoded(bpp=bpp, models=models)
    room, count = int(bpp * 64 * 64 / 8), len(text_of(made.data).split())
    assert len(made.data) <= room
    assert made.bpp <= bpp
    if by_model:
        assert model.count("select") <= 8
    if count < len(Ranking(DESCRIPTION)):
        assert len(encoded(words=count + 1, models=models).data) > room
    else:
        assert bpp == 1.0


def test_a_rate_below_one_word() -> None:
    made = encoded(bpp=0.001)
    assert text_of(made.data) == shortens(Ranking(DESCRIPTION).best(1)[0])
    assert any("cannot be reached" in notice for notice in made.notices)


@pytest.mark.parametrize(("bpp", "end"), [(0.001, "smallest file, of one word"), (5, "largest file, of all words")])
def test_a_rate_out_of_reach(bpp: float, end: str) -> None:
    made = encoded(bpp=bpp)
    assert made.missed is not None
    assert made.missed.startswith(f"{bpp} bpp cannot be reached: this is the {end}")
    with pytest.raises(SemError, match="files of this picture have ") as error:
        encoded(bpp=bpp, strict_bpp=True)
    assert error.value.code == 606
    advised = float(re.findall(r"at (?:least|most) ([0-9.]+) bpp", error.value.hint)[0])
    assert encoded(bpp=advised, strict_bpp=True).data == made.data


def test_words_of_qualities_between_integers() -> None:
    assert [word_count(quality) for quality in range(1, 11)] == list(WORDS)
    counts = [word_count(1 + n / 10) for n in range(91)]
    assert counts == sorted(counts)
    assert word_count(9.5) == 84  # between 70 and 100
    assert len(text_of(encoded(quality=3.5).data).split()) == word_count(3.5) == 11


def test_codes_have_no_rate_to_choose() -> None:
    for rate in ({"quality": 3}, {"bpp": 0.1}):
        with pytest.raises(ValueError, match="its codes are given"):
            encoded(codes=[1, 2, 3], **rate)


def test_the_rate_counts_everything_in_the_file() -> None:
    plain, noted = (encoded(bpp=0.1, metadata=metadata) for metadata in (None, {"title": "Bridge"}))
    assert len(noted.data) <= int(0.1 * 64 * 64 / 8)
    assert len(text_of(noted.data)) < len(text_of(plain.data))


# --- Describing ---


def test_the_middle_square_is_described() -> None:
    says = Says()
    steps: list[tuple[str, Any]] = []
    made = encoded(models={"captioner": says}, record=lambda *step: steps.append(step), quality=2)
    ((pixels, instruction),) = says.asked
    assert (made.width, made.height) == (64, 64)
    assert np.array_equal(pixels, PHOTO[:, 16:80])
    assert instruction == TEXT.ask("describe")
    assert made.notices[0].startswith("only the middle square")
    assert steps == [
        ("description", DESCRIPTION),
        ("selected", " ".join(Ranking(DESCRIPTION).best(6))),
        ("compressed", text_of(made.data)),
    ]


def test_a_text_is_the_description() -> None:
    made = encoded(models={}, text="An old stone bridge over a calm river.")
    assert text_of(made.data) == "ld stn brdg clm rvr"
    assert text_of(encoded(models={}, text="a cat", strict=True).data) == "ct"
    assert text_of(encoded(models={}, codes=[1, 2]).data) == "nt"


@pytest.mark.parametrize("said", ["", "a eye", "…"])
def test_a_description_without_words(said: str) -> None:
    for models in ({"captioner": Says(said)}, {"captioner": Says(said), "language": language(select=chooser(3))}):
        for rate in ({}, {"bpp": 0.1}):
            made = encoded(models=models, **rate)
            assert text_of(made.data) == ""
            assert any("empty" in notice for notice in made.notices)
    assert painted(made.data, {"painter": Paints()}, reflections=0).pictures[0].shape == (64, 64, 3)


def test_without_a_captioner() -> None:
    with pytest.raises(SemError) as caught:
        encoded(models={})
    assert (caught.value.code, caught.value.path) == (801, "captioner")
    assert "HuggingFaceTB/SmolVLM-Instruct" in str(caught.value)


def test_without_a_language_model_it_is_said() -> None:
    assert any("chosen by rules" in notice for notice in encoded().notices)
    assert not any(
        "rules" in notice
        for notice in encoded(models={"captioner": Says(), "language": language(select=chooser(18))}).notices
    )


# --- Restoring ---


def test_words_of_the_model_that_have_the_consonants() -> None:
    model = language(decompress=lambda *_: "Old stain bridge, kelim driver")
    assert restore_words("ld stn brdg clm rvr", model, TEXT) == "old stain bridge calm river"
    assert (model.asked[0][0], model.asked[0][2]) == ("decompress", "ld stn brdg clm rvr")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "ld stn brdg clm rvr",
        "something else",
        "Here it is: old stone bridge calm river",
        "old stone old bridge calm river",
    ],
)
def test_what_the_model_does_not_restore_the_restorer_does(answer: str) -> None:
    found = restore_words("ld stn brdg clm rvr", language(decompress=lambda *_: answer), TEXT)
    assert [skeleton(word) for word in found.split()] == ["ld", "stn", "brdg", "clm", "rvr"]
    assert not set(found.split()) & {"ld", "stn", "brdg", "clm", "rvr"}


ODD_ANSWERS = [  # consonants sent, an answer, and the words of it that are used, by position
    ("ld stn brdg", "", {}),
    ("ld stn brdg", "   \n\t", {}),
    ("ld stn brdg", '{"words": ["old", "stone", "bri', {0: "old", 1: "stone"}),
    ("ld stn brdg", '```json\n["old", "stone", "bridge"]\n```', {0: "old", 1: "stone", 2: "bridge"}),
    ("ld stn brdg", "Sure! The text reads: old stone bridge. Is that so?", {0: "old", 1: "stone", 2: "bridge"}),
    ("ld stn brdg", "old stone", {0: "old", 1: "stone"}),
    ("ld stn brdg", "old old stone bridge stone", {0: "old", 1: "stone", 2: "bridge"}),
    ("ld stn brdg", "古い石の橋", {}),
    ("ld stn brdg", "старый каменный мост", {}),
    ("ld stn brdg", "ÖLD Stöne bridgé", {0: "old", 1: "stone", 2: "bridge"}),
    ("ld stn brdg", "ld stn brdg", {}),
    ("ld stn brdg", "\0\ufffd\ud800 ld", {}),
    # folded letters are no vowels: "wtr" is as unreadable as "vtr"
    ("vtr gg k ks", "wtr jg q x", {}),
    ("vtr gg", "water jug", {0: "water", 1: "jug"}),
    # words of one consonant: of a sentence about something else, and of the text
    ("n s t", "I am unable to say: it is not in English", {}),
    ("n", "I cannot read it in English", {}),
    ("n", "on", {0: "on"}),
    ("s t", "is it?", {0: "is", 1: "it"}),
    ("mn n bt", "a man in a boat", {0: "man", 1: "in", 2: "boat"}),
    ("mn n bt", "no man on boat", {0: "man", 1: "on", 2: "boat"}),
    ("mn n bt", "man: it is in this boat", {0: "man", 2: "boat"}),
    ("mn n bt", "The man does row in it", {}),
    # the prompt repeated: "in the" has what was sent, and is less than half of it
    ("chld pl ftbll n th strt t snst", "The words in this sentence are written in the same order.", {}),
    ("chld pl ftbll n th strt t snst", "child ball in the", {}),
    ("chld pl ftbll n th strt t snst", "child play in the", {0: "child", 1: "play", 3: "in", 4: "the"}),
    ("mn n s bt", "is", {}),
]


@pytest.mark.parametrize(("sent", "answer", "used"), ODD_ANSWERS)
def test_what_is_used_of_an_odd_answer(sent: str, answer: str, used: dict[int, str]) -> None:
    assert answered_words(sent.split(), answer) == used
    found = restore_words(sent, language(decompress=lambda *_: answer), TEXT).split()
    assert [skeleton(word) for word in found] == sent.split()
    by_rules = [word.text for word in restore(sent, articles=False).words]
    assert found == [used.get(at, word) for at, word in enumerate(by_rules)]


@given(st.text(LETTERS, max_size=30), st.text("aeiouynsxwt .,{", max_size=60))
@settings(deadline=None, max_examples=100)
def test_every_word_of_an_answer_that_is_used_has_the_consonants_and_a_vowel(text: str, answer: str) -> None:
    sent = text.split()
    for at, word in answered_words(sent, answer).items():
        assert skeleton(word) == sent[at]
        assert set(word) & set("aeiouy")
    assert not (used := answered_words(sent, answer)) or 2 * len(used) >= len(sent)


def test_without_a_model_the_restorer_does_it_all() -> None:
    assert restore_words("ld stn brdg clm rvr", None, TEXT) == restore("ld stn brdg clm rvr").text
    model = language(decompress=lambda *_: "x")
    assert restore_words("", model, TEXT) == ""
    restore_words("ct " * 500, model, TEXT)
    assert not model.asked


@given(st.text(LETTERS, max_size=30).map(lambda text: " ".join(text.split())), st.text(max_size=60))
@settings(deadline=None, max_examples=60)
def test_any_answer_leaves_one_word_for_each(text: str, answer: str) -> None:
    found = restore_words(text, language(decompress=lambda *_: answer), TEXT)
    assert len(found.split()) == len(text.split()) or found == restore(text).text


# --- Painting and reflecting ---


def test_the_words_are_painted() -> None:
    painter = Paints()
    made = painted(
        sent(), {"painter": painter}, overrides={"seed": 3, "steps": 7, "guidance": 2.5, "scheduler": "ddim"}
    )
    ((what, how),) = painter.done
    assert what == "paint"
    assert how == {
        "prompt": restore(shortens(BRIDGE)).text,
        "seed": 3,
        "kind": "cpu",
        "steps": 7,
        "guidance": 2.5,
        "sampler": "ddim",
    }
    assert made.seeds == (3,)
    assert made.models == {"painter": "paints"}


def test_without_wishes_the_profile_says_how() -> None:
    painter = Paints()
    painted(sent(), {"painter": painter})
    assert {key: painter.done[0][1][key] for key in ("seed", "steps", "guidance", "sampler")} == {
        "seed": 0,
        "steps": 25,
        "guidance": 7.5,
        "sampler": None,
    }


def test_the_picture_has_the_size_of_the_header() -> None:
    for size in ((64, 64), (100, 70), (1, 1)):
        (made,) = painted(sent(size=size), {"painter": Paints()}).pictures
        assert made.shape == (size[1], size[0], 3)


def whole(**more: Any) -> dict[str, Any]:
    return {"painter": Paints(), "captioner": Says("A bridge."), "language": language(), **more}


@pytest.mark.parametrize(("text", "size", "asked", "count"), [
    (BRIDGE, (64, 64), None, 2), (BRIDGE, (1024, 1024), None, 0), (BRIDGE, (1024, 1024), 1, 1), (BRIDGE, (64, 64), 0, 0), (BRIDGE, (64, 64), 3, 3),
])  # fmt: skip
def test_how_often_it_reflects(text: str, size: tuple[int, int], asked: int | None, count: int) -> None:
    models = whole()
    painted(sent(text, size), models, reflections=asked)
    assert [what for what, _ in models["painter"].done] == ["paint"] + ["edit"] * count
    assert (len(models["captioner"].asked), models["language"].count("compare")) == (count, count)


def test_the_rate_at_which_it_reflects() -> None:
    """The number of edits is two where the whole file has more than 500 µbpp, else none."""
    for words, side in ((6, 704), (6, 512), (8, 512), (9, 512), (12, 512)):
        data, models = sent(" ".join(Ranking(DESCRIPTION).best(words)), (side, side)), whole()
        painted(data, models)
        assert len(models["painter"].done) - 1 == (2 if 8 * len(data) / side**2 > 500e-6 else 0)


def test_a_reflection_is_given_what_there_is_to_know() -> None:
    models, steps = whole(), list[tuple[str, Any]]()
    made = painted(
        sent(),
        models,
        reflections=1,
        record=lambda *step: steps.append(step),
        overrides={"seed": 5, "steps": 3, "guidance": 2, "scheduler": "ddim"},
    )
    text = restore(shortens(BRIDGE), articles=False).text
    assert [name for name, _ in steps] == ["restored", "expanded", "painted", "reflection-1", "edited-1"]
    found = dict(steps)
    assert found["restored"] == text
    assert found["reflection-1"] == {"description": "A bridge.", "change": "The dog is missing."}
    assert np.array_equal(found["edited-1"], made.pictures[0])
    assert np.array_equal(models["captioner"].asked[0][0], found["painted"])
    (role, instruction, told) = models["language"].asked[-1]
    assert (role, told) == ("compare", "A bridge.")
    assert text in instruction
    (_, (what, how)) = models["painter"].done
    assert what == "edit"
    assert {key: how[key] for key in ("strength", "steps", "guidance", "sampler", "kind")} == {
        "strength": editing.STRENGTH,
        "steps": 3,
        "guidance": 2,
        "sampler": "ddim",
        "kind": "cpu",
    }
    assert "The dog is missing." in how["prompt"]
    assert text in how["prompt"]
    assert how["mean"] == found["painted"].mean()
    assert how["seed"] == reflection.edit_seed(5, 1) != 5


def test_reflections_go_on_from_one_another() -> None:
    models, steps = whole(), list[tuple[str, Any]]()
    painted(sent(), models, record=lambda *step: steps.append(step))
    found = dict(steps)
    assert np.array_equal(models["captioner"].asked[1][0], found["edited-1"])
    assert models["painter"].done[2][1]["mean"] == found["edited-1"].mean()
    assert len({reflection.edit_seed(seed, i) for seed in range(5) for i in range(5)}) == 25
    assert all(0 <= reflection.edit_seed(10**19 - 1, i) < 10**19 for i in range(50))


def test_nothing_to_change_ends_it() -> None:
    models = whole(language=language(compare=lambda *_: " \n"))
    painted(sent(), models, reflections=5)
    assert len(models["captioner"].asked) == 1
    assert [what for what, _ in models["painter"].done] == ["paint"]


def test_samples_differ_in_their_seeds_and_each_is_reflected() -> None:
    models = whole()
    made = painted(sent(), models, samples=3, overrides={"seed": 4}, reflections=1)
    assert made.seeds == (4, 5, 6)
    assert [how["seed"] for what, how in models["painter"].done if what == "paint"] == [4, 5, 6]
    assert [how["seed"] for what, how in models["painter"].done if what == "edit"] == [
        reflection.edit_seed(seed, 1) for seed in (4, 5, 6)
    ]
    assert models["language"].count("decompress") == 1
    assert len({picture.tobytes() for picture in made.pictures}) == 3


@pytest.mark.parametrize("lacking", ["captioner", "language"])
@pytest.mark.parametrize("asked", [None, 1])
def test_without_its_models_there_is_no_reflection_and_a_word_for_it(lacking: str, asked: int | None) -> None:
    models = whole()
    del models[lacking]
    made = painted(sent(), models, reflections=asked, samples=2)
    assert [what for what, _ in models["painter"].done] == ["paint", "paint"]
    assert [lacking in notice for notice in made.notices if "no reflections" in notice] == [True]
    assert not painted(sent(), models, reflections=0).notices


def test_progress_rises_to_the_end() -> None:
    shares: list[float] = []

    class Tells(Paints):
        def _made(self, what: str, shape: tuple[int, ...], how: dict[str, Any]) -> NDArray[np.uint8]:
            how["progress"](0.5)
            how["progress"](1.0)
            return super()._made(what, shape, how)

    painted(sent(), whole(painter=Tells()), samples=2, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) == 12
    assert shares[-1] == 1


# --- The real classes ---


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set: folders named for the roles they fill."""
    folder = tmp_path_factory.mktemp("set")
    tiny_models.idefics3(folder / "captioner")
    tiny_models.language_model(folder / "language")
    tiny_models.text_to_image(folder)
    return folder


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights never end by themselves."""
    monkeypatch.setattr(captioners, "DESCRIPTION_TOKENS", 24)


@pytest.fixture(scope="module")
def loaded(models: Path) -> Models:
    """The same, loaded once for all tests, into this process."""
    here = Models(device="cpu")
    parts = {"captioner": Captioner, "language": LanguageModel, "painter": TextToImage}
    return Models.of({role: kind.load(models / role, here) for role, kind in parts.items()}, device="cpu")


ASKABLE = {"idefics3", "llava", "qwen2_vl"}


@pytest.mark.parametrize("kind", ["idefics3", "llava", "qwen2_vl", "blip", "blip2"])
def test_captioners(kind: str, tmp_path: Path) -> None:
    folder = getattr(tiny_models, kind)(tmp_path / kind)
    captioner = Captioner.load(folder, Models.of(device="cpu"))
    square = PHOTO[:, 16:80]
    one, other = (
        captioner.describe(square, instruction, 12) for instruction in ("Name the colours.", "How many cups are there?")
    )
    assert (one != other) == (kind in ASKABLE)
    assert captioner.describe(square, "Name the colours.", 12) == one
    assert "colours" not in one  # the answer alone, not the question with it
    assert len(captioner.describe(square, "Name the colours.", 3)) < len(one)
    if kind != "blip2":  # whose random weights look at nothing
        assert captioner.describe(255 - square, "Name the colours.", 12) != one
    assert "\n" not in captioner.caption(square)
    assert captioner.processor.image_processor.__class__.__name__.endswith("Pil")


@pytest.mark.parametrize("chat", [True, False], ids=["conversation", "plain"])
def test_language_models(chat: bool, tmp_path: Path) -> None:
    folder = tiny_models.language_model(tmp_path / "language", chat)
    model = LanguageModel.load(folder, Models.of(device="cpu"))
    assert bool(model.tokenizer.chat_template) == chat
    said = model.ask("Make it small.", "a cat", 12)
    assert said == model.ask("Make it small.", "a cat", 12)
    assert len({said, model.ask("Make it big.", "a cat", 12), model.ask("Make it small.", "a stone bridge", 12)}) > 1
    assert len(model.tokenizer.encode(said)) <= 16
    assert "Make it" not in said


def test_folders_of_other_models(models: Path, tmp_path: Path) -> None:
    for load, role in (
        (Captioner.load, "language"),
        (LanguageModel.load, "captioner"),
        (TextToImage.load, "captioner"),
    ):
        with pytest.raises(SemError) as caught:
            load(models / role, Models.of(device="cpu"))
        assert caught.value.code == 803
        assert len(str(caught.value)) < 250
    tiny_models.unclip(tmp_path)
    with pytest.raises(SemError) as caught:
        TextToImage.load(tmp_path / "painter", Models.of(device="cpu"))
    assert "StableUnCLIPImg2ImgPipeline" in str(caught.value)


def test_a_photo_there_and_back(loaded: Models) -> None:
    """Random weights say nothing that can be used; what is sent is lawful all the same, and comes back as it was."""
    steps: list[tuple[str, Any]] = []
    made = codec.encode_file(
        PHOTO, method="consonant", models=loaded, quality=1, provenance=True, record=lambda *step: steps.append(step)
    )
    found = dict(steps)
    assert text_of(made.data) == found["compressed"]
    assert len(found["compressed"].split()) <= WORDS[0]
    assert any("rules" in notice for notice in made.notices)
    assert b"model\x13captioner, language" in made.data  # models that the caller has loaded: their roles alone
    again = codec.encode_file(PHOTO, method="consonant", models=loaded, quality=1, provenance=True)
    assert again.data == made.data
    picture = refcodec.decode(made.data, models=loaded, steps=2)
    assert picture.size == (64, 64)


def test_pictures_of_the_real_painter(loaded: Models) -> None:
    def shown(text: str = BRIDGE, **wish: Any) -> NDArray[np.uint8]:
        return painted(sent(text), loaded, overrides={"steps": 2, "guidance": 2} | wish, reflections=0).pictures[0]

    one = shown()
    assert one.shape == (64, 64, 3)
    assert np.array_equal(one, shown())
    others = [shown("red cat"), shown(seed=1), shown(steps=3), shown(guidance=9), shown(scheduler="ddpm")]
    assert len({picture.tobytes() for picture in [one, *others]}) == 6
    with pytest.raises(ValueError, match="scheduler is one of"):
        shown(scheduler="nonsense")


def test_edits_of_the_real_painter(loaded: Models) -> None:
    painter = loaded.load("painter", TextToImage.load, {})
    assert painter.native == 32
    picture = painter.paint("a cat", (64, 32), seed=0, steps=2)
    assert picture.shape == (32, 64, 3)
    less, more, same = (painter.edit(picture, "a red cat", strength, seed=1, steps=10) for strength in (0.1, 0.9, 0.9))
    assert np.array_equal(more, same)
    assert picture.shape == less.shape == more.shape
    assert not np.array_equal(more, painter.edit(picture, "a blue dog", 0.9, seed=1, steps=10))
    assert not np.array_equal(more, painter.edit(picture, "a red cat", 0.9, seed=2, steps=10))
    assert painter.edit(picture, "a red cat", 0.1, seed=1, steps=1).shape == picture.shape  # a step is left to do
    shares: list[float] = []
    painter.edit(picture, "a red cat", 0.5, seed=1, steps=4, progress=shares.append)
    assert shares == [0.5, 1]


@pytest.mark.parametrize(("kind", "native", "sampler"), [("text_to_image_xl", 32, True), ("flux", 256, False)])
def test_other_painters_of_texts(kind: str, native: int, sampler: bool, tmp_path: Path) -> None:
    painter = TextToImage.load(getattr(tiny_models, kind)(tmp_path), Models.of(device="cpu"))
    assert painter.native == native
    how = {"seed": 0, "steps": 2, "guidance": 3.0, "negative": "a dog"}
    picture = painter.paint("a cat", (64, 32), **how)
    assert picture.shape == (32, 64, 3)
    assert not np.array_equal(picture, painter.paint("a stone bridge", (64, 32), **how))
    assert painter.edit(picture, "a red cat", 0.5, **how).shape == picture.shape
    if sampler:
        assert not np.array_equal(picture, painter.paint("a cat", (64, 32), sampler="ddpm", **how))
    else:
        with pytest.raises(ValueError, match="its own sampler"):
            painter.paint("a cat", (64, 32), sampler="ddpm", **how)


def test_what_has_no_image_to_image_pipeline_paints_anew(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = TextToImage.load(models / "painter", Models(device="cpu"))
    monkeypatch.setitem(painter.__dict__, "editor", None)
    picture = painter.paint("a cat", (32, 32), seed=0, steps=2)
    assert np.array_equal(
        painter.edit(picture, "a dog", 0.5, seed=1, steps=2), painter.paint("a dog", (32, 32), seed=1, steps=2)
    )


# --- The program ---


@pytest.fixture
def cup(place: Path) -> Path:
    Image.fromarray(PHOTO).save(place / "cup.png")
    return place / "cup.png"


TOLD = ("--method", "consonant", "--text", DESCRIPTION)


def test_encode_and_decode(semtool: Semtool, cup: Path, models: Path) -> None:
    done = semtool("encode", cup, "--method", "consonant", "--words", "3", "--model", models, "--json")
    assert done.status == 0, done.err
    assert (done.json["width"], done.json["method"]) == (64, "consonant")
    valid("encode", done.json)
    done = semtool(
        "decode",
        "cup.sem",
        "-o",
        "made.png",
        "--model",
        models,
        "--steps",
        "2",
        "--reflections",
        "1",
        "--trace",
        "steps",
        "--json",
    )
    assert done.status == 0, done.err
    valid("decode", done.json)
    assert set(done.json["models"]) == {"captioner", "language", "painter"}
    trace = json.loads(Path("steps/trace.json").read_bytes())
    names = [step["step"] for step in trace]
    assert names[:3] == ["restored", "painted", "reflection-1"]
    assert set(trace[2]["value"]) == {"description", "change"}
    for step in trace:
        if "picture" in step:
            with Image.open(f"steps/{step['picture']}") as picture:
                assert picture.size == (64, 64)
    with Image.open("made.png") as picture:
        assert picture.info["Description"] == "synthesised from a .sem description"


@pytest.mark.parametrize(("options", "words"), [
    (("--words", "5"), 5), (("--quality", "1"), 4), (("--quality", "3"), 9), ((), 18),
])  # fmt: skip
def test_options_of_the_encoder(semtool: Semtool, cup: Path, options: tuple[str, ...], words: int) -> None:
    done = semtool("encode", cup, *TOLD, *options)
    assert done.status == 0, done.err
    assert len(text_of(Path("cup.sem").read_bytes()).split()) == words


def test_steps_of_the_encoder(semtool: Semtool, cup: Path) -> None:
    assert semtool("encode", cup, *TOLD, "--words", "3", "--trace").status == 0
    trace = json.loads(Path("cup.sem.trace/trace.json").read_bytes())
    assert [step["step"] for step in trace] == ["description", "selected", "compressed"]
    assert trace[0]["value"] == DESCRIPTION
    assert trace[2]["value"] == text_of(Path("cup.sem").read_bytes())
    before = contents(cup.parent)
    refused(semtool("encode", cup, *TOLD, "--trace"), 2, f"usage: {cup.parent}/cup.sem.trace is there already")
    refused(
        semtool("encode", cup, "--method", "clip", "--trace", "-o", "x.sem"),
        2,
        "usage: --trace is for pictures by method elic, consonant or pics",
    )
    refused(
        semtool("encode", "--text", "a cat", "--size", "64x64", "--trace", "-o", "x.sem"),
        2,
        "usage: --trace is for pictures",
    )
    assert contents(cup.parent) == before


def test_bpp_of_the_encoder(semtool: Semtool, cup: Path) -> None:
    sizes = []
    for bpp in ("0.05", "0.1"):
        assert semtool("encode", cup, *TOLD, "--bpp", bpp, "-o", f"{bpp}.sem").status == 0
        sizes.append(Path(f"{bpp}.sem").stat().st_size)
        assert 0.7 * float(bpp) < sizes[-1] * 8 / 64**2 <= float(bpp)
    assert semtool("encode", cup, *TOLD, "--bpp", "0.1", "--words", "3").status == 2


def test_options_of_the_decoder(semtool: Semtool, models: Path) -> None:
    Path("bridge.sem").write_bytes(sent(size=(32, 32)))
    base = {
        "--steps": "2",
        "--guidance": "2",
        "--reflections": "0",
        "--device": "cpu",
        "--dtype": "float32",
        "--seed": "0",
    }

    def shown(**other: str) -> bytes:
        options = base | {f"--{name}": value for name, value in other.items()}
        done = semtool(
            "decode",
            "bridge.sem",
            "-o",
            "made.ppm",
            "--model",
            models,
            *[part for pair in options.items() for part in pair],
        )
        assert done.status == 0, done.err
        return Path("made.ppm").read_bytes()

    plain = shown()
    assert plain == shown()
    others = [shown(seed="1"), shown(steps="3"), shown(guidance="5"), shown(scheduler="ddpm"), shown(dtype="bfloat16")]
    assert len({plain, *others}) == 6


def test_a_device_that_is_not_here(semtool: Semtool, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    Path("bridge.sem").write_bytes(sent())
    refused(
        semtool("decode", "bridge.sem", "--model", models, "--device", "cuda"), 2, "usage: torch sees no cuda device"
    )


def test_what_is_missing_is_named_and_nothing_written(semtool: Semtool, cup: Path, models: Path) -> None:
    before = contents(cup.parent)
    done = semtool("encode", cup, "--method", "consonant", "--model", f"language={models / 'language'}")
    refused(
        done,
        5,
        "SEM-E-801 model-unavailable: nothing fills the role captioner (a vision-language model); the profile recommends HuggingFaceTB/SmolVLM-Instruct",
    )
    assert "--model captioner=" in done.line
    assert "--text" in done.line
    assert contents(cup.parent) == before
    (cup.parent / "bridge.sem").write_bytes(sent())
    before = contents(cup.parent)
    done = semtool("decode", "bridge.sem", "--model", f"captioner={models / 'captioner'}")
    refused(done, 5, "SEM-E-801 model-unavailable: nothing fills the role painter")
    assert "--model painter=" in done.line
    assert contents(cup.parent) == before


def test_rows_of_the_registry_recommend_models_for_every_role() -> None:
    for row in default_rows().by_name("consonant"), default_rows().by_name("consonant-coded"):
        assert set(row.recommended.models) == {"captioner", "language", "painter"}
