# SPDX-License-Identifier: MIT
"""semtool bench vary: the papers' experiments with the settings of a generator. Measuring modules are imported when it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.bench.bench_options import GENERATING, claim_results, metric_options
from refcodec.cli.bench.remembered import Remembered, command_line, need_scipy
from refcodec.cli.common_options import json_option, models_of, models_options, progress
from refcodec.cli.limit_options import limits_options
from refcodec.cli.output_file import output_name
from refcodec.cli.stdio import claim_output, say, show_json, wants_json, write_output
from refcodec.cli.symbol_options import pairs
from refcodec.fileio import shown
from refcodec.option_bounds import SAMPLES_MAX

if TYPE_CHECKING:
    from refcodec.cli.bench.vary import VaryResult
    from refcodec.foundation.resolve import Models


@click.command(cls=Remembered, short_help="Measure pictures while a setting of the generator varies.")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PICTURES…")
@click.option("--method", type=click.Choice(GENERATING), required=True, help="Method to measure.")
@click.option(
    "--vary",
    "settings",
    multiple=True,
    required=True,
    metavar="NAME[=VALUES]",
    help="A setting and its values, such as guidance=1,3,5 or steps=5:50:5: a render hint, or vector-scale, vector-noise "
    "(clip) or guidance-on (perco), whose default values are those of the paper. Repeatable.",
)
@click.option("--profile", metavar="P", help="Profile of the registry, by id or name.")
@click.option(
    "--hint",
    "hints",
    metavar="K=V",
    multiple=True,
    callback=pairs,
    help="A render hint that does not vary. Repeatable.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, SAMPLES_MAX),
    default=1,
    show_default=True,
    help="Pictures generated from each file, each with its own seed; metrics are means over them.",
)
@metric_options
@models_options
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for results, so that an interrupted run continues where it stopped.",
)
@click.option("-o", "--output", metavar="OUT.json", callback=output_name, help="Write all numbers here.")
@limits_options
@json_option
def vary(pictures: tuple[Path, ...], output: str | None, **options: Any) -> None:
    """Encode each picture once, and measure the pictures decoded from the file at every value of a setting.

    \b
    semtool bench vary KODAK --method clip --profile clip-16 --vary vector-scale --vary vector-noise --samples 3 \\
        --model set/ --metrics clip-cosine,css,bss,fid --weights metrics/ --cache out/vary
    semtool bench vary KODAK --method perco --vary guidance --vary guidance-on --model set/ --metrics lpips-vgg,miou \\
        --weights metrics/
    """
    if output is not None:
        claim_output(output, str(pictures[0]))
    claim_results(options["cache"])
    need_scipy("vary")
    models = models_of(
        options["model"],
        options["device"],
        options["dtype"],
        options["limits"],
        allow_download=options["allow_download"],
    )
    result = _measured(pictures, models, options)
    if output is not None:
        write_output(output, (json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n").encode())
    if wants_json():
        show_json(result.to_dict())
    else:
        say(result.text().rstrip("\n"))


def _measured(pictures: tuple[Path, ...], models: Models, options: dict[str, Any]) -> VaryResult:
    """Load metrics and pictures, and measure. Raises a usage error for options that do not go together."""
    from refcodec.cli.bench import experiments
    from refcodec.cli.bench.measure import load
    from refcodec.cli.bench.metric_command import metrics_from
    from refcodec.cli.bench.report_files import warn_about_sets
    from refcodec.cli.bench.vary import Setup, measured
    from refcodec.registry import hints

    if unknown := sorted(set(options["hints"]) - set(hints.HINTS)):
        raise click.UsageError(f"there is no hint {shown(unknown[0])}: there are {', '.join(hints.HINTS)}")
    if both := sorted({entry.partition("=")[0] for entry in options["settings"]} & set(options["hints"])):
        raise click.UsageError(f"{both[0]} is varied, so that --hint {both[0]}=… would mean nothing")
    method = options["method"]
    try:
        chosen_experiments = [experiments.experiment(method, text) for text in options["settings"]]
        chosen = metrics_from(options, models)
        sources = load(pictures, chosen)
        warn_about_sets(chosen, len(sources))
        setup = Setup(method, models, options["profile"], options["samples"], options["hints"])
        with progress("measuring") as update:
            return measured(setup, chosen_experiments, sources, chosen, command_line(), options["cache"], update)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
