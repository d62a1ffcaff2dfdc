# SPDX-License-Identifier: MIT
"""The measuring tools: distortions, BD-rates, the cache, the reports."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy")

from tools.bench import anchors, coders, measure, metrics, rate, report, timing

CURVE = [(0.05, 22.0), (0.1, 25.1), (0.2, 27.9), (0.4, 30.6), (0.6, 32.2), (0.8, 33.5), (1.2, 35.7)]  # bpp, dB


def scaled(factor: float) -> list[tuple[float, float]]:
    return [(factor * bpp, quality) for bpp, quality in CURVE]


def picture(height: int, width: int, seed: int = 1) -> metrics.Picture:
    """Coloured blobs with a little noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    blobs = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
    return np.clip(blobs + rng.normal(0, 6, blobs.shape), 0, 255).astype(np.uint8)


def noisy(pixels: metrics.Picture, sigma: float) -> metrics.Picture:
    noise = np.random.default_rng(2).normal(0, sigma, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


# Distortions


def test_psnr_of_a_known_error() -> None:
    a = np.full((4, 6, 3), 100, np.uint8)
    b = a.copy()
    b[..., 1] += 3  # mean squared error 3 over the three channels
    assert metrics.psnr(a, b) == pytest.approx(10 * math.log10(255**2 / 3), abs=1e-12)
    assert metrics.psnr(a, a) == metrics.CAP_DB


def test_ms_ssim_of_itself_and_of_noise() -> None:
    a = picture(161, 170)
    assert metrics.ms_ssim(a, a) == pytest.approx(1, abs=1e-12)
    assert 0 < metrics.ms_ssim(a, noisy(a, 60)) < metrics.ms_ssim(a, noisy(a, 20)) < 1


def test_ms_ssim_rejects_small_and_unequal_pictures() -> None:
    with pytest.raises(ValueError, match="161"):
        metrics.ms_ssim(picture(160, 200), picture(160, 200))
    with pytest.raises(ValueError, match="one size"):
        metrics.ms_ssim(picture(170, 200), picture(200, 170))


@pytest.mark.parametrize(("height", "width"), [(176, 192), (161, 203), (167, 178)])
def test_ms_ssim_agrees_with_pytorch_msssim(height: int, width: int) -> None:
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("pytorch_msssim")
    a = picture(height, width)
    for sigma in (2, 15, 70):
        b = noisy(a, sigma)
        x, y = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].double() for p in (a, b))
        assert metrics.ms_ssim(a, b) == pytest.approx(float(reference.ms_ssim(x, y, data_range=255)), abs=1e-5)


def test_decibel() -> None:
    assert metrics.decibel(0.9) == pytest.approx(10)
    assert metrics.decibel(0.99) == pytest.approx(20)
    assert metrics.decibel(1.0) == metrics.CAP_DB


# BD-rate


@pytest.mark.parametrize(("factor", "percent"), [(0.6, -40), (1, 0), (1.5, 50)])
def test_bd_rate_of_a_shifted_curve_is_the_shift(factor: float, percent: float) -> None:
    result = metrics.bd_rate(CURVE, scaled(factor))
    assert result is not None
    assert result.percent == pytest.approx(percent, abs=1e-9)


def test_bd_rate_keeps_both_curves_inside_the_window() -> None:
    result = metrics.bd_rate(CURVE, scaled(0.6), (0.1, 0.8))
    assert result is not None
    assert result.tested_bpp == pytest.approx((0.1, 0.48), abs=1e-9)  # the tested curve sets the lower end
    assert result.anchor_bpp == pytest.approx((0.1 / 0.6, 0.8), abs=1e-9)  # and the anchor the upper one
    assert result.quality[1] == pytest.approx(33.5, abs=1e-9)


def test_bd_rate_does_not_extrapolate() -> None:
    result = metrics.bd_rate(CURVE[3:5], scaled(0.6))
    assert result is not None
    assert result.quality == pytest.approx((30.6, 32.2))
    assert result.percent == pytest.approx(-40, abs=1)  # two points: another interpolant, nearly the same curve


def test_bd_rate_is_none_where_nothing_is_common() -> None:
    assert metrics.bd_rate(CURVE, [(0.2, 50.0), (0.4, 55.0)]) is None  # no quality in common
    assert metrics.bd_rate(CURVE, [(1.0, 30.0), (2.0, 35.0)]) is None  # outside the window
    assert metrics.bd_rate(CURVE, [(0.2, 30.0)]) is None  # no curve


def test_bd_rate_drops_points_that_cost_more_for_nothing() -> None:
    worse = [*CURVE, (0.3, 27.0), (0.4, 30.0), (0.9, 33.5)]
    assert metrics.bd_rate(CURVE, worse) == metrics.bd_rate(CURVE, CURVE)


def test_bd_rates_of_single_pictures() -> None:
    elsewhere = [(0.2, 50.0), (0.4, 55.0)]
    percents = metrics.bd_rates([CURVE] * 3, [scaled(0.6), elsewhere, scaled(0.8)])
    assert percents == pytest.approx([-40, -20], abs=1e-9)


