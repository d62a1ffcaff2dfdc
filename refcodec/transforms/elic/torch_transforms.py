# SPDX-License-Identifier: MIT
"""Run the float halves of a model package in torch: analysis (`encoder.safetensors`) and synthesis (`painter.safetensors`).

Neither affects the decoding of symbols. Weights are stored as float16 and run as float32 on any device. The CPU runs
"patch" transforms in numpy (`numpy_transforms`).
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

from refcodec.errors import Code, SemError
from refcodec.networks import package_cache
from refcodec.networks.manifest_values import malformed
from refcodec.networks.torch_guard import multiplications, neutral, without_memory
from refcodec.progress import Progress, part
from refcodec.transforms.elic.blocks import ElicAnalysis
from refcodec.transforms.elic.network import Elic
from refcodec.transforms.elic.part import read_elic_part, read_gains
from refcodec.transforms.elic.strip_rows import STRIP, halo
from refcodec.transforms.package_part import Tensors

# Most pixels for a text adapter, which attends to the entire picture at 128 bytes a pixel.
TEXT_PIXELS = 1 << 25
TEXT_ENCODER = "openai/clip-vit-base-patch32"  # used to train TACO


def _load(folder: Path, manifest: dict[str, Any], part: str) -> tuple[Elic, Tensors]:
    """Return the network of a part, still without weights, and its tensors. Raises ModelError."""
    cfg, tensors = read_elic_part(folder, manifest, part)
    with without_memory():  # only the half in use gets weights
        return Elic(cfg), tensors


def _fill(module: nn.Module, tensors: Tensors, prefix: str, part: str) -> nn.Module:
    named = {k.removeprefix(prefix): v.astype(np.float32) for k, v in tensors.items() if k.startswith(prefix)}
    try:
        module.load_state_dict({k: torch.from_numpy(v) for k, v in named.items()}, assign=True)
    except RuntimeError as e:
        raise malformed("its tensors do not fit its architecture", part) from e
    return module.eval()


def strips(
    run: Callable[[Tensor], Tensor],
    x: Tensor,
    rows: int,
    unit_in: int,
    unit_out: int,
    halo: int,
    progress: Progress | None,
) -> Tensor:
    """Return run(x), computed in horizontal strips to bound memory. halo: rows around a strip on which its result depends."""
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


class TorchAnalysis:
    """Map pictures to latents: y float32[M, h, w] before gains, z0 float32[hyper, h/4, w/4], and the gains."""

    def __init__(self, folder: Path, manifest: dict[str, Any], device: str = "cpu") -> None:
        net, tensors = _load(folder, manifest, "encoder")
        self.cfg = cfg = net.cfg
        self.name, self.folder, self.device = str(manifest.get("name") or folder.name), folder, device
        self.g_a = _fill(net.g_a, tensors, "g_a.", "encoder").to(device)
        self.h_a = _fill(net.entropy.h_a, tensors, "h_a.", "encoder").to(device)
        self.gain = read_gains(tensors, "gain", (cfg.rates, cfg.m), "encoder")
        self.gain_z = read_gains(tensors, "gain_z", (cfg.rates, cfg.hyper), "encoder")

    def __call__(
        self, pixels: NDArray[np.uint8], progress: Progress | None = None, text: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (y, z0) of pixels uint8[H, W, C], padded to multiples of 64 by repeating the last column and row.

        text float32[text_tokens, text_width]: steers a model with a text adapter. Raises ValueError for another shape or a
        model without an adapter, Code.MODEL_UNAVAILABLE if an adapter gets no text, PICTURE_TOO_LARGE above TEXT_PIXELS.
        """
        height, width = pixels.shape[:2]
        tokens = self._tokens(text, height * width)
        padded = np.pad(pixels, ((0, -height % 64), (0, -width % 64), (0, 0)), mode="edge")
        rows, cols = padded.shape[0] // 16, padded.shape[1] // 16
        work = multiplications(self.g_a, rows * cols)
        with package_cache.torch_errors(self.folder, "encoder", self.device), neutral(work):
            x = torch.from_numpy(padded).permute(2, 0, 1)[None]
            y = self._latents(x, rows, tokens, progress)
            z = self.h_a(y)
            if not bool(y.isfinite().all() and z.isfinite().all()):
                raise SemError(Code.MODEL_MALFORMED, "its latents of this picture are not finite", path="encoder")
            return y[0].cpu().numpy(), z[0].cpu().numpy()

    def _tokens(self, text: NDArray[np.float32] | None, pixels: int) -> Tensor | None:
        cfg = self.cfg
        if not cfg.text_width:
            if text is not None:
                raise ValueError(f"model {self.name} has no text adapter: a caption cannot steer it")
            return None
        if text is None:
            what = f"model {self.name} has a text adapter, which needs a text encoder even for an empty caption"
            hint = f"name it with --model text_encoder={TEXT_ENCODER}, a folder or a hub id"
            raise SemError(Code.MODEL_UNAVAILABLE, what, path="text_encoder", hint=hint)
        if text.shape != (cfg.text_tokens, cfg.text_width) or not np.isfinite(text).all():
            raise ValueError(
                f"the text adapter of model {self.name} takes {cfg.text_tokens} tokens of width {cfg.text_width}, not {list(text.shape)}"
            )
        if pixels > TEXT_PIXELS:
            raise SemError(
                Code.PICTURE_TOO_LARGE,
                f"{pixels} pixels, and a model with a text adapter takes at most {TEXT_PIXELS}",
                path="picture",
            )
        return torch.from_numpy(text.astype(np.float32))[None].to(self.device)

    def _latents(self, x: Tensor, rows: int, text: Tensor | None, progress: Progress | None) -> Tensor:
        """Return y of a picture uint8[1, C, 16 rows, W], in strips before and after the layer that attends to all sites."""

        def scaled(t: Tensor) -> Tensor:
            return t.to(self.device).float() / 255

        g_a, rows_beyond = self.g_a, halo(self.cfg)
        if text is None:
            return strips(lambda t: g_a(scaled(t)), x, rows, 16, 1, rows_beyond, progress)
        assert isinstance(g_a, ElicAnalysis)
        features = strips(
            lambda t: g_a.walk(scaled(t), text, 0, g_a.turn), x, rows, 16, 2, rows_beyond, part(progress, 0, 0.9)
        )
        read = g_a.read(features, text)
        return strips(
            lambda t: g_a.walk(t, read, g_a.turn + 1), features, rows, 2, 1, rows_beyond, part(progress, 0.9, 1)
        )


