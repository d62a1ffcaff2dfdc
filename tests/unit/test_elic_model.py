# SPDX-License-Identifier: MIT
"""The float ELIC networks, their quantisation, and the float halves of a package."""

from __future__ import annotations

import json
import math
import shutil
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from default_environment import TABLES
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save
from tiny_elic import GROUPS, QUANTISED, VARIANTS, network, pictures, quantised, small, write_package
from torch import nn

from refcodec.convert import quantisation_loss, quantise
from refcodec.convert.calibrate import calibrate
from refcodec.convert.z_tables import counted_tables, logistic_tables
from refcodec.errors import SemError
from refcodec.methods import latent_coding
from refcodec.methods.operating_point import OperatingPoint, at_position, rate_of
from refcodec.methods.rate_control import code_at
from refcodec.methods.rate_search import search
from refcodec.networks import package, package_cache
from refcodec.networks.context_model import ContextModel
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.symbol_model import SymbolModel
from refcodec.networks.torch_backend import TorchBackend
from refcodec.payloads import latents as elic_latents
from refcodec.transforms.elic import config, strip_rows
from refcodec.transforms.elic import torch_transforms as transforms
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.network import Elic
from tools.train import pack

torch = pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]

SHIPPED = ROOT / "refcodec" / "data" / "models" / "elic-small"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One package of each transform."""
    root = tmp_path_factory.mktemp("packages")
    return {variant: write_package(variant, root / variant) for variant in ("embedded", "taco")}


# -- layouts


def convs(stack: Any) -> list[tuple[str, int, int, int, int]]:
    """(kind, kernel, stride, inputs, outputs) of each convolution."""
    return [
        (
            "deconv" if isinstance(m, nn.ConvTranspose2d) else "conv",
            m.kernel_size[0],
            m.stride[0],
            m.in_channels,
            m.out_channels,
        )
        for m in stack.modules()
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)
    ]


@lru_cache
def whole(variant: str) -> Elic:
    with torch.device("meta"):
        return Elic(getattr(config, variant)())


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_public_variants_share(variant: str) -> None:
    net = whole(variant)
    assert (net.cfg.m, net.cfg.hyper, net.cfg.groups) == (320, 192, (16, 16, 32, 64, 192))
    wide = [c for c in convs(net.g_a) if c[1] == 5]
    assert wide == [
        ("conv", 5, 2, 3, 192),
        ("conv", 5, 2, 192, 192),
        ("conv", 5, 2, 192, 192),
        ("conv", 5, 2, 192, 320),
    ]
    up = [c for c in convs(net.g_s) if c[1] == 5]
    assert up == [
        ("deconv", 5, 2, 320, 192),
        ("deconv", 5, 2, 192, 192),
        ("deconv", 5, 2, 192, 192),
        ("deconv", 5, 2, 192, 3),
    ]
    for stack in (net.g_a, net.g_s):
        names = [type(m).__name__ for m in stack.children()]
        assert (names.count("ResidualBottleneck"), names.count("Attention")) == (9, 2)
    assert convs(net.g_a)[1:4] == [("conv", 1, 1, 192, 96), ("conv", 3, 1, 96, 96), ("conv", 1, 1, 96, 192)]
    assert convs(net.entropy.h_a) == [("conv", 3, 1, 320, 192), ("conv", 5, 2, 192, 192), ("conv", 5, 2, 192, 192)]
    for k, c in enumerate(net.cfg.groups):
        assert convs(net.entropy.spatial[k]) == [("conv", 5, 1, c, 2 * c)]
        before = sum(net.cfg.groups[j] for j in net.cfg.context_groups(k))
        wanted = [("conv", 5, 1, before, 224), ("conv", 5, 1, 224, 128), ("conv", 5, 1, 128, 2 * c)] if k else []
        assert convs(net.entropy.channel[k]) == wanted


def test_taco() -> None:
    net = whole("taco")
    assert (net.cfg.anchor_parity, net.cfg.means_first, net.cfg.channel_scope) == (1, False, "all")
    assert convs(net.entropy.h_s) == [
        ("deconv", 5, 2, 192, 320),
        ("deconv", 5, 2, 320, 480),
        ("deconv", 3, 1, 480, 640),
    ]
    assert len(net.entropy.anchor_head) == 5
    for k, c in enumerate(net.cfg.groups):
        assert net.cfg.context_groups(k) == tuple(range(k))
        for heads, inputs in (
            (net.entropy.anchor_head, 640 + 2 * c * (k > 0)),
            (net.entropy.head, 640 + 2 * c * (1 + (k > 0))),
        ):
            widths = [inputs, 2 * c * 5 // 3, 2 * c * 4 // 3, 2 * c]
            assert convs(heads[k]) == [("conv", 1, 1, i, o) for i, o in pairwise(widths)]


def test_compressai() -> None:
    net = whole("compressai")
    assert (net.cfg.anchor_parity, net.cfg.means_first, net.cfg.channel_scope) == (0, False, "all")
    assert convs(net.entropy.h_s) == [
        ("deconv", 5, 2, 192, 192),
        ("deconv", 5, 2, 192, 288),
        ("deconv", 3, 1, 288, 384),
    ]
    assert len(net.entropy.anchor_head) == 0
    ramps = ((416, 384, 384, 32), (448, 384, 384, 32), (512, 384, 384, 64), (640, 469, 384, 128), (1152, 896, 640, 384))
    for k, widths in enumerate(ramps):
        assert convs(net.entropy.head[k]) == [("conv", 1, 1, i, o) for i, o in pairwise(widths)]


def test_chandelier() -> None:
    net = whole("chandelier")
    assert (net.cfg.anchor_parity, net.cfg.means_first, net.cfg.channel_scope) == (0, True, "ends")
    assert convs(net.entropy.h_s) == [("deconv", 5, 2, 192, 192), ("deconv", 5, 2, 192, 288), ("conv", 3, 1, 288, 640)]
    assert [net.cfg.context_groups(k) for k in range(5)] == [(), (0,), (0, 1), (0, 2), (0, 3)]
    assert len(net.entropy.anchor_head) == 0
    for k, c in enumerate(net.cfg.groups):
        widths = [640 + 2 * c * (1 + (k > 0)), 640, 512, 2 * c]
        assert convs(net.entropy.head[k]) == [("conv", 1, 1, i, o) for i, o in pairwise(widths)]


@pytest.mark.parametrize("variant", QUANTISED)
def test_forward_and_backward(variant: str) -> None:
    torch.manual_seed(1)
    net = Elic(small(variant)).train()
    x = torch.rand(2, 3, 64, 128)
    out = net(x, torch.tensor([0, 1]))
    assert out.x.shape == x.shape
    assert out.y_bits.shape == out.z_bits.shape == (2,)
    loss = out.y_bits.mean() + out.z_bits.mean() + 1000 * ((out.x - x) ** 2).mean()
    loss.backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not bool(p.grad.isfinite().all())]
    assert not without
    net.eval()
    with torch.no_grad():
        assert torch.equal(net(x, torch.tensor([0, 1])).x, net(x, torch.tensor([0, 1])).x)


# -- configurations are data from strangers too


@pytest.mark.parametrize(
    "cfg", [ElicConfig(), config.taco(), config.compressai(), config.chandelier(), small("embedded")]
)
def test_configurations_survive_json(cfg: ElicConfig) -> None:
    assert ElicConfig.from_dict(json.loads(json.dumps(cfg.to_dict()))) == cfg


def test_configurations_of_older_packages() -> None:
    """Manifests written before there were text adapters do not speak of them."""
    new = config.taco().to_dict()
    old = {name: value for name, value in new.items() if name not in ("scale_head", "text_width", "text_tokens")}
    assert len(new) - len(old) == 3
    assert ElicConfig.from_dict(old) == config.taco()
    assert (config.taco().scale_head, config.taco().text_width) == ("log", 0)


def test_ladders_begin_and_end_where_the_tables_do() -> None:
    (model, _, tensors), net = quantised("linear"), network("linear")
    gain = net.log_gain.detach().exp().numpy()
    for k, (requant, ladder) in enumerate(model.scales):
        assert ladder is not None
        start = sum(GROUPS[:k])
        for rate in range(2):  # sigma in float -> accumulator -> what the ladder takes -> index
            ratio = tensors[f"scale.{k}.m"][rate] / np.exp2(tensors[f"scale.{k}.s"][rate].astype(float))
            unit = ratio / gain[rate, start : start + GROUPS[k]]
            assert np.allclose(unit / unit[0], units_of(net, tensors, k), rtol=1e-3)
        assert requant.m.shape == (2, GROUPS[k])
        assert 12 <= ladder[0] <= 8192 * 0.13
        assert np.allclose(np.diff(np.log(ladder[10:] + 0.5)), quantise.LOG_STEP, atol=0.02)


def units_of(net: Elic, tensors: Any, k: int) -> Any:
    """How many accumulator units make one of sigma, channel by channel, relative to the first, inverted."""
    head: Any = net.entropy.head[k][-1]
    b = tensors[f"head.{k}.2.b"][: GROUPS[k]] / head.bias.detach().numpy()[: GROUPS[k]]
    return b[0] / b


WRONG: list[dict[str, Any]] = [
    {"m": 191}, {"m": "192"}, {"m": True}, {"hyper": 0}, {"hyper": 47}, {"groups": []}, {"groups": [192.0]}, {"groups": 192},
    {"groups": [192, 0]}, {"groups": None}, {"widths": [48, 96]}, {"widths": [1, 1, 1]}, {"widths": [48, 96, 10**9]},
    {"transform": "exec"}, {"transform": ["patch"]}, {"channel_scope": "none"}, {"hyper_analysis": []},
    {"hyper_analysis": [["conv", 3, 4, 47]]}, {"hyper_analysis": [["conv", 3, 2, 48]]}, {"hyper_analysis": [["deconv", 3, 4, 48]]},
    {"hyper_synthesis": [["deconv", 4, 4, 48]]}, {"hyper_synthesis": [["deconv", 3, 4]]}, {"hyper_synthesis": "deconv"},
    {"hyper_synthesis": [["conv", 3, 4, 48]]}, {"hyper_synthesis": [["deconv", 3, 0, 48]] * 2}, {"channel_context": []},
    {"channel_context": [[3, 64, 1]]}, {"channel_context": [[2, 64]]}, {"channel_context": [3]}, {"spatial_kernel": 17},
    {"spatial_kernel": 5.0}, {"spatial_width": -1}, {"aggregation": [0]}, {"aggregation": None}, {"aggregation_ramp": -1},
    {"anchor_parity": 2}, {"anchor_net": 1}, {"means_first": None}, {"lambdas": []}, {"lambdas": [0.0]}, {"lambdas": [math.inf]},
    {"scale_head": "exp"}, {"scale_head": None}, {"text_width": -8}, {"text_width": 512}, {"text_width": 12, "transform": "elic"},
    {"text_width": 512, "transform": "elic", "widths": [8, 12, 8]}, {"text_tokens": 0}, {"text_width": 8192},
    {"lambdas": [math.nan]}, {"lambdas": ["1"]}, {"lambdas": [0.1] * 65}, {"lambdas": 0.1}, {"depth": 3},
]  # fmt: skip


@pytest.mark.parametrize("change", WRONG, ids=[json.dumps(w)[:40] for w in WRONG])
def test_configurations_that_are_none(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="."):  # noqa: RUF043
        ElicConfig.from_dict({**ElicConfig().to_dict(), **change})


@given(
    st.dictionaries(
        st.sampled_from(sorted(ElicConfig().to_dict())),
        st.recursive(
            st.none() | st.booleans() | st.integers(-3, 2000) | st.floats() | st.text(max_size=6),
            lambda v: st.lists(v, max_size=4),
            max_leaves=8,
        ),
        max_size=3,
    )
)
@settings(max_examples=200, deadline=None)
def test_any_json_is_a_configuration_or_a_value_error(change: dict[str, Any]) -> None:
    for data in ({**small("embedded").to_dict(), **change}, change.get("m")):
        try:
            cfg = ElicConfig.from_dict(data)
        except ValueError:
            continue
        with torch.device("meta"):
            Elic(cfg)


# -- quantisation


@pytest.mark.parametrize("variant", QUANTISED)
def test_quantised_models_code_what_the_float_model_codes(variant: str) -> None:
    net, (model, _, _) = network(variant), quantised(variant)
    x = pictures(1, 192, 128)[0]
    with torch.no_grad():
        y = net.g_a(x)
        z0 = net.entropy.h_a(y)[0].numpy()
    y = y[0].numpy()
    for rate in range(net.cfg.rates):
        gain, gain_z = (t[rate].detach().exp().numpy()[:, None, None] for t in (net.log_gain, net.log_gain_z))
        z = np.rint(z0 * gain_z).astype(np.int32)
        both = pack.FloatContextModel(net, rate, y.shape[1:]), ContextModel(model, rate, y.shape[1:], NumpyBackend())
        sizes = [pack.body_size(p, model, rate, y * gain, z) for p in both]
        assert sizes[0] > 500
        assert abs(sizes[1] / sizes[0] - 1) < 0.01

        def choose(
            _r: int, k: int, step: int, mean: Any, table: Any, target: Any = y * gain, sites: Any = both[1].sites
        ) -> Any:
            rows, cols = sites[step]
            s = np.rint(target[model.part(k), rows, cols] - mean / 64).astype(np.int32)
            return np.where(table == 0, 0, s)

        body, sent = elic_latents.encode(rate, z, choose, model, (128, 192), NumpyBackend(), tables=TABLES)
        assert len(body) == sizes[1]
        for backend in (NumpyBackend(), TorchBackend()):
            got = elic_latents.decode(body, model, (128, 192), backend, tables=TABLES)
            assert got.serialise() == sent.serialise()


def z_bits(model: SymbolModel, rate: int, z: Any) -> float:
    """By the tables' frequencies; none of z is an escape."""
    starts = np.cumsum(model.z_size.ravel() + 1) - model.z_size.ravel() - 1
    total = 0.0
    for c, channel in enumerate(z):
        at = starts[rate * model.hyper + c] + channel - int(model.z_offset[rate, c])
        total += float((16 - np.log2(model.z_freq[at].astype(float))).sum())
    return total


