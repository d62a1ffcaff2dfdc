# SPDX-License-Identifier: MIT
"""The files that `semtool bench rate` writes: numbers, plot and report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from refcodec.cli.bench.measure import Cache
from refcodec.cli.bench.set_distances import ENOUGH
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import write_output

if TYPE_CHECKING:
    from refcodec.cli.bench.metric_registry import Metric
    from refcodec.cli.bench.rate import RateResult

CROP_BPP = (0.2,)


def write_report(
    result: RateResult,
    output: str | None,
    plot: str | None,
    html: str | None,
    crop_bpp: Sequence[float],
    cache: Path | None,
) -> None:
    """Write the numbers, the plot and the report into the named files."""
    if output is not None:
        write_output(output, (json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n").encode())
    if plot is not None:
        write_output(plot, result.plot().encode())
    if html is not None:
        from refcodec.cli.bench.crops import crops_of
        from refcodec.cli.bench.html_report import render

        crops = crops_of(result, crop_bpp or CROP_BPP, Cache(cache))
        write_output(html, render(result, crops).encode("utf-8", "backslashreplace"))


def warn_about_sets(metrics: Sequence[Metric], pictures: int) -> None:
    """Print a notice for an FID of few pictures. Raises ValueError for a metric of sets and a single picture."""
    if any(metric.of_sets for metric in metrics) and pictures < 2:
        raise ValueError("FID, KID and CMMD compare sets: give several pictures")
    if pictures < ENOUGH and any(metric.name == "fid" for metric in metrics):
        notice(
            f"FID of {pictures} pictures, fewer than {ENOUGH}, is biased upwards: compare it at the same number, or use KID"
        )
