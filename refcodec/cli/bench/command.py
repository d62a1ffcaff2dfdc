# SPDX-License-Identifier: MIT
"""semtool bench: rate-distortion and speed, measured here. What measures is imported once a command runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.bench.bench_options import FORMATS, METHODS, anchor_list, codecs_of, quality_list
from refcodec.cli.bench.bench_options import size as size_option
from refcodec.cli.bench.bench_options import window as window_option
from refcodec.cli.common_options import json_option, models_of, models_options, progress
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import claim_output, say, show_json, wants_json, write_output
from refcodec.cli.symbol_options import pairs
from refcodec.errors import Code, SemError

if TYPE_CHECKING:
    from refcodec.cli.bench.metric_registry import Metric

ARGUMENTS = "refcodec.cli.bench.arguments"


class _Remembered(click.Command):
    """Keeps its words, which reports repeat."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


@click.group(short_help="Measure rate and distortion, or speed.")
def group() -> None:
    """Measure rate and distortion, or speed."""


def need_scipy() -> None:
    """SEM-E-805 where scipy is not installed."""
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise SemError(
            Code.DEPENDENCY_MISSING,
            "semtool bench rate needs scipy, which is not installed",
            hint="pip install 'refcodec[bench]'",
        ) from error


@group.command(cls=_Remembered, short_help="Rates, distortions and BD-rates over pictures.")
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PICTURES…")
@click.option(
    "--method", type=click.Choice([*METHODS, *FORMATS]), default="elic", show_default=True, help="What is measured."
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
@click.option("--qualities", callback=quality_list, metavar="LIST", help="As 1-10 or 1,4,9.  [default: 1-10 for elic]")
@click.option(
    "--bpp",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    metavar="R",
    help="The best file of at most R bits per pixel; as often as wanted.",
)
@click.option(
    "--profile", multiple=True, metavar="P", help="Row of the registry, by id or name; several are measured one by one."
)
@click.option(
    "--hint",
    "hints",
    metavar="K=V",
    multiple=True,
    callback=pairs,
    help="Paint so, such as steps=20, whatever the file says.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Pictures painted of each file, from as many seeds; metrics are their means.",
)
@click.option(
    "--metrics",
    default="psnr,ms-ssim",
    show_default=True,
    metavar="LIST",
    help="Of psnr, ms-ssim, ssimulacra2, lpips-alex, lpips-vgg, dists, clip-cosine, clip-score, css, bss, fid, kid.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of metric networks: lpips-alex.safetensors …, clip, segmenter.",
)
@click.option(
    "--captions",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="For clip-score: lines of file name, tab, text, or JSON objects with file_name and caption.",
)
@models_options
@click.option(
    "--anchors",
    callback=anchor_list,
    metavar="LIST",
    help="Of jpeg,webp,avif; or none.  [default: all for elic and commands, else none]",
)
@click.option(
    "--window",
    nargs=2,
    type=float,
    default=(0.1, 0.8),
    show_default=True,
    callback=window_option,
    metavar="LOW HIGH",
    help="BD-rates are taken over these bits per pixel.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keeps results, so that an interrupted run goes on where it stopped.",
)
@click.option("-o", "--output", metavar="OUT.json", help="Write all numbers here.")
@click.option("--plot", metavar="OUT.svg", help="Write the rate-distortion plot here.")
@json_option
def rate(
    pictures: tuple[Path, ...],
    metrics: str,
    weights: Path | None,
    captions: Path | None,
    window: tuple[float, float],
    cache: Path | None,
    output: str | None,
    plot: str | None,
    **options: Any,
) -> None:
    """Measure the sizes of real files, and the quality of the pictures decoded from them.

    PICTURES are files, or folders of them. Without a quality or a rate a method makes the one file that it makes.

    \b
    semtool bench rate KODAK --cache out/bench-cache --plot rate.svg
    semtool bench rate KODAK --method clip --model set/ --metrics clip-cosine,css,bss --weights metrics/
    semtool bench rate KODAK --codec-cmd "enc -q {quality} {input} {output}" "dec {input} {output}"
    """
    for name in (output, plot):
        if name is not None:
            claim_output(name, str(pictures[0]))
    need_scipy()
    models = models_of(options["model"], options["device"], options["dtype"])
    from refcodec.cli.bench import metric_registry, network_cache
    from refcodec.cli.bench.measure import load
    from refcodec.cli.bench.rate import measured

    try:
        wanted = metric_registry.chosen(metrics.split(","), network_cache.Places(models, weights, captions))
        codec, anchors = codecs_of(models, options)
        sources = load(pictures, wanted)
        _warn(wanted, len(sources))
        with progress("measuring") as update:
            result = measured(codec, anchors, sources, wanted, window, _command(), cache, update)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    document = result.to_dict()
    if output is not None:
        import json

        write_output(output, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
    if plot is not None:
        write_output(plot, result.plot().encode())
    if wants_json():
        show_json(document)
    else:
        say(result.text().rstrip("\n"))


def _warn(metrics: list[Metric], pictures: int) -> None:
    from refcodec.cli.bench.set_distances import ENOUGH

    if any(metric.of_sets for metric in metrics) and pictures < 2:
        raise ValueError("FID and KID compare sets: give several pictures")
    if pictures < ENOUGH and any(metric.name == "fid" for metric in metrics):
        notice(
            f"FID of {pictures} pictures, fewer than {ENOUGH}, comes out high: compare it with that of as many, or take KID"
        )


def _command() -> str:
    """The command line, as one would type it."""
    context = click.get_current_context()
    return f"{context.command_path} {shlex.join(context.meta[ARGUMENTS])}"


@group.command(cls=_Remembered, short_help="How long encoding, decoding and looking into files take.")
@click.argument("picture", required=False, type=click.Path(path_type=Path), metavar="[PICTURE]")
@click.option("--n", type=click.IntRange(min=1), default=192, show_default=True, help="Width of the networks.")
@click.option("--m", type=click.IntRange(min=1), default=320, show_default=True, help="Channels of the latents.")
@click.option(
    "--size",
    default="768x512",
    show_default=True,
    callback=size_option,
    metavar="WxH",
    help="That the picture is scaled to.",
)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True, help="Of torch.")
@click.option(
    "--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Runs, of which the fastest counts."
)
@json_option
def speed(picture: Path | None, n: int, m: int, size: tuple[int, int], threads: int, repeats: int) -> None:
    """Measure what exactness costs, encoding and decoding after start-up, and commands from start to exit.

    First ELIC's entropy networks run in exact integers and in float32, with random weights, since time does not depend on
    them: the same code over the same sites, without the coder, which is the same for both. Then PICTURE, or a made-up one,
    is encoded and decoded with the embedded model.
    """
    from refcodec.networks.package_cache import need_torch

    need_torch("semtool bench speed")
    from refcodec.cli.bench.speed import measured

    try:
        with progress("measuring") as update:
            result = measured(picture, n, m, size, threads, repeats, update)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if wants_json():
        show_json({"command": _command(), **result.to_dict()})
    else:
        say(f"$ {_command()}\n{result.text()}")