@pytest.mark.parametrize("variant", ["embedded", "linear"])
def test_ideal_lengths_are_those_of_streams(variant: str) -> None:
    net, (model, _, _) = network(variant), quantised(variant)
    with torch.no_grad():
        y, z0 = (t[0].numpy() for t in net.analyse(pictures(1)[0]))
    for rate in range(net.cfg.rates):
        gain, gain_z = (t[rate].detach().exp().numpy()[:, None, None] for t in (net.log_gain, net.log_gain_z))
        z = np.rint(z0 * gain_z).astype(np.int32)
        one, two = (ContextModel(model, rate, y.shape[1:], NumpyBackend()) for _ in range(2))
        ideal = quantisation_loss.ideal_bits(one, model.groups, y * gain, z) + z_bits(model, rate, z)
        assert pack.body_size(two, model, rate, y * gain, z) == pytest.approx(ideal / 8, rel=0.01)


@pytest.mark.parametrize("variant", QUANTISED)
def test_quantisation_errs_little(variant: str) -> None:
    """Means by a fraction of a step, table indices by one now and then: with the same latents behind both."""
    net, (model, _, _) = network(variant), quantised(variant)
    x = pictures(1)[0]
    with torch.no_grad():
        y = net.g_a(x)
        z0 = net.entropy.h_a(y)[0].numpy()
    rate = net.cfg.rates - 1
    gain, gain_z = (t[rate].detach().exp().numpy()[:, None, None] for t in (net.log_gain, net.log_gain_z))
    target, z = y[0].numpy() * gain, np.rint(z0 * gain_z).astype(np.int32)
    exact, near = ContextModel(model, rate, y.shape[2:], NumpyBackend()), pack.FloatContextModel(net, rate, y.shape[2:])
    exact.start(z)
    near.start(z)
    wrong, total, apart = 0, 0, 0.0
    used: set[int] = set()
    for k in range(len(model.groups)):
        for step in (0, 1):
            (mean, index), (float_mean, float_index) = (
                exact.entropy_parameters(k, step),
                near.entropy_parameters(k, step),
            )
            apart = max(apart, float(np.abs(mean - float_mean).max()) / 64)
            difference = np.abs(index.astype(int) - float_index)
            assert difference.max() <= 1
            wrong, total = wrong + int(difference.sum()), total + index.size
            used |= set(index.ravel().tolist())
            rows, cols = exact.sites[step]
            s = np.rint(target[model.part(k), rows, cols] - mean / 64).astype(np.int32)
            for p in (exact, near):
                p.update(k, step, 64 * s + mean)
    assert len(used) > 8
    assert apart < 0.25
    assert wrong / total < 0.02


