# SPDX-License-Identifier: MIT
"""Run the float halves of a package of kind 5 in numpy: pictures to indices (`encoder.safetensors`), indices to pictures
(`painter.safetensors`). Each file holds the codebook. Weights are stored as float16 and run as float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refcodec.networks.manifest_values import malformed
from refcodec.networks.package import load_part
from refcodec.progress import Progress
from refcodec.transforms.numpy_layers import Array, Layer, Rows, rows_of_a_block, run
from refcodec.transforms.numpy_network import Sequence, Weights, computing
from refcodec.transforms.package_part import Tensors, check_numbers, read_architecture
from refcodec.transforms.samples import rows_of, write_samples
from refcodec.transforms.vq.config import PATCH, VqConfig

_COSINES = 1 << 20  # computed at a time


class VqEncoder:
    """Encode pictures as indices."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.cfg, tensors = _read(folder, dict(manifest), "encoder")
        self.layers = _encoder(self.cfg, Weights(tensors, "encoder.", "encoder"))
        self.codes = _codebook(tensors, self.cfg, "encoder")

    def __call__(self, pixels: NDArray[np.uint8], progress: Progress | None = None) -> NDArray[np.int64]:
        """Return indices int64[h, w] of pixels uint8[H, W, 3], padded to the stride by repeating the last column and row."""
        cfg = self.cfg
        step = rows_of_a_block(-(-pixels.shape[1] // cfg.stride) * cfg.largest_map(cfg.encoder_widths))
        with computing():
            rows = run(self.layers, rows_of(pixels, cfg.stride, cfg.stride * step))
            indices, top = np.empty((rows.height, rows.width), np.int64), 0
            for block in rows.blocks:
                indices[top : top + block.shape[1]] = self._nearest(block)
                top += block.shape[1]
                if progress is not None:
                    progress(top / rows.height)
        return indices

    def _nearest(self, z: Array) -> NDArray[np.int64]:
        """Return the index of the code at the smallest angle for each site of z[dim, r, w]; the first of equals."""
        if not np.isfinite(z).all():
            raise malformed("its latents of this picture are not finite", "encoder")
        vectors, step = _normalised(z.reshape(len(z), -1).T), max(1, _COSINES // len(self.codes))
        parts = [(vectors[i : i + step] @ self.codes.T).argmax(1) for i in range(0, len(vectors), step)]
        return np.concatenate(parts).reshape(z.shape[1:])


class VqDecoder:
    """Decode indices to pixels."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.cfg, tensors = _read(folder, dict(manifest), "painter")
        self.layers = _decoder(self.cfg, Weights(tensors, "decoder.", "painter"))
        self.codes = _codebook(tensors, self.cfg, "painter")

    def __call__(
        self, indices: NDArray[Any], size: tuple[int, int], progress: Progress | None = None
    ) -> NDArray[np.uint8]:
        """Return uint8[H, W, 3] for indices [h, w], each 0 … v - 1; size (width, height)."""
        step = rows_of_a_block(indices.shape[1] * self.cfg.largest_map(self.cfg.decoder_widths))
        blocks = (
            np.ascontiguousarray(self.codes[indices[top : top + step]].transpose(2, 0, 1))
            for top in range(0, len(indices), step)
        )
        with computing():
            rows = run(self.layers, Rows(indices.shape[0], indices.shape[1], blocks))
            return write_samples((block + np.float32(0.5) for block in rows.blocks), size, progress=progress)


def _read(folder: Path, manifest: dict[str, Any], part: str) -> tuple[VqConfig, Tensors]:
    """Return architecture and tensors of a part. Raises ModelError."""
    entry, tensors = load_part(folder, manifest, part)
    cfg = read_architecture(entry, part, VqConfig.from_dict)
    v = manifest["symbols"].get("v")
    if cfg.v != v:
        raise malformed(f"its architecture has v = {cfg.v}, the symbol model {v}", part)
    check_numbers(tensors, part)
    return cfg, tensors


def _codebook(tensors: Tensors, cfg: VqConfig, part: str) -> Array:
    """Return the codes float32[v, dim], of length 1: rounding to 16 bits changes their length."""
    codes = tensors.get("codebook")
    if codes is None or codes.shape != (cfg.v, cfg.dim):
        raise malformed(f"no tensor codebook of {cfg.v} codes in {cfg.dim} dimensions", part)
    return _normalised(codes.astype(np.float32))


def _normalised(rows: Array) -> Array:
    """Return each row divided by its length, as torch.nn.functional.normalize does."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    unit: Array = np.divide(rows, np.maximum(lengths, np.float32(1e-12))[:, None], dtype=np.float32)
    return unit


def _encoder(cfg: VqConfig, weights: Weights) -> list[Layer]:
    """Return `network.encoder`, from pixels minus 1/2 to z."""
    net = Sequence(weights, "", 3).unshuffle(PATCH).conv(cfg.encoder_widths[0], 3).blocks(cfg.encoder_blocks[0])
    for width, blocks in zip(cfg.encoder_widths[1:], cfg.encoder_blocks[1:], strict=True):
        net.unshuffle(2).conv(width, 1).blocks(blocks)
    net.conv(cfg.dim, 1)
    weights.check_all_read()
    return net.layers


def _decoder(cfg: VqConfig, weights: Weights) -> list[Layer]:
    """Return `network.decoder`, from codes to pixels minus 1/2."""
    widths, blocks = cfg.decoder_widths[::-1], cfg.decoder_blocks[::-1]
    net = Sequence(weights, "", cfg.dim).conv(widths[0], 3).blocks(blocks[0])
    for width, count in zip(widths[1:], blocks[1:], strict=True):
        net.conv(4 * width, 1).shuffle(2).blocks(count)
    net.conv(3 * PATCH**2, 3).shuffle(PATCH)
    weights.check_all_read()
    return net.layers
