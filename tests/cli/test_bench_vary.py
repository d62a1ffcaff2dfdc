# SPDX-License-Identifier: MIT
"""`semtool bench vary`: the papers' experiments with vectors and guidance, on tiny models of the real classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy")
pytest.importorskip("torch")

from cli_harness import Semtool, refused

from refcodec.cli.bench import experiments
from refcodec.methods import find_method

# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1", ["1"]),
        ("0.1,0.25,4", ["0.1", "0.25", "4"]),
        ("0:2:0.5", ["0", "0.5", "1", "1.5", "2"]),
        ("0.1:0.3:0.1", ["0.1", "0.2", "0.3"]),
        ("5:50:20,60", ["5", "25", "45", "60"]),
        ("100:100:1", ["100"]),
        ("none,text", ["none", "text"]),
    ],
)
def test_values_and_ranges(text: str, values: list[str]) -> None:
    assert experiments.values_of("x", text) == values


@pytest.mark.parametrize("text", ["", ",", "1,1", "0:1:0", "0:100000:0.1", "1,0:1:0.5"])
def test_values_that_are_none_twice_or_too_many(text: str) -> None:
    with pytest.raises(ValueError, match=r"x|range"):
        experiments.values_of("x", text)


def test_the_values_of_the_papers() -> None:
    scale = experiments.experiment("clip", "vector-scale")
    assert [float(step.value) for step in scale.steps] == [0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 4]
    noise = experiments.experiment("clip", "vector-noise")
    assert [float(step.value) for step in noise.steps] == [round(0.1 * i, 1) for i in range(26)]
    guided = experiments.experiment("perco", "guidance-on")
    assert [step.value for step in guided.steps] == ["none", "text", "all"]
    assert "3" in [step.value for step in experiments.experiment("perco", "guidance").steps]


@pytest.mark.parametrize(
    ("method", "text", "message"),
    [
        ("clip", "guidance-on", "has no guidance-on to vary"),
        ("perco", "vector-scale", "has no vector-scale to vary"),
        ("pics", "vector-noise=1", "has no vector-noise"),
        ("clip", "stps=3", "it has guidance, noise-level, norm-scale, scheduler, steps, vector-noise, vector-scale"),
        ("clip", "seed=1,2", "has no seed to vary"),
        ("elic", "steps=1", "no settings"),
        ("clip", "steps", "name the values of steps"),
        ("clip", "vector-scale=x", "a number from 0 to 1000"),
        ("clip", "vector-noise=-1", "a number from 0 to 1000"),
        ("clip", "vector-scale=nan", "a number from 0 to 1000"),
        ("perco", "guidance-on=both", "none, text or all"),
    ],
)
def test_settings_that_a_method_does_not_have(method: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        experiments.experiment(method, text)


# --- vectors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variance", [0.0, 0.1, 1.0, 2.5])
def test_noise_has_the_variance_and_keeps_the_norm(variance: float) -> None:
    rng = np.random.default_rng(0)
    vector = rng.normal(size=20_000).astype(np.float32)
    noisy = experiments.with_noise(vector, 0, variance)
    assert noisy.dtype == np.float32
    assert np.linalg.norm(noisy) == pytest.approx(np.linalg.norm(vector), rel=1e-5)
    cosine = float(vector @ noisy / np.linalg.norm(vector) ** 2)
    assert cosine == pytest.approx(1 / np.sqrt(1 + variance), abs=0.02)  # eq. (10) on a vector of variance 1
    assert np.array_equal(noisy, experiments.with_noise(vector, 0, variance))
    if variance:
        assert not np.array_equal(noisy, experiments.with_noise(vector, 1, variance))
        other = experiments.with_noise(vector[::-1].copy(), 0, variance)
        assert not np.array_equal(noisy - vector, (other - vector[::-1]))


@pytest.mark.parametrize("value", ["0.1", "1", "4"])
def test_a_vector_is_scaled_after_dequantisation(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from refcodec import spec
    from refcodec.methods import clip
    from refcodec.payloads import clip_bits

    given: list[Any] = []

    class Generator:
        width, native = 8, 64

        def paint(self, vector: Any, size: Any, **_: Any) -> Any:
            given.append(vector)
            return np.zeros((64, 64, 3), np.uint8)

    monkeypatch.setattr(clip, "Filled", SimpleNamespace(by=lambda *_: None))  # nothing is compared here
    (step,) = experiments.experiment("clip", f"vector-scale={value}").steps
    assert step.variant is not None
    codes = clip_bits.ClipBits((0, 1, 1, 0, 1, 0, 0, 1), 1)
    context: Any = SimpleNamespace(
        models=SimpleNamespace(load=lambda *_: Generator()),
        profile=SimpleNamespace(recommended=SimpleNamespace(models={}, hints={}), name="x"),
        need=lambda kind: codes if kind == spec.CLIP else None,
        sampler=clip_sampler(),
        seeds=lambda: [0],
        size=(64, 64),
        progress=None,
        compare=lambda *_: None,
    )
    assert find_method("clip") is clip.METHOD
    step.variant.method.reconstruct(context)
    clip.METHOD.reconstruct(context)
    assert np.allclose(given[0], given[1] * float(value))
    assert np.linalg.norm(given[0]) == pytest.approx(19.5 * float(value), rel=1e-5)


def clip_sampler() -> Any:
    from refcodec.methods.sampler import SamplerSettings

    return SamplerSettings()


def test_guidance_on_features_contrasts_with_no_conditioning_at_all() -> None:
    """Table 1 of Careil et al.: without text alone (eq. 5), or without text and local features."""
    import torch

    from refcodec.foundation.perco_diffusion import guided

    text, null = torch.tensor([5.0]), torch.tensor([1.0])
    seen, unseen = (lambda c: 2 * c), (lambda c: c)
    assert guided(seen, text, null, 3.0) == 2 + 3 * (10 - 2)
    assert guided(seen, text, null, 3.0, unseen) == 1 + 3 * (10 - 1)
    assert guided(seen, None, null, 3.0) == 2
    assert guided(seen, None, null, 3.0, unseen) == 1 + 3 * (2 - 1)
    assert guided(seen, text, null, 1.0, unseen) == 10


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures, tiny models for methods clip and perco, and metric networks."""
    pytest.importorskip("diffusers")
    import metric_checkpoints
    import tiny_models
    from diffusers import StableDiffusionPipeline

    from refcodec.foundation.hyper_config import HyperConfig
    from refcodec.foundation.hyper_encoder import HyperEncoder
    from refcodec.foundation.loading import quiet
    from tools.train.perco_pipeline import add_input_channels

    root = tmp_path_factory.mktemp("vary")
    (root / "photos").mkdir()
    for i in range(2):
        Image.fromarray(np.roll(tiny_models.photo(96, 64), 20 * i, 1)).save(root / "photos" / f"{i}.png")
    tiny_models.image_embedder(root / "clip" / "image_embedder")
    tiny_models.unclip(root / "clip")
    folder = tiny_models.text_to_image(root / "plain", 16)
    with quiet():
        pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
        tiny_models.seeded(7)
        pipeline.unet = add_input_channels(pipeline.unet, 12)
        pipeline.save_pretrained(root / "perco" / "painter", safe_serialization=True)
    HyperEncoder(HyperConfig(64, 8, 2, 4, 8, 12, 4, (77, 16))).save(root / "perco" / "hyper_encoder")
    tiny_models.blip(root / "perco" / "captioner")
    metric_checkpoints.write_clip(root / "weights" / "clip")
    metric_checkpoints.write_segmenter(root / "weights" / "segmenter")
    return root


