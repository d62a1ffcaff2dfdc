# SPDX-License-Identifier: MIT
"""Measurements of `semtool bench rate`: rates and distortions of a codec, and BD-rates against JPEG, WebP and AVIF.

Rates are 8 * len(file) / pixels. At each setting, the average curve is the mean over pictures of the rates and of the
values (also of MS-SSIM in decibels). BD-rates: see `distortions.bd_rate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from refcodec.cli.bench.measure import Codec, Source, Sweep, sweep
from refcodec.cli.bench.metric_registry import Metric
from refcodec.cli.bench.plot import svg
from refcodec.cli.bench.tables import Comparison, Window, compare, comparison_table, table
from refcodec.progress import Progress, part


@dataclass(frozen=True)
class RateResult:
    """Everything that was measured."""

    command: str  # the command line that repeats the measurement
    codec: Codec
    sources: Sequence[Source]
    metrics: Sequence[Metric]
    sweeps: Mapping[str, Sweep]  # by name, the codec first
    comparisons: Sequence[Comparison]
    window: Window

    @property
    def tested(self) -> Sweep:
        return self.sweeps[self.codec.name]

    def text(self) -> str:
        """Return the tables."""
        out = f"{self.command}\n{len(self.sources)} pictures; means\n\n{table(self.codec.name, self.tested.average, self.metrics)}"
        if self.comparisons:
            out += "\n" + comparison_table(self.codec.name, self.comparisons, self.metrics, self.window)
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return all points, of each picture and averaged, with the identities needed to repeat them."""
        return {
            "command": self.command,
            "window_bpp": list(self.window),
            "metrics": [{"name": metric.name, "identity": metric.identity} for metric in self.metrics],
            "codec": {"name": self.codec.name, "identity": self.codec.identity},
            "pictures": [{"name": source.name, "sha256": source.sha256} for source in self.sources],
            "curves": {
                name: {
                    "average": [point.to_dict() for point in done.average],
                    "pictures": [[point.to_dict() for point in row] for row in done.rows],
                }
                for name, done in self.sweeps.items()
            },
            "bd_rate": [asdict(comparison) for comparison in self.comparisons],
        }

    def plot(self) -> str:
        """Return an SVG plot with one panel per metric and one line per codec."""
        panels = {
            metric.label: {
                name: [(p.bpp, p.values[metric.curve]) for p in done.average] for name, done in self.sweeps.items()
            }
            for metric in self.metrics
        }
        top = self.window[1] if len(self.sweeps) > 1 else max(point.bpp for point in self.tested.average)
        return svg(panels, 1.25 * top, self.command)


def measured(
    codec: Codec,
    anchors: Sequence[Codec],
    sources: Sequence[Source],
    metrics: Sequence[Metric],
    window: Window,
    command: str,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> RateResult:
    """Measure the codec, then its anchors."""
    codecs = [codec, *anchors]
    work = [len(each.settings) for each in codecs]
    sweeps = {}
    for number, each in enumerate(codecs):
        ends = (sum(work[:number]) / sum(work), sum(work[: number + 1]) / sum(work))
        sweeps[each.name] = sweep(each, sources, metrics, cache, part(progress, *ends))
    others = {anchor.name: sweeps[anchor.name] for anchor in anchors}
    comparisons = compare(sweeps[codec.name], others, metrics, window)
    return RateResult(command, codec, sources, metrics, sweeps, comparisons, window)