def test_symbols_that_calibration_did_not_show_do_not_saturate() -> None:
    """z is 0 in all pictures here, and y lies within half a step; a 1 must still mean 1."""
    net = network("embedded")
    black = [torch.zeros(1, 3, 64, 64)]
    with torch.no_grad():
        gain, gain_z = net.log_gain.clone(), net.log_gain_z.clone()
        net.log_gain.sub_(6)
        net.log_gain_z.sub_(6)
    try:
        ranges = calibrate(net, black)
        shape = (net.cfg.rates, net.cfg.hyper)
        symbols, tensors = quantise.symbol_model(net, ranges, logistic_tables(np.zeros(shape), np.ones(shape)))
        model = package.build(symbols, tensors)
        steps = net.log_gain_z.detach().double().exp().numpy()
        for rate in range(net.cfg.rates):
            units = tensors["z_input.m"][rate] / np.exp2(tensors["z_input.s"][rate].astype(float)) * steps[rate]
            for value in (1, -1, 3):
                x = NumpyBackend().requant(np.full((net.cfg.hyper, 1, 1), float(value)), model.z_input, rate)
                assert x[:, 0, 0] / units == pytest.approx(value / steps[rate], rel=1e-3)
    finally:
        with torch.no_grad():
            net.log_gain.copy_(gain)
            net.log_gain_z.copy_(gain_z)


