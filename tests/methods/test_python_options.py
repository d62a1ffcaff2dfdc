# SPDX-License-Identifier: MIT
"""What `semtool decode` does with real models, `refcodec.decode` does: samples, reflections, steps, notices, texts, files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool

import refcodec
from refcodec.foundation import captioner as captioners
from refcodec.foundation.resolve import Models

pytestmark = pytest.mark.models

SEEDS = {"seed": 5, "steps": 1}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set: folders named for the roles they fill."""
    folder = tmp_path_factory.mktemp("set")
    tiny_models.idefics3(folder / "captioner")
    tiny_models.language_model(folder / "language")
    tiny_models.text_to_image(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(models: Path) -> Models:
    """The same, loaded once in the process of the models."""
    return Models.of(models, device="cpu")


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights never end by themselves."""
    monkeypatch.setattr(captioners, "DESCRIPTION_TOKENS", 24)


@pytest.fixture
def bridge(place: Path) -> Path:
    """A file of consonants."""
    path = place / "bridge.sem"
    path.write_bytes(refcodec.encode(text="old stone bridge", size=(64, 64)))
    return path


def equal(image: Image.Image, path: Path) -> bool:
    with Image.open(path) as picture:
        return np.array_equal(np.asarray(image), np.asarray(picture.convert("RGB")))


def test_samples_are_those_of_the_program(
    semtool: Semtool, bridge: Path, loaded: Models, models: Path, place: Path
) -> None:
    pictures = refcodec.decode(bridge, models=loaded, samples=3, **SEEDS)
    assert [picture.info["Seed"] for picture in pictures] == ["5", "6", "7"]
    done = semtool("decode", bridge, "-o", "x.png", "--model", models, "--samples", 3, "--seed", 5, "--steps", 1)
    assert done.status == 0, done.err
    assert [equal(picture, place / f"x-{seed}.png") for seed, picture in zip((5, 6, 7), pictures, strict=True)] == [
        True
    ] * 3
    assert len({picture.tobytes() for picture in pictures}) == 3
    (one,) = refcodec.decode(bridge, models=loaded, samples=1, **SEEDS)
    alone = refcodec.decode(bridge, models=loaded, **SEEDS)
    assert isinstance(alone, Image.Image)
    assert one.tobytes() == alone.tobytes() == pictures[0].tobytes()
    assert alone.info == one.info == pictures[0].info


def test_samples_of_a_picture_without_a_seed() -> None:
    small = refcodec.encode(tiny_models.photo(32, 32), method="perco")
    (picture,) = refcodec.decode(small, samples=1)
    assert "Seed" not in picture.info
    assert picture.tobytes() == refcodec.decode(small).tobytes()
    for data in (small, refcodec.encode(tiny_models.photo(32, 32))):
        with pytest.raises(ValueError, match="paints one picture: it has no seed"):
            refcodec.decode(data, samples=2)


@pytest.mark.parametrize("rounds", [0, 2])
def test_reflections_and_steps_are_those_of_the_program(
    semtool: Semtool, bridge: Path, loaded: Models, models: Path, place: Path, rounds: int
) -> None:
    steps: list[tuple[str, Any]] = []
    picture = refcodec.decode(
        bridge, models=loaded, reflections=rounds, record=lambda *step: steps.append(step), **SEEDS
    )
    done = semtool(
        "decode", bridge, "-o", "x.png", "--model", models, "--reflections", rounds, "--seed", 5, "--steps", 1,
        "--trace", "trace",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert equal(picture, place / "x.png")
    listed = json.loads((place / "trace" / "trace.json").read_bytes())
    assert [name for name, _ in steps] == [entry["step"] for entry in listed]
    assert sum(name.startswith("reflection-") for name, _ in steps) == rounds
    for (_, value), entry in zip(steps, listed, strict=True):
        if "picture" in entry:
            assert equal(Image.fromarray(value), place / "trace" / entry["picture"])
        else:
            assert value == entry["value"]


def test_reflections_of_previews(bridge: Path, loaded: Models) -> None:
    (last,) = refcodec.decode_progressive(bridge, models=loaded, reflections=1, **SEEDS)
    assert last.final
    assert last.image.tobytes() == refcodec.decode(bridge, models=loaded, reflections=1, **SEEDS).tobytes()
    assert last.image.tobytes() != refcodec.decode(bridge, models=loaded, reflections=0, **SEEDS).tobytes()


@pytest.mark.parametrize(
    "call", [refcodec.decode, lambda data, **more: list(refcodec.decode_progressive(data, **more))]
)
def test_notices_of_decode(loaded: Models, call: Callable[..., Any]) -> None:
    """A hint that is not followed: a notice of the program, and of the library."""
    data = refcodec.encode(text="ld stn", size=(64, 64), hints={"scheduler": "nowhere", "steps": "1"})
    notices: list[str] = []
    call(data, models=loaded, notice=notices.append, expand=False)
    assert notices == ["the file asks for the scheduler nowhere, which is not known here: this picture may differ"]
    notices.clear()
    call(data, models=loaded, notice=notices.append, expand=False, scheduler="ddim")
    assert notices == []


def test_notices_of_encode() -> None:
    notices: list[str] = []
    photo = tiny_models.photo(96, 96)
    data = refcodec.encode(photo, method="pics", caption="a cup", edges="none", notice=notices.append)
    assert notices == ["described in the size 512x512, in place of 96x96"]
    assert data == refcodec.encode(photo, method="pics", caption="a cup", edges="none")
    notices.clear()
    with pytest.warns(UserWarning, match="cannot be reached"):
        refcodec.encode(photo, method="pics", caption="a cup", edges="contours", bpp=0.00001, notice=notices.append)
    assert len(notices) == 2
    assert "cannot be reached" in notices[1]


def test_hub_models_of_a_listing(bridge: Path, tmp_path: Path) -> None:
    """allow_download is an argument, as it is an option."""
    roles = {"painter": {"source": "someone/painter", "revision": None, "sha256": None}}
    (tmp_path / "models.json").write_text(json.dumps({"format": "sem-models", "format_version": 1, "roles": roles}))
    for call in (refcodec.decode, lambda *a, **k: list(refcodec.decode_progressive(*a, **k))):
        with pytest.raises(refcodec.ModelError, match=r"allow-download|without a digest"):
            call(bridge, models=tmp_path, seed=1)
        notices: list[str] = []
        with pytest.raises(refcodec.ModelError) as error:
            call(bridge, models=tmp_path, seed=1, allow_download=True, notice=notices.append)
        assert "digest" not in str(error.value)
        assert len(notices) == 1
        assert "someone/painter" in notices[0]


# --- texts and files -------------------------------------------------------------------------------------------------


def test_a_text_is_that_of_the_program(semtool: Semtool, bridge: Path) -> None:
    found = refcodec.text(bridge)
    done = semtool("decode", bridge, "--text", "--json")
    assert done.status == 0, done.err
    assert found.text == done.json["text"] == "old stone bridge"  # lady has the consonants of old
    assert found.consonants == done.json["consonants"] == "ld stn brdg"
    assert (found.check, found.complete) == (done.json["check"], done.json["complete"]) == ("ok", True)
    for word, entry in zip(found.words, done.json["words"], strict=True):
        assert (word.text, word.consonants, word.score, word.guess) == (
            entry["text"], entry["consonants"], entry["score"], entry["guess"],
        )  # fmt: skip
        assert [{"text": text, "score": score} for text, score in word.alternatives] == entry["alternatives"]


def test_a_caption_is_a_text() -> None:
    data = refcodec.encode(caption="A cat, on a mat.", size=(64, 64))
    found = refcodec.text(data)
    assert (found.text, found.consonants, found.words, found.check) == ("A cat, on a mat.", None, (), "ok")
    for other in (
        refcodec.encode(method="pics", codes=[5, 6], size=(64, 64)),
        refcodec.encode(tiny_models.photo(32, 32)),
    ):
        with pytest.raises(refcodec.UnsupportedError, match="the file holds no text"):
            refcodec.text(other)


def test_files_of_symbols_are_those_of_the_program(semtool: Semtool, place: Path) -> None:
    data = refcodec.encode(
        caption="a cat", indices=np.arange(16).reshape(4, 4) % 256, size=(64, 64), profile="perco-16-256"
    )
    (place / "cat.sem").write_bytes(data)
    assert semtool("decode", "cat.sem", "--symbols").status == 0
    files = refcodec.symbol_files(data)
    written = {path.suffixes[0].strip("."): path for path in place.glob("cat.*") if path.name != "cat.sem"}
    assert set(files) == set(written) == {"caption", "vq"}
    for kind, artifact in files.items():
        assert artifact.make(artifact.suffixes[0]) == written[kind].read_bytes()
    assert files["caption"].make(".txt").decode().strip() == "a cat"


def test_payloads_without_their_model_are_left_out() -> None:
    photo = tiny_models.photo(96, 96)
    data = refcodec.encode(photo, method="pics", caption="a cat", edges="contours", quality=1)
    none = refcodec.Environment(package_folders=())
    assert set(refcodec.symbols(data)) == set(refcodec.symbols(data, partial=True)) == {"caption", "sketch"}
    for call in (refcodec.symbols, refcodec.symbol_files):
        notices: list[str] = []
        assert set(call(data, environment=none, partial=True, notice=notices.append)) == {"caption"}
        assert len(notices) == 1
        assert notices[0].startswith("without sketch, whose model is not installed")
        with pytest.raises(refcodec.ModelError):
            call(data, environment=none)
    notices = []
    found = refcodec.text(data, environment=none, notice=notices.append)
    assert (found.text, found.check) == ("a cat", "unchecked")
    assert len(notices) == 1
