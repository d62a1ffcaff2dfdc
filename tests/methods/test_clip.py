# SPDX-License-Identifier: MIT
"""Method clip on the real classes: a photograph to a vector, to a file, and to pictures by stable unCLIP."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool, contents, refused, valid

import refcodec
from refcodec import codec, reconstruct, registry, spec
from refcodec.decoder import decode_file
from refcodec.errors import SemError
from refcodec.foundation.image_embedder import ImageEmbedder
from refcodec.foundation.resolve import Models
from refcodec.foundation.schedulers import SCHEDULERS
from refcodec.foundation.unclip import UnclipGenerator
from refcodec.methods import sampler
from refcodec.methods.picture_size import generation_size
from refcodec.methods.sampler import SamplerSettings
from refcodec.payloads import clip_bits

pytestmark = pytest.mark.models

PHOTO = tiny_models.photo()
UNSTATED = "the file does not state its image embedder: nothing could be compared"
FEW = {"steps": 2, "guidance": 1}  # of the sampler: enough to tell pictures apart


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set: folders named for the roles they fill."""
    folder = tmp_path_factory.mktemp("set")
    tiny_models.image_embedder(folder / "image_embedder")
    tiny_models.unclip(folder)
    return folder


@pytest.fixture(scope="module")
def data(models: Path) -> bytes:
    return refcodec.encode(PHOTO, method="clip", models=models)


@pytest.fixture(scope="module")
def loaded(models: Path) -> Models:
    """The same, loaded once for all tests."""
    return Models.of(models, device="cpu")


def painted(data: bytes, loaded: Models, **wish: Any) -> NDArray[np.uint8]:
    return np.asarray(refcodec.decode(data, models=loaded, **FEW | wish))


def test_a_photograph_becomes_the_signs_of_its_vector(data: bytes, models: Path) -> None:
    vector = ImageEmbedder.load(models / "image_embedder", Models())(PHOTO)
    assert vector.shape == (768,)
    decoded = decode_file(data).value(spec.CLIP)
    assert decoded.codes == clip_bits.quantise(vector, 1) == tuple(int(v >= 0) for v in vector)
    assert len(data) == 96 + (9 if registry.dim_class(96, 64) is None else 7)
    with pytest.raises(ValueError, match="a profile of method clip has one rate"):
        refcodec.encode(PHOTO, method="clip", models=models, quality=3)


def test_the_profile_chooses_the_bits(models: Path) -> None:
    eight = decode_file(refcodec.encode(PHOTO, method="clip", models=models, profile="clip-8")).value(spec.CLIP)
    vector = ImageEmbedder.load(models / "image_embedder", Models())(PHOTO)
    assert eight.codes == clip_bits.quantise(vector, 8)


def test_another_picture_has_another_vector(data: bytes, models: Path) -> None:
    other = refcodec.encode(PHOTO[::-1].copy(), method="clip", models=models)
    assert decode_file(other).value(spec.CLIP).codes != decode_file(data).value(spec.CLIP).codes


def test_the_same_seed_gives_the_same_picture(data: bytes, loaded: Models) -> None:
    first = painted(data, loaded)
    assert first.shape == PHOTO.shape
    assert np.array_equal(first, painted(data, loaded))
    assert np.array_equal(first, painted(data, loaded, seed=0))  # the profile's
    assert not np.array_equal(first, painted(data, loaded, seed=1))


def test_a_changed_vector_changes_the_picture(data: bytes, loaded: Models) -> None:
    codes = list(decode_file(data).value(spec.CLIP).codes)
    same = codec.encode_file(codes=codes, method="clip", size=(96, 64)).data
    assert np.array_equal(painted(same, loaded), painted(data, loaded))
    other = codec.encode_file(codes=[1 - code for code in codes], method="clip", size=(96, 64)).data
    assert not np.array_equal(painted(other, loaded), painted(data, loaded))


@pytest.mark.parametrize(
    "wish",
    [
        {"noise_level": 500},
        {"norm_scale": 1.5},
        {"norm_scale": 0.75},
        {"steps": 3},
        {"guidance": 9},
        {"scheduler": "euler"},
    ],
)
def test_every_setting_is_read(data: bytes, loaded: Models, wish: dict[str, Any]) -> None:
    assert not np.array_equal(painted(data, loaded, **wish), painted(data, loaded))


