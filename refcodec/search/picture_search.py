# SPDX-License-Identifier: MIT
"""Search the latents of one picture at one rate of a model package, on the CPU or an accelerator."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec.networks import package, package_cache, package_search
from refcodec.networks.symbol_model import SymbolModel
from refcodec.networks.torch_guard import multiplications, neutral, recording_gradients
from refcodec.progress import Progress
from refcodec.search.descent import LatentDescent
from refcodec.search.distortion import Distortion
from refcodec.search.latent_search import LatentSearch, Schedule, learning_rate
from refcodec.search.predicted_memory import search_bytes
from refcodec.transforms.elic.strip_rows import halo
from refcodec.transforms.elic.torch_transforms import TorchSynthesis

Floats = NDArray[np.float32]
PASSES = 3  # times as long as a forward pass takes one that also computes gradients


@lru_cache(maxsize=1)
def _synthesis(folder: Path, device: str, _state: tuple[int, int]) -> TorchSynthesis:
    with recording_gradients():
        synthesis = TorchSynthesis(folder, package.read_manifest(folder), device)
        synthesis.g_s.requires_grad_(False)
    return synthesis


def predicted_bytes(folder: Path, device: str, model: SymbolModel, size: tuple[int, int]) -> int:
    """Return about how many bytes a search takes for a picture of (width, height). Raises as `PictureSearch` does."""
    package_cache.need_torch("searching the latents of a picture")
    with package_cache.torch_errors(folder, "painter", device), recording_gradients():
        synthesis = _synthesis(folder, device, package_search.state_of(folder))
        return search_bytes(model, synthesis.g_s, halo(synthesis.cfg), size)


class PictureSearch:
    """The search for the latents of a picture uint8[H, W, C].

    plain: the picture that the usual latents of the rate give. y float32[M, h, w], z float32[hyper, h/4, w/4]: latents to
    begin with, in quantisation steps of `rate`.
    Raises ModelError for a package whose synthesis is missing or malformed, or if torch is not installed.
    """

    def __init__(
        self,
        folder: Path,
        device: str,
        model: SymbolModel,
        rate: int,
        pixels: NDArray[np.uint8],
        plain: NDArray[np.uint8],
        y: Floats,
        z: Floats,
    ) -> None:
        package_cache.need_torch("searching the latents of a picture")
        self.folder, self.channels = folder, pixels.shape[2]
        with package_cache.torch_errors(folder, "painter", device):
            synthesis = _synthesis(folder, device, package_search.state_of(folder))
            self.work = PASSES * multiplications(synthesis.g_s, y.shape[1] * y.shape[2])
            with recording_gradients(self.work):
                distortion = Distortion(_samples(pixels, device), _samples(plain, device))
                reach = halo(synthesis.cfg)
                self.search = LatentSearch(model, rate, synthesis.g_s, synthesis.inverse[rate], distortion, reach)
                self.y, self.z = (torch.tensor(t, device=device, requires_grad=True) for t in (y, z))

    def run(
        self,
        schedule: Schedule,
        lagrangian: float,
        progress: Progress | None = None,
        adjust: Callable[[float], float] | None = None,
    ) -> None:
        """Descend by the steps of a schedule.

        lagrangian: weight of the mean squared error on 8-bit samples in the loss. adjust: called before each step with the
        share of the steps that is done; returns a factor on the weight from then on, which `lagrangian` keeps.
        """
        self.lagrangian = lagrangian
        with package_cache.torch_errors(self.folder, "painter", self.y.device), recording_gradients(self.work):
            descent = LatentDescent(self.y, self.z)
            for step in range(schedule.steps):
                done = step / schedule.steps
                if adjust is not None:
                    self.lagrangian *= adjust(done)
                weight = self.lagrangian * 255**2 / self.channels
                self.search.descend(self.y, self.z, weight, schedule.temperature(done))
                descent.step(schedule.pace * learning_rate(lagrangian, done))
                if progress is not None:
                    progress((step + 1) / schedule.steps)

    def distortion(self, decoded: NDArray[np.uint8]) -> float:
        """Return the distortion of a decoded picture uint8[H, W, C], in the unit of squared errors of samples in 0..1."""
        with package_cache.torch_errors(self.folder, "painter", self.y.device), neutral(self.work):
            return float(self.search.distortion(_samples(decoded, self.y.device)))

    def latents(self) -> tuple[Floats, Floats]:
        """Return (y, z) as they are now, in quantisation steps."""
        return self.y.detach().cpu().numpy().copy(), self.z.detach().cpu().numpy().copy()


def _samples(pixels: NDArray[np.uint8], device: str | torch.device) -> Tensor:
    """Return a picture uint8[H, W, C] as float32[C, H, W] in 0..1."""
    return torch.from_numpy(pixels).to(device).permute(2, 0, 1).float() / 255
