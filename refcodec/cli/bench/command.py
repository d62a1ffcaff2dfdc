# SPDX-License-Identifier: MIT
"""semtool bench: measure rate and distortion, or speed. The measuring modules are imported when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.bench.bench_options import (
    FORMATS,
    METHODS,
    WINDOW_BPP,
    anchor_list,
    claim_results,
    crop_rates,
    effort_list,
    metric_options,
    quality_list,
)
from refcodec.cli.bench.bench_options import window as window_option
from refcodec.cli.bench.remembered import Remembered, command_line, need_scipy
from refcodec.cli.bench.vary_command import vary
from refcodec.cli.common_options import json_option, models_of, models_options, parse_size, progress
from refcodec.cli.limit_options import limits_options
from refcodec.cli.output_file import output_name
from refcodec.cli.stdio import claim_output, say, show_json, wants_json
from refcodec.cli.symbol_options import pairs
from refcodec.fileio import shown
from refcodec.option_bounds import SAMPLES_MAX

if TYPE_CHECKING:
    from refcodec.cli.bench.rate import RateResult
    from refcodec.foundation.resolve import Models


@click.group(short_help="Measure rate and distortion, or speed.")
def group() -> None:
    """Measure rate and distortion, or speed."""


@group.command(cls=Remembered, short_help="Measure rates, distortions and BD-rates over pictures.")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PICTURES…")
@click.option(
    "--method",
    type=click.Choice([*METHODS, *FORMATS]),
    default="elic",
    show_default=True,
    help="Method or format to measure.",
)
@click.option(
    "--codec-cmd",
    nargs=2,
    metavar="ENCODE DECODE",
    help="Measure these commands instead, with {input}, {output} and {quality}.",
)
@click.option(
    "--codec-id", default="", metavar="TEXT", help="Name and version of the commands, for the report and the cache."
)
@click.option(
    "--qualities", callback=quality_list, metavar="LIST", help="Such as 1-10 or 1,4,9.  [default: 1-10 for elic]"
)
@click.option(
    "--bpp",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    metavar="R",
    help="Also measure the best file of at most R bits per pixel. Repeatable.",
)
@click.option("--profile", multiple=True, metavar="P", help="Profile of the registry, by id or name. Repeatable.")
@click.option(
    "--hint",
    "hints",
    metavar="K=V",
    multiple=True,
    callback=pairs,
    help="A render hint that overrides the file's, such as steps=20. Repeatable.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, SAMPLES_MAX),
    default=1,
    show_default=True,
    help="Pictures generated from each file, each with its own seed; metrics are their means.",
)
@metric_options
@models_options
@click.option(
    "--anchors",
    callback=anchor_list,
    metavar="LIST",
    help="Some of jpeg, webp, avif (speed 6), avif-slow (speed 0), jxl, jp2; or all, or none.  [default: jpeg,webp,avif for "
    "elic and commands, else none]",
)
@click.option(
    "--efforts",
    callback=effort_list,
    metavar="LIST",
    help="Measure a method of .sem at these efforts of its encoder, such as 1,5,9, each as a curve.",
)
@click.option(
    "--window",
    nargs=2,
    type=float,
    default=WINDOW_BPP,
    show_default=True,
    callback=window_option,
    metavar="LOW HIGH",
    help="Bits per pixel over which BD-rates are computed.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for results, so that an interrupted run continues where it stopped.",
)
@click.option("-o", "--output", metavar="OUT.json", callback=output_name, help="Write all numbers here.")
@click.option("--plot", metavar="OUT.svg", callback=output_name, help="Write the rate-distortion plot here.")
@click.option(
    "--html", metavar="OUT.html", callback=output_name, help="Write a report with tables, curves and crops here."
)
@click.option(
    "--crop-bpp",
    type=float,
    callback=crop_rates,
    multiple=True,
    metavar="R",
    help="Crops of the report: of each codec, the quality nearest to R bits per pixel. Repeatable.  [default: 0.2]",
)
@limits_options
@json_option
def rate(
    pictures: tuple[Path, ...],
    window: tuple[float, float],
    cache: Path | None,
    output: str | None,
    plot: str | None,
    html: str | None,
    crop_bpp: tuple[float, ...],
    **options: Any,
) -> None:
    """Measure the sizes of files, the quality of the pictures decoded from them, and seconds per picture.

    PICTURES are files, or folders of them. Methods without qualities are measured at their one rate by default.

    \b
    semtool bench rate KODAK --cache out/bench-cache --plot rate.svg
    semtool bench rate KODAK --anchors all --efforts 1,9 --html report.html
    semtool bench rate KODAK --metric-cmd butteraugli:lower "butteraugli_main {original} {decoded}"
    semtool bench rate KODAK --method clip --model set/ --metrics clip-cosine,css,bss --weights metrics/
    semtool bench rate KODAK --codec-cmd "enc -q {quality} {input} {output}" "dec {input} {output}"
    """
    outputs = [name for name in (output, plot, html) if name is not None]
    for name in outputs:
        claim_output(name, str(pictures[0]))
    if again := next((name for name in outputs if outputs.count(name) > 1), None):
        raise click.UsageError(f"{shown(again)} is named for two outputs: name a file for each")
    claim_results(cache)
    need_scipy()
    from refcodec.cli.bench.report_files import write_report

    models = models_of(
        options["model"],
        options["device"],
        options["dtype"],
        options["limits"],
        allow_download=options["allow_download"],
    )
    result = _measured(pictures, models, window, cache, options)
    write_report(result, output, plot, html, crop_bpp, cache)
    if wants_json():
        show_json(result.to_dict())
    else:
        say(result.text().rstrip("\n"))


def _measured(
    pictures: tuple[Path, ...],
    models: Models,
    window: tuple[float, float],
    cache: Path | None,
    options: dict[str, Any],
) -> RateResult:
    """Load metrics, codecs and pictures, and measure. Raises a usage error for options that do not go together."""
    from refcodec.cli.bench.codecs import codecs_of
    from refcodec.cli.bench.measure import load
    from refcodec.cli.bench.metric_command import metrics_from
    from refcodec.cli.bench.rate import measured
    from refcodec.cli.bench.report_files import warn_about_sets

    try:
        chosen = metrics_from(options, models)
        codecs = codecs_of(models, options)
        sources = load(pictures, chosen)
        warn_about_sets(chosen, len(sources))
        with progress("measuring") as update:
            return measured(
                codecs.codec, codecs.anchors, sources, chosen, window, command_line(), cache, update, codecs.variants
            )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@group.command(cls=Remembered, short_help="Measure the time of encoding, decoding and inspecting files.")
@click.argument("picture", required=False, type=click.Path(path_type=Path), metavar="[PICTURE]")
@click.option("--n", type=click.IntRange(min=1), default=192, show_default=True, help="Width of the networks.")
@click.option("--m", type=click.IntRange(min=1), default=320, show_default=True, help="Channels of the latents.")
@click.option(
    "--size",
    default="768x512",
    show_default=True,
    callback=parse_size,
    metavar="WxH",
    help="Size to which the picture is scaled.",
)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True, help="Threads of torch.")
@click.option(
    "--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Number of runs; the fastest counts."
)
@json_option
def speed(picture: Path | None, n: int, m: int, size: tuple[int, int], threads: int, repeats: int) -> None:
    """Measure the cost of exactness, encoding and decoding after start-up, and commands from start to exit.

    First ELIC's entropy networks run in exact integers and in float32, with random weights, as time does not depend on
    them: the same code over the same sites, without the entropy coder. Then PICTURE, or a synthetic one, is encoded and
    decoded with the embedded model.
    """
    from refcodec.networks.package_cache import need_torch

    need_torch("semtool bench speed")
    from refcodec.cli.bench.speed import measured

    claim_results(None)
    try:
        with progress("measuring") as update:
            result = measured(picture, n, m, size, threads, repeats, update)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if wants_json():
        show_json({"command": command_line(), **result.to_dict()})
    else:
        say(f"$ {command_line()}\n{result.text()}")


group.add_command(vary)