def test_hints_of_the_file_stand_between_profile_and_user(loaded: Models, models: Path) -> None:
    plain = refcodec.encode(PHOTO, method="clip", models=models)
    hinted = refcodec.encode(
        PHOTO, method="clip", models=models, hints={"seed": "5", "noise-level": "300", "norm-scale": "0.8"}
    )
    assert np.array_equal(painted(hinted, loaded), painted(plain, loaded, seed=5, noise_level=300, norm_scale=0.8))
    assert np.array_equal(painted(hinted, loaded, seed=0, noise_level=0, norm_scale=1), painted(plain, loaded))


def test_every_scheduler_paints(data: bytes, loaded: Models) -> None:
    pictures = [painted(data, loaded, scheduler=name, steps=4) for name in SCHEDULERS]
    assert all(picture.shape == PHOTO.shape for picture in pictures)
    with pytest.raises(ValueError, match="scheduler is one of"):
        painted(data, loaded, scheduler="clock")


def test_settings_out_of_range(data: bytes, loaded: Models) -> None:
    for wish in (
        {"norm_scale": 2},
        {"norm_scale": 0.5},
        {"noise_level": 1000},
        {"seed": -1},
        {"steps": 0},
        {"generator": "tpu"},
    ):
        with pytest.raises(ValueError, match=next(iter(wish)).replace("_", "-")):
            painted(data, loaded, **wish)
    with pytest.raises(TypeError, match="'sauce'"):
        painted(data, loaded, sauce=1)


