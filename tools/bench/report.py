# SPDX-License-Identifier: MIT
"""Tables of rates and distortions, and of BD-rates against anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.bench.measure import Point, average, curve
from tools.bench.metrics import BDRate, bd_rate, bd_rates

METRIC_NAMES = {"psnr": "PSNR", "ms_ssim_db": "MS-SSIM"}
WINDOW_BPP = (0.1, 0.8)

Window = tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """One codec against one anchor in one metric."""

    anchor: str
    metric: str
    average: BDRate | None  # of the average curves; None: they have no quality in common inside the window
    mean_percent: float | None  # mean of the BD-rates of single pictures
    worst_percent: float | None  # the picture where the codec gains least
    pictures: int  # with a BD-rate of their own, which the two members before are taken over


def compare(
    tested: Sequence[Sequence[Point]], anchors: Mapping[str, Sequence[Sequence[Point]]], window: Window
) -> list[Comparison]:
    """BD-rates of `tested` against each anchor, in both metrics; points[picture][quality] each, same pictures."""
    results = []
    for name, rows in anchors.items():
        for metric in METRIC_NAMES:
            whole = bd_rate(curve(average(rows), metric), curve(average(tested), metric), window)
            single = bd_rates([curve(row, metric) for row in rows], [curve(row, metric) for row in tested], window)
            mean = sum(single) / len(single) if single else None
            results.append(Comparison(name, metric, whole, mean, max(single, default=None), len(single)))
    return results


def table(name: str, points: Sequence[Point]) -> str:
    """The average curve, one line a quality."""
    lines = [f"{name:>8}      bpp   PSNR dB   MS-SSIM        dB"]
    lines += [f"{p.quality:8d} {p.bpp:8.4f} {p.psnr:9.3f} {p.ms_ssim:9.5f} {p.ms_ssim_db:9.3f}" for p in points]
    return "\n".join(lines) + "\n"


def comparison_table(name: str, results: Sequence[Comparison], window: Window) -> str:
    """BD-rates, with the interval each was taken over: in dB, and in the rates of the codec and of the anchor."""
    lines = [
        f"BD-rate of {name}, {window[0]:g} to {window[1]:g} bpp (negative: {name} needs fewer bits)",
        "anchor   metric    average curve  mean of pictures  worst  interval",
    ]
    for r in results:
        head = f"{r.anchor:8} {METRIC_NAMES[r.metric]:8}"
        if r.average is None:
            lines.append(f"{head}  no quality in common")
            continue
        (low, high), (t_low, t_high), (a_low, a_high) = r.average.quality, r.average.tested_bpp, r.average.anchor_bpp
        single = f"{r.mean_percent:+12.1f} % ({r.pictures:3d}) {r.worst_percent:+6.1f}" if r.pictures else " " * 27
        lines.append(
            f"{head} {r.average.percent:+12.1f} % {single}  {low:.2f} to {high:.2f} dB,"
            f" {t_low:.3f} to {t_high:.3f} bpp ({r.anchor} {a_low:.3f} to {a_high:.3f})"
        )
    return "\n".join(lines) + "\n"
