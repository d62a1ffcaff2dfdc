# SPDX-License-Identifier: MIT
"""Run the float halves of a package of kind 5: pictures to indices (`encoder.safetensors`), indices to pictures
(`painter.safetensors`). Each file holds the codebook. Weights are stored as float16 and run as float32 on the CPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from refcodec.errors import Code, SemError
from refcodec.networks.package import load_part
from refcodec.networks.torch_guard import multiplications, neutral, without_memory
from refcodec.progress import Progress
from refcodec.transforms.elic.transforms import fill, samples, strips
from refcodec.transforms.vq.network import VqConfig, VqNet


def _load(folder: Path, manifest: dict[str, Any], part: str) -> VqNet:
    """Return the network of a part, with weights for that half only. Raises ModelError."""
    entry, arrays = load_part(folder, manifest, part)
    try:
        cfg = VqConfig.from_dict(entry.get("architecture"))
    except ValueError as e:
        raise SemError(Code.MODEL_MALFORMED, f"its architecture is not one this program knows ({e})", path=part) from e
    if cfg.v != manifest["symbols"].get("v"):
        raise SemError(
            Code.MODEL_MALFORMED,
            f"its architecture has v = {cfg.v}, the symbol model {manifest['symbols'].get('v')}",
            path=part,
        )
    if any(v.dtype not in (np.float16, np.float32) or not np.isfinite(v).all() for v in arrays.values()):
        raise SemError(Code.MODEL_MALFORMED, "its tensors are not finite F16 or F32 numbers", path=part)
    with without_memory():  # only the half in use gets weights
        net = VqNet(cfg)
    tensors = {name: torch.from_numpy(v.astype(np.float32)) for name, v in arrays.items()}
    half = net.encoder if part == "encoder" else net.decoder
    fill(half, tensors, f"{'encoder' if part == 'encoder' else 'decoder'}.", part)
    codebook = tensors.get("codebook")
    if codebook is None or codebook.shape != (cfg.v, cfg.dim):
        raise SemError(Code.MODEL_MALFORMED, f"no tensor codebook of {cfg.v} codes in {cfg.dim} dimensions", path=part)
    net.quantiser.codes = F.normalize(codebook, dim=-1)  # rounding to 16 bits changes their length
    return net.eval()


class VqEncoder:
    """Encode pictures as indices."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.net = _load(folder, manifest, "encoder")
        self.cfg = self.net.cfg

    def __call__(self, pixels: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.int64]:
        """Return indices int64[h, w] of pixels uint8[H, W, 3], padded to the stride by repeating the last column and row."""
        stride = self.cfg.stride
        height, width = pixels.shape[:2]
        padded = np.pad(pixels, ((0, -height % stride), (0, -width % stride), (0, 0)), mode="edge")
        rows, cols = padded.shape[0] // stride, padded.shape[1] // stride

        def run(part: Tensor) -> Tensor:
            z = self.net.latent(part.float() / 255)
            if not bool(z.isfinite().all()):
                raise SemError(Code.MODEL_MALFORMED, "its latents of this picture are not finite", path="encoder")
            return self.net.quantiser.nearest(z)[:, None]

        halo = self.cfg.reach(self.cfg.encoder_blocks)
        with neutral(multiplications(self.net.encoder, rows * cols)):
            x = torch.from_numpy(padded).permute(2, 0, 1)[None]
            indices: NDArray[np.int64] = strips(run, x, rows, stride, 1, halo, progress)[0, 0].numpy()
        return indices


class VqDecoder:
    """Decode indices to pixels."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.net = _load(folder, manifest, "painter")
        self.cfg = self.net.cfg

    def __call__(
        self, indices: NDArray[Any], size: tuple[int, int], progress: Progress | None = None
    ) -> NDArray[np.uint8]:
        """Return uint8[H, W, 3] for indices [h, w], each 0 … v - 1; size (width, height)."""
        width, height = size
        halo = self.cfg.reach(self.cfg.decoder_blocks)

        def run(part: Tensor) -> Tensor:
            return samples(self.net.paint(self.net.quantiser.lookup(part[:, 0])))

        with neutral(multiplications(self.net.decoder, indices.size)):
            grid = torch.from_numpy(np.ascontiguousarray(indices, np.int64))[None, None]
            x = strips(run, grid, grid.shape[2], 1, self.cfg.stride, halo, progress)
            return np.ascontiguousarray(x[0, :, :height, :width].permute(1, 2, 0).numpy())
