# SPDX-License-Identifier: MIT
"""TACO and the public ELIC checkpoints: names, packages, exact symbols, and captions that steer the encoder alone."""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

ROOT = Path(__file__).resolve().parents[2]
import public_checkpoints
import tiny_models
from cli_harness import Semtool, contents, refused, valid
from default_environment import TABLES, default_rows
from PIL import Image

import refcodec
from refcodec import spec
from refcodec.convert import elic_checkpoint, factorised_prior
from refcodec.convert.calibrate import default_text
from refcodec.errors import SemError
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_encoder import TextEncoder
from refcodec.methods import latent_coding
from refcodec.networks import package, package_cache
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.payloads import latents
from refcodec.payloads.kinds import check_model
from refcodec.transforms.elic import config
from refcodec.transforms.elic import torch_transforms as transforms

pytestmark = pytest.mark.models

NARROW = {"n": 16, "m": 28, "groups": (2, 2, 4, 8, 12)}
STATES = {
    "taco": ("taco", lambda: public_checkpoints.taco(**public_checkpoints.sizes("taco"))),
    "jiangwei": ("taco", lambda: public_checkpoints.taco(**NARROW, text=False)),
    "compressai": ("compressai", lambda: public_checkpoints.compressai(**NARROW)),
    "chandelier": ("chandelier", lambda: public_checkpoints.chandelier(**NARROW)),
    "chandelier-within": ("compressai", lambda: public_checkpoints.chandelier(**NARROW, within=True)),
}
CAPTIONS = ("A red cup of coffee on a wooden table.", "an old stone bridge over a river")


@lru_cache(maxsize=8)
def state(name: str) -> dict[str, Any]:
    return STATES[name][1]()


def narrow_taco() -> dict[str, Any]:
    return public_checkpoints.taco(**NARROW, seed=5)


