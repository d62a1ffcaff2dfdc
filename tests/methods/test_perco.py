# SPDX-License-Identifier: MIT
"""Method perco on the real classes: indices by VAE and hyper-encoder, pictures by a U-Net that sees them, and its training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import tiny_models
from cli_harness import Semtool, contents, refused, valid
from default_environment import default_rows
from numpy.typing import NDArray
from public_perco import published

import refcodec
from refcodec import codec, reconstruct, spec
from refcodec.convert import perco_checkpoint
from refcodec.decoder import decode_file
from refcodec.errors import SemError
from refcodec.foundation import perco_diffusion
from refcodec.foundation.captioner import Captioner
from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.hyper_encoder import HyperEncoder
from refcodec.foundation.loading import quiet
from refcodec.foundation.perco_diffusion import LatentCoder, PercoGenerator, guided, indices_of
from refcodec.foundation.resolve import Models
from refcodec.methods.perco import perco_method
from tools.train import perco as training
from tools.train import perco_conditioning, small

pytestmark = pytest.mark.models

PHOTO = tiny_models.photo(90, 60)  # 12 x 8 places of 8 pixels
ROW, V, STRIDE, M, WIDTH = "perco-8-64", 64, 8, 12, 16
CONFIG = HyperConfig(v=V, stride=STRIDE, factor=2, latent_channels=4, n=8, m=M, dim=4, null_text=(77, WIDTH))
FEW = {"steps": 2}


def hyper_encoder(folder: Path, cfg: HyperConfig = CONFIG, seed: int = 5) -> Path:
    torch.manual_seed(seed)
    HyperEncoder(cfg).save(folder)
    return folder


def painter(folder: Path, in_channels: int = 4 + M, width: int = WIDTH) -> Path:
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    tokenizer = tiny_models.clip_tokenizer(folder.parent / "scratch")
    with quiet():
        StableDiffusionPipeline(
            vae=tiny_models.vae(),
            unet=tiny_models.unet(width, in_channels),
            tokenizer=tokenizer,
            text_encoder=tiny_models.text_model(width, len(tokenizer)),
            scheduler=DDIMScheduler(prediction_type="v_prediction"),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set: folders named for the roles they fill."""
    folder = tmp_path_factory.mktemp("set")
    coder = LatentCoder.load(painter(folder / "painter"), Models(device="cpu"))
    torch.manual_seed(5)
    hyper = HyperEncoder(CONFIG)
    with torch.no_grad():  # a codebook of what this photograph gives, so that its places differ
        hyper.quantiser.start(hyper.unquantised(coder.encode(tiny_models.photo(120, 80)).clone()).flatten(0, -2))
    hyper.save(folder / "hyper_encoder")
    return folder


@pytest.fixture(scope="module")
def loaded(models: Path) -> Models:
    """The same, loaded once for all tests."""
    return Models.of(models, device="cpu")


@pytest.fixture(scope="module")
def data(models: Path) -> bytes:
    return refcodec.encode(PHOTO, method="perco", models=models, caption="A cup of coffee.")


def parts(models: Path) -> tuple[HyperEncoder, PercoGenerator]:
    here = Models(device="cpu")
    return HyperEncoder.load(models / "hyper_encoder", here), PercoGenerator.load(models / "painter", here)


def picture(data: bytes, loaded: Models, **wish: Any) -> NDArray[np.uint8]:
    return np.asarray(refcodec.decode(data, models=loaded, **{**FEW, **wish}))


def of(indices: Any, models: Path, **given: Any) -> bytes:
    return refcodec.encode(method="perco", profile=ROW, indices=indices, size=(90, 60), **given)


def grid_of(data: bytes) -> NDArray[np.int64]:
    value = decode_file(data).value(spec.VQ)
    return np.reshape(np.array(value.indices), (value.h, value.w))


# --- from a picture to indices -------------------------------------------------------------------------------------


