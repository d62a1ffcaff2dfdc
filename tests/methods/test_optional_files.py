# SPDX-License-Identifier: MIT
"""Files of a model that may be absent: one that is there and damaged is named, and does not silently leave a default."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool
from PIL import Image

from refcodec.errors import Code, SemError
from refcodec.foundation.download import resolve_folder
from refcodec.foundation.optional_files import OBJECTS, TEMPLATE, TEMPLATES
from refcodec.foundation.required_files import PROCESSOR_CONFIGS, check_tokenizer_files
from refcodec.foundation.roles import ModelSource

pytestmark = pytest.mark.models
OBJECT = '{"bos_token": "x"}'
DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "a folder": Path.mkdir,
    "a pipe": lambda path: os.mkfifo(path),  # noqa: PLW0108 - not everywhere
    "a device": lambda path: path.symlink_to("/dev/null"),
    "UTF-16": lambda path: path.write_bytes(OBJECT.encode("utf-16")),
    "cut": lambda path: path.write_bytes(b'{"a": "\xc3'),
    "too long": lambda path: path.write_bytes(b" " * ((1 << 24) + 1)),
}
OF_OBJECTS: dict[str, Callable[[Path], object]] = {
    "a mark": lambda path: path.write_text(OBJECT, "utf-8-sig"),
    "cut JSON": lambda path: path.write_text(OBJECT[:-1]),
    "a list": lambda path: path.write_text("[]"),
    "a page": lambda path: path.write_text("<html>404</html>"),
}
CASES = [
    *((file, damage) for file in (*OBJECTS, TEMPLATE, f"{TEMPLATES}/tool.jinja") for damage in DAMAGE),
    *((file, damage) for file in OBJECTS for damage in OF_OBJECTS),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_models.language_model(folder / "language")
    tiny_models.stable_diffusion(folder)
    tiny_models.clip_model(folder / "clip")
    return folder


def replaced(path: Path, damage: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    (DAMAGE | OF_OBJECTS)[damage](path)


def refused(role: str, folder: str, file: str) -> str:
    with pytest.raises(SemError) as caught:
        resolve_folder(ModelSource(role, folder))
    error = caught.value
    assert (error.code, error.status, error.path) == (Code.MODEL_MALFORMED, 5, role)
    assert error.what.startswith(f"{role}: {file} of {folder} is "), error
    assert "\n" not in str(error)
    return error.hint or ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize(("file", "damage"), CASES)
def test_a_damaged_file_is_named(place: Path, models: Path, file: str, damage: str) -> None:
    shutil.copytree(models / "language", "lm")
    replaced(Path("lm") / file, damage)
    assert refused("language", "lm", file) == "download it again, or delete it"
    path = Path("lm") / file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    resolve_folder(ModelSource("language", "lm"))


@pytest.mark.parametrize("file", ["tokenizer/special_tokens_map.json", "text_encoder/generation_config.json"])
def test_parts_of_a_pipeline(place: Path, models: Path, file: str) -> None:
    shutil.copytree(models / "painter", "sd")
    replaced(Path("sd") / file, "empty")
    refused("painter", "sd", file)


@pytest.mark.parametrize("damage", ["empty", "cut JSON", "UTF-16", "a list"])
def test_the_second_configuration_of_a_processor(place: Path, models: Path, damage: str) -> None:
    shutil.copytree(models / "clip", "vision")
    other = next(file for file in PROCESSOR_CONFIGS if not (Path("vision") / file).exists())
    replaced(Path("vision") / other, damage)
    assert refused("clip", "vision", other) == "download it again"


@pytest.mark.parametrize("file", OBJECTS)
def test_an_empty_object_is_sound(place: Path, models: Path, file: str) -> None:
    shutil.copytree(models / "language", "lm")
    (Path("lm") / file).write_text("{}")
    resolve_folder(ModelSource("language", "lm"))


def test_an_empty_tokenizer_beside_the_older_files(place: Path, models: Path) -> None:
    shutil.copytree(models / "language", "lm")
    for file in ("vocab.json", "merges.txt"):
        (Path("lm") / file).write_text("{}")
    (Path("lm") / "tokenizer.json").write_bytes(b"")
    with pytest.raises(SemError, match=r"the tokenizer of lm has no valid tokenizer\.json"):
        check_tokenizer_files("language", "lm", Path("lm"))


def test_a_verification_and_a_run_name_it_alike(place: Path, models: Path, semtool: Semtool) -> None:
    shutil.copytree(models / "language", "set/language")
    replaced(Path("set/language") / TEMPLATE, "empty")
    line = "SEM-E-803 model-malformed: language: chat_template.jinja of set/language is empty"
    out = semtool("models", "verify", "language", "--model", "set")
    assert (out.status, line in out.err) == (5, True), out.err
    Image.fromarray(tiny_models.photo()).save("photo.png")
    encode = ("encode", "photo.png", "--method", "consonant", "--text", "a cat on a mat")
    out = semtool(*encode, "--model", "language=set/language")
    assert (out.status, out.err.count("\n"), line in out.err) == (5, 1, True), out.err