def test_ratios_as_multiplier_and_shift() -> None:
    ratios = np.array([[1e-9, 2.0**-30, 0.3, 1 - 1e-9, 0.99999, 1.0, 1.00001, 2.5, 8191.9, 16383.4, 16383.6]])
    writer = quantise.LayerWriter()
    writer.requant("q", ratios, -5, 5, np.full_like(ratios, 3.25))
    m, s, a = (writer.tensors[f"q.{name}"] for name in ("m", "s", "a"))
    assert (m > 0).all()
    scale = np.exp2(s.astype(float))
    assert m / scale == pytest.approx(ratios, rel=5e-5)
    assert a / scale == pytest.approx(np.full_like(ratios, 3.75), abs=1e-4 + 0.5 / scale.min())
    with pytest.raises(ValueError, match="hardly trained"):
        writer.requant("q", np.array([[1.0, 20000.0]]), -5, 5)


def test_weights_and_biases_of_any_size_stay_within_bounds() -> None:
    from refcodec.networks.layers import Conv, check_net

    torch.manual_seed(0)
    for weight, bias in ((1.0, 1.0), (1e-6, 1e3), (1e4, 1e-9), (0.0, 1.0), (0.0, 0.0), (1e-12, 1e12)):
        layer: Any = nn.Conv2d(40, 5, 5)
        with torch.no_grad():
            layer.weight *= weight
            layer.bias.fill_(bias)
        writer = quantise.LayerWriter()
        writer.conv("c", layer, np.full(40, 1e4))
        assert (
            0 < check_net((Conv(writer.tensors["c.w"], writer.tensors["c.b"]),), 32768, "c") <= 2**37
            or weight == bias == 0
        )