# Measuring


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
    codec = replace(anchors.ANCHORS[name](), qualities=(10, 50))
    low, high = measure.average(measure.sweep(codec, measure.load([folder]), None))
    assert low.bpp < high.bpp
    assert low.psnr < high.psnr
    assert low.ms_ssim < high.ms_ssim
    source = measure.load([folder])[0]
    size = len(codec.encode(Image.fromarray(source.pixels), 10))
    assert measure.sweep(codec, [source], None)[0][0].bpp == 8 * size / (168 * 184)


def test_cache_measures_once_and_a_changed_codec_anew(folder: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    jpeg = anchors.jpeg()

    def encode(image: Image.Image, quality: int) -> bytes:
        calls.append(quality)
        return jpeg.encode(image, quality)

    codec = replace(jpeg, identity="one", qualities=(10, 20), encode=encode)
    sources, cache = measure.load([folder]), tmp_path / "cache"
    first = measure.sweep(codec, sources, cache)
    assert calls == [10, 20, 10, 20]
    assert measure.sweep(replace(codec, qualities=(10, 20, 30)), sources, cache)[0][:2] == first[0]
    assert calls[4:] == [30, 30]
    measure.sweep(replace(codec, identity="two"), sources, cache)
    assert len(calls) == 10


def test_small_pictures_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(measure.BenchError, match="no pictures"):
        measure.load([tmp_path])
    Image.new("RGB", (160, 200)).save(tmp_path / "small.png")
    with pytest.raises(measure.BenchError, match="161"):
        measure.load([tmp_path])


def test_codec_of_two_commands(folder: Path) -> None:
    copy = f'"{sys.executable}" -S -c "import shutil, sys; shutil.copy(*sys.argv[1:3])" {{input}} {{output}}'
    codec = coders.command(copy + " {quality}", copy, (1,), "copy 1")
    (point,) = measure.sweep(codec, measure.load([folder])[:1], None)[0]
    assert point.psnr == metrics.CAP_DB
    assert point.bpp > 1
    failing = coders.command(f'"{sys.executable}" -S -c "raise SystemExit(\'no\')"', copy, (1,), "")
    with pytest.raises(measure.BenchError, match="status 1: no"):
        failing.encode(Image.new("RGB", (8, 8)), 1)


def test_package_digest_follows_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    before = coders.package_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("2")
    assert coders.package_digest(tmp_path) == before
    (tmp_path / "a.py").write_text("2")
    assert coders.package_digest(tmp_path) != before


# Reports


def test_rate_writes_table_json_and_plot(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stand_in(method: str, qualities: tuple[int, ...]) -> measure.Codec:
        return replace(anchors.jpeg(), name=method, qualities=qualities)

    monkeypatch.setattr(coders, "refcodec", stand_in)
    monkeypatch.setattr(anchors, "JPEG_QUALITIES", (5, 10, 20, 40))
    out, plot = tmp_path / "rate.json", tmp_path / "rate.svg"
    words = [str(folder), "--anchors", "jpeg", "--qualities", "5,10,20,40", "--window", "0.1", "4"]
    assert rate.main([*words, "--json", str(out), "--plot", str(plot)]) == 0
    found = json.loads(out.read_text())
    assert "--qualities 5,10,20,40" in found["command"]
    assert [r["average"]["percent"] for r in found["bd_rate"]] == pytest.approx([0, 0], abs=1e-9)
    assert [len(row) for row in found["curves"]["elic"]["pictures"]] == [4, 4]
    printed = capsys.readouterr().out
    assert found["command"] in printed
    assert "BD-rate of elic" in printed
    drawing = plot.read_text()
    assert drawing.startswith("<svg")
    assert "--qualities 5,10,20,40" in drawing


def test_rate_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rate.main([str(tmp_path)]) == 7
    assert "no pictures" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        rate.main([str(tmp_path), "--anchors", "gif"])
    assert stop.value.code == 2


def test_quality_list() -> None:
    assert rate.quality_list("1-3,7,2") == (1, 2, 3, 7)


def test_comparison_without_common_qualities_is_named() -> None:
    def points(low: float) -> list[list[measure.Point]]:
        return [[measure.Point(q, 0.1 * q, low + q, 0.9, low + q) for q in (2, 4)]]

    results = report.compare(points(20), {"far": points(40)}, (0.1, 0.8))
    assert "no quality in common" in report.comparison_table("x", results, (0.1, 0.8))


# Timer


def test_timer_counts_and_describes() -> None:
    calls: list[str] = []
    first, second = timing.interleaved([lambda: calls.append("a"), lambda: calls.append("b")], repeats=3, warm_up=1)
    assert calls == ["a", "b"] * 4
    assert first.repeats == 3
    assert 0 <= second.min_s <= second.median_s
    assert "Python" in timing.machine()
