# SPDX-License-Identifier: MIT
"""What a float ELIC network is worth on the held-out photographs: estimated bits of rounded symbols, PSNR, MS-SSIM, BD-rates."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.cli.bench.distortions import bd_rate, ms_ssim
from refcodec.transforms.elic.network import Elic
from refcodec.transforms.elic.torch_transforms import extended, samples

SIDE = 384
WINDOW = (0.1, 0.8)  # bits per pixel, of photographs
Row = dict[str, float]


@torch.no_grad()
def measure(net: Elic, parts: list[NDArray[np.uint8]], rates: Iterable[int] | None = None) -> list[Row]:
    """One row a rate, means over pictures; MS-SSIM in decibels. The network is left as it was found."""
    was, rows = net.training, []
    net.eval()
    for rate in range(net.cfg.rates) if rates is None else rates:
        found = []
        for part in parts:
            h, w = part.shape[:2]
            out = net(extended(part), torch.tensor([rate]))
            got = samples(out.x)[0, :, :h, :w].permute(1, 2, 0).numpy()
            mse = float(((got.astype(np.float64) - part) ** 2).mean())
            similar = ms_ssim(*(np.repeat(p, 3 // p.shape[2], 2) for p in (part, got)))  # grey as three equal channels
            found.append(
                (
                    float(out.y_bits + out.z_bits) / (h * w),
                    10 * math.log10(65025 / max(mse, 1e-9)),
                    -10 * math.log10(1 - similar),
                )
            )
        bpp, psnr, structure = np.mean(found, 0)
        rows.append(
            {
                "rate": rate,
                "bpp": round(float(bpp), 5),
                "psnr": round(float(psnr), 4),
                "ms_ssim": round(float(structure), 4),
            }
        )
    net.train(was)
    return rows


def against(base: list[Row], rows: list[Row], window: tuple[float, float] = WINDOW) -> dict[str, float]:
    """BD-rates in percent over a window of bits per pixel, decision 0007; negative where fewer are needed than by `base`."""
    out: dict[str, float] = {}
    for name in ("psnr", "ms_ssim"):
        curves: list[Any] = [[(r["bpp"], r[name]) for r in part] for part in (base, rows)]
        found = bd_rate(curves[0], curves[1], window)
        out[name] = math.nan if found is None else round(found.percent, 3)
    return out
