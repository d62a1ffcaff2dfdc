# SPDX-License-Identifier: MIT
"""The trainers of ELIC and VQ networks on streamed pictures, in several processes, and with the settings of TACO's paper."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from refcodec.networks import package
from refcodec.transforms.elic import config
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.vq.config import VqConfig
from refcodec.transforms.vq.quantiser import VectorQuantizer
from tools.train import elic, rates, vq

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
CODES = VqConfig(
    v=8,
    dim=4,
    encoder_widths=(8, 12, 16),
    encoder_blocks=(1, 1, 1),
    decoder_widths=(8, 12, 16),
    decoder_blocks=(1, 1, 1),
)
PICTURES, BROKEN = 30, (4, 11)


def pixels(number: int) -> Any:
    rng = np.random.default_rng(number)
    rows, cols = np.mgrid[: 64 + number, : 70 + 2 * number]
    waves = [np.sin(rows / rng.uniform(3, 40) + c) * np.cos(cols / rng.uniform(3, 40)) for c in range(3)]
    return np.clip(128 + 100 * np.stack(waves, -1), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards of fifteen pictures, two of them broken, with captions."""
    root = tmp_path_factory.mktemp("shards")
    for k in range(2):
        with tarfile.open(root / f"{k}.tar", "w") as archive:
            for number in range(15 * k, 15 * k + 15):
                out = io.BytesIO()
                Image.fromarray(pixels(number)).save(out, "PNG")
                data = b"no picture" if number in BROKEN else out.getvalue()
                for name, part in ((f"{number:02d}.png", data), (f"{number:02d}.txt", f"waves {number}".encode())):
                    info = tarfile.TarInfo(name)
                    info.size = len(part)
                    archive.addfile(info, io.BytesIO(part))
    return root


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    real = elic.config
    monkeypatch.setattr(elic, "config", lambda name: SMALL if name == "taco" else real(name))
    monkeypatch.setattr(elic, "PATCHES", 400)
    monkeypatch.setattr(vq, "CONFIG", CODES)
    monkeypatch.setattr(vq, "VECTORS", 4)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def train(trainer: Any, place: Path, out: Path, *words: object) -> list[dict[str, Any]]:
    trainer.main(
        [str(place), "--out", str(out), "--device", "cpu", "--crop", "64", "--final-crop", "64", *map(str, words)]
    )
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def checkpoint(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(out / "checkpoint.pt", weights_only=True)
    return found


def options(trainer: Any) -> tuple[object, ...]:
    return ("--log-every", 1, "--batch", 2, *(("--config", "taco") if trainer is elic else ()))


@pytest.mark.parametrize("trainer", [elic, vq])
def test_a_streamed_run_goes_on_and_repeats(trainer: Any, shards: Path, tmp_path: Path) -> None:
    common = options(trainer)
    rows = train(trainer, shards, tmp_path / "a", *common, "--steps", 14)
    again = train(trainer, shards, tmp_path / "b", *common, "--steps", 14, "--workers", 0)
    assert [r.get("loss") for r in rows] == [r.get("loss") for r in again]
    assert max(r.get("broken", 0) for r in rows) in (1, 2, 3, 4)
    assert len(rows[-1]["held_out"]) >= 1
    train(trainer, shards, tmp_path / "c", *common, "--steps", 5)
    train(trainer, shards, tmp_path / "c", *common, "--steps", 14)
    positions = [checkpoint(tmp_path / name)["position"] for name in "ac"]
    if trainer is elic:  # vq draws crops for its codebook at another step
        assert positions[0] == positions[1]
    assert positions[0]["taken"][0] >= 28
    assert len(checkpoint(tmp_path / "a")["data"]) == 64


def test_a_folder_is_streamed_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(10):
        Image.fromarray(pixels(number)).save(tmp_path / "photos" / f"{number}.png")
    for name in ("taco", "sketch"):
        out = tmp_path / name
        rows = train(
            elic, tmp_path / "photos", out, "--log-every", 1, "--batch", 1, "--config", name, "--steps", 2, "--stream"
        )
        assert [row["step"] for row in rows] == [1, 2, 2]
        assert checkpoint(out)["position"]["taken"] == [2]
        with pytest.raises(SystemExit, match="other pictures"):  # its digest is of names and sizes
            train(elic, tmp_path / "photos", out, "--config", name, "--steps", 3)


def test_a_streamed_codebook_becomes_a_package(shards: Path, tmp_path: Path) -> None:
    train(vq, shards, tmp_path / "run", *options(vq), "--steps", 3)
    vq.main(
        [
            str(shards),
            "--out",
            str(tmp_path / "run"),
            "--device",
            "cpu",
            "--pack",
            str(tmp_path / "package"),
            "--name",
            "x",
        ]
    )
    manifest = package.read_manifest(tmp_path / "package")
    assert manifest["training"]["listing_sha256"] == checkpoint(tmp_path / "run")["data"]


@pytest.mark.parametrize("words", [("--workers", -1), ("--shuffle", 0)])
@pytest.mark.parametrize("trainer", [elic, vq])
def test_stream_options_out_of_range(trainer: Any, words: Any, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        train(trainer, shards, tmp_path / "run", *words)


# --- TACO's settings -------------------------------------------------------------------------------------------------


def test_the_recipe_of_taco_is_that_of_the_paper() -> None:
    assert rates.TACO_LAMBDAS == (0.0004, 0.0008, 0.0016, 0.004, 0.009, 0.015)
    taco = rates.TACO
    assert (taco["perceptual"], taco["joint"], taco["beta"]) == (3.5, 0.0025, 40)
    assert (taco["epochs"], taco["decay_at"], taco["batch"], taco["rate"]) == (50, (45, 48), 4, 1e-4)
    assert (taco["crop"], taco["final_crop"], taco["config"]) == (256, 256, "taco-text")
    assert (taco["augment"], taco["structure"]) == ("none", 0)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (70, 90), (20, 50), (300, 8)])