def test_a_cuda_generator_that_is_not_here(loaded: Models, models: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("it is here")
    hinted = refcodec.encode(PHOTO, method="clip", models=models, hints={"generator": "cuda"})
    symbols = decode_file(hinted)
    done = reconstruct.reconstruct(symbols, models=loaded, overrides=FEW)
    assert "cuda" in done.notices[0]
    assert np.array_equal(done.pictures[0], painted(refcodec.encode(PHOTO, method="clip", models=models), loaded))
    with pytest.raises(ValueError, match="cuda"):
        reconstruct.reconstruct(symbols, models=loaded, overrides=FEW | {"generator": "cuda"})
    with pytest.raises(ValueError, match="cuda"):
        refcodec.decode(hinted, models=models, device="cuda")


def test_the_dtype_is_read(data: bytes, models: Path, loaded: Models) -> None:
    half = np.asarray(refcodec.decode(data, models=models, dtype="bfloat16", device="cpu", **FEW))
    assert not np.array_equal(half, painted(data, loaded))


def test_samples_have_seeds_of_their_own(data: bytes, loaded: Models) -> None:
    done = reconstruct.reconstruct(decode_file(data), models=loaded, overrides=FEW | {"seed": 7}, samples=3)
    assert done.seeds == (7, 8, 9)
    for seed, picture in zip(done.seeds, done.pictures, strict=True):
        assert np.array_equal(picture, painted(data, loaded, seed=seed))
    assert done.note["Description"] == "synthesised from a .sem description"
    assert set(done.models) == {"painter"}


def test_a_width_that_is_not_the_profiles(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(SemError, match="32 dimensions, that of profile clip has 768") as caught:
        refcodec.encode(PHOTO, method="clip", models={"image_embedder": tiny_models.image_embedder(tmp_path / "e", 32)})
    assert (caught.value.code, caught.value.path) == (803, "image_embedder")
    with pytest.raises(SemError, match="painter: its embedding has 32 dimensions") as caught:
        refcodec.decode(data, models={"painter": tiny_models.unclip(tmp_path, 32)})
    assert caught.value.code == 803


def test_models_arrive_as_arguments(data: bytes, models: Path, loaded: Models) -> None:
    embedder = ImageEmbedder.load(models / "image_embedder", Models())
    assert refcodec.encode(PHOTO, method="clip", models={"image_embedder": embedder}) == data
    painter = UnclipGenerator.load(models / "painter", Models(device="cpu"))
    assert np.array_equal(painted(data, Models.of({"painter": painter})), painted(data, loaded))


def test_on_the_command_line(semtool: Semtool, place: Path, models: Path, data: bytes, loaded: Models) -> None:
    Image.fromarray(PHOTO).save("photo.png")
    made = semtool("encode", "photo.png", "--method", "clip", "--model", models, "--json")
    assert (made.status, made.err) == (0, "")
    valid("encode", made.json)
    assert Path("photo.sem").read_bytes() == data
    few = ["--steps", "2", "--guidance", "1"]
    done = semtool(
        "decode",
        "photo.sem",
        "-o",
        "one.png",
        "--model",
        f"painter={models / 'painter'}",
        "--device",
        "cpu",
        *few,
        "--json",
    )
    assert (done.status, done.err) == (0, f"note: {UNSTATED}\n")
    valid("decode", done.json)
    assert done.json["files"] == [{"file": "one.png", "what": "picture", "seed": 0}]
    with Image.open("one.png") as image:
        assert np.array_equal(np.asarray(image), painted(data, loaded))
        assert image.info["Description"] == "synthesised from a .sem description"
        assert image.info["Model"].startswith("painter ")
    done = semtool(
        "decode",
        "photo.sem",
        "-o",
        "many.png",
        "--model",
        models,
        *few,
        "--samples",
        "2",
        "--seed",
        "3",
        "--norm-scale",
        "0.9",
        "--noise-level",
        "100",
        "--scheduler",
        "ddim",
        "--json",
    )
    valid("decode", done.json)
    assert [(entry["file"], entry.get("seed")) for entry in done.json["files"]] == [
        ("many.png", None),
        ("many-3.png", 3),
        ("many-4.png", 4),
    ]
    with Image.open("many-4.png") as image:
        wanted = painted(data, loaded, seed=4, norm_scale=0.9, noise_level=100, scheduler="ddim")
        assert np.array_equal(np.asarray(image), wanted)
    with Image.open("many.png") as sheet:
        assert sheet.size[0] * sheet.size[1] > 2 * 96 * 64
    inspected = semtool("encode", "photo.png", "--method", "clip", "--model", models, "--provenance", "-o", "noted.sem")
    assert inspected.status == 0
    assert any(
        "image_embedder" in str(field["value"]) for field in semtool("inspect", "noted.sem", "--json").json["fields"]
    )


def test_what_goes_wrong_on_the_command_line(
    semtool: Semtool, place: Path, models: Path, data: bytes, tmp_path: Path
) -> None:
    Path("x.sem").write_bytes(data)
    Image.fromarray(PHOTO).save("photo.png")
    before = contents(place)
    decode = ["decode", "x.sem", "-o", "y.png"]
    cases: list[tuple[list[Any], int, str]] = [
        ([*decode, "--model", f"painter={models / 'image_embedder'}"], 5, "SEM-E-803 model-malformed: painter: "),
        (
            [*decode, "--model", "painter=nobody/nothing"],
            5,
            "SEM-E-801 model-unavailable: painter: the model nobody/nothing is not on this machine",
        ),
        ([*decode, "--model", models, "--noise-level", "999", "--norm-scale", "1.6"], 2, "usage: "),
        ([*decode, "--model", models, "--scheduler", "clock"], 2, "usage: scheduler is one of"),
        (
            ["encode", "photo.png", "--method", "clip", "--model", f"image_embedder={models / 'painter'}"],
            5,
            "SEM-E-803 ",
        ),
        (
            ["encode", "photo.png", "--method", "clip", "--model", models, "--device", "cuda"],
            2,
            "usage: torch sees no cuda device",
        ),
    ]
    for args, status, start in cases:
        refused(semtool(*args), status, start)
    assert contents(place) == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["encode", "photo.png", "--words", "3"], "method elic has no words"),
        (["encode", "photo.png", "--method", "clip", "--candidates", "2"], "method clip has no candidates"),
        (["encode", "photo.png", "--method", "clip", "--edges", "none"], "method clip has no edges"),
        (["encode", "photo.png", "--method", "clip", "--bpp", "1"], "a profile of method clip has one rate"),
        (["encode", "photo.png", "--method", "clip", "--caption", "x"], "method 'clip' has no caption"),
        (["encode", "--text", "x", "--size", "8x8", "--iterations", "3"], "iterations needs a picture"),
        (["decode", "x.sem", "-o", "y.png", "--strength", "0.5"], "method clip has no strength"),
        (["decode", "x.sem", "-o", "y.png", "--reflections", "1"], "method clip has no reflections"),
        (["decode", "e.sem", "-o", "y.png", "--seed", "1"], "method elic has no seed; its painter reads no settings"),
        (["decode", "e.sem", "-o", "y.png", "--samples", "2"], "method elic paints one picture"),
    ],
)
def test_what_a_method_does_not_read_is_refused(
    semtool: Semtool, place: Path, data: bytes, args: list[str], said: str
) -> None:
    Path("x.sem").write_bytes(data)
    Image.fromarray(PHOTO).save("photo.png")
    Path("e.sem").write_bytes(refcodec.encode(PHOTO))
    refused(semtool(*args), 2, f"usage: {said}")


