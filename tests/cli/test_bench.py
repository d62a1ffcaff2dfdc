# SPDX-License-Identifier: MIT
"""`semtool bench`: distortions, BD-rates, the cache, the reports, and every option of its commands."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy")

from cli_harness import Semtool, refused

from refcodec.cli.bench import (
    anchors,
    captions,
    coders,
    distortions,
    measure,
    metric_registry,
    network_cache,
    rate,
    set_distances,
    tables,
    timing,
)
from refcodec.cli.bench.command import group
from refcodec.cli.common_options import parse_size
from refcodec.errors import SemError
from refcodec.foundation.resolve import Models

CURVE = [(0.05, 22.0), (0.1, 25.1), (0.2, 27.9), (0.4, 30.6), (0.6, 32.2), (0.8, 33.5), (1.2, 35.7)]  # bpp, dB


def scaled(factor: float) -> list[tuple[float, float]]:
    return [(factor * bpp, quality) for bpp, quality in CURVE]


def picture(height: int, width: int, seed: int = 1) -> distortions.Picture:
    """Coloured blobs with a little noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    blobs = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
    return np.clip(blobs + rng.normal(0, 6, blobs.shape), 0, 255).astype(np.uint8)


def noisy(pixels: distortions.Picture, sigma: float) -> distortions.Picture:
    noise = np.random.default_rng(2).normal(0, sigma, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


# Distortions


def test_psnr_of_a_known_error() -> None:
    a = np.full((4, 6, 3), 100, np.uint8)
    b = a.copy()
    b[..., 1] += 3  # mean squared error 3 over the three channels
    assert distortions.psnr(a, b) == pytest.approx(10 * math.log10(255**2 / 3), abs=1e-12)
    assert distortions.psnr(a, a) == distortions.CAP_DB


def test_ms_ssim_of_itself_and_of_noise() -> None:
    a = picture(161, 170)
    assert distortions.ms_ssim(a, a) == pytest.approx(1, abs=1e-12)
    assert 0 < distortions.ms_ssim(a, noisy(a, 60)) < distortions.ms_ssim(a, noisy(a, 20)) < 1


def test_ms_ssim_rejects_small_and_unequal_pictures() -> None:
    with pytest.raises(ValueError, match="161"):
        distortions.ms_ssim(picture(160, 200), picture(160, 200))
    with pytest.raises(ValueError, match="one size"):
        distortions.ms_ssim(picture(170, 200), picture(200, 170))


@pytest.mark.parametrize(("height", "width"), [(176, 192), (161, 203), (167, 178)])
def test_ms_ssim_agrees_with_pytorch_msssim(height: int, width: int) -> None:
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("pytorch_msssim")
    a = picture(height, width)
    for sigma in (2, 15, 70):
        b = noisy(a, sigma)
        x, y = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].double() for p in (a, b))
        assert distortions.ms_ssim(a, b) == pytest.approx(float(reference.ms_ssim(x, y, data_range=255)), abs=1e-5)


def test_decibel() -> None:
    assert distortions.decibel(0.9) == pytest.approx(10)
    assert distortions.decibel(0.99) == pytest.approx(20)
    assert distortions.decibel(1.0) == distortions.CAP_DB


# BD-rate


@pytest.mark.parametrize(("factor", "percent"), [(0.6, -40), (1, 0), (1.5, 50)])
def test_bd_rate_of_a_shifted_curve_is_the_shift(factor: float, percent: float) -> None:
    result = distortions.bd_rate(CURVE, scaled(factor))
    assert result is not None
    assert result.percent == pytest.approx(percent, abs=1e-9)


def test_bd_rate_keeps_both_curves_inside_the_window() -> None:
    result = distortions.bd_rate(CURVE, scaled(0.6), (0.1, 0.8))
    assert result is not None
    assert result.tested_bpp == pytest.approx((0.1, 0.48), abs=1e-9)  # the tested curve sets the lower end
    assert result.anchor_bpp == pytest.approx((0.1 / 0.6, 0.8), abs=1e-9)  # and the anchor the upper one
    assert result.quality[1] == pytest.approx(33.5, abs=1e-9)


def test_bd_rate_does_not_extrapolate() -> None:
    result = distortions.bd_rate(CURVE[3:5], scaled(0.6))
    assert result is not None
    assert result.quality == pytest.approx((30.6, 32.2))
    assert result.percent == pytest.approx(-40, abs=1)  # two points: another interpolant, nearly the same curve