def test_z_tables() -> None:
    shape = (2, 3)
    tables = logistic_tables(np.linspace(-2.5, 2.5, 6).reshape(shape), np.array([[0.02, 0.5, 1.0], [3.0, 10.0, 0.1]]))
    at = 0
    for size in tables["z.size"].ravel().tolist():
        row = tables["z.freq"][at : at + size + 1].astype(int)
        assert row.sum() == 65536
        assert row.min() >= 1
        at += size + 1
    assert at == len(tables["z.freq"])
    with pytest.raises(ValueError, match="hardly trained"):
        counted_tables(iter([(0, np.ones(40000))]), (1, 1))


# -- the float halves


@pytest.mark.parametrize("variant", ["embedded", "taco"])
def test_strips_are_the_whole_picture(variant: str, packages: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = package.read_manifest(packages[variant])
    analysis, painter = (
        transforms.TorchAnalysis(packages[variant], manifest),
        transforms.TorchSynthesis(packages[variant], manifest),
    )
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (1000, 70, 3)).astype(np.uint8)
    latents = rng.integers(-3000, 3001, (14, 64, 8)).astype(np.int32)
    seen: list[float] = []
    y, z = analysis(pixels)
    painted = painter(latents, 1, (70, 1000))
    assert (y.shape, z.shape, painted.shape) == ((14, 64, 8), (analysis.cfg.hyper, 16, 2), (1000, 70, 3))
    assert painted.dtype == np.uint8
    for strip in (6, 20, 31):
        monkeypatch.setattr(transforms, "STRIP", strip)
        seen.clear()
        some_y, some_z = analysis(pixels, seen.append)
        assert len(seen) == -(-64 // strip)
        assert seen == sorted(seen)
        assert seen[-1] == 1
        assert np.abs(some_y - y).max() < 1e-4 * np.abs(y).max()
        assert np.abs(some_z - z).max() < 1e-4 * np.abs(z).max()
        difference = np.abs(painter(latents, 1, (70, 1000)).astype(int) - painted)
        assert difference.max() <= 1  # the last digit of a float may fall on the other side of a half
        assert difference.mean() < 1e-3


@pytest.mark.parametrize("variant", ["embedded", "taco"])
def test_nothing_beyond_the_halo_matters(variant: str) -> None:
    net, halo = network(variant), strip_rows.HALO[small(variant).transform]
    rows = 2 * halo + 4
    torch.manual_seed(0)
    x, y = torch.rand(1, 3, 16 * rows, 64), torch.randn(1, 14, rows, 4)
    with torch.inference_mode():
        for run, whole_, unit_in, unit_out in ((net.g_a, x, 16, 1), (net.g_s, y, 1, 16)):
            changed = whole_.clone()
            changed[:, :, (halo + 1) * unit_in :] = 3
            assert torch.equal(run(whole_)[:, :, :unit_out], run(changed)[:, :, :unit_out])


def spoilt(source: Path, target: Path, part: str, change: Any, architecture: Any = None) -> dict[str, Any]:
    """A copy of a package whose part has other tensors; returns its manifest."""
    import hashlib

    shutil.copytree(source, target)
    manifest = json.loads((target / "manifest.json").read_text())
    path = target / manifest[part]["file"]
    arrays = load(path.read_bytes())
    change(arrays)
    path.write_bytes(save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))
    manifest[part]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    if architecture is not None:
        manifest[part]["architecture"] = architecture(manifest[part]["architecture"])
    (target / "manifest.json").write_text(json.dumps(manifest))
    return package.read_manifest(target)