def words(place: Path, method: str, *more: object) -> list[Any]:
    return [
        *("bench", "vary", place / "photos", "--method", method, "--model", place / method, "--json"),
        *("--hint", "steps=2", *more),
    ]


def shown(words: list[Any]) -> list[Any]:
    """The same command, for people."""
    return [word for word in words if word != "--json"]


@pytest.mark.models
def test_scales_and_noise_of_vectors_are_measured(semtool: Semtool, place: Path, tmp_path: Path) -> None:
    scale, noise = ("--vary", "vector-scale=0.1,1,4"), ("--vary", "vector-noise=0,2.5")
    metrics = ("--metrics", "psnr,clip-cosine,cmmd,miou", "--weights", place / "weights")
    done = semtool(
        *words(
            place, "clip", *scale, *noise, *metrics, "-o", tmp_path / "out.json", "--samples", 2, "--profile", "clip-16"
        )
    )
    assert done.status == 0, done.err
    found = done.json
    by_name = {each["vary"]: each["values"] for each in found["experiments"]}
    assert [row["value"] for row in by_name["vector-scale"]] == ["0.1", "1", "4"]
    assert [row["value"] for row in by_name["vector-noise"]] == ["0", "2.5"]
    rows = [row for values in by_name.values() for row in values]
    assert len({row["psnr"] for row in rows}) == 4  # no noise is a scale of 1
    assert by_name["vector-scale"][1]["psnr"] == by_name["vector-noise"][0]["psnr"]
    assert len({row["bpp"] for row in rows}) == 1
    assert all(row["cmmd"] >= 0 and 0 <= row["miou"] <= 1 and len(row["pictures"]) == 2 for row in rows)
    assert json.loads((tmp_path / "out.json").read_text()) == found
    text = semtool(*shown(words(place, "clip", *scale, "--metrics", "psnr")))
    assert text.status == 0
    lines = [line.split() for line in text.out.decode().splitlines()]
    assert ["vector-scale", "bpp", "PSNR"] in lines
    assert [line[0] for line in lines[-3:]] == ["0.1", "1", "4"]


