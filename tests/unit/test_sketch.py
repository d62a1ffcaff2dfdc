# SPDX-License-Identifier: MIT
"""SPEC §13.6: sketches, from an edge map to bytes and back, on an untrained network and on the shipped one."""

from __future__ import annotations

import argparse
import json
import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from default_environment import TABLES
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import features

from refcodec.errors import SemError
from refcodec.images import edge_detector
from refcodec.networks import package, package_cache
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.symbol_model import SymbolModel
from refcodec.payloads import latents as elic_latents
from refcodec.transforms.elic.config import ElicConfig

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

ROOT = Path(__file__).resolve().parents[2]
from refcodec.convert import quantise
from refcodec.convert.calibrate import calibrate
from refcodec.methods import sketch
from refcodec.methods.operating_point import at_position, rate_of
from refcodec.methods.rate_control import code_at
from refcodec.methods.rate_search import search
from refcodec.networks.torch_backend import TorchBackend
from refcodec.transforms.elic import torch_transforms as transforms
from refcodec.transforms.elic.network import Elic
from tools.bench import sketch as bench
from tools.train import losses, pack, sketches

SHIPPED = ROOT / "refcodec" / "data" / "models" / "sketch-small"
SMALL = ElicConfig(
    m=14,
    hyper=6,
    groups=(1, 1, 2, 4, 6),
    widths=(8, 8, 8),
    spatial_width=5,
    aggregation=(9, 8),
    channel_context=((3, 7),),
    hyper_analysis=(("conv", 1, 1, 8), ("conv", 3, 2, 8), ("conv", 3, 2, 6)),
    hyper_synthesis=(("deconv", 5, 2, 8), ("deconv", 5, 2, 9)),
    lambdas=(0.0001, 0.001),
    channels=1,
)
SIZES = ((1, 1), (63, 65), (64, 64), (1, 200), (130, 70))  # width, height
Map = NDArray[np.uint8]


def drawing(width: int, height: int) -> Map:
    """The contours of a disc, a bar and a slope."""
    rows, cols = np.mgrid[:height, :width]
    shade = 30 + 40 * ((rows - height / 2) ** 2 + (cols - width / 3) ** 2 < (min(width, height) / 4) ** 2)
    shade = shade + 90 * (np.abs(rows - cols + width / 4) < 9) + rows // 4
    return edge_detector.contours(np.clip(shade, 0, 255).astype(np.uint8)[..., None].repeat(3, 2), 9)


@lru_cache
def untrained() -> tuple[Elic, SymbolModel, Any, Any]:
    """A network whose latents and scales are spread enough that many tables are used; its symbol model."""
    torch.manual_seed(3)
    net = Elic(SMALL).eval()
    with torch.no_grad():
        net.log_gain.add_(4)
        net.log_gain_z.add_(2)
        heads: list[Any] = list(net.entropy.head)
        for head in heads:
            head[-1].bias += torch.randn_like(head[-1].bias)
        shown = [transforms.extended(drawing(128, 128)[..., None]), torch.rand(1, 1, 128, 64)]
        latents = [(y[0].numpy(), net.entropy.h_a(y)[0].numpy()) for y in map(net.g_a, shown)]
    symbols, tensors = quantise.symbol_model(net, calibrate(net, shown), pack.z_counts(net, latents))
    return net, package.build(symbols, tensors), symbols, tensors


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    net, _, symbols, tensors = untrained()
    args = argparse.Namespace(
        out=tmp_path_factory.mktemp("packages") / "small", name="small", licence="CC0-1.0", notes="", command=""
    )
    pack.write(net, {"step": 1, "seconds": 2.0, "seed": 3, "data": "0" * 64}, symbols, tensors, args)
    out: Path = args.out
    return out


# -- one channel


def test_a_package_of_kind_6(folder: Path) -> None:
    model, manifest = package.load(folder), package.read_manifest(folder)
    assert (model.kind, manifest["symbols"]["kind"]) == (6, 6)
    assert [manifest[part]["architecture"]["channels"] for part in ("painter", "encoder")] == [1, 1]


def test_architectures_say_their_channels() -> None:
    assert (SMALL.kind, ElicConfig().kind) == (6, 7)
    old = ElicConfig().to_dict()
    del old["channels"]  # as the manifests before it had none
    assert ElicConfig.from_dict(old) == ElicConfig()
    for wrong in (0, 2, 4, True, 1.0, "1", None, [1]):
        with pytest.raises(ValueError, match="channels"):
            ElicConfig.from_dict({**SMALL.to_dict(), "channels": wrong})