def test_no_tokenizer_pads_further_than_its_encoder_reads(
    models: Path, tmp_path: Path, data: bytes, loaded: Models
) -> None:
    """A length of 10^12 in a folder would have ended the process."""
    shutil.copytree(models / "painter", tmp_path / "painter")
    config = tmp_path / "painter" / "tokenizer" / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_max_length": 10**12}))
    assert np.array_equal(
        painted(data, Models.of({"painter": tmp_path / "painter"}, device="cpu")), painted(data, loaded)
    )


def test_a_file_cannot_ask_for_days_of_work(
    data: bytes, loaded: Models, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "STEPS_MAX", 3)
    hinted = refcodec.encode(PHOTO, method="clip", models=models, hints={"steps": "999999"})
    done = reconstruct.reconstruct(decode_file(hinted), models=loaded, overrides={"guidance": 1})
    assert "asks for 999999 steps: 3 are made" in done.notices[0]
    assert np.array_equal(done.pictures[0], np.asarray(refcodec.decode(data, models=loaded, steps=3, guidance=1)))


@pytest.mark.parametrize(("hint", "value"), [("norm-scale", "0.1"), ("norm-scale", "9"), ("scheduler", "clock")])
def test_hints_that_cannot_be_followed_are_left_out(
    data: bytes, loaded: Models, models: Path, hint: str, value: str
) -> None:
    hinted = decode_file(refcodec.encode(PHOTO, method="clip", models=models, hints={hint: value}))
    done = reconstruct.reconstruct(hinted, models=loaded, overrides=FEW)
    assert f"{hint} {value}" in done.notices[0]
    assert np.array_equal(done.pictures[0], painted(data, loaded))
    wish = FEW | {hint: "ddim" if hint == "scheduler" else "0.9"}
    assert reconstruct.reconstruct(hinted, models=loaded, overrides=wish).notices == (UNSTATED,)


@given(st.integers(1, 16384), st.integers(1, 16384), st.sampled_from([64, 512, 768, 1024]))
@example(16384, 1, 768)
def test_a_canvas_has_about_as_many_pixels_as_the_painter_knows(width: int, height: int, native: int) -> None:
    made = generation_size((width, height), native)
    assert all(side >= 64 and side % 64 == 0 for side in made)
    assert native**2 / 2 <= made[0] * made[1] <= 2 * native**2 or min(made) == 64
    assert made[0] * made[1] <= 2.5 * native**2  # whatever a stranger's file says
    if max(width, height) <= 2 * min(width, height) and native >= 512:
        assert abs(made[0] / made[1] / (width / height) - 1) < 0.2


def test_a_trace_of_nothing_is_said_to_be_none(semtool: Semtool, place: Path, models: Path, data: bytes) -> None:
    Path("photo.sem").write_bytes(data)
    done = semtool("decode", "photo.sem", "-o", "new.png", "--steps", "1", "--model", models, "--trace", "steps")
    assert (done.status, done.err.count("\n")) == (0, 2)
    assert UNSTATED in done.err
    assert "nothing to trace" in done.err
    assert not Path("steps").exists()


def test_samples_replace_no_file_that_was_not_named(semtool: Semtool, place: Path, models: Path, data: bytes) -> None:
    Path("photo.sem").write_bytes(data)
    Path("photo-8.png").write_text("mine")
    few = ("--steps", "1", "--model", models, "--samples", "2")
    refused(semtool("decode", "photo.sem", *few, "--seed", "7"), 2, "usage: photo-8.png is there already")
    assert contents(place)[place / "photo-8.png"] == b"mine"
    assert not Path("photo-7.png").exists()
    assert semtool("decode", "photo.sem", *few, "--seed", "9").status == 0


def test_layers_of_settings() -> None:
    assert SamplerSettings.of({"seed": "1", "steps": "9"}, {"seed": "2"}, {"guidance": 2.5}) == SamplerSettings(
        2, "cpu", 9, 2.5
    )
    assert SamplerSettings.of({"other": "x"}).seed == 0
    with pytest.raises(ValueError, match="'1e3' is no guidance"):
        SamplerSettings.of({"guidance": "1e3"})
