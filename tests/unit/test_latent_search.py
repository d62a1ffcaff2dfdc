# SPDX-License-Identifier: MIT
"""The search of latents: its mirror of the networks beside the exact ones, its gradients, and what it reaches."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from default_environment import TABLES
from numpy.typing import NDArray
from tiny_elic import QUANTISED, network, quantised, write_package

import refcodec
from refcodec import memory
from refcodec.errors import LimitError
from refcodec.limits import Limits
from refcodec.methods.latent_coding import LatentEncoder, synthesise
from refcodec.networks import package
from refcodec.networks.context_model import pass_sites
from refcodec.networks.package_cache import backend
from refcodec.payloads import latents as elic_latents
from refcodec.payloads.latents import STEP
from refcodec.search import latent_search, predicted_memory
from refcodec.search.descent import LatentDescent
from refcodec.search.distortion import Distortion, lost_structure
from refcodec.search.latent_search import LatentSearch, Schedule, strips_of
from refcodec.search.picture_search import PictureSearch, predicted_bytes

SIZE = (96, 72)
SHIPPED = Path(refcodec.__file__).parent / "data/models/elic-small"


def photo() -> NDArray[np.uint8]:
    rows, cols = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    made = np.stack([128 + 90 * np.sin(cols / 7 + rows / 9), 128 + 80 * np.cos(rows / 5), 90 + cols], -1)
    return made.clip(0, 255).astype(np.uint8)


def searched(variant: str, rate: int) -> LatentSearch:
    net = network(variant)
    inverse = torch.ones(net.cfg.m)
    original = torch.from_numpy(photo()).permute(2, 0, 1).float() / 255
    distortion = Distortion(original, (original + 0.1).clamp(0, 1))
    return LatentSearch(quantised(variant)[0], rate, net.g_s.requires_grad_(False), inverse, distortion, halo=24)


class _Nearest:
    """Rounding to the nearest integer, in place of the relaxed one."""

    def noise(self, shape: torch.Size) -> torch.Tensor:
        return torch.zeros(shape)

    def __call__(self, x: torch.Tensor, _noise: torch.Tensor) -> torch.Tensor:
        return x.round()


@pytest.mark.parametrize("rate", [0, 1])
@pytest.mark.parametrize("variant", QUANTISED)
def test_rounded_latents_cost_what_their_file_does(variant: str, rate: int) -> None:
    """With rounding to the nearest integer in place of the relaxed one, y-hat and bits are those of the exact networks."""
    model = quantised(variant)[0]
    torch.manual_seed(rate)
    y, z = 4 * torch.randn(model.m, 8, 8), 3 * torch.randn(model.hyper, 2, 2)
    search: Any = searched(variant, rate)
    search.rounding = _Nearest()
    with torch.no_grad():
        y_hat, y_bits = search._walk(y, z.round())
        bits = float(y_bits + search.z_costs(z.round()))

    def nearest(_rate: int, k: int, step: int, mean: NDArray[np.int32], index: NDArray[np.uint8]) -> NDArray[np.int32]:
        rows, cols = pass_sites(8, 8, model.parity)[step]
        r = torch.from_numpy(y.numpy()[model.part(k), rows, cols]) - torch.from_numpy(mean) / STEP
        return np.where(index == 0, 0, r.round().numpy()).astype(np.int32)

    exact_z = z.round().numpy().astype(np.int32)
    body, exact = elic_latents.encode(rate, exact_z, nearest, model, SIZE, backend(), tables=TABLES)
    assert float((y_hat - torch.from_numpy(exact.y) / STEP).abs().max()) < 1.01  # a mean may differ by a unit of 1/64
    assert bits / 8 == pytest.approx(len(body), rel=0.06, abs=4)  # untrained: many symbols lie beyond their tables


def test_strips_and_memory_do_not_change_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = []
    for height, sites in ((64, 8192), (8, 8)):
        monkeypatch.setattr(latent_search, "KEPT_SITES_MAX", sites)
        search = searched("embedded", 1)
        search.strips = strips_of(5, height, 8)
        torch.manual_seed(1)
        y, z = torch.randn(14, 8, 8).requires_grad_(), torch.randn(6, 2, 2).requires_grad_()
        bits, error = search.descend(y, z, 100.0, 0.2)
        gradients.append((bits, error, y.grad, z.grad))
    (bits, error, y_grad, z_grad), other = gradients
    assert y_grad is not None
    assert z_grad is not None
    assert bits == other[0]
    assert error == pytest.approx(other[1], rel=1e-5)
    assert torch.allclose(y_grad, other[2], rtol=1e-3, atol=1e-4)
    assert torch.allclose(z_grad, other[3], rtol=1e-3, atol=1e-4)


def test_the_descent_moves_y_by_the_learning_rate_and_clears_gradients() -> None:
    y, z = torch.zeros(2, 3, 3, requires_grad=True), torch.zeros(1, 1, 1, requires_grad=True)
    descent = LatentDescent(y, z)
    y.grad, z.grad = torch.ones(2, 3, 3), torch.full((1, 1, 1), -7.0)
    y.grad[1] = 1000
    descent.step(0.01)
    assert torch.allclose(y.detach(), torch.full((2, 3, 3), -0.01))
    assert z.item() == pytest.approx(0.01)
    assert y.grad is None
    assert z.grad is None


@pytest.mark.parametrize("variant", ["embedded", "taco"])
def test_a_search_lowers_the_loss(variant: str, tmp_path: Path) -> None:
    folder = write_package(variant, tmp_path / variant)
    encoder = LatentEncoder(photo(), folder, tables=TABLES) if variant == "embedded" else None
    model = quantised(variant)[0]
    torch.manual_seed(2)
    if encoder is not None:
        y, z = encoder.latents.y * encoder.gain[1][:, None, None], encoder.latents.z * encoder.gain_z[1][:, None, None]
    else:
        y, z = torch.randn(model.m, 8, 8).numpy(), torch.randn(model.hyper, 2, 2).numpy()
    search = PictureSearch(folder, "cpu", model, 1, photo(), 255 - photo(), y, z)
    reached: list[float] = []
    descend = search.search.descend

    def recorded(*args: Any) -> tuple[float, float]:
        bits, error = descend(*args)
        reached.append(bits + args[2] * error)
        return bits, error

    search.search.descend = recorded  # type: ignore[method-assign]
    seen: list[float] = []
    search.run(Schedule(30), 0.02, seen.append)
    assert np.mean(reached[-3:]) < np.mean(reached[:3])
    assert seen == [(i + 1) / 30 for i in range(30)]
    assert all(np.isfinite(t).all() for t in search.latents())


def test_the_state_of_the_host_changes_nothing(tmp_path: Path) -> None:
    folder, results = write_package("embedded", tmp_path / "package"), []
    encoder = LatentEncoder(photo(), folder, tables=TABLES)
    y, z = encoder.latents
    for state in (torch.enable_grad(), torch.no_grad(), torch.inference_mode(), torch.autocast("cpu")):
        with state:
            search = PictureSearch(folder, "cpu", quantised("embedded")[0], 0, photo(), 255 - photo(), y, z)
            search.run(Schedule(4), 0.002)
            results.append(search.latents())
    torch.manual_seed(99)
    for y_found, z_found in results[1:]:
        assert np.array_equal(y_found, results[0][0])
        assert np.array_equal(z_found, results[0][1])
    assert synthesise(encoder.at(0).latents, folder, SIZE).shape == (*SIZE[::-1], 3)


@pytest.mark.parametrize(
    ("size", "measured"), [((768, 512), 312), ((1536, 1024), 776), ((3072, 1024), 920), ((3072, 2048), 1256)]
)
def test_predicted_memory(size: tuple[int, int], measured: int) -> None:
    """In MB, measured in processes of their own."""
    predicted = predicted_bytes(SHIPPED, "cpu", package.load(SHIPPED), size) / 2**20
    assert predicted == pytest.approx(measured, rel=0.2)


@pytest.mark.parametrize("broken", [False, True])
def test_predicting_memory_leaves_nothing_on_the_network(broken: bool) -> None:
    """It is cached; a hook that stays would run with each picture."""

    class Last(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if broken:
                raise RuntimeError("out of memory")
            return x

    net = torch.nn.Sequential(torch.nn.Conv2d(2, 6, 3, padding=1), Last())
    with pytest.raises(RuntimeError, match="out of memory") if broken else nullcontext():
        assert predicted_memory._outputs(net, 2) == 12
    assert not any(module._forward_hooks for module in net.modules())


def test_a_search_that_takes_too_much_memory_is_refused() -> None:
    with pytest.raises(LimitError, match="encoding with effort 9 would take about"):
        refcodec.encode(photo(), effort=9, limits=Limits(max_memory=memory.resident() + (90 << 20)))


def test_distortion_is_in_the_unit_of_squared_errors() -> None:
    original = torch.rand(3, 160, 144, generator=torch.Generator().manual_seed(1))
    plain = (original + 0.05 * torch.randn(3, 160, 144, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
    distortion = Distortion(original, plain)
    squared = float(((original - plain) ** 2).sum())
    assert float(distortion(plain)) == pytest.approx(squared, rel=1e-4)
    assert float(distortion(original)) == pytest.approx(0, abs=1e-3)


def test_distortion_adds_up_over_strips() -> None:
    generator = torch.Generator().manual_seed(1)
    original, plain = torch.rand(3, 300, 130, generator=generator), torch.rand(3, 300, 130, generator=generator)
    distortion = Distortion(original, plain)
    parts = [float(distortion(plain[:, top : top + 128], top)) for top in (0, 128, 256)]
    assert sum(parts) == pytest.approx(float(distortion(plain)), rel=1e-4)


def test_removed_texture_costs_more_structure_than_noise_in_texture() -> None:
    """At the same squared error, SSIM counts errors less where the original varies more."""
    rng = torch.Generator().manual_seed(3)
    faint, strong = (amplitude * torch.randn(3, 64, 64, generator=rng) + 0.5 for amplitude in (0.02, 0.2))
    error = 0.02 * torch.randn(3, 64, 64, generator=rng)
    assert lost_structure(faint, faint + error) > 2 * lost_structure(strong, strong + error)


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (17, 3), (64, 64)])
def test_distortion_of_any_size(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    original, decoded = (torch.rand(3, *size, generator=generator) for _ in range(2))
    decoded.requires_grad_()
    Distortion(original, original.flip(0))(decoded).backward()
    assert decoded.grad is not None
    assert torch.isfinite(decoded.grad).all()