def picture(height: int = 64, width: int = 96) -> Any:
    """float[1, 3, H, W] in 0..1 of a photograph."""
    return torch.tensor(tiny_models.photo(width, height)).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = tiny_models.clip_tokenizer(folder)
    tiny_models.text_model(public_checkpoints.TEXT, len(tokenizer)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def text_encoder(clip_folder: Path) -> TextEncoder:
    return TextEncoder.load(clip_folder, Models(device="cpu"))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every checkpoint as a package, TACO's and a narrow TACO's among them."""
    root, found = tmp_path_factory.mktemp("packages"), {}
    for name in [*STATES, "narrow"]:
        given = narrow_taco() if name == "narrow" else state(name)
        said: list[str] = []
        shown = picture(192, 256) if name == "taco" else picture()
        digest = elic_checkpoint.convert(given, None, [shown], root / name, name, "CC0-1.0", "random", say=said.append)
        assert package.load(root / name).digest == digest
        assert "fewer than 262144 pixels" in said[0]
        assert "bytes with the float entropy model" in said[1]
        found[name] = root / name
    return found


# -- what a checkpoint says is what the network computes


@pytest.mark.parametrize("name", STATES)
def test_the_network_is_that_of_the_checkpoint(name: str) -> None:
    given = state(name)
    net, _ = elic_checkpoint.network(given)
    groups = net.cfg.groups
    x, text = (
        picture(64, 128),
        torch.randn(1, 38, 512, generator=torch.Generator().manual_seed(0)) if name == "taco" else None,
    )
    own = dict(given)
    reference = public_checkpoints.Reference(
        own, "taco" if name in ("taco", "jiangwei") else "compressai" if name == "compressai" else "chandelier", groups
    )
    if name == "chandelier-within":  # the same network under other names
        reference = public_checkpoints.Reference(renamed(own), "chandelier", groups)
    with torch.no_grad():
        wanted, x_hat = reference(x, text), net(x, torch.tensor([0]), text)
        y, z = net.analyse(x, text)
    assert float(wanted["y"].std()) > 1
    assert torch.allclose(y, wanted["y"], atol=1e-4)
    assert torch.equal(z.round(), wanted["z"])
    assert torch.allclose(x_hat.x, wanted["x"], atol=1e-4)
    assert float(x_hat.y_bits) == pytest.approx(float(wanted["bits"]), rel=1e-4)


def renamed(given: dict[str, Any]) -> dict[str, Any]:
    """The keys of CompressAI's Elic2022Chandelier as Chandelier's own program has them."""
    made = public_checkpoints.chandelier(**NARROW)
    other = public_checkpoints.chandelier(**NARROW, within=True)
    return {a: given[b] for a, b in zip(made, other, strict=True)}


@pytest.mark.parametrize("name", ["taco", "compressai", "chandelier"])
def test_the_prior_of_z(name: str) -> None:
    net, prior = elic_checkpoint.network(state(name))
    reference = public_checkpoints.Reference(state(name), name, net.cfg.groups)
    tables = prior.tables()
    at = 0
    for c, (offset, size) in enumerate(zip(tables["z.offset"][0].tolist(), tables["z.size"][0].tolist(), strict=True)):
        row = tables["z.freq"][at : at + size + 1].astype(float)
        at += size + 1
        assert row.sum() == 65536
        if c < 3:
            exact = [reference.density(c, offset + i) for i in range(size)]
            assert 0.99998 < sum(exact) <= 1
            assert offset < 0 < offset + size
            assert row[:-1] / 65536 == pytest.approx(exact, abs=2 * size / 65536)
    assert at == len(tables["z.freq"])


@pytest.mark.parametrize("name", ["taco", "compressai", "chandelier"])
def test_the_base_rows_take_full_size_models(name: str, packages: dict[str, Path]) -> None:
    row = default_rows().by_name("elic-320-odd" if name == "taco" else "elic-320-even")
    parameters = row.parameters(spec.ELIC)
    assert (row.model, row.method_name) == (None, "elic")
    cfg = getattr(config, name)()
    own = {"groups": list(cfg.groups), "hyper": cfg.hyper, "m": cfg.m, "parity": cfg.anchor_parity, "rates": cfg.rates}
    assert json.loads(json.dumps(dict(parameters), default=list)) == own
    if name == "taco":
        check_model(package.load(packages["taco"]), spec.ELIC, parameters)


# -- packages


@pytest.mark.parametrize("name", STATES)
def test_a_converted_checkpoint_codes_and_paints(
    name: str, packages: dict[str, Path], text_encoder: TextEncoder
) -> None:
    folder, pixels = packages[name], tiny_models.photo()
    assert latent_coding.takes_text(folder) == (name == "taco")
    text = text_encoder(CAPTIONS[0]) if name == "taco" else None
    encoder = latent_coding.LatentEncoder(pixels, folder, text=text, tables=TABLES)
    made = encoder.at(0)
    for symbols, ladder in package.load(folder).scales:
        assert ladder is not None
        assert (symbols.lo, symbols.hi) == (0, 32767)
    got = latents.decode(made.body, package.load(folder), (96, 64), NumpyBackend(), tables=TABLES)
    assert got.serialise() == made.latents.serialise()
    assert np.array_equal(got.z, np.rint(encoder.latents.z).astype(int))
    passes: dict[str, Any] = {}
    coded = encoder.at(0, math.inf)
    encoder.replay(coded.latents, passes.__setitem__)
    plain = coded.latents.y
    for k, c in enumerate(package.load(folder).groups):
        part = package.load(folder).part(k)
        for step, (rows, cols) in enumerate(encoder.sites):
            coded = passes[f"group[{k}].pass[{step}].index"] > 0
            assert coded.shape == (c, len(rows))
            assert (
                np.abs(plain[part, rows, cols] / 64 - encoder.latents.y[part, rows, cols])[coded].max() <= 0.5 + 1 / 128
            )
    painted = latent_coding.synthesise(got, folder, (96, 64))
    assert painted.shape == pixels.shape
    net, _ = elic_checkpoint.network(state(name))
    with torch.no_grad():
        exact = net.g_s(torch.from_numpy(got.y)[None].float() / 64)[0, :, :64, :96].permute(1, 2, 0).numpy()
    assert np.abs(painted / 255 - exact.clip(0, 1)).mean() < 0.01  # weights of 16 bits


def test_integers_code_what_floats_code(packages: dict[str, Path]) -> None:
    """Indices through the ladder and means in 1/64 are those of the float heads, but for a step now and then."""
    from refcodec.convert.quantisation_loss import FloatContextModel
    from refcodec.networks.context_model import ContextModel

    net, _ = elic_checkpoint.network(state("taco"))
    with torch.no_grad():  # what calibration saw
        y, z0 = net.analyse(picture(192, 256), default_text(net.cfg))
    exact, near = (
        ContextModel(package.load(packages["taco"]), 0, (12, 16), NumpyBackend()),
        FloatContextModel(net, 0, (12, 16)),
    )
    z = z0[0].round().int().numpy()
    exact.start(z)
    near.start(z)
    used: set[int] = set()
    wrong = total = start = 0
    for k, c in enumerate(net.cfg.groups):
        for step in (0, 1):
            (mean, index), (float_mean, float_index) = (
                exact.entropy_parameters(k, step),
                near.entropy_parameters(k, step),
            )
            assert np.abs(mean - float_mean).max() <= 1
            apart = np.abs(index.astype(int) - float_index)
            assert apart.max() <= 1
            wrong, total, used = wrong + int(apart.sum()), total + index.size, used | set(index.ravel().tolist())
            rows, cols = exact.sites[step]
            s = np.rint(y[0].numpy()[start : start + c, rows, cols] - mean / 64).astype(np.int32)
            for walk in (exact, near):
                walk.update(k, step, 64 * s + mean)
        start += c
    assert wrong / total < 0.02
    assert 0 in used
    assert len(used) > 20


def test_pictures_are_optional_and_their_lack_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(elic_checkpoint, "SYNTHETIC", 1)
    elic_checkpoint.convert(state("compressai"), "compressai", None, tmp_path / "made", "made", "MIT", "from nowhere")
    assert "photographs give better results" in capsys.readouterr().out
    manifest = package.read_manifest(tmp_path / "made")
    assert (manifest["name"], manifest["licence"], manifest["notes"]) == ("made", "MIT", "from nowhere")
    assert all(0 <= float(x.min()) < float(x.max()) <= 1 for x in elic_checkpoint.synthetic())
    assert torch.equal(elic_checkpoint.synthetic(3)[0], elic_checkpoint.synthetic(3)[0])
    assert not torch.equal(elic_checkpoint.synthetic(3)[0], elic_checkpoint.synthetic(4)[0])


def test_calibration_pictures_are_read(tmp_path: Path) -> None:
    one = elic_checkpoint.convert(state("compressai"), None, [picture()], tmp_path / "a", "a", "MIT", say=str)
    said: list[str] = []
    two = elic_checkpoint.convert(
        state("compressai"), None, [picture(512, 512) / 2], tmp_path / "b", "b", "MIT", say=said.append
    )
    assert not any("warning" in line for line in said)
    again = elic_checkpoint.convert(state("compressai"), None, [picture()], tmp_path / "c", "c", "MIT", say=str)
    assert one == again != two


def test_weights_beyond_16_bits_are_stored_in_32(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    given = dict(state("compressai"))
    given["g_s.14.bias"] = torch.tensor([1e5, 0.5, 0.5])
    elic_checkpoint.convert(given, None, [picture()], tmp_path / "made", "made", "MIT", say=str)
    stored = load_file(tmp_path / "made" / "painter.safetensors")
    assert stored["g_s.14.bias"].dtype == np.float32
    assert stored["g_s.14.weight"].dtype == np.float16
    assert stored["g_s.14.bias"][0] == 1e5


def test_prefixes_and_both_namings_of_the_prior(tmp_path: Path) -> None:
    given = state("chandelier")
    newer = {re_named(key): value for key, value in given.items()}
    assert set(newer) != set(given)
    newer["g_a.1.total_ops"] = torch.zeros(1)  # left by a counter of operations
    wrapped = {f"module.{key}": value.double() if value.is_floating_point() else value for key, value in given.items()}
    nets = [elic_checkpoint.network(v)[0].state_dict() for v in (given, newer, wrapped)]
    assert all(torch.equal(nets[0][key], other[key]) for other in nets[1:] for key in nets[0])


def re_named(key: str) -> str:
    for old, new in (("_matrix", "matrices."), ("_bias", "biases."), ("_factor", "factors.")):
        key = key.replace(f"entropy_bottleneck.{old}", f"entropy_bottleneck.{new}")
    return key


def test_masks_are_applied(tmp_path: Path) -> None:
    for name, masked in (("compressai", True), ("chandelier", True), ("jiangwei", False)):
        spatial = elic_checkpoint.network(state(name))[0].entropy.spatial[0]
        assert bool((spatial.weight[:, :, 0, 0] == 0).all()) == masked
        assert bool((spatial.weight[:, :, 0, 1] != 0).all())


FAULTS: list[tuple[str, Any, str]] = [
    ("no first layer", lambda s: s.pop("g_a.0.weight"), "g_a.0.weight"),
    ("a tensor less", lambda s: s.pop("g_s.2.conv2.bias"), "g_s.2.conv2.bias"),
    ("a prior less", lambda s: s.pop("latent_codec.z.entropy_bottleneck.quantiles"), "latent_codec.z.entropy_bottleneck.quantiles"),
    ("half a prior", lambda s: s.pop("latent_codec.z.entropy_bottleneck.factors.2"), "latent_codec.z.entropy_bottleneck.factors.2"),
    ("a tensor more", lambda s: s.update({"g_a.15.weight": torch.zeros(1)}), "g_a.15.weight"),
    ("another shape", lambda s: s.update({"g_a.4.bias": torch.zeros(3)}), "g_a.4.bias"),
    ("a prior of another shape", lambda s: s.update({"latent_codec.z.entropy_bottleneck.biases.1": torch.zeros(16, 2, 1)}),
     "latent_codec.z.entropy_bottleneck.biases.1"),
    ("a vector for a convolution", lambda s: s.update({"g_a.0.weight": torch.zeros(16)}), "g_a.0.weight"),
    ("NaN", lambda s: s.update({"g_a.4.bias": torch.full((16,), math.nan)}), "g_a.4.bias"),
    ("integers", lambda s: s.update({"g_a.4.bias": torch.zeros(16, dtype=torch.int64)}), "g_a.4.bias"),
    ("other groups", lambda s: s.pop("latent_codec.y.latent_codec.y4.context_prediction.weight"), "latent_codec.h_a.0.weight"),
    ("the state of something else", lambda s: [s.clear(), s.update({"encoder.0.weight": torch.zeros(1)})], "encoder.0.weight"),
    ("no state", lambda s: s.clear(), "no key at all"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "named"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_states_that_are_none(change: Any, named: str, tmp_path: Path) -> None:
    given = dict(state("compressai"))
    change(given)
    with pytest.raises(SemError) as e:
        elic_checkpoint.convert(given, None, [picture()], tmp_path / "made", "made", "MIT", say=str)
    assert (e.value.code, e.value.path) == (803, named)
    assert not (tmp_path / "made").exists()


def test_a_state_that_is_of_another_variant() -> None:
    with pytest.raises(SemError) as e:
        elic_checkpoint.network(state("compressai"), "chandelier")
    assert e.value.code == 803
    with pytest.raises(ValueError, match="unknown"):
        elic_checkpoint.network(state("compressai"), "balle2018")


def test_weights_that_no_integers_can_stand_for(tmp_path: Path) -> None:
    given = dict(state("compressai"))
    given["latent_codec.h_s.4.bias"] = given["latent_codec.h_s.4.bias"] * 0 + 3e38
    with pytest.raises(SemError) as e:
        elic_checkpoint.convert(given, None, [picture()], tmp_path / "made", "made", "MIT", say=str)
    assert e.value.code in (803, 804)


# -- captions


def test_captions_steer_what_is_sent_and_are_not_sent(packages: dict[str, Path], text_encoder: TextEncoder) -> None:
    folder, pixels = packages["narrow"], tiny_models.photo()
    one, two = (
        latent_coding.LatentEncoder(pixels, folder, text=text_encoder(caption), tables=TABLES) for caption in CAPTIONS
    )
    assert not np.allclose(one.latents.y, two.latents.y, atol=0.05)
    bodies = [encoder.at(0).body for encoder in (one, two)]
    assert bodies[0] != bodies[1]
    assert not any(
        word.encode() in body
        for caption, body in zip(CAPTIONS, bodies, strict=True)
        for word in caption.split()
        if len(word) > 3
    )
    same = latent_coding.LatentEncoder(pixels, folder, text=text_encoder(CAPTIONS[0]), tables=TABLES)
    assert same.at(0).body == bodies[0]
    model = package.load(folder)  # a decoder has the package, and no text encoder
    painted = [
        latent_coding.synthesise(latents.decode(body, model, (96, 64), NumpyBackend(), tables=TABLES), folder, (96, 64))
        for body in bodies
    ]
    assert not np.array_equal(*painted)


def test_a_file_of_a_public_checkpoint(packages: dict[str, Path], text_encoder: TextEncoder) -> None:
    """Through the library: a base row of the registry, the model named by its digest, and a caption."""
    settings: dict[str, Any] = {
        "model": packages["taco"],
        "profile": "elic-320-odd",
        "explicit_model": True,
        "quality": 5,
    }
    pixels = tiny_models.photo()
    data = [
        refcodec.encode(pixels, caption=caption, models={"text_encoder": text_encoder}, **settings)
        for caption in CAPTIONS
    ]
    assert data[0] != data[1]
    assert not any(caption.encode() in file for caption, file in zip(CAPTIONS, data, strict=True))
    shown = np.asarray(refcodec.decode(data[0], models=packages["taco"]))  # nothing fills the role text_encoder here
    made = latent_coding.LatentEncoder(pixels, packages["taco"], text=text_encoder(CAPTIONS[0]), tables=TABLES).at(0)
    assert np.array_equal(shown, latent_coding.synthesise(made.latents, packages["taco"], (96, 64)))
    with pytest.raises(SemError) as e:
        refcodec.encode(pixels, caption=CAPTIONS[0], **settings)
    assert (e.value.code, e.value.path) == (801, "text_encoder")
    with pytest.raises(ValueError, match="no text adapter"):
        refcodec.encode(pixels, caption=CAPTIONS[0])


def test_a_public_checkpoint_on_the_command_line(
    semtool: Semtool, place: Path, packages: dict[str, Path], text_encoder: TextEncoder, clip_folder: Path
) -> None:
    Image.fromarray(tiny_models.photo()).save("photo.png")
    encode = ["encode", "photo.png", "--model", packages["taco"], "--profile", "elic-320-odd", "--caption", CAPTIONS[0]]
    before = contents(place)
    refused(semtool(*encode), 5, "SEM-E-801 model-unavailable: nothing fills the role text_encoder (a CLIP text model)")
    refused(semtool(*encode, "--model", f"text_encoder={packages['taco']}"), 5, "SEM-E-803 ")
    assert contents(place) == before
    made = semtool(*encode, "--model", f"text_encoder={clip_folder}", "--json")
    assert (made.status, made.err) == (0, "")
    valid("encode", made.json)
    shown = semtool("payload", "photo.sem", "--model", packages["taco"], "--json")
    sent = (
        latent_coding.LatentEncoder(
            tiny_models.photo(), packages["taco"], text=text_encoder(CAPTIONS[0]), tables=TABLES
        )
        .at(0)
        .latents
    )
    assert shown.json["sections"][0]["sha256"] == hashlib.sha256(sent.serialise()).hexdigest()  # z and y, exactly
    painted = semtool("decode", "photo.sem", "-o", "painted.png", "--model", packages["taco"], "--json")
    assert (painted.status, painted.json["models"]) == (0, {"painter": "taco"})
    with Image.open("painted.png") as image:
        assert np.array_equal(np.asarray(image), latent_coding.synthesise(sent, packages["taco"], (96, 64)))


def test_without_gamma_the_attention_has_no_effect(tmp_path: Path, text_encoder: TextEncoder) -> None:
    given = narrow_taco()
    for key in given:
        if key.endswith(".gamma"):
            given[key] = torch.zeros_like(given[key])
    elic_checkpoint.convert(given, None, [picture()], tmp_path / "made", "made", "MIT", say=str)
    pixels = tiny_models.photo()
    one, two = (
        latent_coding.LatentEncoder(pixels, tmp_path / "made", text=text_encoder(caption), tables=TABLES)
        for caption in CAPTIONS
    )
    assert np.array_equal(one.latents.y, two.latents.y)
    with torch.no_grad():  # and the stream is normalised all the same
        from refcodec.transforms.elic.text_adapter import Injector

        x = 5 + torch.randn(1, 16, 3, 3)
        out = Injector(16, 512)(x, torch.randn(1, 38, 512))
    assert torch.allclose(out.mean(1), torch.zeros(1, 3, 3), atol=1e-5)


def test_a_model_with_a_text_adapter_needs_a_text(packages: dict[str, Path], text_encoder: TextEncoder) -> None:
    folder, pixels = packages["narrow"], tiny_models.photo()
    empty, chosen = (
        latent_coding.LatentEncoder(pixels, folder, text=text_encoder(caption), tables=TABLES)
        for caption in ("", CAPTIONS[0])
    )
    assert not np.array_equal(empty.latents.y, chosen.latents.y)
    with pytest.raises(SemError) as e:
        latent_coding.LatentEncoder(pixels, folder, tables=TABLES)
    assert (e.value.code, e.value.path) == (801, "text_encoder")
    assert "narrow" in str(e.value)
    assert "--model text_encoder=" in str(e.value)


def test_texts_that_a_model_cannot_take(
    packages: dict[str, Path], text_encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, text = tiny_models.photo(), text_encoder(CAPTIONS[0])
    with pytest.raises(ValueError, match="model jiangwei has no text adapter: a caption cannot steer it"):
        latent_coding.LatentEncoder(pixels, packages["jiangwei"], text=text, tables=TABLES)
    for wrong in (text[:20], text[:, :100], text[None], text * np.nan):
        with pytest.raises(ValueError, match="takes 38 tokens of width 512"):
            latent_coding.LatentEncoder(pixels, packages["narrow"], text=wrong, tables=TABLES)
    monkeypatch.setattr(transforms, "TEXT_PIXELS", 64 * 96 - 1)
    with pytest.raises(SemError) as e:
        latent_coding.LatentEncoder(pixels, packages["narrow"], text=text, tables=TABLES)
    assert e.value.code == 105
    latent_coding.LatentEncoder(pixels[1:], packages["narrow"], text=text, tables=TABLES)


def test_strips_with_a_text_adapter_are_the_whole_picture(
    packages: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = transforms.TorchAnalysis(packages["narrow"], package.read_manifest(packages["narrow"]))
    rng = np.random.default_rng(0)
    pixels, text = rng.integers(0, 256, (1000, 70, 3)).astype(np.uint8), rng.normal(size=(38, 512)).astype(np.float32)
    y, z = analysis(pixels, text=text)
    seen: list[float] = []
    monkeypatch.setattr(transforms, "STRIP", 20)
    some_y, some_z = analysis(pixels, seen.append, text)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) == 8
    assert np.abs(some_y - y).max() < 1e-4 * np.abs(y).max()
    assert np.abs(some_z - z).max() < 1e-4 * np.abs(z).max()


def test_the_float_halves_run_where_they_are_told(packages: dict[str, Path]) -> None:
    manifest = package.read_manifest(packages["narrow"])
    analysis = transforms.TorchAnalysis(packages["narrow"], manifest, "meta")
    painter = transforms.TorchSynthesis(packages["narrow"], manifest, "meta")
    assert {
        p.device.type
        for p in [*analysis.g_a.parameters(), *analysis.h_a.parameters(), *painter.g_s.parameters(), painter.inverse]
    } == {"meta"}
    pixels = tiny_models.photo(64, 64)
    encoder = latent_coding.LatentEncoder(pixels, packages["jiangwei"], device="cpu", tables=TABLES)
    assert latent_coding.synthesise(encoder.at(0).latents, packages["jiangwei"], (64, 64), device="cpu").shape == (
        64,
        64,
        3,
    )
    with pytest.raises(SemError, match=r"RuntimeError: .*meta"):
        latent_coding.LatentEncoder(pixels, packages["jiangwei"], device="meta", tables=TABLES)


def test_the_text_encoder(text_encoder: TextEncoder, tmp_path: Path) -> None:
    states = text_encoder(CAPTIONS[0])
    assert (states.shape, states.dtype, text_encoder.width) == ((38, 512), np.float32, 512)
    ids = text_encoder.tokenizer(CAPTIONS[0])["input_ids"]
    with torch.no_grad():
        alone = text_encoder.model(torch.tensor([ids])).last_hidden_state[0].numpy()
    assert len(ids) < 38
    assert np.allclose(states[: len(ids)], alone, atol=1e-4)  # padding changes nothing before it
    long = " ".join([CAPTIONS[0]] * 9)
    assert text_encoder(long).shape == (38, 512)
    assert np.allclose(text_encoder(long)[:8], states[:8], atol=1e-4)
    assert not any(p.requires_grad for p in text_encoder.model.parameters())
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(SemError) as e:
        TextEncoder.load(tmp_path)
    assert (e.value.code, e.value.path) == (803, "text_encoder")
    short = tmp_path / "short"
    tokenizer = tiny_models.clip_tokenizer(short)
    tiny_models.text_model(16, len(tokenizer), most=20).save_pretrained(short)
    with pytest.raises(SemError, match="803"):
        TextEncoder.load(short)
    assert TextEncoder.load(short, tokens=20)("a cat").shape == (20, 16)


def test_what_takes_text(packages: dict[str, Path], tmp_path: Path) -> None:
    assert not latent_coding.takes_text(ROOT / "refcodec" / "data" / "models" / "elic-small")
    assert not latent_coding.takes_text(ROOT / "refcodec" / "data" / "models" / "sketch-small")
    with pytest.raises(SemError):
        latent_coding.takes_text(tmp_path)
    assert package_cache.symbol_model(packages["narrow"]).groups == NARROW["groups"]
    assert factorised_prior.LAYERS == 5
