# SPDX-License-Identifier: MIT
"""Distortions of 8-bit RGB pictures, uint8[H, W, 3], and BD-rates of one codec against another.

Both distortions are in decibels, higher is better. Identical pictures have CAP_DB, not infinity, so that means and JSON
stay finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import correlate1d
from scipy.optimize import brentq

from refcodec.cli.bench.bench_options import WINDOW_BPP

CAP_DB = 100.0
PEAK = 255.0
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli, Bovik 2003, "Multi-scale SSIM", §3.2
WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03  # Wang et al. 2004, "Image quality assessment", §III
MIN_SIDE = (WINDOW - 1) * 2 ** (len(SCALE_WEIGHTS) - 1) + 1  # 161: the window still fits inside the coarsest scale

Picture = NDArray[np.uint8]
Plane = NDArray[np.float64]
Curve = Sequence[tuple[float, float]]  # (bits per pixel, dB), in any order


def _same_shape(a: Picture, b: Picture) -> None:
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3:
        raise ValueError(f"two uint8[H, W, 3] of one size expected, got {a.shape} and {b.shape}")


def psnr(a: Picture, b: Picture) -> float:
    """Return 10 log10(255² / MSE) in dB, with the MSE over all pixels and all three channels."""
    _same_shape(a, b)
    mse = float(np.mean((a.astype(np.float64) - b) ** 2))
    return min(CAP_DB, 10 * math.log10(PEAK**2 / mse)) if mse > 0 else CAP_DB


def decibel(similarity: float) -> float:
    """Return -10 log10(1 - similarity) in dB, which spreads out the values near 1, where most values of MS-SSIM are."""
    return min(CAP_DB, -10 * math.log10(1 - similarity)) if similarity < 1 else CAP_DB


def _blur(planes: Plane) -> Plane:
    """Blur float64[H, W, 3] by a Gaussian window, where that is inside the picture: float64[H - 10, W - 10, 3]."""
    taps = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
    taps /= taps.sum()
    cut = slice(WINDOW // 2, -(WINDOW // 2))
    rows: Plane = correlate1d(planes, taps, axis=0)[cut]
    blurred: Plane = correlate1d(rows, taps, axis=1)[:, cut]
    return blurred


def _halve(planes: Plane) -> Plane:
    """Return the means of 2x2 pixels. An odd side is padded by a zero before its first pixel, as in pytorch-msssim."""
    height, width, _ = planes.shape
    padded = np.pad(planes, ((height % 2, 0), (width % 2, 0), (0, 0)))
    halved: Plane = (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4
    return halved


def _ssim(a: Plane, b: Plane) -> tuple[Plane, Plane]:
    """Return mean SSIM and its contrast-structure factor, each float64[3], one value per channel."""
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    mu_a, mu_b = _blur(a), _blur(b)
    var_a, var_b, cov = _blur(a * a) - mu_a**2, _blur(b * b) - mu_b**2, _blur(a * b) - mu_a * mu_b
    contrast = (2 * cov + c2) / (var_a + var_b + c2)
    luminance = (2 * mu_a * mu_b + c1) / (mu_a**2 + mu_b**2 + c1)
    return (luminance * contrast).mean(axis=(0, 1)), contrast.mean(axis=(0, 1))


def ms_ssim(a: Picture, b: Picture) -> float:
    """Return MS-SSIM of five scales, 0 to 1: the mean over R, G and B of products over scales.

    Negative factors count as 0. Raises ValueError for sides of less than MIN_SIDE pixels.
    """
    _same_shape(a, b)
    if min(a.shape[:2]) < MIN_SIDE:
        raise ValueError(f"MS-SSIM needs sides of at least {MIN_SIDE} pixels, got {a.shape[1]}x{a.shape[0]}")
    x, y = a.astype(np.float64), b.astype(np.float64)
    product = np.ones(3)
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale:
            x, y = _halve(x), _halve(y)
        full, contrast = _ssim(x, y)
        last = scale == len(SCALE_WEIGHTS) - 1
        product *= np.maximum(full if last else contrast, 0.0) ** weight
    return float(product.mean())


@dataclass(frozen=True)
class BDRate:
    """A rate difference, and the part of the two curves that it covers."""

    percent: float  # negative: the tested codec needs fewer bits for the same quality
    quality: tuple[float, float]  # dB, the interval of integration
    anchor_bpp: tuple[float, float]  # the anchor's rates at the ends of that interval
    tested_bpp: tuple[float, float]


def _fit(curve: Curve, window: tuple[float, float]) -> tuple[Any, float, float] | None:
    """Return log rate as a function of dB, and the qualities between which the rate is inside the window."""
    front: list[tuple[float, float]] = []
    for rate, quality in sorted(curve, key=lambda point: (point[0], -point[1])):
        if not front or quality > front[-1][1]:
            front.append((rate, quality))
    if len(front) < 2 or front[-1][0] <= window[0] or front[0][0] >= window[1]:
        return None
    qualities, rates = [q for _, q in front], [r for r, _ in front]
    log_rate = PchipInterpolator(qualities, np.log(rates))

    def quality_at(rate: float) -> float:
        if rate <= rates[0]:
            return qualities[0]
        if rate >= rates[-1]:
            return qualities[-1]
        return float(brentq(lambda q: float(log_rate(q)) - math.log(rate), qualities[0], qualities[-1]))

    return log_rate, quality_at(window[0]), quality_at(window[1])


def bd_rate(anchor: Curve, tested: Curve, window: tuple[float, float] = WINDOW_BPP) -> BDRate | None:
    """Return the Bjøntegaard rate difference over a window of bits per pixel, None if the curves have no quality in common.

    Bjøntegaard 2001 (VCEG-M33), with the piecewise cubic of Fritsch and Carlson instead of one polynomial. For each curve:

    1. Points that cost more than another without being better are dropped, so that rate and quality rise together.
    2. log rate is interpolated over dB through *all* remaining points, including those outside the window.
    3. The curve is restricted to the qualities at which its own rate is in the window; a curve that starts above the
       window's lower end, or stops below its upper end, begins or ends at its own outermost point.

    The difference of the two log rates is averaged over the qualities that both restricted curves cover, without
    extrapolation. percent = 100 (exp(mean difference) - 1).
    """
    fit_a, fit_t = _fit(anchor, window), _fit(tested, window)
    if fit_a is None or fit_t is None:
        return None
    (log_a, low_a, high_a), (log_t, low_t, high_t) = fit_a, fit_t
    low, high = max(low_a, low_t), min(high_a, high_t)
    if low >= high:
        return None
    mean = float(log_t.integrate(low, high) - log_a.integrate(low, high)) / (high - low)
    ends = [tuple(math.exp(float(log(q))) for q in (low, high)) for log in (log_a, log_t)]
    return BDRate(100 * math.expm1(mean), (low, high), (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1]))


def bd_rates(
    anchors: Iterable[Curve], tested: Iterable[Curve], window: tuple[float, float] = WINDOW_BPP
) -> list[float]:
    """Return BD-rates of single pictures in percent, without pictures whose two curves have no quality in common."""
    results = [bd_rate(a, t, window) for a, t in zip(anchors, tested, strict=True)]
    return [r.percent for r in results if r is not None]
