# SPDX-License-Identifier: MIT
"""Tables of rates and distortions, and of BD-rates against anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refcodec.cli.bench.distortions import BDRate, bd_rate, bd_rates
from refcodec.cli.bench.measure import Point, Setting, Sweep, curve
from refcodec.cli.bench.metric_registry import Metric
from refcodec.cli.bench.seconds import Seconds, mean

TIMES = ("encode s", "CPU s", "decode s", "CPU s")
SECONDS = "seconds per picture, means over pictures and settings: on the clock, and of processors (CPU)"

Window = tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """One codec against one anchor in one metric."""

    anchor: str
    metric: str
    average: BDRate | None  # of the average curves; None: no quality in common inside the window
    mean_percent: float | None  # mean of the BD-rates of single pictures
    worst_percent: float | None  # largest BD-rate of a single picture
    pictures: int  # number of pictures with a BD-rate, over which the two members before are taken
    codec: str = ""  # which is compared with the anchor


def compare(
    tested: Sweep, anchors: Mapping[str, Sweep], metrics: Sequence[Metric], window: Window, codec: str = ""
) -> list[Comparison]:
    """Return BD-rates of `tested` against each anchor in each metric, over the same pictures.

    Metrics of sets have a BD-rate of the average curves only.
    """
    results = []
    for name, anchor in anchors.items():
        for metric in metrics:
            average = bd_rate(curve(anchor.average, metric), curve(tested.average, metric), window)
            single: list[float] = []
            if metric.of_sets is None:
                single = bd_rates(
                    [curve(row, metric) for row in anchor.rows], [curve(row, metric) for row in tested.rows], window
                )
            mean = sum(single) / len(single) if single else None
            results.append(Comparison(name, metric.name, average, mean, max(single, default=None), len(single), codec))
    return results


def table(name: str, points: Sequence[Point], metrics: Sequence[Metric], seconds: Sequence[Seconds] = ()) -> str:
    """Return the average curve as a table, one line per setting, with its seconds on the clock and of processors."""
    columns = [(metric.name, metric.title, metric.digits) for metric in metrics]
    for metric in metrics:
        if metric.decibels:
            columns.insert(columns.index((metric.name, metric.title, metric.digits)) + 1, (metric.curve, "dB", 3))
    rows = [["", "bpp", *(title for _, title, _ in columns), *(TIMES if seconds else ())]]
    rows += [
        [setting_text(p.setting), f"{p.bpp:.5f}", *(f"{p.values[key]:.{digits}f}" for key, _, digits in columns)]
        for p in points
    ]
    for row, each in zip(rows[1:], seconds, strict=False):
        row += _times(each)
    return "\n".join([name, *aligned(rows)]) + "\n"


def seconds_table(curves: Mapping[str, Sequence[Seconds]]) -> str:
    """Return the seconds of each curve, one line per codec: means over its settings."""
    rows = [["", *TIMES], *([name, *_times(mean(seconds))] for name, seconds in curves.items() if seconds)]
    return "\n".join([SECONDS, *aligned(rows)]) + "\n"


def _times(seconds: Seconds) -> list[str]:
    return [f"{value:.3f}" for value in seconds.to_dict().values()]


def aligned(rows: list[list[str]]) -> list[str]:
    """Return lines of right-aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def setting_text(setting: Setting) -> str:
    """Return a setting for a table or a caption."""
    if setting is None:
        return "default"
    if isinstance(setting, str):
        return setting
    return f"quality {setting}" if isinstance(setting, int) else f"{setting:g} bpp wanted"


def comparison_table(name: str, results: Sequence[Comparison], metrics: Sequence[Metric], window: Window) -> str:
    """Return a table of BD-rates with the intervals that they cover, in the metric and in the rates of codec and anchor."""
    by_name = {metric.name: metric for metric in metrics}
    wide = max(6, *(len(metric.title) for metric in metrics))
    first = max(8, *(len(r.anchor) for r in results))
    lines = [
        f"BD-rate of {name}, {window[0]:g} to {window[1]:g} bpp (negative: {name} needs fewer bits)",
        f"{'anchor':{first}} {'metric':{wide}}  average curve  mean of pictures  worst  interval",
    ]
    for r in results:
        metric = by_name[r.metric]
        head = f"{r.anchor:{first}} {metric.title:{wide}}"
        if r.average is None:
            lines.append(f"{head}  no quality in common")
            continue
        (t_low, t_high), (a_low, a_high) = r.average.tested_bpp, r.average.anchor_bpp
        low, high = r.average.quality if metric.higher else (-r.average.quality[0], -r.average.quality[1])
        digits, unit = (2, f" {metric.unit}") if metric.unit else (metric.digits - 1, "")
        single = f"{r.mean_percent:+12.1f} % ({r.pictures:3d}) {r.worst_percent:+6.1f}" if r.pictures else " " * 27
        lines.append(
            f"{head} {r.average.percent:+12.1f} % {single}  {low:.{digits}f} to {high:.{digits}f}{unit},"
            f" {t_low:.3f} to {t_high:.3f} bpp ({r.anchor} {a_low:.3f} to {a_high:.3f})"
        )
    return "\n".join(lines) + "\n"
