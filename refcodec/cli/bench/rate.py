# SPDX-License-Identifier: MIT
"""Measurements of `semtool bench rate`: rates, distortions and seconds of a codec, and BD-rates against its anchors.

Rates are 8 * len(file) / pixels. At each setting, the average curve is the mean over pictures of the rates and of the
values (also of MS-SSIM in decibels). BD-rates: see `distortions.bd_rate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from refcodec.cli.bench.distortions import Curve
from refcodec.cli.bench.measure import Codec, Source, Sweep, setting_key, sweep
from refcodec.cli.bench.metric_registry import Metric
from refcodec.cli.bench.plot import svg
from refcodec.cli.bench.tables import Comparison, Window, compare, comparison_table, seconds_table, table
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
    variants: Sequence[Codec] = ()  # the codec at other efforts
    anchors: Sequence[Codec] = ()

    @property
    def codecs(self) -> list[Codec]:
        """The codec, its variants and its anchors."""
        return [self.codec, *self.variants, *self.anchors]

    @property
    def tested(self) -> Sweep:
        return self.sweeps[self.codec.name]

    def text(self) -> str:
        """Return the tables."""
        parts = [f"{self.command}\n{len(self.sources)} pictures; means\n"]
        names = [codec.name for codec in (self.codec, *self.variants)]
        parts += [table(name, self.sweeps[name].average, self.metrics, self.sweeps[name].seconds) for name in names]
        for name in names:
            if of_codec := [each for each in self.comparisons if each.codec == name]:
                parts.append(comparison_table(name, of_codec, self.metrics, self.window))
        parts.append(seconds_table({name: sweep.seconds for name, sweep in self.sweeps.items()}))
        return "\n".join(parts)

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
            "seconds": {
                name: [
                    {**setting_key(point.setting), **seconds.to_dict()}
                    for point, seconds in zip(done.average, done.seconds, strict=True)
                ]
                for name, done in self.sweeps.items()
            },
            "bd_rate": [asdict(comparison) for comparison in self.comparisons],
        }

    def plot(self) -> str:
        """Return an SVG plot with one panel per metric and one line per codec."""
        return svg(self.panels(), self.top_bpp, self.command)

    def panels(self) -> dict[str, dict[str, Curve]]:
        """Return the average curves, by label of the metric and name of the codec."""
        return {
            metric.label: {
                name: [(p.bpp, p.values[metric.curve]) for p in done.average] for name, done in self.sweeps.items()
            }
            for metric in self.metrics
        }

    @property
    def top_bpp(self) -> float:
        """The highest rate of a plot."""
        top = self.window[1] if len(self.sweeps) > 1 else max(point.bpp for point in self.tested.average)
        return 1.25 * top


def measured(
    codec: Codec,
    anchors: Sequence[Codec],
    sources: Sequence[Source],
    metrics: Sequence[Metric],
    window: Window,
    command: str,
    cache: Path | None = None,
    progress: Progress | None = None,
    variants: Sequence[Codec] = (),
) -> RateResult:
    """Measure the codec, its variants, then its anchors. Variants are compared with the codec, too."""
    codecs = [codec, *variants, *anchors]
    work = [len(each.settings) for each in codecs]
    sweeps = {}
    for number, each in enumerate(codecs):
        ends = (sum(work[:number]) / sum(work), sum(work[: number + 1]) / sum(work))
        sweeps[each.name] = sweep(each, sources, metrics, cache, part(progress, *ends))
    others = {anchor.name: sweeps[anchor.name] for anchor in anchors}
    comparisons = compare(sweeps[codec.name], others, metrics, window, codec.name)
    for variant in variants:
        against = {codec.name: sweeps[codec.name], **others}
        comparisons += compare(sweeps[variant.name], against, metrics, window, variant.name)
    return RateResult(command, codec, sources, metrics, sweeps, comparisons, window, variants, anchors)
