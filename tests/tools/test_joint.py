# SPDX-License-Identifier: MIT
"""Training with captions as TACO does: every factor is read, gradients reach the adapter, CLIP stays as it is, runs resume."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

ROOT = Path(__file__).resolve().parents[1]
import tiny_models
from default_environment import TABLES

from refcodec.cli.bench.metric_networks.lpips import Lpips
from refcodec.foundation.loading import quiet
from refcodec.foundation.text_encoder import TextEncoder
from refcodec.methods import latent_coding
from refcodec.networks import package
from refcodec.transforms.elic import config
from tools.train import elic, joint, pack

WIDTH = 16
SMALL = replace(config.taco(16, 20, (2, 6, 12)), lambdas=(0.001, 0.01), text_width=WIDTH, channel_context=((3, 8),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures and their captions, in both forms."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(1)
    rows = []
    for i in range(10):
        (root / "ab"[i % 2]).mkdir(exist_ok=True)
        pixels = np.clip(tiny_models.photo(96, 96) + rng.normal(0, 9, (96, 96, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / "ab"[i % 2] / f"{i}.png")
        rows.append({"file": f"{'ab'[i % 2]}/{i}.png", "captions": [f"a red cup {i}", f"a photo of coffee {i}"]})
    (root / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    (root / "captions.tsv").write_text(
        "".join(f"{Path(str(row['file'])).name}\t{row['captions'][0]}\n" for row in rows[:9])
    )
    return root


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import CLIPConfig, CLIPModel

    root = tmp_path_factory.mktemp("clip")
    tokenizer = tiny_models.clip_tokenizer(root)
    tiny_models.seeded(4)
    text = {
        "hidden_size": WIDTH,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "vocab_size": len(tokenizer),
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    vision = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    with quiet():
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).save_pretrained(root)
    return root


@pytest.fixture(scope="module")
def lpips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lpips") / "lpips-alex.safetensors"
    tiny_models.seeded(5)
    save_file(
        {
            name: (t.abs() if name.startswith("lin") else t).contiguous()
            for name, t in Lpips("alex").state_dict().items()
        },
        path,
    )
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Any:
    real = elic.config
    monkeypatch.setattr(
        elic, "config", lambda name: {"taco-text": SMALL, "taco": replace(SMALL, text_width=0)}.get(name) or real(name)
    )
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(folder: Path, out: Path, *more: object, name: str = "taco-text") -> list[dict[str, Any]]:
    argv = [
        str(folder),
        "--out",
        str(out),
        "--config",
        name,
        "--device",
        "cpu",
        "--crop",
        "64",
        "--final-crop",
        "64",
        "--log-every",
        "1",
        "--batch",
        "2",
    ]
    elic.main([*argv, *map(str, more)])
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def checkpoint(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(out / "checkpoint.pt", weights_only=True)
    return found


def first_loss(folder: Path, out: Path, *more: object) -> float:
    return float(train(folder, out, "--steps", 1, *more)[0]["loss"])


@pytest.mark.slow
def test_every_factor_is_read(folder: Path, clip: Path, lpips: Path, tmp_path: Path) -> None:
    common = ("--captions", folder / "captions.jsonl", "--clip", clip, "--lpips", lpips)
    runs = {
        "all": common,
        "again": common,
        "no k_p": (*common, "--perceptual", 0),
        "no k_j": (*common, "--joint", 0),
        "beta": (*common, "--beta", 400),
        "structure": (*common, "--structure", 0.0),
        "no lpips": common[:4],
        "text only": (*common[:2], "--text-encoder", clip),
        "lpips only": (*common[:2], "--text-encoder", clip, *common[4:]),
    }
    loss = {name: first_loss(folder, tmp_path / name, *more) for name, more in runs.items()}
    assert loss["all"] == loss["again"] == loss["structure"]
    assert loss["no k_p"] < loss["all"]
    assert loss["no k_j"] < loss["all"] < loss["beta"]
    assert loss["no lpips"] == loss["no k_p"]
    assert loss["lpips only"] == loss["no k_j"]
    assert loss["text only"] < min(loss["no lpips"], loss["lpips only"])
    row = json.loads((tmp_path / "all" / "log.jsonl").read_text().splitlines()[0])
    assert row["structure"] == 0
    assert row["lpips"] > 0
    assert row["joint"] > 0
    assert "lpips" not in json.loads((tmp_path / "text only" / "log.jsonl").read_text().splitlines()[0])


def test_gradients_reach_the_adapter_and_nothing_of_clip(folder: Path, clip: Path, lpips: Path, tmp_path: Path) -> None:
    before = {p.name: p.read_bytes() for p in clip.iterdir()}
    train(
        folder,
        tmp_path / "run",
        "--steps",
        4,
        "--captions",
        folder / "captions.jsonl",
        "--clip",
        clip,
        "--lpips",
        lpips,
    )
    state = checkpoint(tmp_path / "run")
    assert {p.name: p.read_bytes() for p in clip.iterdir()} == before
    torch.manual_seed(1)
    start = elic.Elic(SMALL).state_dict()
    assert set(start) == set(state["net"])  # nothing of CLIP or LPIPS is kept
    adapter = [name for name in start if name.startswith(("g_a.8.", "g_a.14.", "g_a.15."))]
    assert len(adapter) == 11 + 10 + 11
    still = [name for name in adapter if torch.equal(start[name], state["net"][name])]
    assert not still
    assert bool((state["net"]["g_a.8.gamma"] != 0).all())


def test_clip_and_lpips_take_no_gradients(clip: Path, lpips: Path) -> None:
    loss = joint.Joint.load(clip, 40.0)
    guide = joint.Guide([["a cat"], ["a dog"]], None, loss, Lpips.load(lpips), 3.5, 0.0025)
    torch.manual_seed(0)
    x, target = torch.rand(2, 3, 64, 64, requires_grad=True), torch.rand(2, 3, 64, 64)
    perceptual, together = guide.terms(x, target, ["a cat", "a dog"])
    (perceptual.sum() + together).backward()
    assert x.grad is not None
    assert bool((x.grad != 0).any((1, 2, 3)).all())
    assert not any(p.requires_grad or p.grad is not None for p in loss.parameters())


def test_the_joint_loss(clip: Path) -> None:
    """Eq. (7), term by term."""
    loss, none = joint.Joint.load(clip, 40.0), joint.Joint.load(clip, 0.0)
    torch.manual_seed(0)
    x, target, captions = torch.rand(3, 3, 64, 64), torch.rand(3, 3, 64, 64), ["a cat", "a dog on a mat", "a house"]
    i, j, t = loss.images(x), loss.images(target), loss.texts(captions)
    assert torch.allclose(i.norm(dim=1), torch.ones(3))
    assert torch.allclose(t.norm(dim=1), torch.ones(3))
    logits = np.exp(2.6592) * t @ i.T
    own = -(logits.log_softmax(0).diag() + logits.log_softmax(1).diag()).mean() / 2
    apart = torch.stack([(i[k] - j[k]).square().sum().sqrt() for k in range(3)]).mean()
    assert float(none(x, target, captions)) == pytest.approx(float(own), rel=1e-5)
    assert float(loss(x, target, captions)) == pytest.approx(float(own + 40 * apart), rel=1e-5)
    assert float(loss(x, target, captions[::-1])) != pytest.approx(float(loss(x, target, captions)), rel=1e-6)
    assert float(loss(target, target, captions)) == pytest.approx(float(none(target, target, captions)), rel=1e-5)
    with torch.no_grad():  # the embedding is that of the model's own processor, but for the rounding to 8 bits
        from transformers import CLIPImageProcessorPil

        pixels = tiny_models.photo(64, 64)
        inputs = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})(
            images=Image.fromarray(pixels), return_tensors="pt"
        )
        exact = torch.nn.functional.normalize(loss.model.get_image_features(**inputs).pooler_output, dim=1)
        near = loss.images(torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255)
    assert float((exact * near).sum()) > 0.999


def test_a_run_goes_on_where_it_stopped(folder: Path, clip: Path, tmp_path: Path) -> None:
    common = ("--captions", folder / "captions.tsv", "--clip", clip)
    train(folder, tmp_path / "run", "--steps", 2, *common)
    rows = train(folder, tmp_path / "run", "--steps", 4, *common)
    assert [row["step"] for row in rows] == [1, 2, 2, 3, 4, 4]
    assert checkpoint(tmp_path / "run")["step"] == 4
    one, two = (train(folder, tmp_path / name, "--steps", 3, *common) for name in ("one", "two"))
    assert [{k: v for k, v in row.items() if k != "seconds"} for row in one] == [
        {k: v for k, v in row.items() if k != "seconds"} for row in two
    ]
    with pytest.raises(SystemExit, match="trained on other pictures"):
        train(folder, tmp_path / "run", "--steps", 5, "--captions", folder / "captions.jsonl", "--clip", clip)


def test_captions_are_read(folder: Path, tmp_path: Path) -> None:
    files = sorted(folder.rglob("*.png"), key=lambda p: p.relative_to(folder).as_posix())
    said = joint.read_captions(folder / "captions.jsonl", folder, files)
    assert said[0] == ["a red cup 0", "a photo of coffee 0"]
    assert [len(v) for v in said] == [2] * 10
    by_name = joint.read_captions(folder / "captions.tsv", folder, files)
    assert by_name[-1] == [""]  # b/9.png has none there
    assert by_name[0] == ["a red cup 0"]
    guide = joint.Guide(said)
    drawn = {caption for seed in range(9) for caption in guide.drawn([0], np.random.default_rng(seed))}
    assert drawn == set(said[0])
    for wrong in (
        "{",
        '{"file": "a"}',
        '{"file": 3, "caption": "a"}',
        '{"file": "a", "captions": "a"}',
        '{"file": "a/0.jpg", "caption": "a"}',
        "[]",
    ):
        (tmp_path / "wrong.jsonl").write_text(wrong)
        with pytest.raises(SystemExit, match="caption"):
            joint.read_captions(tmp_path / "wrong.jsonl", folder, files)
    with pytest.raises(SystemExit, match="is not a caption file"):
        joint.read_captions(tmp_path / "missing.tsv", folder, files)
    rng = np.random.default_rng(0)
    pictures = [np.full((70, 70, 3), i, np.uint8) for i in range(5)]
    assert all(bool((part == i).all()) for part, i in (joint.crop(pictures, 64, rng) for _ in range(20)))


def test_what_makes_no_sense_is_said(
    folder: Path, clip: Path, lpips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    captions = folder / "captions.jsonl"

    def said(*more: object, name: str = "taco-text") -> str:
        with pytest.raises(SystemExit) as e:
            train(folder, tmp_path / "run", "--steps", 1, *more, name=name)
        return f"{e.value.code} {capsys.readouterr().err}"

    assert "needs --captions" in said()
    assert "needs --captions" in said("--captions", captions)
    assert "needs --captions" in said("--clip", clip, name="taco")
    assert "--captions are for" in said("--captions", captions, name="taco")
    assert "--text-encoder is for" in said("--text-encoder", clip, name="taco")
    assert "photographs" in said("--lpips", lpips, name="sketch")
    assert "must not be negative" in said("--captions", captions, "--clip", clip, "--beta", -1)
    assert "801" in said("--captions", captions, "--text-encoder", clip, "--lpips", tmp_path)
    assert "803" in said("--captions", captions, "--text-encoder", clip, "--clip", tmp_path)
    other = tmp_path / "other"
    tokenizer = tiny_models.clip_tokenizer(other)
    tiny_models.text_model(24, len(tokenizer)).save_pretrained(other)
    assert "width 24, the adapter expects 16" in said("--captions", captions, "--text-encoder", other)
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert elic.config("taco-text") == replace(elic.config("taco"), text_width=512)
    assert elic.config("taco").text_width == 0


def test_a_checkpoint_becomes_a_package_that_captions_steer(folder: Path, clip: Path, tmp_path: Path) -> None:
    train(
        folder,
        tmp_path / "run",
        "--steps",
        3,
        "--rate",
        0.01,
        "--captions",
        folder / "captions.jsonl",
        "--text-encoder",
        clip,
    )
    out = tmp_path / "models" / "small"
    pack.main(
        [
            str(tmp_path / "run" / "checkpoint.pt"),
            str(folder),
            "--out",
            str(out),
            "--name",
            "small",
            "--pictures",
            "2",
            "--report",
            "1",
        ]
    )
    assert package.load(out).rates == 2
    assert latent_coding.takes_text(out)
    encoder, pixels = TextEncoder.load(clip), tiny_models.photo()
    one, two = (
        latent_coding.LatentEncoder(pixels, out, text=encoder(caption), tables=TABLES).latents.y
        for caption in ("a cat", "an old stone bridge")
    )
    assert not np.array_equal(one, two)