@pytest.mark.models
def test_guidance_is_measured(semtool: Semtool, place: Path) -> None:
    vary = (
        "--vary",
        "guidance=1,3",
        "--vary",
        "guidance-on",
        "--metrics",
        "psnr,cmmd,miou",
        "--weights",
        place / "weights",
    )
    done = semtool(*words(place, "perco", *vary, "--profile", "perco-8-64"))
    assert done.status == 0, done.err
    guidance, kinds = (each["values"] for each in done.json["experiments"])
    assert [row["value"] for row in kinds] == ["none", "text", "all"]
    assert kinds[0]["psnr"] == guidance[0]["psnr"]  # no guidance is a scale of 1
    assert kinds[1]["psnr"] == guidance[1]["psnr"]  # 3 is the scale of the paper
    assert len({row["psnr"] for row in kinds}) == 3
    assert len({row["identity"] for row in (*guidance, *kinds)}) == 4


@pytest.mark.models
def test_cmmd_and_miou_of_generating_methods_in_bench_rate(semtool: Semtool, place: Path) -> None:
    common = ("--hint", "steps=1", "--metrics", "cmmd,miou", "--weights", place / "weights", "--samples", 2, "--json")
    for method, more in (("clip", ()), ("perco", ("--profile", "perco-8-64"))):
        done = semtool("bench", "rate", place / "photos", "--method", method, "--model", place / method, *more, *common)
        assert done.status == 0, done.err
        (point,) = done.json["curves"][f".sem {method}"]["average"]
        assert point["cmmd"] >= 0
        assert 0 <= point["miou"] <= 1


@pytest.mark.models
def test_results_are_kept_and_pictures_encoded_once(
    semtool: Semtool, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from refcodec import codec, reconstruct

    calls = {"encode": 0, "decode": 0}
    encode, decode = codec.encode_file, reconstruct.reconstruct

    def counted_encode(*args: Any, **more: Any) -> Any:
        calls["encode"] += 1
        return encode(*args, **more)

    def counted_decode(*args: Any, **more: Any) -> Any:
        calls["decode"] += 1
        return decode(*args, **more)

    monkeypatch.setattr(codec, "encode_file", counted_encode)
    monkeypatch.setattr(reconstruct, "reconstruct", counted_decode)
    cached = ("--cache", tmp_path / "kept", "--metrics", "psnr")
    first = semtool(*words(place, "clip", "--vary", "vector-scale=0.5,1", *cached)).json["experiments"]
    assert calls == {"encode": 2, "decode": 4}
    more = semtool(*words(place, "clip", "--vary", "vector-scale=0.5,1,2", *cached)).json["experiments"]
    assert calls["decode"] == 6  # the new value alone
    assert more[0]["values"][:2] == first[0]["values"]


@pytest.mark.models
def test_what_cannot_be_varied_is_a_usage_error(semtool: Semtool, place: Path) -> None:
    for method, *more in (
        ("clip", "--vary", "stps=1"),
        ("clip", "--vary", "norm-scale=4", "--metrics", "psnr"),
        ("clip",),
        ("elic", "--vary", "steps=1"),
        ("clip", "--vary", "steps=1", "--hint", "stps=1"),
        ("clip", "--vary", "steps=1", "--hint", "steps=3"),
    ):
        refused(semtool(*shown(words(place, method, *more))), 2, "usage")
