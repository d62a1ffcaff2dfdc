# SPDX-License-Identifier: MIT
"""The training tool from pictures to a package: a few steps, resumed, reproduced, packed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from default_environment import TABLES
from PIL import Image

from refcodec.networks import package
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.network import Elic
from tools.train import elic, losses, pack, photos

torch = pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]

SMALL = ElicConfig(
    m=20,
    hyper=6,
    groups=(2, 6, 12),
    widths=(8, 8, 8),
    spatial_width=6,
    aggregation=(12, 10),
    channel_context=((3, 8),),
    hyper_analysis=(("conv", 1, 1, 8), ("conv", 3, 2, 8), ("conv", 3, 2, 6)),
    hyper_synthesis=(("deconv", 5, 2, 8), ("deconv", 5, 2, 10)),
    lambdas=(0.001, 0.01),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures of 64 to 256 pixels, in subfolders and several formats."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(1)
    for i in range(10):
        h, w = (int(n) for n in rng.integers(64, 257, 2)) if i else (64, 64)
        rows, cols = np.mgrid[:h, :w]
        waves = [np.sin(rows / rng.uniform(3, 40) + c) * np.cos(cols / rng.uniform(3, 40)) for c in range(3)]
        pixels = np.clip(128 + 100 * np.stack(waves, -1) + rng.normal(0, 4, (h, w, 3)), 0, 255).astype(np.uint8)
        path = root / ("a", "b")[i % 2] / f"{i}{('.png', '.jpg', '.webp', '.PNG')[i % 4]}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    (root / "listing.txt").write_text("not a picture, and not looked at")
    return root


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A small network, and a PCA of few patches; one thread, as the tool sets it."""
    real = elic.config
    monkeypatch.setattr(elic, "config", lambda name: SMALL if name == "taco" else real(name))
    monkeypatch.setattr(elic, "PATCHES", 800)


