# SPDX-License-Identifier: MIT
"""PerCo's training beyond captions in memory: LPIPS of the predicted picture, image conditioning, streamed pictures."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import metric_checkpoints
import tiny_models
from safetensors.torch import save_file

import refcodec
from refcodec import spec
from refcodec.cli.bench.metric_networks.lpips import Lpips
from refcodec.decoder import decode_file
from refcodec.foundation.hyper_encoder import HyperEncoder
from refcodec.foundation.resolve import Models
from refcodec.networks import package
from refcodec.payloads import pq_codes
from tools.train import perco, perco_losses, small

WIDTH, M = 16, 12
SHORT = [
    *("--v", "64", "--stride", "8", "--n", "8", "--m", str(M), "--dim", "4", "--batch", "2", "--crop", "48"),
    *("--device", "cpu", "--log-every", "1", "--warm-up", "1", "--rate", "1e-3", "--seed", "1"),
]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.text_to_image(tmp_path_factory.mktemp("pipeline"), WIDTH)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures in a folder, the same in two shards with texts, and a file of captions."""
    root = tmp_path_factory.mktemp("photos")
    (root / "pictures").mkdir()
    (root / "shards").mkdir()
    for k in range(2):
        with tarfile.open(root / "shards" / f"{k}.tar", "w") as archive:
            for i in range(3 * k, 3 * k + 3):
                out = io.BytesIO()
                Image.fromarray(tiny_models.photo(56 + 4 * i, 64)).save(out, "PNG")
                (root / "pictures" / f"{i}.png").write_bytes(out.getvalue())
                for name, data in ((f"{i}.png", out.getvalue()), (f"{i}.txt", f"a cup of coffee {i}".encode())):
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
    (root / "captions.tsv").write_text("".join(f"{i}.png\ta cup of coffee {i}\n" for i in range(6)))
    return root


