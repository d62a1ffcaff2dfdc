# SPDX-License-Identifier: MIT
"""Metrics that are networks: what they give, with random weights under the public names, and what they say of wrong weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from refcodec.errors import SemError
from refcodec.models.metrics import weights
from refcodec.models.metrics.lpips import NETS, Lpips


def random_state(net: nn.Module, seed: int = 1) -> dict[str, Tensor]:
    """Weights that keep activations of about one size, none of them negative where a checkpoint has none."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in weights.expected(net).items():
        drawn = torch.randn(shape, generator=generator)
        if name.startswith("lin") or name.endswith(("running_var", "alpha", "beta")):
            drawn = drawn.abs() + 0.01
        elif len(shape) == 4:
            drawn *= (2 / drawn[0].numel()) ** 0.5
        elif name.endswith(".bn.weight"):
            drawn = 1 + 0.1 * drawn
        else:
            drawn *= 0.05
        state[name] = drawn.contiguous()
    return state


def pictures(*shape: int, seed: int = 3) -> Tensor:
    """float[B, 3, H, W] in 0..1, smooth with some noise."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(shape[0], 3, 5, 5, generator=generator)
    smooth = F.interpolate(small, shape[1:], mode="bilinear")
    return (smooth + 0.05 * torch.randn(smooth.shape, generator=generator)).clamp(0, 1)


def noisy(x: Tensor, sigma: float, seed: int = 4) -> Tensor:
    return (x + sigma * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))).clamp(0, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Metric networks of random weights."""
    made = tmp_path_factory.mktemp("metrics")
    with torch.device("meta"):
        nets: dict[str, nn.Module] = {f"lpips-{net}": Lpips(net) for net in NETS}
    for kind, net in nets.items():
        save_file(random_state(net), made / f"{kind}.safetensors")
    return made


# --- LPIPS -------------------------------------------------------------------------------------------------------


def test_public_names_of_lpips() -> None:
    alex, vgg = (weights.expected(Lpips(net)) for net in ("alex", "vgg"))
    assert alex["features.0.weight"] == (64, 3, 11, 11)
    assert alex["features.10.bias"] == (256,)
    assert alex["lin4.model.1.weight"] == (1, 256, 1, 1)
    assert vgg["features.28.weight"] == (512, 512, 3, 3)
    assert sorted({int(name.split(".")[1]) for name in vgg if name.startswith("features")}) == [
        0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28,
    ]  # fmt: skip
    assert len(alex) == 15
    assert len(vgg) == 31


@pytest.mark.parametrize("net", list(NETS))
def test_lpips_is_a_distance(folder: Path, net: str) -> None:
    lpips = Lpips.load(folder, net)
    x = pictures(2, 40, 48)
    near, far = noisy(x, 0.02), noisy(x, 0.3)
    assert lpips(x, x).tolist() == [0, 0]
    assert torch.allclose(lpips(x, far), lpips(far, x))
    assert (lpips(x, near) < lpips(x, far)).all()
    assert (lpips(x, near) > 0).all()


def plain_lpips(state: dict[str, Tensor], a: Tensor, b: Tensor) -> float:
    """LPIPS with AlexNet as its paper and its published code define it, written without the module, in float64."""
    plan = ((0, 4, 2, 0), (3, 1, 2, 3), (6, 1, 1, 3), (8, 1, 1, 0), (10, 1, 1, 0))  # index, stride, padding, pooling before
    found = []
    for x in (a, b):
        h = (2 * x.double() - 1 - torch.tensor([-0.030, -0.088, -0.188]).double()[None, :, None, None])
        h = h / torch.tensor([0.458, 0.448, 0.450]).double()[None, :, None, None]
        maps = []
        for index, stride, padding, pool in plan:
            h = F.max_pool2d(h, pool, 2) if pool else h
            w, bias = state[f"features.{index}.weight"].double(), state[f"features.{index}.bias"].double()
            h = F.conv2d(h, w, bias, stride, padding).clamp(min=0)
            maps.append(h[0].numpy())
        found.append(maps)
    total = 0.0
    for k, (u, v) in enumerate(zip(*found, strict=True)):
        u, v = (m / (np.sqrt((m**2).sum(0)) + 1e-10) for m in (u, v))
        lin = state[f"lin{k}.model.1.weight"].double().numpy()[0, :, 0, 0]
        total += float(np.mean(np.tensordot(lin, (u - v) ** 2, 1)))
    return total


def test_lpips_agrees_with_its_definition(folder: Path) -> None:
    lpips = Lpips.load(folder, "alex")
    x = pictures(1, 63, 70)
    y = noisy(x, 0.1)
    assert lpips(x, y).item() == pytest.approx(plain_lpips(dict(lpips.state_dict()), x, y), rel=1e-4)


def test_lpips_is_a_loss(folder: Path) -> None:
    lpips = Lpips.load(folder, "alex")
    x = pictures(2, 64, 64)
    y = noisy(x, 0.2).requires_grad_(True)
    lpips(x, y).sum().backward()
    gradient = y.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert all(p.grad is None for p in lpips.parameters())
    with torch.no_grad():
        assert lpips(x, y - 1e-2 * gradient / gradient.norm()).sum() < lpips(x, y).sum()
    flat = torch.zeros(1, 3, 64, 64, requires_grad=True)  # norms of 0 have no derivative
    lpips(flat, torch.zeros(1, 3, 64, 64)).sum().backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def test_lpips_refuses_what_it_cannot_take(folder: Path) -> None:
    lpips = Lpips.load(folder, "alex")
    with pytest.raises(ValueError, match="at least 31"):
        lpips(pictures(1, 30, 40), pictures(1, 30, 40))
    with pytest.raises(ValueError, match="one size"):
        lpips(pictures(1, 40, 40), pictures(1, 40, 41))
    with pytest.raises(ValueError, match="net is one of"):
        Lpips("squeeze")


# --- weights -----------------------------------------------------------------------------------------------------


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(SemError) as caught:
        Lpips.load(tmp_path, "vgg")
    assert caught.value.code == 801
    assert "lpips-vgg.safetensors" in str(caught.value)
    assert f"semtool models import CHECKPOINT… --as lpips-vgg -o {tmp_path}" in str(caught.value)


@pytest.mark.parametrize("damage", ["missing", "more", "shape", "integers", "no safetensors"])
def test_wrong_weights_are_refused(folder: Path, tmp_path: Path, damage: str) -> None:
    state = dict(Lpips.load(folder, "alex").state_dict())
    if damage == "missing":
        del state["lin3.model.1.weight"]
    elif damage == "more":
        state["features.12.weight"] = torch.zeros(1)
    elif damage == "shape":
        state["features.0.bias"] = torch.zeros(65)
    elif damage == "integers":
        state["features.0.bias"] = torch.zeros(64, dtype=torch.int32)
    path = tmp_path / "lpips-alex.safetensors"
    save_file(state, path)
    if damage == "no safetensors":
        path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(SemError) as caught:
        Lpips.load(path, "alex")
    assert caught.value.code == 803


def test_half_precision_weights_do(folder: Path, tmp_path: Path) -> None:
    state = {name: t.half() for name, t in Lpips.load(folder, "alex").state_dict().items()}
    save_file(state, tmp_path / "half.safetensors")
    x = pictures(1, 40, 40)
    whole, half = (Lpips.load(place, "alex")(x, noisy(x, 0.2)) for place in (folder, tmp_path / "half.safetensors"))
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(whole.item(), rel=0.05)
