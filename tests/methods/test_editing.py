# SPDX-License-Identifier: MIT
"""From restored words to a picture: their expansion into a prompt, and reflections by a model that edits by instruction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool, refused, valid

import refcodec
from refcodec import reconstruct
from refcodec.consonant_text.normalise import skeleton, words
from refcodec.decoder import decode_file
from refcodec.foundation import captioner as captioners
from refcodec.foundation.endpoint import RemoteTextToImage
from refcodec.foundation.instruction_editor import InstructionEditor
from refcodec.foundation.models_json import roles_in_folder
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_to_image import TextToImage
from refcodec.foundation.worker.proxy import ModelProxy
from refcodec.limits import Limits, TimeLimitError
from refcodec.methods.consonant import expansion, prompts
from refcodec.methods.consonant.expansion import Expansion, expand

pytestmark = pytest.mark.models

BRIDGE = "old stone bridge calm river"
FULLER = "An old stone bridge stands over a calm river."
PHOTO = tiny_models.photo(64, 64)


@dataclass
class Language:
    """A language model that restores words, and answers the request for a fuller prompt as a test wants."""

    answer: str = FULLER
    change: str = "Make the river blue."
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    name = "language"

    def ask(self, instruction: str, text: str, max_tokens: int) -> str:
        if set(text) <= set("bcdfghklmnprstv "):
            return BRIDGE
        if instruction.startswith("A painter was asked"):
            self.asked.append((instruction, text, max_tokens))
            return self.change
        self.asked.append((instruction, text, max_tokens))
        return self.answer


@dataclass
class Painter:
    """A painter, or an editor, that keeps what it is asked."""

    native: int = 64
    name: str = "painter"
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def paint(self, prompt: str, size: tuple[int, int], **settings: Any) -> NDArray[np.uint8]:
        self.asked.append(("paint", prompt, settings))
        return np.full((size[1], size[0], 3), 100, np.uint8)

    def edit(self, pixels: NDArray[np.uint8], prompt: str, *strength: float, **settings: Any) -> NDArray[np.uint8]:
        self.asked.append(("edit", prompt, settings | {"shape": pixels.shape, "mean": pixels.mean()}))
        return pixels + np.uint8(10)

    def steps(self) -> list[str]:
        return [step for step, _, _ in self.asked]

    def prompts(self) -> list[str]:
        return [prompt for _, prompt, _ in self.asked]


class Captioner:
    name = "captioner"

    def describe(self, *_: Any) -> str:
        return "A bridge over a grey river."


def sent(text: str = BRIDGE, size: tuple[int, int] = (64, 64)) -> bytes:
    return refcodec.encode(text=text, size=size)


def painted(models: dict[str, Any], **settings: Any) -> reconstruct.Reconstruction:
    return reconstruct.reconstruct(decode_file(sent()), models=models, **({"reflections": 0} | settings))


# --- expansion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "wanted", "expanded"),
    [(True, None, True), (True, True, True), (True, False, False), (False, None, False), (False, False, False), (False, True, False)],
)  # fmt: skip
def test_words_are_expanded_where_a_language_model_is(language: bool, wanted: bool | None, expanded: bool) -> None:
    painter, model, steps = Painter(), Language(), list[tuple[str, Any]]()
    models = {"painter": painter} | ({"language": model} if language else {})
    made = painted(models, overrides={"expand": wanted}, samples=2, record=lambda *step: steps.append(step))
    restored = dict(steps)["restored"]
    assert painter.prompts() == [FULLER if expanded else restored] * 2
    assert [name for name, _ in steps] == ["restored", *["expanded"] * expanded, "painted", "painted"]
    assert len(model.asked) == expanded  # once for all samples
    announced = [notice for notice in made.notices if "not expanded" in notice]
    assert announced == (
        ["not expanded: nothing fills the role language, which it needs"] if wanted and not language else []
    )
    if expanded:
        ((instruction, text, tokens),) = model.asked
        assert (instruction, text) == (prompts.shipped().ask("expand", words=expansion.WORDS), BRIDGE)
        assert tokens == 2 * expansion.WORDS + 64


@pytest.mark.parametrize(("answer", "prompt"), [
    (FULLER, FULLER), (f'"{FULLER}"', FULLER), (f"“{FULLER}”", FULLER), (f"**{FULLER}**", FULLER),
    (f"Here is a fuller description:\n\n{FULLER}\n", FULLER), ("An old stone bridge\nstands over\n\na calm river.", FULLER),
    ("A bridge of old stone, the river below calm.", "A bridge of old stone, the river below calm."),
    ("The old bridges are of stone, above the calmest river.", "The old bridges are of stone, above the calmest river. Calm."),
    ("An old bridge that is made of stone.", "An old bridge that is made of stone. Calm, river."),
    ("Ein old stone bridge über dem calm river.", "Ein old stone bridge über dem calm river."),
])  # fmt: skip
def test_an_answer_that_is_a_fuller_prompt(answer: str, prompt: str) -> None:
    assert expand(BRIDGE, Language(answer), prompts.shipped(), Painter(), None) == Expansion(prompt)


@pytest.mark.parametrize(
    "answer",
    [
        "", "  \n ", "?", BRIDGE, "old stone bridge", "I am sorry, but I cannot help with that request today.",
        "A red cat sleeps on a mat in the sun, under a tree.", "A stone lies somewhere in a garden of tall flowers.",
        f"{FULLER} " * 15, f"{FULLER} {'x' * 5000}", "bridge " * 500,
    ],
)  # fmt: skip
@pytest.mark.parametrize("wanted", [None, True])
def test_an_answer_that_is_not_leaves_the_words_and_says_so(answer: str, wanted: bool | None) -> None:
    made = expand(BRIDGE, Language(answer), prompts.shipped(), Painter(), wanted)
    assert made.prompt == BRIDGE
    assert made.notice == "the language model did not expand the words: they are the prompt themselves"


def test_every_word_is_asked_for() -> None:
    for answer in (FULLER, "A bridge of stone: old, old, old.", "calm calm calm river river stone"):
        made = expand(BRIDGE, Language(answer), prompts.shipped(), Painter(), None)
        assert set(map(skeleton, words(BRIDGE))) <= set(map(skeleton, words(made.prompt)))


def test_no_more_is_asked_for_than_the_painter_reads() -> None:
    @dataclass
    class Short(Painter):
        prompt_words: int = 5

    model = Language()
    made = expand(BRIDGE, model, prompts.shipped(), Short(), None)
    assert made == Expansion(BRIDGE, "not expanded: the painter reads about 5 words, and the text has 5")
    assert not model.asked
    assert expand(BRIDGE, model, prompts.shipped(), Short(prompt_words=6), None).prompt == FULLER
    assert "at most 6 words" in model.asked[0][0]
    assert expand("", model, prompts.shipped(), Painter(), True) == Expansion("")


def test_the_words_that_painters_read(tmp_path: Path) -> None:
    here = Models.of(device="cpu")
    folders = [tiny_models.text_to_image(tmp_path / "sd"), tiny_models.flux(tmp_path / "flux")]
    clip, t5 = (TextToImage.load(folder, here) for folder in folders)
    assert clip.prompt_words == 50  # of 77 tokens, two of which are its ends
    assert t5.prompt_words == 120
    there = Models.of({"painter": folders[0]}, device="cpu").load_text_to_image({})
    assert isinstance(there, ModelProxy)
    assert there.prompt_words == 50
    assert RemoteTextToImage.prompt_words == 120


def test_pictures_are_compared_with_the_words_and_edited_with_the_prompt() -> None:
    painter, model = Painter(), Language()
    painted({"painter": painter, "language": model, "captioner": Captioner()}, reflections=1)
    assert painter.prompts() == [FULLER, f"{model.change} {FULLER}"]
    instruction, text, _ = model.asked[-1]
    assert text == "A bridge over a grey river."
    assert BRIDGE in instruction
    assert FULLER not in instruction


# --- reflections by an editor ----------------------------------------------------------------------------------------


def whole(**more: Any) -> dict[str, Any]:
    return {"painter": Painter(), "language": Language(), "captioner": Captioner(), **more}


def test_an_editor_makes_the_changes() -> None:
    models = whole(editor=Painter(name="editor"))
    overrides = {"seed": 5, "steps": 3, "guidance": 2, "scheduler": "ddim", "image-guidance": 1.25}
    made = painted(models, reflections=2, overrides=overrides)
    assert models["painter"].steps() == ["paint"]
    assert models["editor"].steps() == ["edit", "edit"]
    assert set(made.models) == {"captioner", "editor", "language", "painter"}
    first, second = (settings for _, _, settings in models["editor"].asked)
    assert models["editor"].prompts() == ["Make the river blue."] * 2  # an instruction alone
    assert {key: first[key] for key in ("steps", "guidance", "sampler", "image_guidance", "kind", "mean")} == {
        "steps": 3,
        "guidance": 2,
        "sampler": "ddim",
        "image_guidance": 1.25,
        "kind": "cpu",
        "mean": 100,
    }
    assert second["mean"] == 110
    assert first["seed"] != second["seed"]
    assert made.pictures[0].mean() == 120
    assert not any("image-guidance" in notice for notice in made.notices)


def test_without_an_editor_the_painter_does() -> None:
    models = whole()
    painted(models, reflections=2)
    assert models["painter"].steps() == ["paint", "edit", "edit"]


def test_a_painter_without_image_to_image_is_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = TextToImage.load(tiny_models.text_to_image(tmp_path), Models.of(device="cpu"))
    assert painter.edits_pictures
    anew = "the painter has no image-to-image: reflections generate the picture anew"
    models, few = whole(painter=painter), {"steps": 1}
    assert anew not in painted(models, reflections=1, overrides=few).notices
    monkeypatch.setitem(painter.__dict__, "editor", None)
    assert not painter.edits_pictures
    assert painted(models, reflections=2, samples=2, overrides=few).notices.count(anew) == 1
    assert anew not in painted(models, overrides=few).notices
    assert anew not in painted(whole(painter=painter, editor=Painter()), reflections=1, overrides=few).notices


@pytest.mark.parametrize(("size", "native", "shape"), [
    ((64, 64), 64, (64, 64, 3)), ((64, 64), 128, (128, 128, 3)), ((256, 128), 256, (192, 384, 3)), ((200, 200), 64, (64, 64, 3)),
])  # fmt: skip
def test_a_picture_is_edited_in_the_size_of_the_editor(
    size: tuple[int, int], native: int, shape: tuple[int, ...]
) -> None:
    models = whole(editor=Painter(native))
    data = sent(size=size)
    (made,) = reconstruct.reconstruct(decode_file(data), models=models, reflections=1).pictures
    assert models["editor"].asked[0][2]["shape"] == shape
    assert made.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("models", [{}, {"editor": Painter()}], ids=["no editor", "no reflections"])
def test_an_image_guidance_without_effect_is_announced(models: dict[str, Any]) -> None:
    count = 0 if "editor" in models else 1
    made = painted(whole(**models), reflections=count, overrides={"image-guidance": 2.0})
    assert [notice for notice in made.notices if "image-guidance has no effect" in notice]
    assert not any("image-guidance" in notice for notice in painted(whole(**models), reflections=count).notices)


# --- the real classes ------------------------------------------------------------------------------------------------

MAKERS: dict[str, Callable[[Path], Path]] = {
    "sd": tiny_models.instruct_pix2pix,
    "xl": tiny_models.instruct_pix2pix_xl,
}


@pytest.fixture(scope="module", params=MAKERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return MAKERS[request.param](tmp_path_factory.mktemp("editor"))


def test_edits_of_the_real_editor(folder: Path) -> None:
    editor = InstructionEditor.load(folder, Models.of(device="cpu"))
    assert editor.native == 32
    how: dict[str, Any] = {"seed": 1, "steps": 2, "guidance": 3.0, "image_guidance": 1.5}

    def edited(pixels: NDArray[np.uint8] = PHOTO, instruction: str = "add a cat", **more: Any) -> NDArray[np.uint8]:
        return editor.edit(pixels, instruction, **(how | more))

    one = edited()
    assert (one.shape, one.dtype) == ((64, 64, 3), np.uint8)
    assert np.array_equal(one, edited())
    others = [
        edited(255 - PHOTO), edited(instruction="make it blue"), edited(seed=2), edited(steps=3), edited(guidance=9.0),
        edited(image_guidance=4.0), edited(sampler="ddim"),
    ]  # fmt: skip
    assert len({picture.tobytes() for picture in [one, *others]}) == 8
    assert edited(PHOTO[:32]).shape == (32, 64, 3)
    shares: list[float] = []
    edited(progress=shares.append)
    assert shares == [0.5, 1]
    with pytest.raises(ValueError, match="scheduler is one of"):
        edited(sampler="nonsense")


def test_the_folder_of_an_editor_fills_its_role(folder: Path, semtool: Semtool) -> None:
    assert set(roles_in_folder(folder)) == set(roles_in_folder(folder.parent)) == {"editor"}
    assert Models.of(folder).has("editor")
    assert not Models.of(folder).has("painter")
    there = Models.of(folder, device="cpu").load_editor({})
    assert isinstance(there, ModelProxy)
    assert there.edit(PHOTO, "add a cat", seed=1, steps=1).shape == (64, 64, 3)
    brief = Models.of(folder, device="cpu", limits=Limits(timeout=0.5).start())
    with pytest.raises(TimeLimitError):
        brief.load_editor({}).edit(PHOTO, "add a cat", seed=1, steps=900)
    cache = Path("models--some--editor")
    (cache / "snapshots").mkdir(parents=True)
    (cache / "snapshots" / ("a" * 40)).symlink_to(folder)
    assert set(roles_in_folder(cache)) == {"editor"}
    listed = semtool("models", "list", "--model", folder, "--json")
    valid("models-list", listed.json)
    assert [row["role"] for row in listed.json["roles"] if row["source"]] == ["editor"]
    assert semtool("models", "verify", folder).status == 0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of everything that the decoder takes."""
    folder = tmp_path_factory.mktemp("set")
    tiny_models.idefics3(folder / "captioner")
    tiny_models.language_model(folder / "language")
    tiny_models.text_to_image(folder)
    tiny_models.instruct_pix2pix(folder)
    return folder


def test_the_program_edits_by_instruction(models: Path, semtool: Semtool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captioners, "DESCRIPTION_TOKENS", 24)
    Path("bridge.sem").write_bytes(sent())
    command = (
        "decode",
        "bridge.sem",
        "-o",
        "made.ppm",
        "--force",
        "--steps",
        "2",
        "--reflections",
        "1",
        "--model",
        models,
    )

    def made(*options: str) -> bytes:
        done = semtool(*command, *options, "--json")
        assert done.status == 0, done.err
        valid("decode", done.json)
        assert set(done.json["models"]) == {"captioner", "editor", "language", "painter"}
        return Path("made.ppm").read_bytes()

    first = made()
    assert first == made()
    assert len({first, made("--image-guidance", "5"), made("--no-expand", "--seed", "3")}) == 3
    refused(
        semtool(*command, "--model", f"editor={models / 'painter'}"),
        5,
        "SEM-E-803 model-malformed: editor: painter is StableDiffusionPipeline, not StableDiffusionInstructPix2PixPipeline",
    )