@pytest.fixture(scope="module")
def lpips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lpips") / "lpips-alex.safetensors"
    save_file(metric_checkpoints.random_state(Lpips("alex")), path)
    return path


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image embedder of 16 dimensions, and codebooks of 16 x 1024 for it."""
    root = tmp_path_factory.mktemp("books")
    tiny_models.image_embedder(root / "image_embedder", WIDTH)
    values = np.random.default_rng(0).normal(size=(16, 1024, 1)).astype(np.float32)
    small.write(root / "books", "books", {"kind": 4, "m": 16, "v": 1024, "d": WIDTH}, "codebooks", values, "", "")
    return root


def train(out: Path, *words: object) -> list[dict[str, Any]]:
    perco.main([*map(str, words), *SHORT, "--out", str(out)])
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def checkpoint(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(out / "checkpoint.pt", weights_only=True)
    return found


# --- LPIPS ---------------------------------------------------------------------------------------------------------


def test_lpips_of_the_predicted_picture_is_part_of_the_loss(
    pipeline: Path, photos: Path, lpips: Path, tmp_path: Path
) -> None:
    common = (pipeline, photos / "pictures", photos / "captions.tsv", "--steps", 1)
    more = ("--lpips", lpips, "--lpips-net", "alex")
    (without,), (weighted,), (unweighted,) = (
        train(tmp_path / name, *common, *options)
        for name, options in (("a", ()), ("b", (*more, "--perceptual", 2)), ("c", (*more, "--perceptual", 0)))
    )
    assert "lpips" not in without
    assert weighted["lpips"] == unweighted["lpips"] > 0
    assert unweighted["loss"] == pytest.approx(without["loss"], abs=2e-5)
    assert weighted["loss"] == pytest.approx(without["loss"] + 2 * weighted["lpips"], abs=2e-5)
    one, two = (checkpoint(tmp_path / name)["unet"] for name in "bc")
    assert any(not torch.equal(one[name], two[name]) for name in one)
    painter = tmp_path / "b" / "painter"
    files = [next((place / "vae").glob("*.safetensors")).read_bytes() for place in (pipeline, painter)]
    assert files[0] == files[1]  # gradients go through the autoencoder, which stays as it is


def test_a_predicted_velocity_gives_the_latents_that_it_is_of() -> None:
    from diffusers import DDPMScheduler

    schedule = DDPMScheduler(prediction_type="v_prediction")
    torch.manual_seed(0)
    latent, noise, t = torch.randn(3, 4, 5, 6), torch.randn(3, 4, 5, 6), torch.tensor([0, 500, 999])
    noisy = schedule.add_noise(latent, noise, t)
    found, signal = perco_losses.predicted_latents(schedule, noisy, schedule.get_velocity(latent, noise, t), t)
    assert torch.allclose(found, latent, atol=1e-5)
    assert torch.allclose(signal, schedule.alphas_cumprod[t])
    assert signal[0] > 0.99
    assert signal[2] < 0.01


def test_gradients_of_lpips_reach_the_velocity_alone(lpips: Path) -> None:
    from diffusers import DDPMScheduler

    vae, net = tiny_models.vae().requires_grad_(False).eval(), Lpips.load(lpips)
    torch.manual_seed(0)
    velocity, target = torch.randn(2, 4, 24, 24, requires_grad=True), torch.rand(2, 3, 48, 48)
    t = torch.tensor([10, 20])
    loss = perco_losses.perceptual(net, vae, DDPMScheduler(), target, torch.randn(2, 4, 24, 24), velocity, t)
    loss.backward()
    assert float(loss.detach()) > 0
    assert velocity.grad is not None
    assert bool((velocity.grad.flatten(1) != 0).any(1).all())
    assert not any(p.grad is not None for model in (vae, net) for p in model.parameters())


# --- image conditioning ----------------------------------------------------------------------------------------------


def test_the_u_net_attends_to_quantised_embeddings(pipeline: Path, photos: Path, books: Path, tmp_path: Path) -> None:
    options = ("--image-embedder", books / "image_embedder", "--codebooks", books / "books")
    rows = train(tmp_path / "run", pipeline, photos / "pictures", "--steps", 3, *options, "--dropped", 0.5)
    assert [row["step"] for row in rows] == [1, 2, 3]
    state = checkpoint(tmp_path / "run")
    assert state["hyper"]["null_text"].shape == (1, WIDTH)
    assert set(state["data"]) == {"listing_sha256", "embedder_sha256", "codebooks_sha256"}
    rows = train(tmp_path / "run", pipeline, photos / "pictures", "--steps", 4, *options, "--dropped", 0.5)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    with pytest.raises(SystemExit, match="another hyper-encoder"):
        train(tmp_path / "run", pipeline, photos / "pictures", photos / "captions.tsv", "--steps", 4)
    # its folders encode and decode with the codebooks
    named = {role: tmp_path / "run" / role for role in ("hyper_encoder", "painter")}
    named |= {"image_embedder": books / "image_embedder"}
    pixels = tiny_models.photo(72, 48)
    made = refcodec.encode(pixels, method="perco", models=named, model=books / "books", profile="perco-8-64")
    symbols = decode_file(made, models=books / "books")
    assert len(symbols.value(spec.PQ).codes) == 16
    assert HyperEncoder.load(tmp_path / "run" / "hyper_encoder", Models(device="cpu")).cfg.null_text == (1, WIDTH)


def test_training_sees_what_a_decoder_looks_up(pipeline: Path, photos: Path, books: Path, tmp_path: Path) -> None:
    from tools.train.perco_conditioning import Embeddings, read_codebooks

    tensor, digest = read_codebooks(books / "books")
    assert np.array_equal(tensor, package.load_any(books / "books").tensor)  # type: ignore[union-attr]
    assert len(digest) == 64
    vector = np.linspace(-2, 2, WIDTH).astype(np.float32)
    conditioning = Embeddings(lambda _: vector, tensor, WIDTH, dropped=0.0)
    pixels = tiny_models.photo(48, 48)
    expected = pq_codes.lookup(pq_codes.search(vector, tensor), tensor)
    assert np.array_equal(conditioning.quantised(pixels), expected)
    assert not np.array_equal(expected, vector)

    class Coder:
        width = WIDTH

        def image(self, embedding: Any) -> Any:
            return torch.from_numpy(embedding)[None, None]

    coder: Any = Coder()
    null, rng = torch.zeros(1, 1, WIDTH), np.random.default_rng(0)
    context = conditioning(coder, np.stack([pixels, pixels]), ["", ""], null, rng)
    assert torch.equal(context, torch.from_numpy(np.stack([expected, expected])[:, None]))
    dropped = Embeddings(lambda _: vector, tensor, WIDTH, dropped=1.0)
    assert torch.equal(dropped(coder, pixels[None], [""], null, rng), null)


def test_options_of_the_conditioning_that_do_not_fit(
    pipeline: Path, photos: Path, books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, steps = (pipeline, photos / "pictures"), ("--steps", 1)
    embedder, codebooks = ("--image-embedder", books / "image_embedder"), ("--codebooks", books / "books")

    def refused(*words: object) -> str:
        with pytest.raises(SystemExit) as e:
            train(tmp_path / "run", *place, *words, *steps)
        return f"{e.value.code} {capsys.readouterr().err}"

    assert "go together" in refused(*embedder)
    assert "go together" in refused(*codebooks, photos / "captions.tsv")
    assert "not both" in refused(photos / "captions.tsv", *embedder, *codebooks)
    assert "name a caption file" in refused()
    assert "must not be negative" in refused(photos / "captions.tsv", "--perceptual", -1)
    assert "801" in refused(photos / "captions.tsv", "--lpips", tmp_path)
    tiny_models.image_embedder(tmp_path / "other", 24)
    assert "the embedder has 24 dimensions" in refused("--image-embedder", tmp_path / "other", *codebooks)
    small.write(tmp_path / "usage", "usage", {"kind": 5, "v": 16}, "usage", np.full(16, 4096, np.uint16), "", "")
    assert "without codebooks" in refused(*embedder, "--codebooks", tmp_path / "usage")


# --- streamed pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["shards", "folder", "shards and file"])
def test_streamed_pictures_train_and_go_on(pipeline: Path, photos: Path, tmp_path: Path, place: str) -> None:
    captions = [] if place == "shards" else [photos / "captions.tsv"]
    where = photos / ("pictures" if place == "folder" else "shards")
    words = [pipeline, where, *captions, "--stream"]
    whole = train(tmp_path / "whole", *words, "--steps", 4)
    train(tmp_path / "parts", *words, "--steps", 2)
    parts = train(tmp_path / "parts", *words, "--steps", 4)
    assert [row["step"] for row in parts] == [row["step"] for row in whole] == [1, 2, 3, 4]
    taken = [checkpoint(tmp_path / name)["position"]["taken"] for name in ("whole", "parts")]
    assert taken[0] == taken[1]  # the crops go on; the noise of a session is its own
    assert taken[0][0] >= 8


def test_shards_without_captions_are_an_error(pipeline: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        out = io.BytesIO()
        Image.fromarray(tiny_models.photo(64, 64)).save(out, "PNG")
        info = tarfile.TarInfo("a.png")
        info.size = len(out.getvalue())
        archive.addfile(info, io.BytesIO(out.getvalue()))
    with pytest.raises(SystemExit, match="has no caption for any"):
        train(tmp_path / "run", pipeline, tmp_path / "a.tar", "--steps", 1)