def train(folder: Path, out: Path, *more: str, name: str = "taco") -> list[dict[str, Any]]:
    """Runs the tool; the rows of its log."""
    elic.main(
        [str(folder), "--out", str(out), "--config", name, "--device", "cpu", "--crop", "64", "--log-every", "1", *more]
    )
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def checkpoint(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(out / "checkpoint.pt", weights_only=True)
    return found


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_the_embedded_network_trains(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = train(folder, tmp_path / "run", "--steps", "2", "--final-crop", "64", "--batch", "1", name="embedded")
    state = checkpoint(tmp_path / "run")
    assert [row["step"] for row in rows] == [1, 2, 2]
    assert state["step"] == 2
    assert ElicConfig.from_dict(state["config"]) == elic.config("embedded")
    assert (tmp_path / "run" / "checkpoint.pt").stat().st_size < 60e6
    assert [held["rate"] for held in rows[-1]["held_out"]] == [1, 5, 8]
    shown = capsys.readouterr().out
    assert "10 pictures" in shown
    assert "100.0 %" in shown


def test_the_sketch_network_trains_on_edge_maps(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = train(folder, tmp_path / "run", "--steps", "3", "--final-crop", "64", "--batch", "2", name="sketch")
    state = checkpoint(tmp_path / "run")
    assert [row["step"] for row in rows] == [1, 2, 3, 3]
    assert [row["structure"] for row in rows[:3]] == [0.0, 0.25, 0.25]
    assert all(np.isfinite(row["loss"]) for row in rows[:3])
    assert ElicConfig.from_dict(state["config"]) == elic.config("sketch") == elic.SKETCH
    assert state["net"]["g_a.linear.weight"].shape == (96, 1, 16, 16)
    assert "training on 4 edge maps" in capsys.readouterr().out  # two versions of each of the two that are not held out


def test_a_sketch_checkpoint_becomes_a_package(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(elic, "SKETCH", replace(SMALL, channels=1))
    train(folder, tmp_path / "run", "--steps", "3", name="sketch")
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
            "4",
            "--report",
            "2",
            "--rates",
            "0",
            "0.5",
            "1",
            "1.5",
        ]
    )
    model, manifest = package.load(out), package.read_manifest(out)
    assert (model.kind, model.rates, model.groups) == (6, 4, SMALL.groups)
    lambdas = manifest["painter"]["architecture"]["lambdas"]
    assert lambdas == pytest.approx([0.001, 0.001 * 10**0.5, 0.01, 0.01 * 10**0.5], rel=1e-3)
    assert manifest["painter"]["architecture"]["channels"] == 1


def test_rates_between_and_beyond() -> None:
    torch.manual_seed(2)
    net = Elic(SMALL).eval()
    with torch.no_grad():
        for p in (net.log_gain, net.log_inverse, net.z_loc):
            p.add_(torch.randn_like(p))
    same, more = pack.interpolate_rates(net, [0, 1]), pack.interpolate_rates(net, [-1, 0.25, 1])
    assert all(torch.allclose(v, same.state_dict()[k]) for k, v in net.state_dict().items())
    assert (same.cfg, more.cfg.lambdas) == (SMALL, (0.0001, 0.001778, 0.01))
    for name in ("log_gain", "log_inverse", "log_gain_z", "z_loc", "z_log_scale"):
        low, high = net.state_dict()[name]
        assert torch.allclose(
            more.state_dict()[name], torch.stack([2 * low - high, 0.75 * low + 0.25 * high, high]), atol=1e-5
        )
    assert torch.equal(more.g_s.linear.weight, net.g_s.linear.weight)


def test_the_same_steps_give_the_same_losses(folder: Path, tmp_path: Path) -> None:
    one, two = (train(folder, tmp_path / run, "--steps", "8") for run in "ab")
    assert without_time(one) == without_time(two)
    a, b = checkpoint(tmp_path / "a"), checkpoint(tmp_path / "b")
    for part in ("net", "ema"):
        assert all(torch.equal(a[part][k], b[part][k]) for k in a[part])
    other = train(folder, tmp_path / "c", "--steps", "8", "--seed", "2")
    assert without_time(other) != without_time(one)
    # the schedule: structure from 40 %, larger crops from 85 %, and losses that fall
    steps = [row for row in one if "loss" in row]
    assert [row["structure"] for row in steps] == [0.0] * 4 + [0.25] * 4
    assert [row["crop"] for row in steps] == [64] * 7 + [128]
    assert all(np.isfinite(row["loss"]) and row["norm"] > 0 for row in steps)


def test_a_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    train(folder, out, "--steps", "3")
    first = checkpoint(out)
    with (out / "log.jsonl").open("a") as log:  # as if the run had gone on and then been killed
        log.write('{"step": 4, "seconds": 9.0, "loss": 1.0}\n{"step": 5, "sec')
    rows = train(folder, out, "--steps", "6")
    second = checkpoint(out)
    assert [row["step"] for row in rows] == [1, 2, 3, 3, 4, 5, 6, 6]
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)
    assert (first["step"], second["step"]) == (3, 6)
    assert second["seconds"] > first["seconds"] > 0
    assert "resuming from step 3" in capsys.readouterr().out
    moments = [v["step"] for v in second["optimiser"]["state"].values()]
    assert {int(v) for v in moments} == {6}
    assert not torch.equal(first["ema"]["g_a.linear.weight"], second["ema"]["g_a.linear.weight"])
    again = train(folder, out, "--steps", "6")  # nothing left to do
    assert checkpoint(out)["step"] == 6
    assert [row["step"] for row in again][:8] == [row["step"] for row in rows]


def test_minutes_are_summed_and_signals_heard(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    real, count = elic.train_step, [0]

    def step(*args: Any) -> Any:
        count[0] += 1
        if count[0] == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args)

    monkeypatch.setattr(elic, "train_step", step)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    rows = train(folder, out, "--minutes", "600")
    assert [row["step"] for row in rows] == [1, 2, 3, 3]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    spent = checkpoint(out)["seconds"]
    rows = train(folder, out, "--minutes", str(spent / 60 / 2))  # already more than asked for
    assert checkpoint(out)["step"] == 3
    assert checkpoint(out)["seconds"] == spent


def test_steps_that_go_wrong_are_not_taken(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = losses.distortion, [0]

    def distortion(*args: Any) -> Any:
        calls[0] += 1
        d, mse = real(*args)
        return (d * float("nan"), mse) if calls[0] == 2 else (d, mse)

    monkeypatch.setattr(elic, "distortion", distortion)
    rows = train(folder, tmp_path / "run", "--steps", "4")
    assert [row["step"] for row in rows] == [1, 3, 4, 4]
    assert all(bool(v.isfinite().all()) for v in checkpoint(tmp_path / "run")["net"].values())


TWO = """
import sys
from refcodec.transforms.elic.config import ElicConfig
from tools.train import elic
small = ElicConfig.from_dict(__import__("json").loads(sys.argv.pop(1)))
elic.config, elic.PATCHES = lambda name: small, 800
elic.main(sys.argv[1:])
"""


@pytest.mark.slow
def test_two_processes_share_their_gradients(folder: Path, tmp_path: Path) -> None:
    """In a process of its own, since it forks."""
    out = tmp_path / "run"
    arguments = [
        str(folder),
        "--out",
        str(out),
        "--device",
        "cpu",
        "--crop",
        "64",
        "--batch",
        "1",
        "--steps",
        "2",
        "--processes",
        "2",
    ]
    command = [sys.executable, "-c", TWO, json.dumps(SMALL.to_dict()), *arguments, "--log-every", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [1, 2, 2]
    assert checkpoint(out)["step"] == 2


def test_what_cannot_be_trained_is_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*argv: str) -> str:
        with pytest.raises(SystemExit) as e:
            elic.main([*argv, "--device", "cpu"])
        return f"{e.value.code} {capsys.readouterr().err}"

    out = str(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    assert "is not a folder" in said(str(tmp_path / "missing"), "--out", out)
    assert "0 pictures" in said(str(tmp_path / "empty"), "--out", out)
    for wrong in ("--crop=100", "--crop=0", "--final-crop=96"):
        assert "multiples of 64" in said(str(folder), "--out", out, wrong)
    for wrong in ("--minutes=0", "--steps=-1", "--batch=0", "--log-every=0"):
        assert "positive" in said(str(folder), "--out", out, wrong)
    assert "not allowed with" in said(str(folder), "--out", out, "--steps=1", "--minutes=1")
    for i in range(9):
        (tmp_path / "empty" / f"{i}.png").write_bytes(b"no picture")
    assert "0.png is not a picture" in said(str(tmp_path / "empty"), "--out", out)
    train(folder, tmp_path / "run", "--steps", "1")
    assert "another architecture" in said(str(folder), "--out", out, "--config", "embedded")
    assert "other pictures" in said(str(tmp_path / "empty"), "--out", out, "--config", "taco")
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"PK\3\4 damaged")
    assert "not a checkpoint" in said(str(folder), "--out", out, "--config", "taco")


def test_a_checkpoint_becomes_a_package(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from refcodec.methods import latent_coding as method
    from refcodec.networks.numpy_backend import NumpyBackend
    from refcodec.payloads import latents

    train(folder, tmp_path / "run", "--steps", "4")
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
            "4",
            "--report",
            "2",
            "--command",
            "make train",
            "--licence",
            "CC0-1.0",
        ]
    )
    model, manifest = package.load(out), package.read_manifest(out)
    assert (model.groups, model.rates, model.parity) == (SMALL.groups, 2, 0)
    assert f"digest {model.digest}" in capsys.readouterr().out
    files = photos.listing(folder)
    assert manifest["training"]["listing_sha256"] == photos.digest(folder, files)
    assert (manifest["training"]["steps"], manifest["training"]["command"], manifest["licence"]) == (
        4,
        "make train",
        "CC0-1.0",
    )
    made = method.LatentEncoder(photos.load(files[3]), out, tables=TABLES).at(1)
    size = photos.load(files[3]).shape[1::-1]
    got = latents.decode(made.body, model, (size[0], size[1]), NumpyBackend(), tables=TABLES)
    assert got.serialise() == made.latents.serialise()
    assert method.synthesise(got, out, (size[0], size[1])).shape == photos.load(files[3]).shape
    for wrong in (folder / "listing.txt", tmp_path / "missing"):
        with pytest.raises(SystemExit, match="not a checkpoint"):
            pack.main([str(wrong), str(folder), "--out", str(out), "--name", "small"])


def test_listing_and_digest(folder: Path, tmp_path: Path) -> None:
    files = photos.listing(folder)
    assert len(files) == 10
    assert [f.relative_to(folder).as_posix() for f in files] == sorted(f.relative_to(folder).as_posix() for f in files)
    assert photos.digest(folder, files) != photos.digest(folder, files[:-1])


@pytest.mark.parametrize("size", [16, 64, 128, 192])
def test_crops_of_pictures_smaller_and_larger(folder: Path, size: int) -> None:
    pictures = [photos.load(p) for p in photos.listing(folder)]
    rng = np.random.default_rng(0)
    for _ in range(30):
        out = photos.crop(pictures, size, rng)
        assert out.shape == (size, size, 3)
        assert out.dtype == np.uint8
    assert photos.centre(pictures[0], 32).shape == (32, 32, 3)
    assert photos.centre(pictures[0], 1000).shape == pictures[0].shape


@pytest.mark.parametrize("side", [16, 64, 100, 112, 128, 192])
def test_distortion_of_any_size(side: int) -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 3, side, side)
    for share in (0.0, 0.25, 1.0):
        d, mse = losses.distortion(x, x, share)
        assert torch.allclose(d, torch.zeros(2), atol=1e-6)
        assert torch.equal(mse, torch.zeros(2))
        worse = [losses.distortion(x + e * torch.randn_like(x), x, share)[0].mean() for e in (0.02, 0.1, 0.5)]
        assert worse == sorted(worse)
    # a picture of no structure at all costs the whole weight, whatever the number of scales
    assert float(losses.structural(torch.rand(1, 3, side, side), 1 - x[:1])) > 0.5
    assert 1.5 < float(losses.structural(1 - x[:1], x[:1])) < 2.01