def test_channels_and_kind_belong_together(folder: Path) -> None:
    for kind, channels in ((7, 1), (6, 3)):
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["symbols"]["kind"] = kind
        for part, half in (("painter", transforms.TorchSynthesis), ("encoder", transforms.TorchAnalysis)):
            manifest[part]["architecture"]["channels"] = channels
            with pytest.raises(SemError) as e:
                half(folder, manifest)
            assert (e.value.code, e.value.path) == (803, part)


@pytest.mark.parametrize("size", SIZES)
def test_round_trips(size: tuple[int, int], folder: Path) -> None:
    model, original = package_cache.symbol_model(folder), drawing(*size)
    encoder = sketch.SketchEncoder(original, folder, tables=TABLES)
    for rate in range(model.rates):
        made = encoder.at(rate)
        for backend in (NumpyBackend(), TorchBackend()):
            got = elic_latents.decode(made.body, model, size, backend, tables=TABLES)
            assert got.serialise() == made.latents.serialise()
        again, _ = elic_latents.encode(
            rate, got.z, elic_latents.replay(got, model, size), model, size, NumpyBackend(), tables=TABLES
        )
        assert again == made.body
        painted = sketch.synthesise(got, folder, size)
        assert painted.shape == size[::-1]
        assert painted.dtype == np.uint8
        assert painted.flags.c_contiguous
    assert len(encoder.at(1, strength=math.inf).body) >= len(encoder.at(1).body)


def test_samples_are_rounded_and_clamped(folder: Path) -> None:
    """SEM-R-213, against the float network."""
    model = package_cache.symbol_model(folder)
    rng = np.random.default_rng(5)
    y = rng.integers(-1500, 1501, (model.m, 8, 8)).astype(np.int32)
    latents = elic_latents.ElicLatents(1, np.zeros((model.hyper, 2, 2), np.int32), y)
    painter = transforms.TorchSynthesis(folder, package.read_manifest(folder))
    with torch.inference_mode():
        x = painter.g_s(torch.from_numpy(y)[None].float() * (painter.inverse[1] / 64)[None, :, None, None])[
            0, 0
        ].numpy()
    want = np.floor(255 * np.clip(x.astype(np.float64), 0, 1) + 0.5)
    assert want.min() == 0
    assert want.max() == 255
    assert np.abs(sketch.synthesise(latents, folder, (128, 128)) - want).max() <= 1  # the last digit of a float


def test_fitting(folder: Path) -> None:
    encoder = sketch.SketchEncoder(drawing(130, 70), folder, tables=TABLES)
    smallest, largest = (len(encoder.at(rate).body) for rate in (0, 1))
    assert smallest < largest
    for most, position, size in ((largest, 1, largest), (smallest, 0, smallest), (smallest - 1, 0, smallest)):
        found = search(lambda at: len(code_at(encoder, at_position(at, 2)).body), most, 2, 0.01)
        assert (found.position, found.size, found.fits) == (position, size, smallest <= most)


def test_what_is_no_map(folder: Path) -> None:
    wrong: Any
    for wrong in (
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 4)),
    ):
        with pytest.raises(ValueError, match="edge map"):
            sketch.SketchEncoder(wrong, folder, tables=TABLES)


# -- any bytes


def judged(body: bytes, model: SymbolModel, size: tuple[int, int]) -> bool:
    """Whether a body is read; then it is the only one that stands for its symbols."""
    try:
        got = elic_latents.decode(body, model, size, NumpyBackend(), tables=TABLES)
    except SemError as e:
        if e.code not in (401, 402, 403):
            raise
        return False
    again, _ = elic_latents.encode(
        got.rate, got.z, elic_latents.replay(got, model, size), model, size, NumpyBackend(), tables=TABLES
    )
    assert again == body
    return True


@given(st.binary(max_size=60), st.sampled_from(SIZES[:4]))
@settings(max_examples=40, deadline=None)
def test_any_bytes(body: bytes, size: tuple[int, int]) -> None:
    judged(body, untrained()[1], size)


