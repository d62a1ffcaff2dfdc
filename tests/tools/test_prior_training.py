# SPDX-License-Identifier: MIT
"""tools/train/prior*.py on pictures of a few sites: grids, training, integers that cost what the float network costs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from refcodec.payloads.drafts.grid_prior import IndexPrior
from tools.bench import index_prior
from tools.train import prior, prior_data, prior_package
from tools.train.prior_net import PriorConfig, PriorNet, schedule

SMALL = ("--wide", "12", "--narrow", "8", "--rank", "6", "--embedding", "5", "--batch", "1", "--log-every", "10")


def test_the_schedule_has_each_site_once_from_coarse_to_fine() -> None:
    numbers, steps = schedule(4)
    assert steps == [4, 2, 2, 2, 1, 1, 1]
    assert numbers.tolist() == [[0, 5, 2, 5], [6, 4, 6, 4], [3, 5, 1, 5], [6, 4, 6, 4]]
    assert schedule(1)[0].tolist() == [[0]]
    numbers, steps = schedule(16)
    assert len(steps) == 13
    for number, step in enumerate(steps):
        assert not (np.argwhere(numbers == number) % step).any()


def test_a_pass_sees_nothing_of_itself_and_later_passes() -> None:
    net = PriorNet(PriorConfig(7, 5, 12, 8, 6, 4)).eval()
    generator = torch.Generator().manual_seed(1)
    grid = torch.randint(0, 7, (1, 8, 12), generator=generator)
    numbers = net.numbers.repeat(2, 3)
    for number in range(len(net.steps)):
        other = torch.where(numbers >= number, (grid + 1) % 7, grid)
        assert torch.equal(net(grid, number)[0], net(other, number)[0])


def test_the_head_and_embedding_begin_with_the_codes() -> None:
    codes = torch.eye(4)
    net = PriorNet(PriorConfig(4, 5, 12, 8, 6, 4), codes)
    assert torch.equal(net.embedding[:, :4], codes)
    assert torch.equal(net.embedding[:, 4], torch.ones(4))
    assert torch.equal(net.head.weight[:, :4, 0, 0], codes)


@pytest.fixture(scope="module")
def grids_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grids of stripes: an index follows from its neighbours."""
    folder = tmp_path_factory.mktemp("grids")
    rng = np.random.default_rng(1)
    grids = {}
    for number in range(20):
        rows = rng.integers(0, 6, (24, 1)).repeat(28, 1)
        grids[f"{number:05d}.000"] = rows.astype(np.uint16)
    about = {"listing_sha256": "00", "held_from": 16, "v": 6}
    np.savez(folder / "grids.npz", about=np.array(json.dumps(about)), **grids)
    return folder / "grids.npz"


@pytest.mark.slow
def test_a_tiny_run_learns_and_its_integers_cost_the_same(
    grids_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    arguments = [str(grids_file), "--out", str(out), *SMALL, "--coarsest", "4", "--rate", "0.03"]
    prior.main([*arguments, "--steps", "120"])
    prior.main([*arguments, "--steps", "240"])  # resumes
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 240
    assert rows[-1]["held_out"] < 1.6 < np.log2(6)
    capsys.readouterr()
    prior.main([*arguments, "--pack", str(tmp_path / "package"), "--name", "stripes"])
    text = capsys.readouterr().out
    assert "bits an index in floating point" in text

    model = index_prior.load_prior(tmp_path / "package")
    assert isinstance(model, IndexPrior)
    manifest = json.loads((tmp_path / "package" / "manifest.json").read_text())
    assert manifest["training"]["listing_sha256"] == "00"
    assert manifest["symbols"]["grids"] == [16]
    _, held, _ = prior_data.load(grids_file)
    state, cfg = prior.read_checkpoint(prior.arguments(arguments), {"listing_sha256": "00", "v": 6})
    net = PriorNet(cfg)
    net.load_state_dict(state["average"])
    exact, found = prior.bits_per_index(net.eval(), held), prior_package.measured(model, 16, held)
    assert found == pytest.approx(exact, rel=0.01, abs=0.02)


def test_a_checkpoint_of_other_grids_is_refused(grids_file: Path, tmp_path: Path) -> None:
    arguments = prior.arguments([str(grids_file), "--out", str(tmp_path), *SMALL, "--coarsest", "2"])
    run = prior.Run(arguments, PriorConfig(6, 5, 12, 8, 6, 2), None, None)
    run.save(arguments, "11")
    with pytest.raises(SystemExit, match="other grids"):
        prior.main([str(grids_file), "--out", str(tmp_path), *SMALL])


@pytest.mark.parametrize("extra", [["--coarsest", "3"], ["--batch", "0"], ["--minutes", "0"]])
def test_options_out_of_range_are_refused(extra: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        prior.arguments(["grids.npz", "--out", str(tmp_path), *extra])


def test_photographs_become_grids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(2)
    for number in range(9):
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(photos / f"{number}.png")
    prior_data.main([str(photos), "--out", str(tmp_path / "grids.npz"), "--variants", "2"])
    assert "11 grids" in capsys.readouterr().out  # the first picture with 2 variants, and 8 held out
    train, held, about = prior_data.load(tmp_path / "grids.npz")
    assert [grid.shape for grid in held] == [(3, 4)] * 8
    assert len(train) == 3
    assert train[0].shape == (3, 4)
    assert about["v"] == 1024
    assert len(about["listing_sha256"]) == 64
