# SPDX-License-Identifier: MIT
"""Run the "patch" transforms of a package in numpy: analysis (`encoder.safetensors`) and synthesis (`painter.safetensors`).

Neither affects the decoding of symbols. Weights are stored as float16 and run as float32. Imports no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.errors import SemError
from refcodec.networks.manifest_values import malformed
from refcodec.progress import Progress
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.part import read_elic_part, read_gains
from refcodec.transforms.numpy_layers import (
    Conv,
    Layer,
    Rows,
    Sum,
    pixel_shuffle,
    pixel_unshuffle,
    rows_of_a_block,
    run,
)
from refcodec.transforms.numpy_network import Sequence, Weights, blocks_of, computing
from refcodec.transforms.samples import rows_of, write_samples

LATENT: Final = 16  # pixels on each side of a latent


class NumpyAnalysis:
    """Map pictures to latents: y float32[M, h, w] before gains, z0 float32[hyper, h/4, w/4], and the gains."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        cfg, tensors = read_elic_part(folder, manifest, "encoder")
        self.cfg, self.name = cfg, str(manifest.get("name") or folder.name)
        self.g_a = _analysis(cfg, Weights(tensors, "g_a.", "encoder"))
        self.h_a = _hyper_analysis(cfg, Weights(tensors, "h_a.", "encoder"))
        self.gain = read_gains(tensors, "gain", (cfg.rates, cfg.m), "encoder")
        self.gain_z = read_gains(tensors, "gain_z", (cfg.rates, cfg.hyper), "encoder")

    def __call__(
        self, pixels: NDArray[np.uint8], progress: Progress | None = None, text: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (y, z0) of pixels uint8[H, W, C], padded to multiples of 64 by repeating the last column and row.

        Raises ValueError for a text, since these transforms have no text adapter.
        """
        if text is not None:
            raise ValueError(f"model {self.name} has no text adapter: a caption cannot steer it")
        with computing():
            y = self._latents(pixels, progress)
            z = np.concatenate(list(run(self.h_a, blocks_of(y, self._step(y.shape[2]))).blocks), axis=1)
            if not np.isfinite(z).all():
                raise self._not_finite()
        return y, z

    def _latents(self, pixels: NDArray[np.uint8], progress: Progress | None) -> NDArray[np.float32]:
        step = self._step(-(-pixels.shape[1] // 64) * 4)
        rows = self.g_a(rows_of(pixels, 64, LATENT * step))
        y, top = np.empty((self.cfg.m, rows.height, rows.width), np.float32), 0
        for block in rows.blocks:
            if not np.isfinite(block).all():
                raise self._not_finite()
            y[:, top : top + block.shape[1]] = block
            top += block.shape[1]
            if progress is not None:
                progress(top / rows.height)
        return y

    @staticmethod
    def _not_finite() -> SemError:
        return malformed("its latents of this picture are not finite", "encoder")

    def _step(self, width: int) -> int:
        """Return the rows of latents in a block."""
        return rows_of_a_block(width * self.cfg.largest_map(self.cfg.widths))


class NumpySynthesis:
    """Map latents to pixels (SPEC §14)."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.cfg, tensors = read_elic_part(folder, manifest, "painter")
        self.g_s = _synthesis(self.cfg, Weights(tensors, "g_s.", "painter"))
        self.inverse = read_gains(tensors, "inverse", (self.cfg.rates, self.cfg.m), "painter")

    def __call__(
        self,
        y: NDArray[Any],
        rate: int,
        size: tuple[int, int],
        progress: Progress | None = None,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Return uint8[H, W, C] for y, integers [M, h, w] in 1/64 steps; size (width, height). out: the array to fill."""
        with computing():
            return write_samples(self.rows(y, rate).blocks, size, out, progress)

    def rows(self, y: NDArray[Any], rate: int) -> Rows:
        """Return the picture of y as float32[C, 16 h, 16 w], about 0..1, in blocks of rows. Read it within `computing`."""
        factor = (self.inverse[rate] / 64)[:, None, None]
        widths = self.cfg.synthesis_widths or self.cfg.widths
        latents = blocks_of(y, rows_of_a_block(y.shape[2] * self.cfg.largest_map(widths)))
        return self.g_s(Rows(latents.height, latents.width, (block * factor for block in latents.blocks)))


def _analysis(cfg: ElicConfig, weights: Weights) -> Layer:
    """Return `blocks.PatchAnalysis`, from pixels minus 1/2."""
    (n1, n2, n3), (fine, middle, coarse) = cfg.widths, cfg.analysis_blocks
    net = Sequence(weights, "net.", cfg.channels).unshuffle(4).conv(n1, 3).blocks(*fine)
    net.unshuffle(2).ahead(2).conv(n2, 1).blocks(*middle).unshuffle(2).conv(n3, 1).blocks(*coarse).conv(cfg.m, 1)
    patches = weights.take("linear.weight", cfg.m, cfg.channels, LATENT, LATENT).reshape(cfg.m, -1)
    linear = Conv(patches, weights.take("linear.bias", cfg.m)[:, None])
    weights.check_all_read()
    return Sum(tuple(net.layers), lambda x: linear.pointwise(pixel_unshuffle(x, LATENT)))


def _hyper_analysis(cfg: ElicConfig, weights: Weights) -> tuple[Layer, ...]:
    """Return h_a of `entropy_model.EntropyNets`: convolutions with a ReLU after each but the last."""
    net, last = Sequence(weights, "", cfg.m), len(cfg.hyper_analysis) - 1
    for i, (_, kernel, stride, outputs) in enumerate(cfg.hyper_analysis):
        net.conv(outputs, kernel, stride, relu=i < last)
    weights.check_all_read()
    return tuple(net.layers)


def _synthesis(cfg: ElicConfig, weights: Weights) -> Layer:
    """Return `blocks.PatchSynthesis`."""
    n1, n2, n3 = cfg.synthesis_widths or cfg.widths
    fine, middle, coarse = cfg.synthesis_blocks
    net = Sequence(weights, "net.", cfg.m).conv(n3, 1).blocks(*coarse).conv(4 * n2, 1).shuffle(2).blocks(*middle)
    net.ahead(2).conv(4 * n1, 1).shuffle(2).blocks(*fine).conv(LATENT * cfg.channels, 3).shuffle(4)
    patches = weights.take("linear.weight", cfg.m, cfg.channels, LATENT, LATENT).reshape(cfg.m, -1)
    bias = np.repeat(weights.take("linear.bias", cfg.channels) + np.float32(0.5), LATENT**2)
    linear = Conv(np.ascontiguousarray(patches.T), bias[:, None])
    weights.check_all_read()
    return Sum(tuple(net.layers), lambda x: pixel_shuffle(linear.pointwise(x), LATENT))
