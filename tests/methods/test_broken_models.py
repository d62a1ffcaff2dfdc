# SPDX-License-Identifier: MIT
"""Models that are damaged: whatever a library says of them is one line with SEM-E-803, and no picture is made of no numbers."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")

import tiny_models
import torch
from cli_harness import Semtool
from safetensors.torch import load_file, save_file

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    tiny_models.image_embedder(folder / "image_embedder")
    tiny_models.unclip(folder)
    tiny_models.language_model(folder / "language")
    return folder


@pytest.fixture
def photo(place: Path) -> Path:
    from PIL import Image

    Image.fromarray(tiny_models.photo()).save("photo.png")
    return Path("photo.png")


def changed(folder: Path, file: str, **values: Any) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def no_numbers(file: Path) -> None:
    save_file(
        {name: torch.full_like(tensor, float("nan")) for name, tensor in load_file(file).items()},
        file,
        metadata={"format": "pt"},
    )


def refused(semtool: Semtool, said: str, *args: object) -> None:
    before = sorted(Path().iterdir())
    out = semtool(*args)
    assert (out.status, out.err.count("\n")) == (5, 1), out.err
    assert "SEM-E-803" in out.err
    assert said in out.err
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"hidden_size": "x"}), ("config.json", {"initializer_range": None}), ("config.json", {"patch_size": 0}),
        ("config.json", {"hidden_size": -1}), ("preprocessor_config.json", {"size": []}),
    ],
)  # fmt: skip
def test_a_setting_that_makes_no_sense(
    semtool: Semtool, photo: Path, models: Path, file: str, values: dict[str, Any]
) -> None:
    shutil.copytree(models / "image_embedder", "image_embedder")
    changed(Path("image_embedder"), file, **values)
    refused(semtool, "image_embedder", "encode", photo, "--method", "clip", "--model", "image_embedder=image_embedder")


def test_a_configuration_that_is_too_deep(semtool: Semtool, photo: Path, models: Path) -> None:
    shutil.copytree(models / "image_embedder", "image_embedder")
    Path("image_embedder/config.json").write_text("[" * 100_000)
    refused(semtool, "config.json", "encode", photo, "--method", "clip", "--model", "image_embedder=image_embedder")


@pytest.mark.parametrize("member", ["tokenizer.json", "template"])
def test_a_language_model_that_cannot_be_asked(semtool: Semtool, photo: Path, models: Path, member: str) -> None:
    shutil.copytree(models / "language", "language")
    if member == "template":
        Path("language/chat_template.jinja").write_text("{% for %}")
    else:
        Path("language/tokenizer.json").write_text("{}")
    refused(
        semtool,
        "language",
        "encode",
        photo,
        "--method",
        "consonant",
        "--text",
        "a cat on a mat",
        "--model",
        "language=language",
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(semtool: Semtool, photo: Path, models: Path) -> None:
    shutil.copytree(models / "image_embedder", "image_embedder")
    Path("image_embedder/config.json").unlink()
    os.mkfifo("image_embedder/config.json")
    refused(semtool, "config.json", "encode", photo, "--method", "clip", "--model", "image_embedder=image_embedder")


def test_vectors_and_pictures_of_no_numbers(semtool: Semtool, photo: Path, models: Path) -> None:
    clip = ("encode", photo, "--method", "clip")
    assert semtool(*clip, "--model", models).status == 0
    shutil.copytree(models / "image_embedder", "image_embedder")
    no_numbers(Path("image_embedder/model.safetensors"))
    refused(semtool, "is not finite", *clip, "-o", "other.sem", "--model", "image_embedder=image_embedder")
    shutil.copytree(models / "painter", "painter")
    no_numbers(Path("painter/vae/diffusion_pytorch_model.safetensors"))
    refused(
        semtool, "--dtype float32", "decode", "photo.sem", "-o", "new.png", "--steps", 1, "--model", "painter=painter"
    )


def test_what_a_library_says_aloud_is_not_repeated(semtool: Semtool, photo: Path, models: Path) -> None:
    assert semtool("encode", photo, "--method", "clip", "--model", models).status == 0
    shutil.copytree(models / "painter", "painter")
    Path("painter/image_normalizer/diffusion_pytorch_model.safetensors").unlink()
    refused(semtool, "painter", "decode", "photo.sem", "-o", "new.png", "--model", "painter=painter")