def test_plain_crops_are_parts_of_the_picture(height: int, width: int) -> None:
    from tools.train import photos

    rows, cols = np.mgrid[:height, :width]
    pic = np.stack([rows % 256, cols, rows * 0], -1).astype(np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(20):
        crop = photos.plain_crop(pic, 64, rng)
        assert crop.shape == (64, 64, 3)
        if min(height, width) >= 64:  # neither scaled, mirrored nor rotated
            top, left = int(crop[0, 0, 0]), int(crop[0, 0, 1])
            assert np.array_equal(crop, pic[top : top + 64, left : left + 64])


@pytest.mark.parametrize("stream", [(), ("--stream",)])
def test_crops_of_a_run_without_augmentation(tmp_path: Path, stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.train import photos

    for number in range(10):
        Image.fromarray(pixels(number)).save(tmp_path / f"{number}.png")
    seen: list[Any] = []
    real = photos.plain_crop
    monkeypatch.setattr(photos, "plain_crop", lambda *args: seen.append(1) or real(*args))  # type: ignore[func-returns-value]
    train(elic, tmp_path, tmp_path / "run", *options(elic), "--steps", 2, "--augment", "none", "--workers", 0, *stream)
    assert len(seen) >= 4
    with pytest.raises(SystemExit, match="2"):
        train(elic, tmp_path, tmp_path / "run", "--config", "sketch", "--augment", "none")


@pytest.mark.parametrize(
    ("done", "factor"), [(0.0, 1.0), (0.5, 1.0), (0.8999, 1.0), (0.9, 0.1), (0.9599, 0.1), (0.96, 0.01), (1.0, 0.01)]
)
def test_the_rate_is_divided_by_ten_at_epochs_45_and_48(done: float, factor: float) -> None:
    assert rates.Steps((45 / 50, 48 / 50)).factor(7, done) == pytest.approx(factor)


def test_steps_of_the_schedule_in_a_run(shards: Path, tmp_path: Path) -> None:
    """22 pictures for training in batches of 2: 11 steps an epoch."""
    rows = train(elic, shards, tmp_path / "run", *options(elic), "--epochs", 2, "--decay-at", "1,1.5", "--rate", "1e-4")
    steps = [row for row in rows if "loss" in row]
    assert [row["step"] for row in steps] == list(range(1, 23))
    assert [row["lr"] for row in steps] == pytest.approx([1e-4] * 11 + [1e-5] * 6 + [1e-6] * 5)


@pytest.mark.parametrize("lam", ["0.0004", "0.015"])
def test_one_network_for_each_lambda(shards: Path, tmp_path: Path, lam: str) -> None:
    rows = train(elic, shards, tmp_path / "run", *options(elic), "--lambdas", lam, "--steps", 1)
    state = checkpoint(tmp_path / "run")
    assert list(state["config"]["lambdas"]) == [float(lam)]
    assert [held["rate"] for held in rows[-1]["held_out"]] == [0]
    with pytest.raises(SystemExit, match="another architecture"):
        train(elic, shards, tmp_path / "run", *options(elic), "--steps", 1)


@pytest.mark.parametrize("wrong", ["0", "-1", "x", "2,1", "1,1", "inf", ""])
def test_lists_of_numbers(wrong: str) -> None:
    import argparse

    with pytest.raises(argparse.ArgumentTypeError):
        rates.numbers(wrong)


def test_the_loss_is_that_of_the_paper_without_scaling(shards: Path, tmp_path: Path) -> None:
    """Rate + lambda · 255² · MSE, eq. (6), for one rate."""
    words = (*options(elic), "--lambdas", "0.01", "--steps", 1, "--precision", "float32", "--structure", 0)
    (row, _), (scaled, _) = (
        train(elic, shards, tmp_path / scale, *words, "--loss-scale", scale) for scale in ("none", "rate")
    )
    mse = 10 ** (-row["psnr"] / 10)
    assert row["loss"] == pytest.approx(row["bpp"] + 0.01 * 255**2 * mse, rel=2e-3)
    assert scaled["loss"] == pytest.approx(row["loss"] * 0.08 / 0.01**0.5, rel=1e-3)


@pytest.mark.models
def test_the_recipe_trains_a_text_adapter_from_shards(shards: Path, tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("transformers")
    import metric_checkpoints
    import tiny_models
    from safetensors.torch import save_file

    from refcodec.cli.bench.metric_networks.lpips import Lpips

    width, clip, lpips = 16, tmp_path / "clip", tmp_path / "lpips-alex.safetensors"
    metric_checkpoints.write_clip(clip)
    tokenizer = tiny_models.clip_tokenizer(tmp_path / "text")
    tiny_models.text_model(width, len(tokenizer)).save_pretrained(tmp_path / "text")
    save_file(metric_checkpoints.random_state(Lpips("alex")), lpips)
    small = replace(config.taco(16, 20, (2, 6, 12)), text_width=width, channel_context=((3, 8),))
    monkeypatch.setattr(elic, "config", lambda _: small)
    rows = train(
        elic, shards, tmp_path / "run", "--recipe", "taco", "--clip", clip, "--text-encoder", tmp_path / "text",
        "--lpips", lpips, "--epochs", 0.5, "--decay-at", "0.25", "--log-every", 1, "--rate", 1e-3,
    )  # fmt: skip
    steps = [row for row in rows if "loss" in row]
    assert len(steps) == 3  # 11 pictures in batches of 4
    assert [row["lr"] for row in steps] == pytest.approx([1e-3, 1e-3, 1e-4])
    assert all(row["lpips"] > 0 and row["joint"] > 0 and row["structure"] == 0 for row in steps)
    state = checkpoint(tmp_path / "run")
    assert tuple(state["config"]["lambdas"]) == rates.TACO_LAMBDAS
    assert bool((state["net"]["g_a.8.gamma"] != 0).all())  # the adapter has learned


def test_steps_replace_the_epochs_of_a_recipe(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.train import elic_options

    monkeypatch.undo()
    words = [str(shards), "--out", "x", "--recipe", "taco", "--clip", "y", "--device", "cpu"]
    recipe = elic_options.arguments(words, "", elic.configuration)
    assert (recipe.epochs, recipe.decay_at, recipe.steps) == (50, (45, 48), 0)
    steps = elic_options.arguments([*words, "--steps", "7", "--batch=8"], "", elic.configuration)
    assert (steps.epochs, steps.decay_at, steps.steps, steps.batch, steps.crop) == (0, None, 7, 8, 256)


# --- several processes -----------------------------------------------------------------------------------------------


def test_a_codebook_learns_from_the_vectors_of_all_processes() -> None:
    """The sums of two halves, exchanged, give the codebook of the whole."""
    torch.manual_seed(0)
    x = torch.randn(1, 4, 8, 4)
    whole = VectorQuantizer(8, 4, dead=0.0)
    state = {k: v.clone() for k, v in whole.state_dict().items()}
    whole(x)
    half = VectorQuantizer(8, 4, dead=0.0)
    half.load_state_dict(state)
    unit = torch.nn.functional.normalize(x[:, 2:], dim=-1)
    indices = half.nearest(unit).flatten()

    class Other:
        calls = 0

        def sum_(self, tensor: Any) -> None:
            more = (
                torch.bincount(indices, minlength=8)
                if tensor.ndim == 1
                else torch.zeros(8, 4).index_add_(0, indices, unit.reshape(-1, 4))
            )
            tensor += more

        def first_(self, tensor: Any) -> None:
            Other.calls += 1

    half.exchange = Other()
    half(x[:, :2])
    assert torch.allclose(half.codes, whole.codes, atol=1e-6)
    assert torch.allclose(half.count, whole.count)


LAUNCHED = """
import json, sys
from pathlib import Path
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.vq.config import VqConfig
from tools.train import elic, perco, vq
name, elic_config, vq_config = sys.argv[1:4]
small = ElicConfig.from_dict(json.loads(elic_config))
elic.config, elic.PATCHES = lambda name: small, 400
vq.CONFIG, vq.VECTORS, vq.WARM_UP = VqConfig.from_dict(json.loads(vq_config)), 4, 0.6
{"elic": elic, "vq": vq, "perco": perco}[name].main(sys.argv[4:])
threads = [Path(task, "comm").read_text() for task in Path("/proc/self/task").glob("*")]
if any("gloo" in thread for thread in threads):  # would abort some of the processes that end
    raise SystemExit(f"threads of the process group are left: {threads}")
"""


def launch(tmp_path: Path, name: str, processes: int, *words: object) -> None:
    """Run a trainer under `accelerate launch`."""
    script = tmp_path / "launched.py"
    script.write_text(LAUNCHED)
    command = [sys.executable, "-m", "accelerate.commands.launch", "--mixed_precision=no", "--dynamo_backend=no"]
    command += [f"--num_processes={processes}", "--num_machines=1", "--main_process_port=0"]
    command += ["--multi_gpu"] if processes > 1 else ["--cpu"]
    command += [str(script), name, json.dumps(SMALL.to_dict()), json.dumps(CODES.to_dict()), *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.models
def test_two_processes_take_the_steps_of_one_with_twice_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five steps without a codebook, so that no random number but those of the crops matters; then three with one."""
    pytest.importorskip("accelerate")
    monkeypatch.setattr(vq, "WARM_UP", 0.6)
    place = tmp_path / "photos"
    place.mkdir()
    for number in range(24):
        Image.fromarray(pixels(number)).save(place / f"{number:02d}.png")
    words = ("--stream", "--log-every", 1, "--structure", 0)
    sides = ("--device", "cpu", "--crop", 64, "--final-crop", 64)
    launch(tmp_path, "vq", 2, place, "--out", tmp_path / "two", *sides, *words, "--steps", 8, "--batch", 1)
    found = [json.loads(line) for line in (tmp_path / "two" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in found] == [1, 2, 3, 4, 5, 6, 7, 8, 8]
    rows = train(vq, place, tmp_path / "one", *words, "--steps", 8, "--batch", 2)
    norms = [[row["norm"] for row in each if "norm" in row] for each in (found, rows)]
    assert norms[0][:5] == pytest.approx(norms[1][:5], rel=0.01)
    alone = train(vq, place, tmp_path / "alone", *words, "--steps", 8, "--batch", 1)
    assert [row["norm"] for row in alone if "norm" in row][:5] != pytest.approx(norms[1][:5], rel=0.01)
    position = checkpoint(tmp_path / "two")["position"]
    assert len(position["taken"]) == 2
    assert min(position["taken"]) >= 8
    launch(tmp_path, "vq", 2, place, "--out", tmp_path / "two", *sides, *words, "--steps", 10, "--batch", 1)
    resumed = checkpoint(tmp_path / "two")
    assert resumed["step"] == 10
    assert resumed["position"]["taken"] == [taken + 2 for taken in position["taken"]]


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.parametrize("name", ["elic", "perco"])
def test_two_launched_processes_write_one_checkpoint(name: str, shards: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    words: tuple[object, ...] = (shards, "--out", tmp_path / "run", "--device", "cpu", "--steps", 2, "--log-every", 1)
    if name == "elic":
        words += ("--crop", 64, "--final-crop", 64, "--batch", 1)
    else:
        import tiny_models

        pipeline = tiny_models.text_to_image(tmp_path / "pipeline", 16)
        words = (pipeline, *words, "--v", 4, "--stride", 8, "--n", 8, "--m", 12, "--dim", 4, "--crop", 48, "--batch", 1)
    launch(tmp_path, name, 2, *words)
    log = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log == ([1, 2, 2] if name == "elic" else [1, 2])
    state = checkpoint(tmp_path / "run")
    assert state["step"] == 2
    assert len(state["position"]["taken"]) == 2
    assert not list((tmp_path / "run").glob("*.part"))
