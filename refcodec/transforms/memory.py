# SPDX-License-Identifier: MIT
"""Predict the memory of the float networks of a model package, by the architecture in its manifest. Imports no torch.

They run in strips (`elic.transforms.strips`): what counts is a strip with its halo, at the finest scale. The factors are
measured by `tools.bench.resources`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

TORCH: Final = 190 << 20  # bytes of memory for importing torch
LIBRARIES: Final = 40 << 20  # that torch takes when it runs for the first time, and the weights
STRIP, HALO, ELIC_HALO, VQ_HALO = 48, 8, 24, 17  # rows of latents
PICTURE: Final = 3  # copies of the result: its strips, joined, in the order of pixels
# bytes of the activations for each pixel of a strip: measured on networks with 32 to 64 channels at a quarter of the size
SYNTHESIS, ANALYSIS = 50, 60
MEASURED: Final = 64


def synthesis_bytes(architecture: Mapping[str, Any], size: tuple[int, int]) -> int:
    """Return the bytes that the synthesis of a picture of (width, height) takes; architecture: of the manifest's part."""
    channels = int(architecture.get("channels", 3))
    widths = architecture.get("synthesis_widths") or architecture.get("decoder_widths") or architecture["widths"]
    strip = int(SYNTHESIS * _scale(architecture, widths) * strip_pixels(architecture, size))
    return strip + PICTURE * channels * size[0] * size[1] + LIBRARIES + _torch()


def analysis_bytes(architecture: Mapping[str, Any], size: tuple[int, int]) -> int:
    """Return the bytes that the analysis of a picture of (width, height) takes, its pixels apart."""
    channels, pixels = int(architecture.get("channels", 3)), size[0] * size[1]
    widths = architecture.get("encoder_widths") or architecture["widths"]
    strip = int(ANALYSIS * _scale(architecture, widths) * strip_pixels(architecture, size))
    latents = 4 * int(architecture.get("m", 1)) * pixels // 256
    return strip + channels * pixels + 2 * latents + LIBRARIES + _torch()


def strip_pixels(architecture: Mapping[str, Any], size: tuple[int, int]) -> int:
    """Return the pixels of the largest strip with its halo."""
    stride, halo, rows = _rows(architecture, size)
    return -(-size[0] // 64) * 64 * stride * (rows if rows <= 2 * STRIP else min(rows, STRIP + 2 * halo))


def computed_pixels(architecture: Mapping[str, Any], size: tuple[int, int]) -> int:
    """Return the pixels of all strips with their halos, to which the time is in proportion."""
    stride, halo, rows = _rows(architecture, size)
    tops = [0] if rows <= 2 * STRIP else range(0, rows, STRIP)
    ends = [rows] if rows <= 2 * STRIP else [min(rows, top + STRIP) for top in tops]
    total = sum(min(rows, end + halo) - max(0, top - halo) for top, end in zip(tops, ends, strict=True))
    return -(-size[0] // 64) * 64 * stride * total


def _rows(architecture: Mapping[str, Any], size: tuple[int, int]) -> tuple[int, int, int]:
    """Return the pixels of a row of latents, the halo in rows, and the rows of a picture."""
    if "decoder_widths" in architecture:
        stride, halo = 4 << (len(architecture["decoder_widths"]) - 1), VQ_HALO
    else:
        stride, halo = 16, HALO if architecture.get("transform", "patch") == "patch" else ELIC_HALO
    return stride, halo, -(-size[1] // stride)


def _scale(architecture: Mapping[str, Any], widths: Any) -> float:
    """Return the activations of a network in those of the measured ones. Those of ELIC are finest at half the size."""
    area = 4 if architecture.get("transform", "patch") == "elic" else 1
    return max(1.0, area * int(widths[0]) / MEASURED)


def _torch() -> int:
    return 0 if "torch" in sys.modules else TORCH
