# SPDX-License-Identifier: MIT
"""Prompts of method consonant: the sets that ship, files of users, and what models are asked with them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_harness import Semtool, contents, refused
from PIL import Image

import refcodec
from refcodec import codec, reconstruct, spec
from refcodec.consonant_text.normalise import normalise
from refcodec.container import key_value
from refcodec.decoder import decode_file
from refcodec.errors import SemError
from refcodec.methods.consonant import prompts

FOLDER = Path(prompts.__file__).parent
DEFAULT = (FOLDER / "prompts.toml").read_text(encoding="utf-8")
PAPER = (FOLDER / "paper_prompts.toml").read_text(encoding="utf-8")
BRIDGE = "old stone bridge calm river"
PIXELS = np.arange(64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(64, 64, 3)
# the seven of appendix B.1, word by word
APPENDIX = {
    "describe": "Can you describe this photo in as much detail as possible so that someone can recreate it based only on your description? Describe each object and its size in the image with small, medium, large, and huge. Describe the relative locations of all objects from the perspective of the viewer. Describe the colors in each object.",
    "select": "This description will be used to regenerate an image. Can you compress this image description to 25 words with the goal of selecting the most important words that humans would find relevant during the image reconstruction? These should be the most important words. Do not include helper words like prepositions or other unimportant words.",
    "compress": "This description will be used to regenerate an image. Please remove all vowels and restrict to the following characters only: n, t, s, r, h, l, d, c, m, f, g, p, b, k, v. No punctuation is allowed. Remove plurals and uppercase letters.",
    "decompress": "This is a description of an image that has been extremely compressed by removing vowels and punctuation. Keep in mind only these characters were allowed: n, t, s, r, h, l, d, c, m, f, g, p, b, k, v. Please decompress it to its original text.",
    "generate": "Please generate a square image based on this description by following all of the details.",
    "compare": "Please compare the image description above to the original description below and highlight the most important difference between the two. Format this difference into a suggested change to make to the description above to make it more like the original description below.",
    "instruct": "Please keep the exact same image but make the following change:",
}  # fmt: skip


@dataclass
class Everything:
    """Captioner, language model, painter and editor in one: records what each is asked, and answers usefully."""

    name = "everything"
    native = 64
    change: str = "Add a boat."
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def describe(self, _: Any, instruction: str, max_tokens: int = 512) -> str:
        self.asked.append(("describe", instruction, ""))
        return "A small stone bridge over an old calm river."

    def ask(self, instruction: str, text: str, max_tokens: int) -> str:
        self.asked.append(("ask", instruction, text))
        if max_tokens == 64:
            return self.change
        if set(text) <= set("bcdfghklmnprstv "):
            return BRIDGE
        if "prompt" in instruction or "full sentences" in instruction:
            return f"There is an {text} in the sun."
        return normalise(BRIDGE).consonants.text if "ompress the" in instruction or "vowels" in instruction else BRIDGE

    def paint(self, prompt: str, size: tuple[int, int], **_: Any) -> Any:
        self.asked.append(("paint", prompt, ""))
        return np.full((size[1], size[0], 3), 7, np.uint8)

    def edit(self, pixels: Any, prompt: str, *_: Any, **settings: Any) -> Any:
        self.asked.append(("edit", prompt, repr(settings.get("image_guidance"))))
        return pixels + np.uint8(1)

    def prompts_of(self, kind: str) -> list[str]:
        return [prompt for asked, prompt, _ in self.asked if asked == kind]


def roles(model: Everything, *names: str) -> dict[str, Everything]:
    return dict.fromkeys(names or ("captioner", "language", "painter"), model)


def encoded(model: Everything, **more: Any) -> Any:
    return codec.encode_file(PIXELS, method="consonant", words=5, models=roles(model, "captioner", "language"), **more)


def sent() -> bytes:
    return refcodec.encode(text=BRIDGE, size=(64, 64))


def decoded(model: Everything, *names: str, **overrides: Any) -> reconstruct.Reconstruction:
    named = {name.replace("_", "-"): value for name, value in overrides.items()}
    return reconstruct.reconstruct(decode_file(sent()), models=roles(model, *names), overrides=named, reflections=1)


# --- the sets that ship ----------------------------------------------------------------------------------------------


def test_the_prompts_of_the_paper_are_quoted_word_by_word() -> None:
    paper = prompts.load("paper")
    asked = {
        "describe": paper.ask("describe"),
        "select": paper.ask("select", words=25),
        "compress": paper.ask("compress", words=25),
        "decompress": paper.ask("decompress"),
        "generate": paper.ask("generate", text="").strip(),
        "compare": paper.compare("", "")[0].strip(),
        "instruct": paper.ask("instruct", change="").strip(),
    }
    assert asked == APPENDIX
    notice = (Path(prompts.__file__).parents[3] / "NOTICE").read_text(encoding="utf-8")
    assert "paper_prompts.toml" in notice
    assert "arXiv:2402.13536" in notice


@pytest.mark.parametrize("name", prompts.SHIPPED)
def test_the_shipped_sets(name: str) -> None:
    made = prompts.load(name)
    data = (FOLDER / prompts.SHIPPED[name]).read_bytes()
    assert made.sha256 == hashlib.sha256(data).hexdigest()
    assert set(made.texts) == set(prompts.PLACEHOLDERS)
    Path("own.toml").write_bytes(data)
    assert prompts.load("own.toml") == made
    assert prompts.load(Path("own.toml")) == made
    assert prompts.load() == prompts.load(None) == prompts.load("default") == prompts.shipped()


def test_the_papers_prompts_are_asked() -> None:
    model = Everything()
    made = encoded(model, prompts="paper")
    assert model.prompts_of("describe") == [APPENDIX["describe"]]
    assert model.prompts_of("ask") == [APPENDIX["select"].replace("25", "5"), APPENDIX["compress"]]
    (value,) = decode_file(made.data).values.values()
    assert value.text == "ld stn brdg clm rvr"
    model.asked.clear()
    decoded(model, "captioner", "language", "painter", "editor", prompts="paper")
    restore, expand, compare = model.prompts_of("ask")
    assert restore == APPENDIX["decompress"]
    assert "fuller, more natural prompt" in expand
    assert compare == f"A small stone bridge over an old calm river.\n\n{APPENDIX['compare']}"
    assert [rest for kind, _, rest in model.asked if kind == "ask"][2] == BRIDGE  # "the original description below"
    assert model.prompts_of("paint") == [f"{APPENDIX['generate']}\n\nThere is an {BRIDGE} in the sun."]
    assert model.prompts_of("edit") == [f"{APPENDIX['instruct']} Add a boat."]


# --- files of users --------------------------------------------------------------------------------------------------

OWN = """
[describe]
prompt = "Describe."
[select]
prompt = "Choose {words} words."
again = "Really {words}."
[compress]
prompt = "Drop the vowels: {letters}."
again = "Please."
[decompress]
prompt = "Restore the vowels: {letter_list}."
[generate]
prompt = "A photo: {text}"
[compare]
prompt = "Wanted: {text} Is: {description} Change?"
[edit]
prompt = "{text} but {change}"
"""


def written(text: str | bytes, name: str = "own.toml") -> str:
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    return name


def test_the_seven_prompts_of_a_user() -> None:
    """Roles that the paper does not have may be absent; those of the default set are used."""
    model, own = Everything(), prompts.load(written(OWN))
    assert own.texts["expand"] == prompts.shipped().texts["expand"]
    assert own.texts["instruct"] == prompts.shipped().texts["instruct"]
    encoded(model, prompts="own.toml")
    assert [*model.prompts_of("describe"), *model.prompts_of("ask")] == [
        "Describe.",
        "Choose 5 words.",
        "Drop the vowels: n t s r h l d c m f g p b k v.",
    ]
    model.asked.clear()
    decoded(model, prompts=Path("own.toml"), expand=False)
    assert model.prompts_of("ask") == [
        "Restore the vowels: n, t, s, r, h, l, d, c, m, f, g, p, b, k, v.",
        f"Wanted: {BRIDGE} Is: A small stone bridge over an old calm river. Change?",
    ]
    assert model.prompts_of("paint") == [f"A photo: {BRIDGE}"]
    assert model.prompts_of("edit") == [f"{BRIDGE} but Add a boat."]


ROLES = ("describe", "select", "compress", "decompress", "generate", "compare", "edit")


def without(role: str) -> str:
    return re.sub(rf"\[{role}\]\n(?!\[).*?(?=\n\[|\Z)", "", OWN, flags=re.DOTALL)


DEFECTS: dict[str, tuple[str | bytes, str]] = {
    **{f"no {role}": (without(role), f"{role} is missing") for role in ROLES},
    "empty": ("", "describe is missing"),
    "unknown role": (f'{OWN}[paint]\nprompt = "x"\n', "paint is unknown"),
    "unknown role, unprintable": (f'{OWN}["a\\nb\\u001b"]\nprompt = "x"\n', "is unknown"),
    "a top-level value": (f"version = 1\n{OWN}", "version is unknown"),
    "no table": ("describe = 3\n" + without("describe"), "describe have no prompt"),
    "no prompt": (OWN.replace('prompt = "Describe."', 'text = "Describe."'), "describe have no prompt"),
    "not a text": (OWN.replace('"Describe."', "7"), "describe have no prompt"),
    "no again": (OWN.replace('again = "Please."', ""), "compress have no again"),
    "again where there is none": (OWN.replace('"Describe."', '"Describe."\nagain = "x"'), "describe have again, an unknown member"),
    "unknown member": (OWN.replace('"Describe."', '"Describe."\nmodel = "x"'), "describe have model, an unknown member"),
    "blank": (OWN.replace('"Describe."', '" \\n"'), "describe is empty"),
    "no words": (OWN.replace("{words} words", "few words"), "prompt of select lacks {words}"),
    "no letters": (OWN.replace("{letters}", "abc"), "prompt of compress lacks {letter_list} or {letters}"),
    "no letters to restore": (OWN.replace("{letter_list}", "abc"), "prompt of decompress lacks {letter_list} or {letters}"),
    "no text": (OWN.replace("photo: {text}", "photo"), "prompt of generate lacks {text}"),
    "no change": (OWN.replace("{change}", "that"), "prompt of edit lacks {change}"),
    "nothing to compare": (OWN.replace("Wanted: {text} Is: {description}", "What"), "prompt of compare lacks {description} or {text}"),
    "unknown placeholder": (OWN.replace("Describe.", "{size}"), "prompt of describe has {size}, an unknown placeholder"),
    "of another role": (OWN.replace("photo: {text}", "photo: {text} {change}"), "prompt of generate has {change}"),
    "unknown placeholder of again": (OWN.replace("Please.", "{text}"), "again of compress has {text}"),
    "a number": (OWN.replace("Describe.", "{0}"), "{0}, an unknown placeholder"),
    "no name": (OWN.replace("Describe.", "{}"), "{}, an unknown placeholder"),
    "an attribute": (OWN.replace("photo: {text}", "photo: {text} {text.__class__}"), "{text.__class__}, an unknown placeholder"),
    "an item": (OWN.replace("photo: {text}", "photo: {text} {text[0]}"), "{text[0]}, an unknown placeholder"),
    "a width": (OWN.replace("photo: {text}", "photo: {text:>999999999}"), "{text} has a format"),
    "a conversion": (OWN.replace("photo: {text}", "photo: {text!r}"), "{text} has a format"),
    "a lone brace": (OWN.replace("Describe.", "Describe {."), "prompt of describe is invalid"),
    "a lone closing brace": (OWN.replace("Describe.", "Describe }."), "prompt of describe is invalid"),
    "not TOML": ("Describe this picture, please.", "is not a file of prompts"),
    "JSON": ('{"describe": {"prompt": "x"}}', "is not a file of prompts"),
    "twice": (OWN + OWN, "is not a file of prompts"),
    "not UTF-8": (OWN.replace("Describe.", "Décrire.").encode("latin-1"), "it is not UTF-8"),
    "UTF-16": (OWN.encode("utf-16"), "it is not UTF-8"),
    "NUL": (OWN.encode() + b"\0", "is not a file of prompts"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "it is not UTF-8"),
    "deeply nested": (f"x = {'[' * 20000}", "is not a file of prompts"),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_file_that_is_not_a_set_of_prompts(defect: str) -> None:
    data, what = DEFECTS[defect]
    with pytest.raises(SemError) as caught:
        prompts.load(written(data))
    error = caught.value
    assert (error.code, error.status, error.path) == (101, 7, "prompts")
    assert what in error.what
    assert error.what.startswith("own.toml is not a file of prompts: ")
    assert "\n" not in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 500


def test_a_file_that_is_too_large_or_absent() -> None:
    for code, name in ((606, written(OWN + "#" * prompts.FILE_BYTES_MAX)), (101, "none.toml"), (101, ".")):
        with pytest.raises(SemError) as caught:
            prompts.load(name)
        assert caught.value.code == code
    assert prompts.load(written(OWN + "#" * (prompts.FILE_BYTES_MAX - len(OWN)))).texts["describe"] == "Describe."


def test_doubled_braces_are_braces_and_texts_are_not_templates() -> None:
    own = prompts.load(written(OWN.replace("Describe.", "Describe {{it}}.").replace("\n", "\r\n")))
    assert own.ask("describe") == "Describe {it}."
    assert own.ask("generate", text="{letters} {0}") == "A photo: {letters} {0}"
    assert own.compare("{text}", "{}")[0] == "Wanted: {text} Is: {} Change?"


@pytest.mark.parametrize("value", [7, b"own.toml", ["own.toml"], {}, True])
def test_prompts_of_another_type(value: Any) -> None:
    with pytest.raises(TypeError, match="prompts is"):
        refcodec.encode("none.png", method="consonant", prompts=value)
    with pytest.raises(TypeError, match="prompts is"):
        refcodec.decode(sent(), prompts=value)
    with pytest.raises(TypeError, match="prompts is"):
        prompts.load(value)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("expand", 1, TypeError), ("expand", "yes", TypeError), ("image_guidance", "2", TypeError), ("image_guidance", True, TypeError),
        ("image_guidance", -0.1, ValueError), ("image_guidance", float("nan"), ValueError), ("image_guidance", 1e6, ValueError),
    ],
)  # fmt: skip
def test_other_settings_of_a_wrong_form(name: str, value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=name):
        refcodec.decode(sent(), **{name: value})


@pytest.mark.parametrize("setting", [{"prompts": "paper"}, {"expand": True}, {"image_guidance": 1.5}])
def test_other_methods_have_no_prompts(setting: dict[str, Any]) -> None:
    (name,) = setting
    data = refcodec.encode(caption="a cat", size=(64, 64))
    with pytest.raises(ValueError, match=f"method pics has no {name.replace('_', '-')}"):
        refcodec.decode(data, **setting)
    if name == "prompts":
        for method in ("elic", "clip", "pics", "perco"):
            with pytest.raises(ValueError, match=f"method {method} has no prompts"):
                refcodec.encode(PIXELS, method=method, **setting)
        with pytest.raises(ValueError, match="prompts needs a picture"):
            refcodec.encode(text=BRIDGE, size=(64, 64), **setting)


def test_a_bad_file_is_found_before_any_model_is_asked() -> None:
    model = Everything()
    for call in (lambda: encoded(model, prompts="none.toml"), lambda: decoded(model, prompts="none.toml")):
        with pytest.raises(SemError) as caught:
            call()
        assert caught.value.code == 101
    assert not model.asked


def provenance(data: bytes) -> dict[str, str]:
    """The entries of the provenance of a file, {} without one."""
    sections = [section.body for section in refcodec.read(data).sections if section.type == spec.PROVENANCE]
    return dict(key_value.decode(sections[0])) if sections else {}


# --- provenance ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["default", "paper", "own.toml"])
def test_the_provenance_names_the_prompts_that_were_used(source: str) -> None:
    written(OWN)
    made = encoded(Everything(), prompts=source, provenance=True)
    data = Path(source) if source == "own.toml" else FOLDER / prompts.SHIPPED[source]
    assert provenance(made.data)["prompts"] == hashlib.sha256(data.read_bytes()).hexdigest()
    assert provenance(encoded(Everything(), prompts=source).data) == {}


def test_without_models_no_prompt_is_used() -> None:
    made = codec.encode_file(PIXELS, method="consonant", text=BRIDGE, prompts="paper", provenance=True)
    assert set(provenance(made.data)) == {"encoder", "method"}


# --- the program -----------------------------------------------------------------------------------------------------


def test_the_program_takes_prompts(semtool: Semtool, place: Path) -> None:
    Image.fromarray(PIXELS).save("in.png")
    Path("t.sem").write_bytes(sent())
    written(OWN), written(OWN.replace("{words} words", "few"), "bad.toml"), written(b"#" * (1 << 17), "long.toml")
    before = contents(place)
    encode = ("encode", "in.png", "--method", "consonant", "--text", "a cat", "-o", "x.sem")
    decode = ("decode", "t.sem", "-o", "x.png", "--model", "painter=https://127.0.0.1:9/v1#m")
    for command in (encode, decode):
        refused(
            semtool(*command, "--prompts", "bad.toml"), 7, "SEM-E-101 cannot-read: bad.toml is not a file of prompts"
        )
        refused(semtool(*command, "--prompts", "none.toml"), 7, "SEM-E-101 cannot-read: none.toml")
        refused(semtool(*command, "--prompts", "long.toml"), 6, "SEM-E-606 limit-file")
    refused(semtool("encode", "in.png", "--prompts", "paper", "-o", "x.sem"), 2, "usage: method elic has no prompts")
    refused(semtool("decode", "t.sem", "--symbols", "--prompts", "paper"), 2, "usage: --prompts is for pictures")
    refused(semtool("decode", "t.sem", "--text", "--no-expand"), 2, "usage: --expand is for pictures")
    refused(semtool("decode", "t.sem", "--image-guidance", "-1"), 2, "usage: ")
    assert contents(place) == before
    for name in ("default", "paper", "own.toml"):
        assert semtool(*encode, "--force", "--prompts", name).status == 0