def test_bd_rate_is_none_where_nothing_is_common() -> None:
    assert distortions.bd_rate(CURVE, [(0.2, 50.0), (0.4, 55.0)]) is None  # no quality in common
    assert distortions.bd_rate(CURVE, [(1.0, 30.0), (2.0, 35.0)]) is None  # outside the window
    assert distortions.bd_rate(CURVE, [(0.2, 30.0)]) is None  # no curve


def test_bd_rate_drops_points_that_cost_more_for_nothing() -> None:
    worse = [*CURVE, (0.3, 27.0), (0.4, 30.0), (0.9, 33.5)]
    assert distortions.bd_rate(CURVE, worse) == distortions.bd_rate(CURVE, CURVE)


def test_bd_rates_of_single_pictures() -> None:
    elsewhere = [(0.2, 50.0), (0.4, 55.0)]
    percents = distortions.bd_rates([CURVE] * 3, [scaled(0.6), elsewhere, scaled(0.8)])
    assert percents == pytest.approx([-40, -20], abs=1e-9)


# Measuring

BOTH = metric_registry.chosen(("psnr", "ms-ssim"), network_cache.Places(Models()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures in a folder."""
    target = tmp_path / "pictures"
    target.mkdir()
    for seed in (1, 2):
        Image.fromarray(picture(168, 184, seed)).save(target / f"{seed}.png")
    return target


@pytest.mark.parametrize("name", list(anchors.ANCHORS))
def test_anchors_give_real_files(name: str, folder: Path) -> None:
    codec = replace(anchors.ANCHORS[name](), settings=(10, 50))
    sources = measure.load([folder])
    found = measure.sweep(codec, sources, BOTH, None)
    low, high = found.average
    assert low.bpp < high.bpp
    assert all(low.values[member] < high.values[member] for member in ("psnr", "ms-ssim", "ms-ssim-db"))
    assert low.values["psnr"] == pytest.approx(np.mean([row[0].values["psnr"] for row in found.rows]))
    size = len(codec.encode(Image.fromarray(sources[0].pixels), 10))
    assert found.rows[0][0].bpp == 8 * size / (168 * 184)


def test_cache_measures_once_and_what_changed_anew(folder: Path, tmp_path: Path) -> None:
    calls: list[measure.Setting] = []
    jpeg = anchors.jpeg()

    def encode(image: Image.Image, quality: measure.Setting) -> bytes:
        calls.append(quality)
        return jpeg.encode(image, quality)

    codec = replace(jpeg, identity="one", settings=(10, 20), encode=encode)
    sources, cache = measure.load([folder]), tmp_path / "cache"
    first = measure.sweep(codec, sources, BOTH, cache)
    assert calls == [10, 20, 10, 20]
    again = measure.sweep(replace(codec, settings=(10, 20, 30)), sources, BOTH, cache)
    assert [row[:2] for row in again.rows] == first.rows
    assert calls[4:] == [30, 30]
    measure.sweep(replace(codec, identity="two"), sources, BOTH, cache)
    assert len(calls) == 10
    measure.sweep(codec, sources, [replace(BOTH[0], identity="other weights")], cache)
    assert len(calls) == 14  # the metric alone has changed: files are made for it
    measure.sweep(codec, sources, [replace(BOTH[0], identity="other weights"), BOTH[1]], cache)
    assert len(calls) == 14


def test_progress_reaches_the_end(folder: Path) -> None:
    shares: list[float] = []
    codec = replace(anchors.jpeg(), settings=(10, 20))
    rate.measured(
        codec, [replace(codec, name="other")], measure.load([folder]), BOTH, (0.1, 0.8), "x", None, shares.append
    )
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_small_pictures_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SemError, match="no pictures") as none:
        measure.load([tmp_path])
    assert none.value.status == 7
    Image.new("RGB", (160, 200)).save(tmp_path / "small.png")
    with pytest.raises(SemError, match="161") as small:
        measure.load([tmp_path], BOTH)
    assert small.value.status == 7
    assert measure.load([tmp_path], BOTH[:1])[0].pixels.shape == (200, 160, 3)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(SemError) as broken:
        measure.load([tmp_path])
    assert broken.value.status == 7


def test_codec_of_two_commands(folder: Path) -> None:
    copy = f'"{sys.executable}" -S -c "import shutil, sys; shutil.copy(*sys.argv[1:3])" {{input}} {{output}}'
    codec = coders.command(copy + " {quality}", copy, (1,), "copy 1")
    assert codec.name == "copy 1"
    (point,) = measure.sweep(codec, measure.load([folder])[:1], BOTH, None).average
    assert point.values["psnr"] == distortions.CAP_DB
    assert point.bpp > 1
    failing = coders.command(f'"{sys.executable}" -S -c "raise SystemExit(\'no\')"', copy, (1,), "")
    with pytest.raises(SemError, match="status 1: no"):
        failing.encode(Image.new("RGB", (8, 8)), 1)
    with pytest.raises(SemError, match="cannot be run"):
        coders.command("/nowhere/enc", copy, (1,), "").encode(Image.new("RGB", (8, 8)), 1)


def test_a_codec_may_show_the_middle_square_and_nothing_else(folder: Path) -> None:
    def square(data: bytes) -> list[Image.Image]:
        return [picture.crop((8, 0, 176, 168)) for picture in measure.open_picture(data)]

    codec = replace(anchors.jpeg(), settings=(50,), decode=square)
    sources = measure.load([folder])[:1]
    whole = measure.sweep(replace(codec, decode=measure.open_picture), sources, BOTH[:1], None).average[0]
    found = measure.sweep(codec, sources, BOTH[:1], None).average[0]
    assert found.bpp == pytest.approx(whole.bpp * 184 / 168)
    assert found.values["psnr"] == pytest.approx(whole.values["psnr"], abs=0.5)
    cut = replace(codec, decode=lambda data: [picture.crop((0, 0, 100, 100)) for picture in measure.open_picture(data)])
    with pytest.raises(SemError, match="came back as 100x100"):
        measure.sweep(cut, sources, BOTH[:1], None)


def test_values_of_several_pictures_of_a_file_are_means(folder: Path) -> None:
    def twice(data: bytes) -> list[Image.Image]:
        (picture,) = measure.open_picture(data)
        return [picture, Image.fromarray(255 - np.asarray(picture))]

    sources = measure.load([folder])[:1]
    codec = replace(anchors.jpeg(), settings=(50,))
    values = []
    for index in (0, 1):
        one = replace(codec, decode=lambda data, i=index: [twice(data)[i]])  # type: ignore[misc]
        values.append(measure.sweep(one, sources, BOTH[:1], None).average[0].values["psnr"])
    both = measure.sweep(replace(codec, decode=twice), sources, BOTH[:1], None).average[0].values["psnr"]
    assert both == pytest.approx(sum(values) / 2)


def moments(pixels: distortions.Picture) -> set_distances.Features:
    """Two numbers of a picture in the place of a network's."""
    return np.array([pixels.mean(), pixels.std()])


def test_metrics_of_sets_are_taken_of_all_pictures(folder: Path, tmp_path: Path) -> None:
    metric = metric_registry.Metric("fid", "FID", "moments", higher=False, features=moments, of_sets=set_distances.fid)
    codec = replace(anchors.jpeg(), settings=(5, 50))
    sources = measure.load([folder])
    found = measure.sweep(codec, sources, [BOTH[0], metric], tmp_path / "cache")
    originals = np.array([moments(source.pixels) for source in sources])
    decoded = [
        [moments(np.asarray(codec.decode(codec.encode(Image.fromarray(s.pixels), q))[0])) for s in sources]
        for q in (5, 50)
    ]
    assert [p.values["fid"] for p in found.average] == pytest.approx(
        [set_distances.fid(originals, np.array(d)) for d in decoded]
    )
    assert "fid" not in found.rows[0][0].values
    assert measure.sweep(codec, sources, [BOTH[0], metric], tmp_path / "cache").average == found.average
    result = tables.compare(found, {"JPEG": found}, [metric], (0.01, 8))[0]
    assert (result.pictures, result.mean_percent) == (0, None)


def test_package_digest_follows_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = coders.package_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("2")
    assert coders.package_digest(tmp_path) == before
    (tmp_path / "a.py").write_text("2")
    assert coders.package_digest(tmp_path) != before


# Reports


def test_lower_is_better_turns_curves_round() -> None:
    metric = metric_registry.Metric("lpips-alex", "LPIPS", "x", higher=False)
    points = [measure.Point(q, 0.1 * q, {"lpips-alex": 1 / q}) for q in (1, 2, 4, 6)]
    cheaper = [replace(point, bpp=point.bpp / 2) for point in points]
    tested, anchor = measure.Sweep([cheaper], cheaper), measure.Sweep([points], points)
    (result,) = tables.compare(tested, {"JPEG": anchor}, [metric], (0.01, 0.8))
    assert result.average is not None
    assert result.average.percent == pytest.approx(-50)
    assert result.worst_percent == pytest.approx(-50)
    assert "1.000 to 0.167," in tables.comparison_table("x", [result], [metric], (0.01, 0.8))


def test_comparison_without_common_qualities_is_named() -> None:
    def swept(low: float) -> measure.Sweep:
        row = [measure.Point(q, 0.1 * q, {"psnr": low + q}) for q in (2, 4)]
        return measure.Sweep([row], row)

    results = tables.compare(swept(20), {"far": swept(40)}, BOTH[:1], (0.1, 0.8))
    assert "no quality in common" in tables.comparison_table("x", results, BOTH[:1], (0.1, 0.8))


def test_table_has_a_column_for_each_metric() -> None:
    points = [
        measure.Point(s, 0.25, {"psnr": 30.1234, "ms-ssim": 0.912345, "ms-ssim-db": 10.5}) for s in (3, 0.5, None)
    ]
    head, *rows = tables.table("x", points, BOTH).splitlines()[1:]
    assert head.split() == ["bpp", "PSNR", "MS-SSIM", "dB"]
    assert [row.split()[-4:] for row in rows] == [["0.25000", "30.123", "0.91234", "10.500"]] * 3
    assert ["quality 3" in rows[0], "0.5 bpp wanted" in rows[1], "default" in rows[2]] == [True] * 3


# semtool bench rate

Bench = Callable[..., Any]


@pytest.fixture
def bench(semtool: Semtool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """semtool bench rate on two pictures, with JPEG at few qualities in the place of .sem: its JSON."""
    monkeypatch.setattr(anchors, "JPEG_QUALITIES", (5, 10, 20, 40))
    monkeypatch.setattr(coders, "refcodec", stand_in)

    def call(*words: str | Path) -> Any:
        done = semtool("bench", "rate", folder, "--json", *words)
        assert done.status == 0, done.err
        return done.json

    return call


def stand_in(method: str, settings: tuple[measure.Setting, ...], models: Models, **more: Any) -> measure.Codec:
    """JPEG, which says what it was asked for."""
    jpeg = anchors.jpeg()

    def encode(image: Image.Image, setting: measure.Setting) -> bytes:
        return jpeg.encode(
            image, int(100 * setting) if isinstance(setting, float) else setting if isinstance(setting, int) else 30
        )

    identity = (
        f"{method} {more} {models.device} {models.dtype} {sorted(models.roles)} {[f.name for f in models.folders]}"
    )
    return measure.Codec(f".sem {method}", identity, settings, encode, jpeg.decode)


def test_rate_writes_table_json_and_plot(semtool: Semtool, bench: Bench, folder: Path, place: Path) -> None:
    words = ["--anchors", "jpeg", "--qualities", "5,10,20,40", "--window", "0.1", "4"]
    done = semtool("bench", "rate", folder, *words, "-o", "rate.json", "--plot", "rate.svg")
    assert (done.status, done.err) == (0, "")
    found = json.loads((place / "rate.json").read_text())
    assert found["command"].startswith("semtool bench rate ")
    assert "--qualities 5,10,20,40" in found["command"]
    assert [r["average"]["percent"] for r in found["bd_rate"]] == pytest.approx([0, 0], abs=1e-9)
    assert [len(row) for row in found["curves"][".sem elic"]["pictures"]] == [4, 4]
    assert found["curves"][".sem elic"]["pictures"][0][0].keys() == {"quality", "bpp", "psnr", "ms-ssim", "ms-ssim-db"}
    assert found["command"] in done.text
    assert "BD-rate of .sem elic" in done.text
    drawing = (place / "rate.svg").read_text()
    assert drawing.startswith("<svg")
    assert "--qualities 5,10,20,40" in drawing
    assert ">PSNR, dB<" in drawing
    assert bench(*words)["curves"] == found["curves"]  # --json


def test_qualities_rates_and_what_a_method_does_by_itself(bench: Bench, semtool: Semtool, folder: Path) -> None:
    def settings(*words: str) -> list[Any]:
        points = next(iter(bench("--anchors", "none", "--metrics", "psnr", *words)["curves"].values()))["average"]
        return [point.get("quality", point.get("wanted_bpp", point.get("profile"))) for point in points]

    assert settings() == [*range(1, 11)]
    assert settings("--qualities", "1-3,7,2") == [1, 2, 3, 7]
    assert settings("--bpp", "0.25", "--bpp", "0.5") == [0.25, 0.5]
    assert settings("--method", "clip") == [None]
    assert settings("--method", "consonant", "--bpp", "0.2") == [0.2]
    assert settings("--method", "pics", "--qualities", "4") == [4]
    assert settings("--method", "clip", "--profile", "clip", "--profile", "clip-8") == ["clip", "clip-8"]
    assert settings("--method", "clip", "--profile", "clip") == [None]
    assert settings("--method", "webp", "--qualities", "30,60") == [30, 60]
    for words, said in (
        (("--method", "clip", "--qualities", "4"), "has no quality"),
        (("--method", "jpeg", "--bpp", "0.5"), "are for the methods of .sem"),
        (("--method", "jpeg", "--profile", "clip"), "are for the methods of .sem"),
        (("--method", "pics", "--profile", "a", "--profile", "b", "--qualities", "3"), "go with one"),
        (("--samples", "2"), "are for methods that generate pictures from a seed"),
        (("--hint", "steps=2"), "are for methods that generate pictures from a seed"),
        (("--method", "clip", "--hint", "stps=2"), "there is no hint stps"),
        (("--qualities", "9-"), "write qualities"),
        (("--qualities", "a"), "write qualities"),
        (("--qualities", "7-3"), "write qualities"),
        (("--anchors", "gif"), "there is no anchor gif"),
        (("--window", "0.8", "0.1"), "is not a window"),
        (("--metrics", "psnr,beauty"), "there is no metric beauty"),
        (("--method", "magic"), "magic"),
    ):
        done = semtool("bench", "rate", folder, *words)
        refused(done, 2, "usage: ")
        assert said in done.line


def test_anchors_that_are_measured(bench: Bench) -> None:
    few = ("--qualities", "5,40", "--metrics", "psnr")
    assert list(bench(*few, "--anchors", "jpeg,webp")["curves"]) == [".sem elic", "JPEG", "WebP"]
    assert list(bench(*few, "--anchors", "none")["curves"]) == [".sem elic"]
    assert list(bench("--method", "clip", "--metrics", "psnr")["curves"]) == [".sem clip"]
    assert list(bench(*few, "--method", "jpeg", "--anchors", "jpeg")["curves"]) == ["JPEG"]


def test_window_bounds_the_bd_rate(bench: Bench) -> None:
    def low(*window: str) -> float:
        (found,) = bench("--anchors", "jpeg", "--qualities", "5,10,20,40", "--metrics", "psnr", "--window", *window)[
            "bd_rate"
        ]
        return float(found["average"]["anchor_bpp"][0])

    assert low("0.6", "4") == pytest.approx(0.6)
    assert low("0.5", "4") == pytest.approx(0.5)


def test_commands_are_measured(bench: Bench, folder: Path) -> None:
    copy = f'"{sys.executable}" -S -c "import shutil, sys; shutil.copy(*sys.argv[1:3])" {{input}} {{output}}'
    words = ("--codec-cmd", copy, copy, "--codec-id", "copy 7", "--qualities", "3", "--anchors", "none")
    found = bench(*words)
    assert found["codec"]["name"] == "copy 7"
    assert found["curves"]["copy 7"]["average"][0]["psnr"] == distortions.CAP_DB


def test_models_device_and_samples_reach_the_codec(bench: Bench, place: Path) -> None:
    (place / "clip").mkdir()
    found = bench(
        "--method",
        "clip",
        "--metrics",
        "psnr",
        "--samples",
        "3",
        "--device",
        "cpu",
        "--dtype",
        "bfloat16",
        "--hint",
        "steps=2",
        "--profile",
        "clip-8",
        "--model",
        f"painter={place / 'clip'}",
        "--model",
        f"clip={place / 'clip'}",
    )
    more = {"profile": "clip-8", "samples": 3, "overrides": {"steps": "2"}}
    assert found["codec"]["identity"] == f"clip {more} cpu bfloat16 ['clip', 'painter'] []"


def test_cache_of_the_command(bench: Bench, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--method", "clip", "--metrics", "psnr", "--cache", "kept")
    first = bench(*words)

    def never(*_: Any) -> float:
        raise AssertionError("measured again")

    monkeypatch.setattr(distortions, "psnr", never)
    assert bench(*words)["curves"] == first["curves"]


def test_what_is_wrong_is_one_line(semtool: Semtool, folder: Path, place: Path) -> None:
    (place / "empty").mkdir()
    refused(semtool("bench", "rate", "empty"), 7, "SEM-E-101")
    refused(semtool("bench", "rate", "nowhere.png"), 7, "SEM-E-101")
    (place / "broken.png").write_bytes(b"broken")
    refused(semtool("bench", "rate", "broken.png"), 7, "SEM-E-103")
    refused(semtool("bench", "rate"), 2, "usage")
    refused(semtool("bench", "rate", folder, "--metrics", "clip-score", "--method", "jpeg"), 5, "SEM-E-801")
    refused(semtool("bench", "rate", folder, "--model", "painter="), 2, "usage")
    refused(semtool("bench", "rate", folder, "-o", "nowhere/rate.json"), 7, "SEM-E-102")
    refused(semtool("bench", "rate", folder, "--plot", "empty"), 7, "SEM-E-102")


@pytest.mark.parametrize(
    "metric", ["lpips-alex", "lpips-vgg", "dists", "fid", "kid", "clip-cosine", "clip-score", "css", "bss"]
)
@pytest.mark.parametrize("named", [True, False])
def test_missing_weights_are_told_with_the_remedy(
    semtool: Semtool, folder: Path, place: Path, metric: str, named: bool
) -> None:
    pytest.importorskip("torch")
    (place / "weights").mkdir()
    done = semtool(
        "bench", "rate", folder, "--method", "jpeg", "--metrics", metric, *(["--weights", "weights"] if named else [])
    )
    refused(done, 5, "SEM-E-801")
    kind = {
        "fid": "inception",
        "kid": "inception",
        "clip-cosine": "clip",
        "clip-score": "clip",
        "css": "segmenter",
        "bss": "segmenter",
    }.get(metric, metric)
    assert kind in done.line
    if kind in ("clip", "segmenter"):
        assert metric in done.line
        assert f"--model {kind}=" in done.line
    else:
        assert f"semtool models import CHECKPOINT… --as {kind} -o {'weights' if named else 'DIR'}" in done.line
        assert f"{kind}.safetensors" in done.line


def test_scipy_is_asked_for(semtool: Semtool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    done = semtool("bench", "rate", folder)
    refused(done, 5, "SEM-E-805")
    assert "refcodec[bench]" in done.line


def test_ssimulacra2_is_asked_for(semtool: Semtool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ssimulacra2", None)
    done = semtool("bench", "rate", folder, "--method", "jpeg", "--metrics", "ssimulacra2")
    refused(done, 5, "SEM-E-805")
    assert "refcodec[bench]" in done.line


def test_ssimulacra2(bench: Bench) -> None:
    pytest.importorskip("ssimulacra2")
    low, high = bench("--method", "jpeg", "--qualities", "10,80", "--anchors", "none", "--metrics", "ssimulacra2")[
        "curves"
    ]["JPEG"]["average"]
    assert low["ssimulacra2"] < high["ssimulacra2"] < 100
    (metric,) = metric_registry.chosen(("ssimulacra2",), network_cache.Places(Models()))
    assert metric.pair is not None
    assert metric.pair("", picture(64, 64), picture(64, 64)) == pytest.approx(100)


def test_looking_at_the_commands_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('numpy', 'torch', 'PIL', 'scipy', 'safetensors', 'rich')))\n"
        "from refcodec.cli.main import main\n"
        "sys.exit(main(['bench', 'rate', '--help']) or main(['bench', 'speed', '--help']) or main(['bench', 'vary', '--help']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(group.commands) == ["rate", "speed", "vary"]


# The networks of tests/cli/test_metrics.py behind the command


@pytest.mark.slow
@pytest.mark.models
def test_metric_networks_of_a_folder(semtool: Semtool, place: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    import metric_checkpoints

    folder, weights = tmp_path / "small", tmp_path / "weights"
    folder.mkdir()
    for seed in (1, 2):
        Image.fromarray(picture(64, 56, seed)).save(folder / f"{seed}.png")
    metric_checkpoints.write_networks(weights)
    metric_checkpoints.write_clip(weights / "clip")
    metric_checkpoints.write_segmenter(weights / "segmenter")
    (place / "captions.tsv").write_text("1.png\ta red cat\n2\tan old stone bridge\n2\tunused\n")
    words = [
        "bench",
        "rate",
        folder,
        "--method",
        "jpeg",
        "--qualities",
        "5,60",
        "--anchors",
        "none",
        "--cache",
        "kept",
        "--captions",
        "captions.tsv",
    ]
    names = "lpips-alex,lpips-vgg,dists,clip-cosine,clip-score,css,bss,fid,kid"
    done = semtool(*words, "--weights", weights, "--metrics", names, "--json", "-o", "all.json", "--plot", "all.svg")
    assert done.status == 0, done.err
    assert done.line.startswith("note: FID of 2 pictures")
    low, high = done.json["curves"]["JPEG"]["average"]
    for name in ("lpips-alex", "lpips-vgg", "dists"):
        assert low[name] > high[name] > 0
    assert high["clip-cosine"] > low["clip-cosine"]
    assert low.keys() >= {*names.split(",")}
    assert done.json["curves"]["JPEG"]["pictures"][0][0].keys() == {"quality", "bpp", *names.split(",")} - {
        "fid",
        "kid",
    }
    assert (place / "all.svg").read_text().count("<g transform") == 9
    moved = place / "elsewhere"
    (weights / "clip").rename(moved)
    named = semtool(*words, "--weights", weights, "--model", f"clip={moved}", "--metrics", "clip-cosine", "--json")
    assert named.json["curves"]["JPEG"]["average"][0]["clip-cosine"] == low["clip-cosine"]
    (place / "captions.tsv").write_text("1.png\ta red cat\n")
    lacking = semtool(*words, "--model", f"clip={moved}", "--metrics", "clip-score")
    refused(lacking, 7, "SEM-E-101")
    assert "no caption for 2.png" in lacking.line
    unnamed = semtool(
        "bench", "rate", folder, "--method", "jpeg", "--model", f"clip={moved}", "--metrics", "clip-score"
    )
    refused(unnamed, 2, "usage")
    assert "--captions" in unnamed.line
    one = semtool("bench", "rate", folder / "1.png", "--method", "jpeg", "--weights", weights, "--metrics", "kid")
    refused(one, 2, "usage")


def test_captions_are_read_in_both_forms(tmp_path: Path) -> None:
    path = tmp_path / "captions"
    path.write_text(
        '{"file_name": "a.jpg", "caption": "one"}\n\nb.jpg\ttwo\tmore\n{"file_name": "a.jpg", "caption": "three"}\n'
    )
    found = captions.read_captions(path)
    assert found == {"a.jpg": "one", "b.jpg": "two"}
    assert captions.caption_of("b.jpg", found) == "two"
    for text in ("no tab here", '{"file_name": 1, "caption": "x"}', "{"):
        path.write_text(text)
        with pytest.raises(SemError, match="line 1"):
            captions.read_captions(path)
    with pytest.raises(SemError):
        captions.read_captions(tmp_path / "none")


def test_this_package_is_measured(semtool: Semtool, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    Image.fromarray(picture(64, 80)).save(tmp_path / "small.png")
    words = ["bench", "rate", tmp_path / "small.png", "--metrics", "psnr", "--anchors", "none", "--json"]
    found = semtool(*words, "--qualities", "2,9").json
    low, high = found["curves"][".sem elic"]["average"]
    assert low["bpp"] < high["bpp"]
    assert low["psnr"] < high["psnr"]
    (point,) = semtool(*words, "--bpp", "0.9").json["curves"][".sem elic"]["average"]
    assert point["bpp"] <= point["wanted_bpp"] == 0.9
    refused(semtool(*words[:-1], "--qualities", "11"), 2, "usage")


@pytest.mark.models
def test_a_method_of_foundation_models_is_measured(semtool: Semtool, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    import tiny_models

    tiny_models.image_embedder(tmp_path / "set" / "image_embedder")
    tiny_models.unclip(tmp_path / "set")
    Image.fromarray(tiny_models.photo(96, 64)).save(tmp_path / "photo.png")
    words = [
        "bench",
        "rate",
        tmp_path / "photo.png",
        "--method",
        "clip",
        "--metrics",
        "psnr",
        "--model",
        tmp_path / "set",
        "--json",
        "--hint",
        "guidance=1",
        "--cache",
        "kept",
    ]
    few = semtool(*words, "--hint", "steps=1", "--profile", "clip", "--profile", "clip-8").json["curves"][".sem clip"][
        "average"
    ]
    assert few[0]["bpp"] == pytest.approx(8 * 103 / (96 * 64), rel=0.03)
    assert few[1]["bpp"] > 7 * few[0]["bpp"]
    one, steps, several = (
        semtool(*words, "--profile", "clip", *more).json["curves"][".sem clip"]["average"][0]["psnr"]
        for more in (("--hint", "steps=1"), ("--hint", "steps=3"), ("--hint", "steps=1", "--samples", "2"))
    )
    assert one == few[0]["psnr"]
    assert len({one, steps, several}) == 3
    done = semtool("bench", "rate", tmp_path / "photo.png", "--method", "clip", "--metrics", "psnr")
    refused(done, 5, "SEM-E-801")


# semtool bench speed


@pytest.mark.parametrize("command", [("bench", "speed"), ("encode", "--text", "ct")])
@pytest.mark.parametrize(
    "size", ["64", "0x64", "64x0", "64x", f"{'9' * 5000}x64", "６４x64", "64x64x3", "-1x64", "6_4x64"]
)
def test_sizes_that_are_refused_before_work(semtool: Semtool, command: tuple[str, ...], size: str) -> None:
    done = semtool(*command, "--size", size)
    refused(done, 2, "usage: Invalid value for '--size': a size is WIDTHxHEIGHT, such as 768x512")


@pytest.mark.parametrize("text", ["768x512", "768×512"])
def test_sizes(text: str) -> None:
    context = click.Context(click.Command("x"))
    assert parse_size(context, click.Option(["--size"]), text) == (768, 512)


@pytest.fixture
def threads() -> Iterator[None]:
    """Two threads of torch, and afterwards as many as there were."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("threads")
def test_speed_measures_what_it_says(semtool: Semtool, tmp_path: Path) -> None:
    Image.fromarray(picture(64, 80)).save(tmp_path / "photo.png")
    words = ["bench", "speed", "--n", "24", "--m", "136", "--size", "64x64", "--threads", "1", "--repeats", "1"]
    found = semtool(*words, tmp_path / "photo.png", "--json").json
    assert "1 torch threads; 1 threads; N = 24, M = 136, 64x64, min of 1" in found["conditions"]
    assert [row["name"] for row in found["rows"]] == [
        "torch float32 (not exact)",
        "torch float64, exact",
        "numpy float32 (not exact)",
        "numpy float64, exact",
        "encode, embedded model",
        "decode, embedded model",
        "semtool inspect, photo",
        "semtool payload, caption",
        "semtool payload, consonants",
        "semtool payload, CLIP",
    ]
    assert [row["ratio"] is not None for row in found["rows"]] == [False, True, False, True] + [False] * 6
    assert all(row["min_s"] > 0 for row in found["rows"])
    assert found["command"].startswith("semtool bench speed --n 24")
    refused(semtool("bench", "speed", "--m", "100"), 2, "usage")
    refused(semtool("bench", "speed", tmp_path / "none.png", *words[2:]), 7, "SEM-E-101")


# Timer


def test_timer_counts_and_describes() -> None:
    calls: list[str] = []
    first, second = timing.interleaved([lambda: calls.append("a"), lambda: calls.append("b")], repeats=3, warm_up=1)
    assert calls == ["a", "b"] * 4
    assert first.repeats == 3
    assert 0 <= second.min_s <= second.median_s
    assert "Python" in timing.machine()
