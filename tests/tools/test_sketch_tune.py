# SPDX-License-Identifier: MIT
"""HED maps of training photographs, a sketch network trained further on them, and the bench that measures it on them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

import tiny_models

from refcodec.foundation.hed import EdgeDetector
from refcodec.foundation.resolve import Models
from tools.bench import sketch as bench
from tools.train import elic, hed_maps, heldout, pack, sketch_tune, warm

SHIPPED = Path(__file__).resolve().parents[2] / "refcodec/data/models/sketch-small"


def photograph(side: int, seed: int) -> NDArray[np.uint8]:
    pixels = np.random.default_rng(seed).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine photographs, one of which is trained on, and a detector."""
    (tmp_path / "photos").mkdir()
    for i in range(elic.HELD_OUT + 1):
        Image.fromarray(photograph(128 if i else 160, i)).save(tmp_path / f"photos/{i}.png")
    tiny_models.edge_detector(tmp_path / "hed")
    return tmp_path


def detect(folder: Path) -> list[str]:
    hed_maps.main([str(folder / "photos"), "--detector", str(folder / "hed"), "--out", str(folder / "maps")])
    return hed_maps.complete(folder / "maps")


def test_maps_are_made_once(folder: Path) -> None:
    names = detect(folder)
    assert names == ["0000-0.png", "0000-1.png", *(f"{i:04}-0.png" for i in range(1, elic.HELD_OUT + 1))]
    maps = hed_maps.load(folder / "maps", names)
    assert {m.shape for m in maps[2:]} == {(64, 64, 1)}  # held out: half size
    assert all(0.4 * 160 - 1 <= m.shape[0] <= 160 for m in maps[:2])
    detector = EdgeDetector.load(folder / "hed", Models.of(device="cpu"))
    with Image.open(folder / "photos/8.png") as image:
        assert np.array_equal(maps[-1][..., 0], detector(hed_maps.resized(np.asarray(image), 0.5)))
    (folder / "maps/0000-1.png").unlink()
    other = folder / "maps/0001-0.png"
    other.write_bytes(b"kept")
    assert detect(folder) == names
    assert other.read_bytes() == b"kept"
    assert np.array_equal(hed_maps.load(folder / "maps", ["0000-1.png"])[0], maps[1])
    Image.fromarray(photograph(128, 99)).save(folder / "photos/3.png")
    with pytest.raises(SystemExit, match="maps of other photographs"):
        detect(folder)


@pytest.mark.slow
def test_a_sketch_network_is_trained_further(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        heldout, "measure", lambda net, parts, rates: [{"rate": 0, "bpp": 0.1, "psnr": len(parts), "ms_ssim": 1.0}]
    )
    monkeypatch.setattr(heldout, "against", lambda base, rows, window: {"psnr": 0.0})
    detect(folder)
    (folder / "plan.json").write_text(
        '{"architecture": {}, "stages": [{"steps": 2, "rate": 1e-3}], "crops": [[0, 64, 2]]}'
    )

    def train(out: str, steps: int) -> list[float]:
        arguments = [
            str(SHIPPED),
            str(folder / "photos"),
            "--maps",
            str(folder / "maps"),
            "--plan",
            str(folder / "plan.json"),
        ]
        sketch_tune.main([*arguments, "--out", str(folder / out), "--steps", str(steps), "--log-every", "1"])
        rows = [json.loads(line) for line in (folder / out / "log.jsonl").read_text().splitlines()]
        return [row["loss"] for row in rows if "loss" in row]

    once = train("once", 3)
    train("twice", 1)
    (folder / "maps/0000-1.png").unlink()
    with pytest.raises(FileNotFoundError):
        train("twice", 3)  # goes on with the maps that it began with
    detect(folder)
    assert train("twice", 3) == once
    assert len(once) == 3
    net, state = pack.load(folder / "once/snapshots/stage-0.pt")
    assert (net.cfg.channels, net.cfg.rates, state["step"]) == (1, 26, 2)


def test_maps_of_one_channel_are_measured() -> None:
    edges = (photograph(176, 1)[..., :1] // 64 * 85).astype(np.uint8)
    low, high = heldout.measure(warm.read(SHIPPED), [edges], rates=(0, 25))
    assert 0 < low["bpp"] < high["bpp"]
    assert 5 < low["psnr"] < high["psnr"] < 60
    assert 0 < low["ms_ssim"] < high["ms_ssim"]


def test_rates_are_compared_where_sketches_are() -> None:
    """The window of photographs begins above nearly every sketch, and gave no number."""
    base = [
        {"bpp": b, "psnr": q, "ms_ssim": q / 2} for b, q in ((0.01, 17.4), (0.02, 19.0), (0.04, 20.9), (0.09, 22.5))
    ]
    fewer = [{**row, "bpp": row["bpp"] * 0.7} for row in base]
    assert heldout.against(base, fewer, sketch_tune.WINDOW) == pytest.approx({"psnr": -30, "ms_ssim": -30}, abs=0.01)
    assert all(np.isnan(v) for v in heldout.against(base[:2], fewer[:2]).values())


def test_a_package_is_calibrated_on_both(folder: Path) -> None:
    detect(folder)
    own = pack.crops(folder / "photos", 4, 512, 1)
    both = pack.crops(folder / "photos", 4, 512, 1, folder / "maps")
    assert all(np.array_equal(a, b) for a, b in zip(own, both, strict=False))
    names = hed_maps.complete(folder / "maps")
    assert all(any(np.array_equal(a, b) for b in hed_maps.load(folder / "maps", names)) for a in both[4:])
    assert (len(own), len(both)) == (4, 8)


def test_a_run_needs_the_held_out_maps(folder: Path) -> None:
    detect(folder)
    (folder / "maps/0005-0.png").unlink()
    with pytest.raises(SystemExit, match="lacks maps of the held-out photographs"):
        sketch_tune.chosen(folder / "maps", folder, elic.HELD_OUT + 1)


def test_the_bench_measures_hed_maps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(photograph(176, 1)).save(tmp_path / "a.png")
    detector, kept = tiny_models.edge_detector(tmp_path / "hed"), tmp_path / "kept"
    arguments = [str(tmp_path / "a.png"), "--hed", str(detector), "--hed-maps", str(kept), "--maps", "hed"]
    assert bench.main([*arguments, "--json", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert {(row["map"], row["codec"]) for row in rows} == {("hed", name) for name in ("sketch", *bench.SETTINGS)}
    assert all(0 <= row["psnr"] <= 99 for row in rows)
    first = capsys.readouterr().out
    (made,) = kept.iterdir()
    assert bench.main(arguments) == 0
    assert capsys.readouterr().out == first
    Image.new("L", (176, 176)).save(made)  # the kept map is the one that is measured
    assert bench.main([*arguments, "--json", str(tmp_path / "rows.json")]) == 0
    assert {row["f1_64"] for row in json.loads((tmp_path / "rows.json").read_text()) if row["codec"] == "sketch"} == {
        1.0
    }
    with pytest.raises(SystemExit):
        bench.main([str(tmp_path / "a.png"), "--maps", "hed"])
