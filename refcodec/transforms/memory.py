# SPDX-License-Identifier: MIT
"""Predict the memory of the float networks of a model package, by the architecture in its manifest. Imports no torch.

Those in numpy take blocks of rows (`numpy_layers`): a constant for each residual block, and a few rows of the largest map.
Those in torch run in strips (`torch_transforms.strips`): what counts is a strip with its halo, at the finest scale. The
factors are measured by `tools.bench.resources`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.strip_rows import halo, largest_strip
from refcodec.transforms.vq.config import VqConfig

# in numpy: bytes for each residual block, rows of the largest map
SYNTHESIS, ANALYSIS = (4 << 20, 33), (5 << 19, 20)
WEIGHTS: Final = 6 << 20  # bytes, about
# in torch
TORCH: Final = 190 << 20  # bytes of memory for importing torch
LIBRARIES: Final = 40 << 20  # that torch takes when it runs for the first time, and the weights
PICTURE: Final = 3  # copies of the result: its strips, joined, in the order of pixels
# bytes of the activations for each pixel of a strip: measured on networks with 32 to 64 channels at a quarter of the size
STRIP_SYNTHESIS, STRIP_ANALYSIS = 50, 60
MEASURED: Final = 64


def synthesis_bytes(architecture: Mapping[str, Any], size: tuple[int, int]) -> int:
    """Return the bytes that the synthesis of a picture of (width, height) takes, the picture included.

    architecture: of the manifest's part. Raises ValueError for an invalid one.
    """
    pixels = size[0] * size[1]
    if "decoder_widths" in architecture:
        vq = VqConfig.from_dict(architecture)
        return (
            _in_blocks(SYNTHESIS, sum(vq.decoder_blocks), vq.largest_map(vq.decoder_widths), size[0] / vq.stride)
            + 3 * pixels
        )
    cfg = ElicConfig.from_dict(architecture)
    if cfg.transform == "elic":
        strip = int(STRIP_SYNTHESIS * _scale(cfg) * strip_pixels(size, halo(cfg)))
        return strip + PICTURE * cfg.channels * pixels + LIBRARIES + _torch()
    blocks, largest = _blocks(cfg.synthesis_blocks), cfg.largest_map(cfg.synthesis_widths or cfg.widths)
    return _in_blocks(SYNTHESIS, blocks, largest, size[0] / 16) + cfg.channels * pixels


def analysis_bytes(architecture: Mapping[str, Any], size: tuple[int, int]) -> int:
    """Return the bytes that the analysis of a picture of (width, height) takes, its pixels apart; as `synthesis_bytes`."""
    pixels = size[0] * size[1]
    if "encoder_widths" in architecture:
        vq = VqConfig.from_dict(architecture)
        indices = 8 * pixels // vq.stride**2
        return (
            _in_blocks(ANALYSIS, sum(vq.encoder_blocks), vq.largest_map(vq.encoder_widths), size[0] / vq.stride)
            + indices
        )
    cfg = ElicConfig.from_dict(architecture)
    latents = 4 * cfg.m * pixels // 256
    if cfg.transform == "elic":
        strip = int(STRIP_ANALYSIS * _scale(cfg) * strip_pixels(size, halo(cfg)))
        return strip + cfg.channels * pixels + 2 * latents + LIBRARIES + _torch()
    return _in_blocks(ANALYSIS, _blocks(cfg.analysis_blocks), cfg.largest_map(cfg.widths), size[0] / 16) + latents


def strip_pixels(size: tuple[int, int], halo: int) -> int:
    """Return the pixels of the largest strip with its halo, in torch; halo: rows of latents."""
    return -(-size[0] // 64) * 64 * 16 * largest_strip(-(-size[1] // 16), halo)


def _in_blocks(factors: tuple[int, int], blocks: int, largest: int, columns: float) -> int:
    """Return the bytes of a network in numpy; largest: values of its largest map for one of the columns of latents."""
    return factors[0] * (blocks + 1) + int(4 * factors[1] * largest * columns) + WEIGHTS


def _blocks(counts: tuple[tuple[int, int], ...]) -> int:
    return sum(map(sum, counts))


def _scale(cfg: ElicConfig) -> float:
    """Return the activations of an ELIC, which are finest at half the size, in those of the measured networks."""
    return max(1.0, 4 * cfg.widths[0] / MEASURED)


def _torch() -> int:
    return 0 if "torch" in sys.modules else TORCH
