# SPDX-License-Identifier: MIT
"""A package read back as a float network, growth that changes nothing, plans, and a long run that is stopped and resumed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

ROOT = Path(__file__).resolve().parents[2]
from PIL import Image

from refcodec.convert.calibrate import calibrate
from refcodec.convert.elic_package import write_package
from refcodec.convert.quantisation_loss import FloatContextModel
from refcodec.convert.quantise import symbol_model
from refcodec.networks.context_model import ContextModel
from refcodec.networks.numpy_backend import NumpyBackend
from refcodec.networks.package import load
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.network import Elic
from refcodec.transforms.elic.strip_rows import halo
from refcodec.transforms.elic.torch_transforms import TorchSynthesis, extended
from tools.train import grow, heldout, long, pack, plans, snapshot, warm

SHIPPED = ROOT / "refcodec/data/models/elic-small"
SMALL = ElicConfig(
    m=20, hyper=6, groups=(2, 6, 12), widths=(8, 8, 8), spatial_width=6, aggregation=(12, 10), channel_context=((3, 8),),
    hyper_analysis=(("conv", 1, 1, 8), ("conv", 3, 2, 8), ("conv", 3, 2, 6)),
    hyper_synthesis=(("deconv", 5, 2, 8), ("deconv", 5, 2, 10)), lambdas=(0.001, 0.01),
)  # fmt: skip
LARGER = replace(
    SMALL, widths=(10, 12, 14), synthesis_widths=(8, 12, 8), analysis_blocks=((2, 1), (3, 1), (4, 1)),
    synthesis_blocks=((3, 0), (3, 2), (4, 1)), channel_context=((3, 12),), aggregation=(16, 14), spatial_width=10,
    hyper=8, hyper_analysis=(("conv", 1, 1, 10), ("conv", 3, 2, 12), ("conv", 3, 2, 8)),
    hyper_synthesis=(("deconv", 5, 2, 12), ("deconv", 5, 2, 14)),
)  # fmt: skip


def picture(height: int, width: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    planes = [128 + 80 * np.sin(rows / rng.uniform(5, 30)) * np.cos(cols / rng.uniform(5, 30)) for _ in range(3)]
    return np.clip(np.stack(planes, -1) + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)


def tiny(seed: int = 3) -> Elic:
    torch.manual_seed(seed)
    net = Elic(SMALL).eval()
    for p in (net.log_inverse, net.log_gain, net.log_gain_z, net.z_loc, net.z_log_scale):
        p.data.add_(0.2 * torch.randn_like(p))
    return net


def package(net: Elic, out: Path) -> Path:
    crops = [extended(picture(128, 128, i)) for i in range(3)]
    with torch.no_grad():
        latents = [(y[0].numpy(), z[0].numpy()) for y, z in (net.analyse(x) for x in crops)]
    symbols, tensors = symbol_model(net, calibrate(net, crops), pack.z_counts(net, latents))
    write_package(net, symbols, tensors, out, {"name": "tiny", "licence": "CC0-1.0", "notes": "", "training": {}})
    return out


def test_a_package_gives_back_the_network(tmp_path: Path) -> None:
    net = tiny()
    back = warm.read(package(net, tmp_path / "tiny")).eval()
    assert back.cfg == net.cfg
    x = extended(picture(128, 192, 9))
    for rate in range(2):
        with torch.no_grad():
            a, b = net(x, torch.tensor([rate])), back(x, torch.tensor([rate]))
        assert float(b.y_bits) == pytest.approx(float(a.y_bits), rel=0.005)
        assert float((a.x - b.x).abs().mean()) < 1e-3
    with torch.no_grad():
        assert float((net.log_gain - back.log_gain).abs().max()) < 1e-3
        assert float((net.log_inverse - back.log_inverse).abs().max()) < 1e-3


@pytest.mark.parametrize("rate", [1, 5, 8])
def test_the_shipped_package_codes_as_its_integers_do(rate: int) -> None:
    net = warm.read(SHIPPED).eval()
    model = load(SHIPPED)
    with torch.no_grad():
        y, z0 = (t[0].numpy() for t in net.analyse(extended(picture(192, 256))))
    gain, gain_z = (t[rate].detach().exp().numpy()[:, None, None] for t in (net.log_gain, net.log_gain_z))
    z = np.rint(z0 * gain_z).astype(np.int32)
    both = FloatContextModel(net, rate, y.shape[1:]), ContextModel(model, rate, y.shape[1:], NumpyBackend())
    sizes = [pack.body_size(p, model, rate, y * gain, z) for p in both]
    assert abs(sizes[0] / sizes[1] - 1) < 0.005
    with torch.no_grad():  # the fitted prior of z against its tables
        bits = net.z_bits(torch.from_numpy(z.astype(np.float32))[None], torch.tensor([rate])).sum()
    starts = np.cumsum(model.z_size.ravel() + 1) - model.z_size.ravel() - 1
    spent = 0.0
    for c, channel in enumerate(z):
        at = starts[rate * model.hyper + c] + channel - int(model.z_offset[rate, c])
        spent += float((16 - np.log2(model.z_freq[at].astype(float))).sum())
    assert float(bits) == pytest.approx(spent, rel=0.1)


def test_growth_changes_nothing() -> None:
    net = tiny()
    larger = grow.grow(net, LARGER, [], np.random.default_rng(0)).eval()
    x = extended(picture(128, 192))
    for rate in range(2):
        with torch.no_grad():
            a, b = net(x, torch.tensor([rate])), larger(x, torch.tensor([rate]))
        assert float((a.x - b.x).abs().max()) < 1e-5
        assert float(b.y_bits) == pytest.approx(float(a.y_bits), rel=1e-4)
    larger.train()
    larger(x, torch.tensor([1])).x.square().mean().backward()
    idle = [n for n, p in larger.named_parameters() if n.startswith("g_s") and p.grad is None]
    assert not idle


def test_new_latents_are_orthogonal_and_harmless_while_they_are_zero() -> None:
    net = tiny()
    wider = grow.grow(
        net,
        replace(SMALL, m=28, groups=(2, 6, 12, 8)),
        [picture(64, 64, i) for i in range(3)],
        np.random.default_rng(0),
    ).eval()
    old = net.g_s.linear.weight.detach().reshape(20, -1)
    new = wider.g_s.linear.weight.detach()[20:].reshape(8, -1)
    assert float((old @ new.T).abs().max()) < 1e-4
    y = torch.randn(1, 20, 4, 4)
    with torch.no_grad():
        assert float((net.g_s(y) - wider.g_s(torch.cat([y, torch.zeros(1, 8, 4, 4)], 1))).abs().max()) < 1e-5
        x = extended(picture(64, 64))
        assert float((net.g_a(x) - wider.g_a(x)[:, :20]).abs().max()) < 1e-5


def test_growth_refuses_what_does_not_contain_the_old_network() -> None:
    for cfg in (
        replace(SMALL, m=24, groups=(4, 8, 12)), replace(SMALL, lambdas=(0.001,)), replace(SMALL, analysis_blocks=((1, 0), (3, 0), (3, 0))),
        replace(SMALL, aggregation=(12, 10, 10)),
    ):  # fmt: skip
        with pytest.raises(ValueError):  # noqa: PT011
            grow.grow(tiny(), cfg, [], np.random.default_rng(0))


def test_a_grown_network_packs_and_its_strips_join(tmp_path: Path) -> None:
    net = grow.grow(tiny(), LARGER, [], np.random.default_rng(0)).eval()
    folder = package(net, tmp_path / "larger")
    painter = TorchSynthesis(folder, json.loads((folder / "manifest.json").read_text()))
    reach, rows = halo(LARGER), 2 * halo(LARGER) + 4
    y = torch.randn(1, 20, rows, 4)
    with torch.inference_mode():
        whole, part = painter.g_s(y), painter.g_s(y[:, :, : rows - 2])
    seen = 16 * (rows - 2 - reach)
    assert float((whole[:, :, :seen] - part[:, :, :seen]).abs().max()) < 1e-5


def test_a_plan() -> None:
    plan = plans.Plan(
        {}, (plans.Stage(1000, 1e-3, 0.5), plans.Stage(2000, 5e-4)), (plans.Crops(0, 128, 16), plans.Crops(0.9, 256, 4))
    )
    assert [plan.stage(s)[0::2] for s in (0, 999, 1000, 2999, 3000, 5000)] == [
        (0, 0),
        (0, 999),
        (1, 0),
        (1, 1999),
        (2, 0),
        (3, 0),
    ]
    rates = [plan.rate(s) for s in range(3000)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates[300] == rates[499] == 1e-3
    assert rates[999] == pytest.approx(2e-5)
    assert rates[1000] < 3e-5
    assert rates[1300] == 5e-4
    assert [plan.crop(s).side for s in (0, 899, 900, 1000, 2799, 2800)] == [128, 128, 256, 128, 128, 256]


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(heldout, "SIDE", 192)
    (tmp_path / "photos").mkdir()
    for i in range(10):
        Image.fromarray(picture(192, 192, i)).save(tmp_path / f"photos/{i}.png")
    folder = package(tiny(), tmp_path / "tiny")
    plan = {
        "architecture": {"analysis_blocks": [[2, 1], [3, 0], [3, 0]]},
        "stages": [{"steps": 5, "rate": 1e-3}],
        "crops": [[0, 64, 3]],
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    return [str(folder), str(tmp_path / "photos"), "--plan", str(tmp_path / "plan.json"), "--log-every", "1"]


def losses(out: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [(r["step"], r["loss"]) for r in rows if "loss" in r]


@pytest.mark.slow
def test_a_run_goes_on_as_if_nothing_had_happened(setting: list[str], tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    long.main([*setting, "--out", str(once), "--steps", "7"])
    long.main([*setting, "--out", str(twice), "--steps", "3"])
    (twice / "checkpoint.pt.part").write_bytes(b"half")  # killed while it was saving
    (twice / "before.pt").unlink(missing_ok=True)
    (twice / "checkpoint.pt").rename(twice / "before.pt")
    (twice / "checkpoint.pt").write_bytes((twice / "before.pt").read_bytes()[:1000])  # and the newest is broken
    with (twice / "log.jsonl").open("a") as f:
        f.write('{"step": 4, "loss": 9}\n{"step": 5, "lo')
    long.main([*setting, "--out", str(twice), "--steps", "7"])
    assert losses(once) == losses(twice)
    assert [s for s, _ in losses(once)] == [1, 2, 3, 4, 5, 6, 7]
    a, b = (torch.load(out / "checkpoint.pt", weights_only=True)["ema"] for out in (once, twice))
    assert all(torch.equal(a[k], b[k]) for k in a)
    snapshot, state = pack.load(once / "snapshots/stage-0.pt")
    assert (snapshot.cfg.analysis_blocks[0], state["step"]) == ((2, 1), 5)
    assert json.loads((once / "snapshots/metrics.jsonl").read_text())["stage"] == 0


def test_a_snapshot_has_the_same_bytes_each_time(
    setting: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    long.main([*setting, "--out", str(out), "--steps", "2"])
    capsys.readouterr()
    for name in ("a", "b"):
        snapshot.main([str(out), "--out", str(tmp_path / name), "--photos", setting[1]])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == rows[1]
    assert rows[0]["step"] == 2
    assert len(rows[0]["held_out"]) == 2
    with pytest.raises(SystemExit, match="no checkpoint"):
        snapshot.main([str(tmp_path), "--out", str(tmp_path / "c")])


def test_a_run_is_not_started_twice(setting: list[str], tmp_path: Path) -> None:
    import fcntl

    out = tmp_path / "out"
    out.mkdir()
    with (out / "lock").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        with pytest.raises(SystemExit, match="is going on"):
            long.main([*setting, "--out", str(out), "--steps", "1"])