def test_a_photograph_becomes_the_indices_of_the_hyper_encoder(data: bytes, models: Path) -> None:
    hyper, coder = parts(models)[0], LatentCoder.load(models / "painter", Models(device="cpu"))
    expected = indices_of(PHOTO, coder, hyper)
    assert expected.shape == (8, 12)
    assert len(set(expected.ravel().tolist())) > 3
    assert np.array_equal(grid_of(data), expected)
    symbols = decode_file(data)
    assert symbols.container.profile.name == ROW  # that of the hyper-encoder named
    assert symbols.value(spec.CAPTION).text == "A cup of coffee."
    assert data == refcodec.encode(PHOTO, method="perco", models=models, caption="A cup of coffee.")
    other = refcodec.encode(PHOTO[::-1].copy(), method="perco", models=models)
    assert not np.array_equal(grid_of(other), expected)


def test_the_latent_is_the_mode_of_the_posterior(models: Path) -> None:
    coder = LatentCoder.load(models / "painter", Models(device="cpu"))
    x = torch.from_numpy(PHOTO.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        mean = coder.vae.quant_conv(coder.vae.encoder(x)).chunk(2, 1)[0] * coder.vae.config.scaling_factor
    assert torch.allclose(coder.encode(PHOTO), mean, atol=1e-5)
    assert torch.equal(coder.encode(PHOTO), coder.encode(PHOTO))


def test_what_lies_beyond_the_picture_repeats_its_edge(models: Path) -> None:
    hyper, coder = parts(models)[0], parts(models)[1]
    whole = np.pad(PHOTO, ((0, 4), (0, 6), (0, 0)), mode="edge")
    assert np.array_equal(indices_of(PHOTO, coder, hyper), indices_of(whole, coder, hyper))


@pytest.mark.parametrize("profile", ["perco-8-256", "perco-16-256"])
def test_another_row_than_the_hyper_encoder_is_for(models: Path, profile: str, data: bytes, tmp_path: Path) -> None:
    row = default_rows().by_name(profile).parameters(spec.VQ)
    with pytest.raises(SemError, match=f"64 codes and a stride of 8.*{row['v']} and {row['stride']}") as caught:
        refcodec.encode(PHOTO, method="perco", models=models, profile=profile)
    assert (caught.value.code, caught.value.path) == (803, "hyper_encoder")
    hyper_encoder(tmp_path / "hyper_encoder", HyperConfig(v=7, stride=8, factor=2, n=8, m=M, dim=4))
    named = {"hyper_encoder": tmp_path / "hyper_encoder", "painter": models / "painter"}
    with pytest.raises(SemError, match="no profile has its 7 codes"):
        refcodec.encode(PHOTO, method="perco", models=named)
    with pytest.raises(SemError, match="7 codes and a stride of 8, profile perco-8-64 has 64 and 8"):
        refcodec.decode(data, models=named)


def test_on_the_command_line(
    semtool: Semtool, place: Path, models: Path, data: bytes, loaded: Models, tmp_path: Path
) -> None:
    Image.fromarray(PHOTO).save("photo.png")
    encode = ["encode", "photo.png", "--method", "perco", "--profile", ROW, "--caption", "A cup of coffee."]
    before = contents(place)
    refused(
        semtool(*encode), 5, "SEM-E-801 model-unavailable: nothing fills the role hyper_encoder (a PerCo hyper-encoder)"
    )
    shutil.copytree(models / "hyper_encoder", tmp_path / "broken")
    weights = tmp_path / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    refused(semtool(*encode, "--model", models, "--model", f"hyper_encoder={tmp_path / 'broken'}"), 5, "SEM-E-803 ")
    assert contents(place) == before
    made = semtool(*encode, "--model", models, "--json")
    assert (made.status, made.err) == (0, "")
    valid("encode", made.json)
    assert Path("photo.sem").read_bytes() == data
    shown = semtool("payload", "photo.sem", "--json")
    assert np.array_equal(shown.json["sections"][1]["value"], grid_of(data))
    painted = semtool("decode", "photo.sem", "-o", "x.png", "--model", models, "--steps", "2", "--seed", "4", "--json")
    valid("decode", painted.json)
    assert (painted.status, painted.json["files"][0]["seed"]) == (0, 4)
    with Image.open("x.png") as image:
        assert np.array_equal(np.asarray(image), picture(data, loaded, seed=4))


def test_the_tokenizer_pads_no_further_than_its_encoder_reads(
    models: Path, data: bytes, loaded: Models, tmp_path: Path
) -> None:
    shutil.copytree(models / "painter", tmp_path / "painter")
    config = tmp_path / "painter" / "tokenizer" / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_max_length": 10**12}))
    named = Models.of({"painter": tmp_path / "painter", "hyper_encoder": models / "hyper_encoder"}, device="cpu")
    assert np.array_equal(picture(data, named), picture(data, loaded))


def test_what_no_model_fills_is_named(
    models: Path, data: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for named, role in (({}, "hyper_encoder"), ({"hyper_encoder": models / "hyper_encoder"}, "painter")):
        with pytest.raises(SemError, match=role) as caught:
            refcodec.encode(PHOTO, method="perco", profile=ROW, models=named)
        assert caught.value.code == 801
        with pytest.raises(SemError, match=role) as caught:
            refcodec.decode(data, models=named)
        assert (caught.value.code, caught.value.path) == (801, role)


def test_a_hyper_encoder_that_is_none(models: Path, tmp_path: Path, data: bytes) -> None:
    def changed(name: str, **more: Any) -> SemError:
        folder = tmp_path / name
        shutil.copytree(models / "hyper_encoder", folder)
        (folder / "config.json").write_text(json.dumps({**CONFIG.to_dict(), **more}))
        with pytest.raises(SemError) as caught:
            refcodec.decode(data, models={"hyper_encoder": folder, "painter": models / "painter"})
        assert caught.value.code == 803
        return caught.value

    assert "other" in str(changed("a", model_type="other"))
    assert "stride is" in str(changed("b", stride=24))
    assert "an integer" in str(changed("c", n=0))
    assert "depth" in str(changed("d", depth=1))
    assert "null_text" in str(changed("e", null_text=None))
    assert "null_text" in str(changed("f", null_text=[77]))
    assert "quantiser.codes" in str(changed("g", v=65))
    hyper_encoder(tmp_path / "h", HyperConfig(v=V, stride=STRIDE, factor=4, n=8, m=M, dim=4))
    with pytest.raises(SemError, match="latents have 4 channels at 1/2, the hyper-encoder is for 4 at 1/4"):
        refcodec.decode(data, models={"hyper_encoder": tmp_path / "h", "painter": models / "painter"})


def test_a_painter_that_was_not_extended(models: Path, tmp_path: Path, data: bytes) -> None:
    painter(tmp_path / "painter", in_channels=4)
    with pytest.raises(SemError, match="takes 4 channels, not the 16 of latents and local features") as caught:
        refcodec.decode(data, models={"hyper_encoder": models / "hyper_encoder", "painter": tmp_path / "painter"})
    assert (caught.value.code, caught.value.path) == (803, "painter")


# --- from indices to a picture -------------------------------------------------------------------------------------


def test_the_same_seed_paints_the_same_and_what_is_told_matters(data: bytes, models: Path, loaded: Models) -> None:
    first = picture(data, loaded)
    assert first.shape == (60, 90, 3)
    assert np.array_equal(first, picture(data, loaded))
    grid = grid_of(data)
    assert np.array_equal(first, picture(of(grid, models, caption="A cup of coffee."), loaded))
    assert not np.array_equal(first, picture(of(grid, models, caption="A red house."), loaded))
    assert not np.array_equal(first, picture(of(grid, models), loaded))
    changed = grid.copy()
    changed[3, 4] = (changed[3, 4] + 1) % V
    assert not np.array_equal(first, picture(of(changed, models, caption="A cup of coffee."), loaded))
    for wish in ({"seed": 1}, {"steps": 3}, {"guidance": 1}, {"scheduler": "ddpm"}, {"scheduler": "euler-a"}):
        assert not np.array_equal(first, picture(data, loaded, **wish)), wish
    assert np.array_equal(
        picture(data, loaded, guidance=3, steps=2), first
    )  # what the row recommends, and the tests ask for


def test_samples_are_pictures_of_the_next_seeds(data: bytes, loaded: Models) -> None:
    told: list[float] = []
    painted = reconstruct.reconstruct(
        decode_file(data), told.append, models=loaded, overrides={"seed": 3, **FEW}, samples=2
    )
    assert painted.seeds == (3, 4)
    assert np.array_equal(painted.pictures[0], picture(data, loaded, seed=3))
    assert np.array_equal(painted.pictures[1], picture(data, loaded, seed=4))
    assert told[-1] == 1
    assert set(painted.models) >= {"hyper_encoder", "painter"}


def seen_by(painter: PercoGenerator, run: Any) -> list[tuple[Any, Any]]:
    """(input, context) of every call of the U-Net while `run` runs."""
    calls: list[tuple[Any, Any]] = []
    hook = painter.unet.register_forward_pre_hook(
        lambda _, args, kwargs: calls.append((args[0].clone(), kwargs["encoder_hidden_states"].clone())),
        with_kwargs=True,
    )
    run()
    hook.remove()
    return calls


def test_guidance_is_on_the_text_only(data: bytes, models: Path) -> None:
    """Both passes see the local features, repeated over the latent; the text alone is taken away."""
    hyper, painter = parts(models)
    features = hyper.features_of(grid_of(data))
    text, null = painter.text("A cup of coffee."), painter.null(hyper)
    calls = seen_by(painter, lambda: painter.paint(features, 4, text, null, seed=0, steps=2, guidance=3))
    local = torch.nn.functional.interpolate(features, scale_factor=4, mode="nearest")
    assert len(calls) == 4
    assert all(torch.equal(x[:, 4:], local) for x, _ in calls)
    assert [torch.equal(context, null) for _, context in calls] == [True, False, True, False]
    assert all(torch.equal(context, text) for _, context in calls[1::2])
    assert len(seen_by(painter, lambda: painter.paint(features, 4, text, null, seed=0, steps=2, guidance=1))) == 2
    assert len(seen_by(painter, lambda: painter.paint(features, 4, None, null, seed=0, steps=2))) == 2

    x, t = calls[0][0], torch.tensor(500)
    with torch.no_grad():
        ours = guided(painter._predict(x, t), text, null, 3.0)
        with_text = painter.unet(x, t, encoder_hidden_states=text).sample
        without_text = painter.unet(x, t, encoder_hidden_states=null).sample
        blind = torch.cat([x[:, :4], torch.zeros_like(local)], 1)
        nothing = painter.unet(blind, t, encoder_hidden_states=null).sample
    assert torch.allclose(ours, without_text + 3 * (with_text - without_text), atol=1e-5)
    assert not torch.allclose(ours, nothing + 3 * (with_text - nothing), atol=1e-3)


def test_the_learned_null_text_is_what_stands_for_no_text(
    data: bytes, models: Path, loaded: Models, tmp_path: Path
) -> None:
    hyper, painter = parts(models)
    assert torch.equal(painter.null(hyper)[0], hyper.null_text)
    first, silent = picture(data, loaded), picture(of(grid_of(data), models), loaded)
    with torch.no_grad():
        hyper.null_text.add_(1.0)
    hyper.save(tmp_path / "hyper_encoder")
    other = Models.of({"hyper_encoder": tmp_path / "hyper_encoder", "painter": models / "painter"}, device="cpu")
    assert not np.array_equal(first, picture(data, other))
    assert not np.array_equal(silent, picture(of(grid_of(data), models), other))
    plain = HyperEncoder(HyperConfig(**{**CONFIG.__dict__, "null_text": None}))
    assert torch.equal(painter.null(plain), painter.text(""))


def test_token_ids_are_a_caption_too(models: Path) -> None:
    _, painter = parts(models)
    ids = painter.tokenizer("a red house").input_ids
    assert torch.allclose(painter.text("a red house"), painter.text(ids[1:-1]), atol=1e-6)
    assert painter.text([5] * 200).shape == (1, 77, WIDTH)


def test_an_image_embedding_in_place_of_the_text(data: bytes, models: Path, loaded: Models, tmp_path: Path) -> None:
    """One token of the U-Net's width, by the codebooks of a package that is named."""
    rng = np.random.default_rng(0)
    books = rng.normal(size=(16, 1024, 1)).astype(np.float32)
    small.write(tmp_path / "books", "books", {"kind": 4, "m": 16, "v": 1024, "d": 16}, "codebooks", books, "", "")
    vector = books[np.arange(16), np.arange(16) * 3, 0]
    grid = grid_of(data)
    told = of(grid, models, vector=vector, model=tmp_path / "books")
    named = Models.of([models, tmp_path / "books"], device="cpu")
    first = picture(told, named)
    assert not np.array_equal(first, picture(of(grid, models), loaded))
    assert not np.array_equal(first, picture(of(grid, models, vector=vector[::-1], model=tmp_path / "books"), named))
    hyper, painter = parts(models)
    embedded = painter.image(vector)
    assert embedded.shape == (1, 1, WIDTH)
    calls = seen_by(
        painter, lambda: painter.paint(hyper.features_of(grid), 4, embedded, painter.null(hyper), seed=0, steps=1)
    )
    assert torch.equal(calls[1][1][0, 0], torch.from_numpy(vector))
    with pytest.raises(SemError, match="codebooks of the image embedding") as caught:
        picture(told, loaded)
    assert caught.value.code == 801
    with pytest.raises(SemError, match="attends to 16 dimensions, the context has 5") as caught:
        painter.image(np.zeros(5, np.float32))
    assert caught.value.code == 803


def test_the_image_embedder_makes_the_codes(models: Path, tmp_path: Path) -> None:
    tiny_models.image_embedder(tmp_path / "image_embedder", 16)
    rng = np.random.default_rng(0)
    small.write(
        tmp_path / "books",
        "books",
        {"kind": 4, "m": 16, "v": 1024, "d": 16},
        "codebooks",
        rng.normal(size=(16, 1024, 1)).astype(np.float32),
        "",
        "",
    )
    named = {role: models / role for role in ("hyper_encoder", "painter")} | {
        "image_embedder": tmp_path / "image_embedder"
    }
    made = refcodec.encode(PHOTO, method="perco", models=named, model=tmp_path / "books")
    symbols = decode_file(made, models=tmp_path / "books")
    assert len(symbols.value(spec.PQ).codes) == 16
    assert (
        symbols.value(spec.VQ).indices
        == decode_file(refcodec.encode(PHOTO, method="perco", models=models)).value(spec.VQ).indices
    )
    with pytest.raises(ValueError, match="not both"):
        refcodec.encode(PHOTO, method="perco", models=named | {"captioner": tmp_path})


def test_a_captioner_says_what_the_user_does_not(models: Path, tmp_path: Path) -> None:
    named = {role: models / role for role in ("hyper_encoder", "painter")} | {
        "captioner": tiny_models.blip2(tmp_path / "captioner")
    }
    words = Captioner.load(tmp_path / "captioner", Models(device="cpu")).caption(PHOTO, tokens=32)
    made = codec.encode_file(Image.fromarray(PHOTO), method="perco", models=named)
    assert decode_file(made.data).value(spec.CAPTION).text == words
    assert not made.notices
    said = codec.encode_file(Image.fromarray(PHOTO), method="perco", models=named, caption="Coffee.")
    assert decode_file(said.data).value(spec.CAPTION).text == "Coffee."
    silent = codec.encode_file(Image.fromarray(PHOTO), method="perco", models=models)
    assert silent.notices == (perco_method.NO_CAPTION,)
    assert not silent.profile.base
    assert len(silent.data) <= 72 + 11  # 96 places of 6 bits


def test_no_model_is_needed_for_the_usual_profile() -> None:
    assert perco_method.default_profile(Models()) == perco_method.DEFAULT_ROW == "perco-small"


# --- published weights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("downs", [0, 1, 2, 3])
def test_published_weights_become_ours(downs: int, tmp_path: Path) -> None:
    from diffusers import UNet2DConditionModel

    ours, state, unet = published(downs)
    hyper, made = perco_checkpoint.convert(
        {f"module.{k}" if k.startswith("conv_in") else k: t for k, t in state.items()}
    )
    assert hyper is not None
    assert made is not None
    cfg = HyperConfig.from_dict(hyper.config)
    assert (cfg.v, cfg.stride, cfg.null_text) == (16, 8 << downs, None)
    again = HyperEncoder(cfg)
    again.fill(hyper.tensors)
    latent = torch.randn(1, 4, 16, 16)
    with torch.no_grad():
        assert torch.equal(again.eval().indices(latent), ours.indices(latent)) or downs == 3  # there in 16 bits
        assert torch.allclose(again(latent).features, ours(latent).features, atol=1e-4) or downs == 3
    with quiet():
        loaded = UNet2DConditionModel.from_config(made.config).eval()
    loaded.load_state_dict(made.tensors)
    x = torch.randn(1, 16, 8, 8), 5, torch.randn(1, 3, 16)
    with torch.no_grad():
        assert torch.allclose(loaded(*x).sample, unet(*x).sample, atol=1e-6)
    assert (
        perco_checkpoint.convert({k: t for k, t in state.items() if k.startswith(("backbone", "quantizer"))})[1] is None
    )
    assert (
        perco_checkpoint.convert({k: t for k, t in state.items() if not k.startswith(("backbone", "quantizer"))})[0]
        is None
    )


def test_what_is_no_published_weights() -> None:
    _, state, _ = published()

    def refused(change: Any) -> str:
        copy = dict(state)
        change(copy)
        with pytest.raises(SemError) as caught:
            perco_checkpoint.convert(copy)
        assert caught.value.code == 803
        return str(caught.value)

    assert "empty" in refused(dict.clear)
    assert "conv_in_extended" in refused(lambda s: [s.pop(k) for k in list(s) if "extended" in k])
    assert "of length 1" in refused(
        lambda s: s.update({"quantizer._codebook.embed": 3 * s["quantizer._codebook.embed"]})
    )
    assert "backbone.13.weight" in refused(lambda s: s.pop("backbone.13.weight"))
    assert "does not fit" in refused(lambda s: s.pop("backbone.1.layers.0.bias"))
    assert "_codebook.embed" in refused(lambda s: s.pop("quantizer._codebook.embed"))
    assert "a U-Net without attention" in refused(
        lambda s: [s.pop(k) for k in list(s) if k.startswith("down_blocks.0.attentions")]
    )


# --- training ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lesson(tmp_path: Path) -> list[str]:
    """A pipeline that is not extended yet, pictures, captions, and the tool's arguments for few channels."""
    painter(tmp_path / "pipeline", in_channels=4)
    (tmp_path / "photos").mkdir()
    for i in range(3):
        Image.fromarray(tiny_models.photo(40 + 20 * i, 64)).save(tmp_path / "photos" / f"{i}.png")
    (tmp_path / "captions.tsv").write_text("".join(f"{i}.png\ta cup of coffee {i}\n" for i in range(3)))
    return [
        *(str(tmp_path / name) for name in ("pipeline", "photos", "captions.tsv")),
        "--v",
        "16",
        "--stride",
        "8",
        "--n",
        "8",
        "--m",
        str(M),
        "--dim",
        "4",
        "--batch",
        "2",
        "--crop",
        "48",
        "--device",
        "cpu",
        "--log-every",
        "1",
        "--warm-up",
        "1",
        "--rate",
        "1e-3",
    ]


def unet_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")


def test_a_step_moves_the_linear_layers_and_what_reads_local_features(lesson: list[str], tmp_path: Path) -> None:
    training.main([*lesson, "--out", str(tmp_path / "run"), "--steps", "1"])
    before, after = unet_of(tmp_path / "pipeline"), unet_of(tmp_path / "run" / "painter")
    assert set(before) == set(after)
    model = PercoGenerator.load(tmp_path / "run" / "painter", Models(device="cpu")).unet
    linear = {
        f"{name}.{k}"
        for name, m in model.named_modules()
        if isinstance(m, torch.nn.Linear)
        for k, _ in m.named_parameters()
    }
    moved = {name for name in before if name != "conv_in.weight" and not torch.equal(before[name], after[name])}
    assert moved <= linear
    assert len(moved) > 0.8 * len(linear)
    assert torch.equal(before["conv_in.weight"], after["conv_in.weight"][:, :4])
    assert after["conv_in.weight"].shape[1] == 4 + M
    for name in ("vae", "text_encoder"):
        files = [next((tmp_path / place / name).glob("*.safetensors")) for place in ("pipeline", "run/painter")]
        assert files[0].read_bytes() == files[1].read_bytes()
    note = json.loads((tmp_path / "run" / "training.json").read_text())
    assert note["steps"] == 1
    assert len(note["listing_sha256"]) == 64


def test_training_goes_on_and_repeats_and_its_folders_encode(
    lesson: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        training.main([*lesson, "--out", str(tmp_path / name), "--steps", "3"])
    first, second = (
        HyperEncoder.load(tmp_path / n / "hyper_encoder", Models(device="cpu")).state_dict() for n in ("a", "b")
    )
    assert all(torch.equal(first[k], second[k]) for k in first)
    start = torch.load(tmp_path / "a" / "checkpoint.pt", weights_only=True)
    training.main([*lesson, "--out", str(tmp_path / "a"), "--steps", "5"])
    assert "resuming from step 3" in capsys.readouterr().out
    end = torch.load(tmp_path / "a" / "checkpoint.pt", weights_only=True)
    assert (start["step"], end["step"]) == (3, 5)
    assert not torch.equal(start["hyper"]["backbone.0.weight"], end["hyper"]["backbone.0.weight"])
    assert torch.equal(
        unet_of(tmp_path / "a" / "painter")["conv_in.weight"][:, :4], unet_of(tmp_path / "pipeline")["conv_in.weight"]
    )
    assert [json.loads(line)["step"] for line in (tmp_path / "a" / "log.jsonl").read_text().splitlines()] == [
        1,
        2,
        3,
        4,
        5,
    ]
    hyper, trained = (
        cls.load(tmp_path / "a" / name, Models(device="cpu"))
        for cls, name in ((HyperEncoder, "hyper_encoder"), (PercoGenerator, "painter"))
    )
    trained.check_hyper_encoder(hyper)
    assert indices_of(PHOTO, trained, hyper).shape == (8, 12)
    assert trained.scheduler.config.prediction_type == "v_prediction"


def test_the_null_text_learns_from_dropped_texts(lesson: list[str], tmp_path: Path) -> None:
    def null(name: str, share: float) -> Any:
        training.main([*lesson, "--out", str(tmp_path / name), "--steps", "1", "--dropped", str(share)])
        return torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["hyper"]["null_text"]

    never, always, again = null("never", 0.0), null("always", 1.0), null("again", 0.0)
    assert torch.equal(never, again)
    assert not torch.equal(never, always)


def test_what_the_training_tool_refuses(lesson: list[str], tmp_path: Path, models: Path) -> None:
    out = ["--out", str(tmp_path / "run"), "--steps", "1"]
    training.main([*lesson, *out])
    with pytest.raises(SystemExit, match="another hyper-encoder"):
        training.main([*lesson, *out, "--v", "8"])
    (tmp_path / "captions.tsv").write_text("0.png\tanother\n")
    with pytest.raises(SystemExit, match="other pictures or captions"):
        training.main([*lesson, *out])
    (tmp_path / "captions.tsv").write_text("9.png\tanother\n")
    with pytest.raises(SystemExit, match="line 1: expected a file"):
        training.main([*lesson, *out])
    (tmp_path / "captions.tsv").write_text("0.png\tanother\n")
    with pytest.raises(SystemExit, match="more inputs than its latents"):
        training.main([str(models / "painter"), *lesson[1:], "--out", str(tmp_path / "other"), "--steps", "1"])
    with pytest.raises(SystemExit, match="stride is"):
        training.main([*lesson, "--out", str(tmp_path / "third"), "--steps", "1", "--stride", "24"])


def test_settings_of_the_paper() -> None:
    assert (perco_diffusion.STEPS, perco_diffusion.GUIDANCE, perco_conditioning.DROPPED) == (20, 3.0, 0.1)
    count = sum(p.numel() for p in HyperEncoder(HyperConfig(v=256, stride=8, null_text=None)).parameters())
    assert (
        count == 4_080_128 + 2 * 320 * 32 + 320 + 32
    )  # as published (0.1250 bpp), and the two projections around the codes