def put(name: str, make: Any) -> Any:
    return lambda arrays: arrays.update({name: make(arrays[name])})


FAULTS: list[tuple[str, str, Any, Any]] = [
    ("a tensor less", "painter", lambda a: a.pop("g_s.linear.bias"), None),
    ("a tensor more", "painter", lambda a: a.update({"g_s.more": np.zeros(1, np.float16)}), None),
    ("another shape", "painter", put("g_s.linear.bias", lambda t: t[:2]), None),
    ("a rank more", "painter", put("g_s.linear.bias", lambda t: t[None]), None),
    ("integers", "painter", put("g_s.linear.bias", lambda t: t.astype(np.int32)), None),
    ("binary64", "painter", put("g_s.linear.bias", lambda t: t.astype(np.float64)), None),
    ("NaN", "painter", put("g_s.linear.bias", lambda t: t * np.nan), None),
    ("infinity", "encoder", put("h_a.0.bias", lambda t: t + np.inf), None),
    ("no inverse gains", "painter", lambda a: a.pop("inverse"), None),
    ("inverse gains of one rate", "painter", put("inverse", lambda t: t[:1]), None),
    ("negative inverse gains", "painter", put("inverse", lambda t: -t), None),
    ("no gains", "encoder", lambda a: a.pop("gain"), None),
    ("gains of another width", "encoder", put("gain", lambda t: t[:, :3]), None),
    ("gains of z that are 0", "encoder", put("gain_z", lambda t: t * 0), None),
    ("no architecture", "painter", lambda a: None, lambda _: None),
    ("an architecture of text", "encoder", lambda a: None, lambda _: "elic"),
    ("another architecture", "encoder", lambda a: None, lambda old: {**old, "widths": [8, 8, 10]}),
    ("an architecture with other groups", "painter", lambda a: None, lambda old: {**old, "groups": [7, 7]}),
    ("an architecture with other rates", "painter", lambda a: None, lambda old: {**old, "lambdas": [0.1]}),
    ("an architecture too large for any memory", "encoder", lambda a: None, lambda old: {**old, "widths": [4096] * 3}),
]


