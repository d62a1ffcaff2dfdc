# SPDX-License-Identifier: MIT
"""The tables of the report of `semtool bench rate`: BD-rates, seconds, and all points."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from refcodec.cli.bench.seconds import Seconds, mean
from refcodec.cli.bench.tables import TIMES, Comparison, setting_text
from refcodec.errors import one_line

if TYPE_CHECKING:
    from refcodec.cli.bench.measure import Point
    from refcodec.cli.bench.metric_registry import Metric
    from refcodec.cli.bench.rate import RateResult

BAR, FULL = 120, 60.0  # width of a bar's box in pixels, and the percentage of half of it


def text(value: str) -> str:
    """Return text for HTML, in one line."""
    return escape(one_line(value))


def bd_rates_html(result: RateResult) -> str:
    """Return the table of BD-rates, one row for each codec and anchor, one column for each metric; "" without anchors."""
    if not result.comparisons:
        return ""
    head = "".join(f"<th>{text(metric.title)}</th>" for metric in result.metrics)
    rows, several = [], bool(result.variants)
    for codec in (result.codec, *result.variants):
        found = [each for each in result.comparisons if each.codec == codec.name]
        if several and found:
            rows.append(f"<tr class='part'><th colspan='{1 + len(result.metrics)}'>{text(codec.name)}</th></tr>\n")
        for anchor in dict.fromkeys(each.anchor for each in found):
            cells = "".join(_bd_cell(each) for each in found if each.anchor == anchor)
            rows.append(f"<tr><td>against {text(anchor)}</td>{cells}</tr>\n")
    return (
        "<h2>Bits at equal quality</h2>\n<p class='dim'>BD-rate of the average curves: negative (green) where fewer bits are "
        "needed. Below: the mean of the BD-rates of single pictures, and the worst of them.</p>\n"
        f"<div class='wide'><table><thead><tr><th></th>{head}</tr></thead><tbody>\n{''.join(rows)}</tbody></table></div>\n"
    )


def _bd_cell(comparison: Comparison) -> str:
    if comparison.average is None:
        return "<td><small>no quality in common</small></td>"
    percent = comparison.average.percent
    look = "good" if percent < 0 else "bad" if percent > 0 else ""
    single = ""
    if comparison.mean_percent is not None and comparison.worst_percent is not None:
        single = f"<br><small>{comparison.mean_percent:+.1f} % mean, {comparison.worst_percent:+.1f} % worst</small>"
    return f"<td class='{look}'><b>{percent:+.1f} %</b>{_bar(percent)}{single}</td>"


def _bar(percent: float) -> str:
    """Return a bar to the left of the middle for negative percentages, to the right for positive ones."""
    middle = BAR / 2
    length = middle * min(abs(percent), FULL) / FULL
    left = middle - length if percent < 0 else middle
    return (
        f'<svg viewBox="0 0 {BAR} 14" aria-hidden="true"><rect class="bar" x="{left:.1f}" y="2" width="{length:.1f}" '
        f'height="10" rx="2"/><path class="axis" d="M{middle:g} 0V14"/></svg>'
    )


def seconds_html(result: RateResult) -> str:
    """Return the seconds of each codec per picture, means over its settings."""
    rows = "".join(
        f"<tr><td>{text(name)}</td>{_time_cells(mean(done.seconds))}</tr>\n"
        for name, done in result.sweeps.items()
        if done.seconds
    )
    head = "<th>encode</th><th>CPU</th><th>decode</th><th>CPU</th>"
    return (
        "<h2>Seconds per picture</h2>\n<p class='dim'>Means over pictures and settings: on the clock, and of processors (CPU), "
        "in one process after start-up.</p>\n"
        f"<div class='wide'><table><thead><tr><th></th>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n"
    )


def _time_cells(seconds: Seconds) -> str:
    return "".join(f"<td>{value:.3f} s</td>" for value in seconds.to_dict().values())


def points_html(result: RateResult) -> str:
    """Return the average curve of each codec as a table that can be opened."""
    parts = [_points(name, done.average, done.seconds, result.metrics) for name, done in result.sweeps.items()]
    return f"<h2>All settings</h2>\n{''.join(parts)}"


def _points(name: str, points: Sequence[Point], seconds: Sequence[Seconds], metrics: Sequence[Metric]) -> str:
    columns = []
    for metric in metrics:
        columns.append((metric.name, metric.title, metric.digits))
        if metric.decibels:
            columns.append((metric.curve, "dB", 3))
    head = "".join(f"<th>{text(title)}</th>" for _, title, _ in columns) + "".join(f"<th>{each}</th>" for each in TIMES)
    rows = []
    for point, times in zip(points, seconds, strict=False):
        cells = "".join(f"<td>{point.values[key]:.{digits}f}</td>" for key, _, digits in columns)
        rows.append(
            f"<tr><td>{text(setting_text(point.setting))}</td><td>{point.bpp:.4f}</td>{cells}{_time_cells(times)}</tr>\n"
        )
    return (
        f"<details class='wide'><summary>{text(name)}</summary><table><thead><tr><th></th><th>bpp</th>{head}</tr></thead>"
        f"<tbody>\n{''.join(rows)}</tbody></table></details>\n"
    )
