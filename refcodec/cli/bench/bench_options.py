# SPDX-License-Identifier: MIT
"""Parse the options of `semtool bench`: lists, windows, and the codecs that they name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from refcodec import spec
from refcodec.fileio import shown
from refcodec.registry import hints

if TYPE_CHECKING:
    from refcodec.cli.bench.measure import Codec, Setting

METHODS: Final = tuple(spec.METHODS.values())
FORMATS: Final = ("jpeg", "webp", "avif")
WITH_QUALITY: Final = ("elic", "pics")  # methods with latents, whose rate has a quality


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
    """Parse names of anchors: "jpeg,avif" → (jpeg, avif); "none" → ()."""
    if text is None:
        return None
    names = () if text == "none" else tuple(dict.fromkeys(text.split(",")))
    if unknown := sorted(set(names) - set(FORMATS)):
        raise click.BadParameter(f"there is no anchor {shown(unknown[0])}: choose of {', '.join(FORMATS)}, or none")
    return names


def window(_ctx: click.Context, _param: click.Parameter, value: tuple[float, float]) -> tuple[float, float]:
    """Check a window, (low, high) bits per pixel."""
    if not 0 < value[0] < value[1] < float("inf"):
        raise click.BadParameter(f"{value[0]:g} to {value[1]:g} bpp is not a window")
    return value


def size(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, int]:
    """Return (width, height) of a text such as 768x512."""
    width, _, height = value.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) * int(height)):
        raise click.BadParameter("a size is WIDTHxHEIGHT, such as 768x512")
    return int(width), int(height)


def codecs_of(models: Any, options: dict[str, Any]) -> tuple[Codec, list[Codec]]:
    """Return the codec to measure, and its anchors. Raises a usage error for settings that the codec does not support."""
    from refcodec.cli.bench import coders
    from refcodec.cli.bench.anchors import ANCHORS

    method, commands = options["method"], options["codec_cmd"]
    settings, profile = _settings(
        method, commands is not None, options["qualities"], options["bpp"], options["profile"]
    )
    if (options["samples"] > 1 or options["hints"]) and (commands or method in ("elic", *FORMATS)):
        raise click.UsageError("--samples and --hint are for methods that generate pictures from a seed")
    if unknown := sorted(set(options["hints"]) - set(hints.HINTS)):
        raise click.UsageError(f"there is no hint {shown(unknown[0])}: there are {', '.join(hints.HINTS)}")
    if commands:
        codec = coders.command(commands[0], commands[1], settings, options["codec_id"])
    elif method in FORMATS:
        codec = ANCHORS[method]()
        codec = replace(codec, settings=settings) if options["qualities"] else codec
    else:
        codec = coders.refcodec(
            method, settings, models, profile=profile, samples=options["samples"], overrides=options["hints"]
        )
    names = options["anchors"]
    if names is None:
        names = FORMATS if commands or method == "elic" else ()
    anchors = [ANCHORS[name]() for name in names]
    return codec, [anchor for anchor in anchors if anchor.name != codec.name]


def _settings(
    method: str, commands: bool, qualities: tuple[int, ...] | None, bpp: tuple[float, ...], profiles: tuple[str, ...]
) -> tuple[tuple[Setting, ...], str | None]:
    """Return the settings to measure, and the profile that all of them use."""
    if (bpp or profiles) and (commands or method in FORMATS):
        raise click.UsageError("--bpp and --profile are for the methods of .sem: others take --qualities")
    if qualities and not commands and method not in (*WITH_QUALITY, *FORMATS):
        raise click.UsageError(f"method {method} has no quality: give --bpp, or neither")
    if len(profiles) > 1:
        if qualities or bpp:
            raise click.UsageError("several profiles are measured as they come: --qualities and --bpp go with one")
        return profiles, None
    profile = profiles[0] if profiles else None
    if qualities or bpp:
        return (*(qualities or ()), *bpp), profile
    return (tuple(range(1, 11)) if commands or method == "elic" else (None,)), profile