@pytest.mark.parametrize(("part", "change", "architecture"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_parts_that_do_not_fit(
    part: str, change: Any, architecture: Any, packages: dict[str, Path], tmp_path: Path
) -> None:
    change_architecture = architecture if architecture is None else lambda old: architecture(old) or {}
    manifest = spoilt(packages["embedded"], tmp_path / "bad", part, change, change_architecture)
    with pytest.raises(SemError) as e:
        (transforms.TorchSynthesis if part == "painter" else transforms.TorchAnalysis)(tmp_path / "bad", manifest)
    assert e.value.code == 803
    assert e.value.path == part


def test_an_encoder_that_overflows_says_so(packages: dict[str, Path], tmp_path: Path) -> None:
    grow = put("g_a.linear.weight", lambda t: np.full_like(t, 3e38, np.float32))
    manifest = spoilt(packages["embedded"], tmp_path / "bad", "encoder", grow)
    with pytest.raises(SemError) as e:
        transforms.TorchAnalysis(tmp_path / "bad", manifest)(np.full((9, 9, 3), 255, np.uint8))
    assert e.value.code == 803


def picture(height: int, width: int) -> Any:
    rows, cols = np.mgrid[:height, :width]
    planes = [128 + 100 * np.sin(rows / a) * np.cos(cols / b) for a, b in ((17, 23), (29, 13), (40, 40))]
    return np.stack(planes, -1).round().astype(np.uint8)


@pytest.mark.parametrize("variant", ["embedded", "taco"])
def test_an_untrained_package_codes_and_paints(variant: str, packages: dict[str, Path]) -> None:
    pixels = picture(70, 100)
    encoder = latent_coding.LatentEncoder(pixels, packages[variant], tables=TABLES)
    for rate in range(2):
        made = encoder.at(rate)
        got = elic_latents.decode(
            made.body, package_cache.symbol_model(packages[variant]), (100, 70), NumpyBackend(), tables=TABLES
        )
        assert got.serialise() == made.latents.serialise()
    assert latent_coding.synthesise(got, packages[variant], (100, 70)).shape == (70, 100, 3)
    smallest, largest = (len(encoder.at(rate).body) for rate in (0, 1))
    assert smallest < largest
    for most, position, size in (
        (largest, 1, largest),
        (smallest, 0, smallest),
        (smallest - 1, 0, smallest),
        (-9, 0, smallest),
    ):
        found = search(lambda at: len(code_at(encoder, at_position(at, 2)).body), most, 2, 0.01)
        assert (found.position, found.size, found.fits) == (position, size, smallest <= most)
    between = search(lambda at: len(code_at(encoder, at_position(at, 2)).body), largest - 1, 2, 0.01)
    assert smallest <= between.size < largest
    assert 0 <= between.position < 1
    assert len(encoder.at(1, strength=math.inf).body) >= len(encoder.at(1).body)


def test_a_correction_brings_the_picture_closer(tmp_path: Path) -> None:
    pixels = picture(75, 100)
    encoder = latent_coding.LatentEncoder(pixels, SHIPPED, tables=TABLES)

    def error(coded: latent_coding.CodedLatents) -> float:
        made = latent_coding.synthesise(coded.latents, SHIPPED, encoder.size).astype(float)
        return float(((made - pixels) ** 2).mean())

    y = encoder.latents.y.copy()
    for rate in (2, 8):
        plain, corrected = (code_at(encoder, OperatingPoint(rate, 1.0, share)) for share in (0, 0.1))
        assert error(corrected) < error(plain)
        assert len(corrected.body) > len(plain.body)
        assert np.array_equal(encoder.latents.y, y)
        assert code_at(encoder, OperatingPoint(rate, 1.0, 0.1)).body == corrected.body
        assert encoder.at(rate).body == plain.body
    without = tmp_path / "without"
    shutil.copytree(SHIPPED, without)
    (without / "painter.safetensors").unlink()
    encoder = latent_coding.LatentEncoder(pixels, without, tables=TABLES)
    assert not encoder.loss(2).any()


def test_the_shipped_model() -> None:
    model = package.load(SHIPPED)
    manifest = package.read_manifest(SHIPPED)
    analysis, painter = transforms.TorchAnalysis(SHIPPED, manifest), transforms.TorchSynthesis(SHIPPED, manifest)
    for part in (analysis, painter):
        assert (part.cfg.groups, part.cfg.hyper, part.cfg.rates) == (model.groups, model.hyper, model.rates)
        assert part.cfg.anchor_parity == model.parity
    pixels = picture(75, 100)
    encoder = latent_coding.LatentEncoder(pixels, SHIPPED, tables=TABLES)
    sizes = []
    for quality in (1, 10):
        rate = rate_of(quality, model.rates)
        made = encoder.at(rate)
        sizes.append(len(made.body))
        got = elic_latents.decode(made.body, model, (100, 75), NumpyBackend(), tables=TABLES)
        assert got.serialise() == made.latents.serialise()
        error = latent_coding.synthesise(got, SHIPPED, (100, 75)).astype(float) - pixels
        assert 10 * math.log10(255**2 / (error**2).mean()) > (24 if quality == 1 else 32)
    assert sizes[0] < sizes[1] < 75 * 100 * 3 / 8