class TorchSynthesis:
    """Map latents to pixels (SPEC §14)."""

    def __init__(self, folder: Path, manifest: dict[str, Any], device: str = "cpu") -> None:
        net, tensors = _load(folder, manifest, "painter")
        self.cfg, self.folder, self.device = net.cfg, folder, device
        self.g_s = _fill(net.g_s, tensors, "g_s.", "painter").to(device)
        inverse = read_gains(tensors, "inverse", (self.cfg.rates, self.cfg.m), "painter")
        self.inverse = torch.from_numpy(inverse).to(device)

    def __call__(
        self,
        y: NDArray[Any],
        rate: int,
        size: tuple[int, int],
        progress: Progress | None = None,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return uint8[H, W, C] for y, integers [M, h, w] in 1/64 steps; size (width, height). out: the array to fill."""
        width, height = size
        work = multiplications(self.g_s, y.shape[1] * y.shape[2])
        with package_cache.torch_errors(self.folder, "painter", self.device), neutral(work):
            latent = torch.from_numpy(y)[None]
            factor = (self.inverse[rate] / 64)[None, :, None, None]

            def run(t: Tensor) -> Tensor:
                return samples(self.g_s(t.to(self.device).float() * factor)).cpu()

            x = strips(run, latent, y.shape[1], 1, 16, halo(self.cfg), progress)
            pixels = x[0, :, :height, :width].permute(1, 2, 0).numpy()
            if out is None:
                return np.ascontiguousarray(pixels)
            out[:] = pixels
            return out


def samples(x: Tensor) -> Tensor:
    """Return values in 0..1, clamped, as samples uint8 in 0..255 of the same shape, rounded to nearest."""
    return (x.clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)


def extended(pixels: NDArray[np.uint8]) -> Tensor:
    """Return a picture uint8[H, W, C] as input of the float network, float32[1, C, 16 h, 16 w] in 0..1."""
    height, width = pixels.shape[:2]
    x = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255
    return F.pad(x, (0, -width % 64, 0, -height % 64), mode="replicate")
