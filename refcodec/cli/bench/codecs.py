# SPDX-License-Identifier: MIT
"""The codecs that the options of `semtool bench rate` name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import click

from refcodec.cli.bench import coders
from refcodec.cli.bench.anchors import FORMATS
from refcodec.cli.bench.bench_options import ANCHORS, WITH_QUALITY, WITHOUT_QUALITY
from refcodec.cli.bench.measure import Codec, Setting
from refcodec.cli.error_report import notice
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.registry import hints


@dataclass(frozen=True)
class Codecs:
    """The codec to measure, the same at other efforts, and its anchors."""

    codec: Codec
    variants: tuple[Codec, ...]
    anchors: tuple[Codec, ...]


def codecs_of(models: Any, options: dict[str, Any]) -> Codecs:
    """Return the codecs that options name. Raises a usage error for settings that the codec does not support.

    Anchors whose library is not installed are left out, with a notice.
    """
    commands, method = options["codec_cmd"], options["method"]
    _check_generation(options, commands is not None, method)
    codec, *variants = _measured(models, options, commands, method)
    names = options["anchors"]
    if names is None:
        names = ANCHORS if commands or method == "elic" else ()
    anchors = [anchor for name in names if (anchor := _anchor(name)) is not None]
    return Codecs(codec, tuple(variants), tuple(anchor for anchor in anchors if anchor.name != codec.name))


def _measured(models: Any, options: dict[str, Any], commands: tuple[str, str] | None, method: str) -> list[Codec]:
    """Return the codec to measure, at each effort."""
    settings, profile = _settings(
        method, commands is not None, options["qualities"], options["bpp"], options["profile"]
    )
    efforts = options["efforts"]
    if efforts and (commands or method in FORMATS):
        raise click.UsageError("--efforts are for the methods of .sem")
    if commands:
        return [coders.command(commands[0], commands[1], settings, options["codec_id"])]
    if method in FORMATS:
        codec = FORMATS[method]()
        return [replace(codec, settings=settings) if options["qualities"] or options["bpp"] else codec]
    more: dict[str, Any] = {"profile": profile, "samples": options["samples"], "overrides": options["hints"]}
    if not efforts:
        return [coders.refcodec(method, settings, models, **more)]
    return [_at_effort(method, settings, models, effort, more) for effort in efforts]


def _at_effort(method: str, settings: tuple[Setting, ...], models: Any, effort: int, more: dict[str, Any]) -> Codec:
    """Return a method of this package at an effort, whose default is 1."""
    search: dict[str, Any] = {} if effort == 1 else {"effort": effort}
    codec = coders.refcodec(method, settings, models, **more, **search)
    return replace(codec, name=f"{codec.name}, effort {effort}")


def _anchor(name: str) -> Codec | None:
    """Return an anchor, None with a notice if its library is not installed."""
    try:
        return FORMATS[name]()
    except SemError as error:
        if error.code != Code.DEPENDENCY_MISSING:
            raise
        notice(f"the anchor {name} is left out: {error.what}; {error.hint}")
        return None


def _check_generation(options: dict[str, Any], commands: bool, method: str) -> None:
    """Raise a usage error for hints and samples of a codec that does not generate pictures."""
    if (options["samples"] > 1 or options["hints"]) and (commands or method in ("elic", *FORMATS)):
        raise click.UsageError("--samples and --hint are for methods that generate pictures from a seed")
    if unknown := sorted(set(options["hints"]) - set(hints.HINTS)):
        raise click.UsageError(f"there is no hint {shown(unknown[0])}: there are {', '.join(hints.HINTS)}")


def _settings(
    method: str, commands: bool, qualities: tuple[int, ...] | None, bpp: tuple[float, ...], profiles: tuple[str, ...]
) -> tuple[tuple[Setting, ...], str | None]:
    """Return the settings to measure, and the profile that all of them use."""
    if not commands and method in WITHOUT_QUALITY and not profiles:
        if qualities:
            raise click.UsageError(f"{method} has no quality: give --bpp, or neither")
        return bpp, None
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
