# SPDX-License-Identifier: MIT
"""The float halves of a model package: analysis (`encoder.safetensors`) and synthesis (`painter.safetensors`).

Neither bears on symbols once z and y are chosen. Weights are stored as float16 and run as float32 on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from refcodec.errors import SemError
from refcodec.models.elic.config import ElicConfig
from refcodec.models.elic.net import Elic
from refcodec.models.package import load_part
from refcodec.progress import Progress

STRIP = 48  # latent rows of one strip: 768 pixel rows
HALO = {"patch": 8, "elic": 24}  # latent rows beyond a strip that its result can depend on


def _load(folder: Path, manifest: dict[str, Any], part: str) -> tuple[Elic, dict[str, Tensor]]:
    """The part's network, still without weights, and its tensors; SemError 801 to 803."""
    entry, arrays = load_part(folder, manifest, part)
    try:
        cfg = ElicConfig.from_dict(entry.get("architecture"))
    except ValueError as e:
        raise SemError(803, f"its architecture is not one this program knows ({e})", path=part) from e
    symbols = manifest["symbols"]
    if [cfg.kind, list(cfg.groups), cfg.hyper, cfg.rates] != [symbols.get(name) for name in ("kind", "groups", "hyper", "rates")]:
        raise SemError(803, "its architecture is not that of the symbol model", path=part)
    with torch.device("meta"):  # takes neither time nor memory; only what is needed gets weights
        net = Elic(cfg)
    if any(v.dtype not in (np.float16, np.float32) or not np.isfinite(v).all() for v in arrays.values()):
        raise SemError(803, "its tensors are not finite F16 or F32 numbers", path=part)
    return net, {name: torch.from_numpy(v.astype(np.float32)) for name, v in arrays.items()}


def _fill(module: nn.Module, tensors: dict[str, Tensor], prefix: str, part: str) -> nn.Module:
    state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    try:
        module.load_state_dict(state, assign=True)
    except RuntimeError as e:
        raise SemError(803, "its tensors do not fit its architecture", path=part) from e
    return module.eval()


def _rows(tensors: dict[str, Tensor], name: str, shape: tuple[int, int], part: str) -> Tensor:
    """A tensor with one positive number for each rate and channel."""
    found = tensors.get(name)
    if found is None or found.shape != shape or not bool((found > 0).all()):
        raise SemError(803, f"no tensor {name} of {shape} positive numbers", path=part)
    return found


def _strips(
    run: Callable[[Tensor], Tensor], x: Tensor, rows: int, unit_in: int, unit_out: int, halo: int, progress: Progress | None
) -> Tensor:
    """run(x) in horizontal strips, which bounds memory; `halo` rows around each are all that its result depends on."""
    if rows <= 2 * STRIP:
        out = run(x)
        if progress is not None:
            progress(1.0)
        return out
    parts = []
    for top in range(0, rows, STRIP):
        bottom = min(rows, top + STRIP)
        lo, hi = max(0, top - halo), min(rows, bottom + halo)
        part = run(x[:, :, lo * unit_in : hi * unit_in])
        parts.append(part[:, :, (top - lo) * unit_out : (bottom - lo) * unit_out].clone())
        if progress is not None:
            progress(bottom / rows)
    return torch.cat(parts, 2)


class Analysis:
    """Pictures to latents: y float32[M, h, w] before gains, z0 float32[hyper, h/4, w/4], and the gains."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        net, tensors = _load(folder, manifest, "encoder")
        self.cfg = cfg = net.cfg
        self.g_a = _fill(net.g_a, tensors, "g_a.", "encoder")
        self.h_a = _fill(net.entropy.h_a, tensors, "h_a.", "encoder")
        self.gain = _rows(tensors, "gain", (cfg.rates, cfg.m), "encoder").numpy()
        self.gain_z = _rows(tensors, "gain_z", (cfg.rates, cfg.hyper), "encoder").numpy()

    @torch.inference_mode()
    def __call__(
        self, pixels: NDArray[np.uint8], progress: Progress | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """pixels uint8[H, W, C], C that of the architecture; extended to the right and below to multiples of 64 by its last column and row."""
        height, width = pixels.shape[:2]
        padded = np.pad(pixels, ((0, -height % 64), (0, -width % 64), (0, 0)), mode="edge")
        x = torch.from_numpy(padded).permute(2, 0, 1)[None]
        rows = padded.shape[0] // 16
        y = _strips(lambda t: self.g_a(t.float() / 255), x, rows, 16, 1, HALO[self.cfg.transform], progress)
        z = self.h_a(y)
        if not bool(y.isfinite().all() and z.isfinite().all()):
            raise SemError(803, "its latents of this picture are not finite", path="encoder")
        return y[0].numpy(), z[0].numpy()


class Painter:
    """Latents to pixels (SPEC §14)."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        net, tensors = _load(folder, manifest, "painter")
        self.cfg = cfg = net.cfg
        self.g_s = _fill(net.g_s, tensors, "g_s.", "painter")
        self.inverse = _rows(tensors, "inverse", (cfg.rates, cfg.m), "painter")

    @torch.inference_mode()
    def __call__(
        self, y: NDArray[np.int32], rate: int, size: tuple[int, int], progress: Progress | None = None
    ) -> NDArray[np.uint8]:
        """y int32[M, h, w] in 1/64 steps; size (width, height). Returns uint8[H, W, C]."""
        width, height = size
        latent = torch.from_numpy(y)[None]
        factor = (self.inverse[rate] / 64)[None, :, None, None]
        halo = HALO[self.cfg.transform]
        x = _strips(lambda t: _bytes(self.g_s(t.float() * factor)), latent, y.shape[1], 1, 16, halo, progress)
        return np.ascontiguousarray(x[0, :, :height, :width].permute(1, 2, 0).numpy())


def _bytes(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)


def extended(pixels: NDArray[np.uint8]) -> Tensor:
    """A picture uint8[H, W, C] as the float network sees it: float32[1, C, 16 h, 16 w] in 0..1."""
    height, width = pixels.shape[:2]
    x = torch.tensor(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255
    return F.pad(x, (0, -width % 64, 0, -height % 64), mode="replicate")
