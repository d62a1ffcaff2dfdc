# SPDX-License-Identifier: MIT
"""Options of `semtool bench`: those of metrics, and parsers of lists, windows and sizes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from refcodec import spec
from refcodec.cli.output_probe import probe_folder
from refcodec.cli.stdio import claim_report
from refcodec.fileio import shown
from refcodec.rate_target import BPP_MAX

WINDOW_BPP: Final = (0.1, 0.8)  # bits per pixel over which BD-rates are computed by default
METHODS: Final = tuple(spec.METHODS.values())
ANCHORS: Final = ("jpeg", "webp", "avif")  # the default
FORMATS: Final = (*ANCHORS, "avif-slow", "jxl", "jp2")
WITHOUT_QUALITY: Final = ("jp2",)  # formats that are measured at rates
GENERATING: Final = tuple(name for name in METHODS if name != "elic")  # methods with settings of a generator
WITH_QUALITY: Final = ("elic", "pics")  # methods with latents, whose rate has a quality


def claim_results(cache: Path | None) -> None:
    """Check that results can be printed and cached, before they are measured. Raises Code.CANNOT_WRITE (SEM-E-102)."""
    claim_report()
    if cache is not None:
        probe_folder(str(cache))


def quality_list(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """Parse qualities: "1-3,7" → (1, 2, 3, 7)."""
    if text is None:
        return None
    qualities: list[int] = []
    for piece in text.split(","):
        ends = re.fullmatch(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", piece)
        if ends is None or int(ends[2] or ends[1]) < int(ends[1]):
            raise click.BadParameter("write qualities as 1-10 or 1,4,9")
        qualities.extend(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return tuple(dict.fromkeys(qualities))


def anchor_list(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """Parse names of anchors: "jpeg,avif" → (jpeg, avif); "none" → (); "all" → all formats."""
    if text is None:
        return None
    names = {"none": (), "all": FORMATS}.get(text, tuple(dict.fromkeys(text.split(","))))
    if unknown := sorted(set(names) - set(FORMATS)):
        known = ", ".join(FORMATS)
        raise click.BadParameter(
            f"there is no anchor {shown(unknown[0])}: choose from {known}, or write all or none alone"
        )
    return names


def effort_list(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[int, ...]:
    """Parse efforts: "1,5,9" or "1-3" → numbers from 1 to 9; () without any."""
    if text is None:
        return ()
    try:
        efforts = quality_list(_ctx, _param, text) or ()
    except click.BadParameter:
        efforts = ()
    if not efforts or not set(efforts) <= set(range(1, 10)):
        raise click.BadParameter("write efforts as 1,5,9: numbers from 1 to 9")
    return efforts


def window(_ctx: click.Context, _param: click.Parameter, value: tuple[float, float]) -> tuple[float, float]:
    """Check a window, (low, high) bits per pixel."""
    if not 0 < value[0] < value[1] < float("inf"):
        raise click.BadParameter(f"{value[0]:g} to {value[1]:g} bpp is not a window")
    return value


def crop_rates(_ctx: click.Context, _param: click.Parameter, values: tuple[float, ...]) -> tuple[float, ...]:
    """Check rates, in bits per pixel."""
    for value in values:
        if not 0 < value < BPP_MAX:
            raise click.BadParameter(f"a rate is a number above 0 and below {BPP_MAX}, in bits per pixel")
    return values


def metric_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --metrics, --metric-cmd, --weights and --captions, which `metric_command.metrics_from` reads."""
    for decorate in (
        click.option(
            "--captions",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="For clip-score: lines of file name, tab, text, or JSON objects with file_name and caption.",
        ),
        click.option(
            "--weights",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of metric networks, with lpips-alex.safetensors, …, clip, segmenter.",
        ),
        click.option(
            "--metric-cmd",
            nargs=2,
            multiple=True,
            metavar="NAME CMD",
            help="Also measure what CMD prints for two PNG files, in place of {original} and {decoded} or after it; "
            "NAME:lower if lower is better. Repeatable.",
        ),
        click.option(
            "--metrics",
            default="psnr,ms-ssim",
            show_default=True,
            metavar="LIST",
            help="Some of psnr, ms-ssim, ssimulacra2, lpips-alex, lpips-vgg, dists, clip-cosine, clip-score, css, bss, miou, "
            "fid, kid, cmmd.",
        ),
    ):
        f = decorate(f)
    return f