def test_damage(folder: Path) -> None:
    model, size = package_cache.symbol_model(folder), (60, 50)
    body = sketch.SketchEncoder(drawing(*size), folder, tables=TABLES).at(0).body
    assert judged(body, model, size)
    for extra in (b"\0", b"\xff", b"\0\0"):
        judged(body + extra, model, size)
    for n in range(0, len(body), max(1, len(body) // 25)):
        judged(body[:n], model, size)
        judged(body[:n] + bytes([body[n] ^ 1 << n % 8]) + body[n + 1 :], model, size)


# -- training


def test_crops_are_maps() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (12, 15, 3)).astype(np.uint8).repeat(20, 0).repeat(20, 1)
    maps = sketches.versions(photo, rng)
    assert len(maps) == sketches.VERSIONS
    assert all(m.shape[2] == 2 and m.dtype == np.uint8 for m in maps)
    crops = [sketches.crop(maps, 64, rng) for _ in range(20)]
    assert {c.shape for c in crops} == {(64, 64, 1)}
    assert sketches.held_out(photo).shape == (120, 150, 1)
    levels = sketches.levels(400, rng)
    assert 32 < 255 * float(levels.min()) < 40
    assert 120 < 255 * float(levels.max()) < 129
    assert int((levels == (64.5 / 255)).sum()) > 150


def test_misplaced_lines_cost_more() -> None:
    target = torch.zeros(1, 1, 128, 128)
    target[..., 40:43, 10:110] = 0.8
    level = torch.tensor([0.25])

    def cost(x: Any, share: float = 0.35) -> float:
        return float(losses.line_distortion(x, target, share, level)[0])

    near, far, nothing = target.roll(1, 2), target.roll(6, 2), torch.zeros_like(target)
    found = [float(losses.misplaced(x, target, level)) for x in (target, near, far)]
    assert found[0] == pytest.approx(found[1], rel=0.2)
    assert found[2] > found[1] + 0.02
    for share in (0.0, 0.35):
        assert cost(target, share) < cost(near, share) < cost(far, share)
    assert cost(nothing) > 2 * cost(near)
    assert cost(target + (target == 0) * -1.0, 0.0) < 1e-3  # below black is nearly black
    x = torch.full_like(target, -1.0, requires_grad=True)
    losses.line_distortion(x, target, 0.35, level)[0].backward()
    assert bool((x.grad[target > 0] < 0).all())  # and still learns


# -- the bench


def test_edge_f1() -> None:
    a = np.zeros((40, 40), np.uint8)
    a[20, 5:35] = 200
    assert bench.f1(a, a, 64) == bench.f1(a, np.roll(a, 1, 0), 64) == bench.f1(a, np.roll(a, 1, 1), 64) == 1
    assert bench.f1(a, np.roll(a, 2, 0), 64) == bench.f1(a, a * 0, 64) == bench.f1(a * 0, a, 64) == 0
    assert bench.f1(a * 0, a * 0, 64) == bench.f1(a, a // 2, 200) == 1
    half = a.copy()
    half[20, 20:] = 0  # 15 of 30 left, and the 16th is matched with one pixel of tolerance
    assert bench.f1(a, half, 64) == pytest.approx(2 * (16 / 30) / (1 + 16 / 30))


def test_grey_ms_ssim_is_that_of_three_equal_channels() -> None:
    a = drawing(171, 165)
    b = np.roll(a, 2, 1) // 2 + 20
    assert bench.grey_ms_ssim(a, a) == pytest.approx(1, abs=1e-12)
    three = [np.repeat(m[..., None], 3, 2) for m in (a, b)]
    assert bench.grey_ms_ssim(a, b) == pytest.approx(bench.distortions.ms_ssim(*three), abs=1e-12)


def test_anchors_fit_and_are_kept() -> None:
    original, cache = drawing(170, 162), dict[str, Any]()
    for name in ("WebP", "AVIF"):
        if not features.check(name.lower()):
            continue
        for most in (10, 700):
            row = bench.anchor(name, original, most, cache)
            assert row["bytes"] <= most
            assert (row["bytes"] > 0) == (row["ms_ssim"] > 0) == (most > 10)
            assert bench.anchor(name, original, most, dict(cache)) == row


# -- the shipped model


@pytest.mark.skipif(not SHIPPED.exists(), reason="not trained yet")
def test_the_shipped_model() -> None:
    model, manifest = package.load(SHIPPED), package.read_manifest(SHIPPED)
    assert model.kind == 6
    for half in (transforms.TorchAnalysis(SHIPPED, manifest), transforms.TorchSynthesis(SHIPPED, manifest)):
        assert (half.cfg.groups, half.cfg.hyper, half.cfg.rates, half.cfg.channels) == (
            model.groups,
            model.hyper,
            model.rates,
            1,
        )
    assert sum(p.stat().st_size for p in SHIPPED.iterdir()) < 3_000_000
    original = drawing(256, 192)
    encoder, sizes, found = sketch.SketchEncoder(original, SHIPPED, tables=TABLES), list[int](), list[float]()
    for quality in (1, 5, 10):
        made = encoder.at(rate_of(quality, model.rates))
        got = elic_latents.decode(made.body, model, (256, 192), NumpyBackend(), tables=TABLES)
        assert got.serialise() == made.latents.serialise()
        sizes.append(len(made.body))
        found.append(bench.f1(original, sketch.synthesise(got, SHIPPED, (256, 192)), 64))
    assert sizes == sorted(sizes)
    assert found[-1] > 0.9
    assert len(encoder.at(0).body) < 256 * 192 * 0.03 / 8
