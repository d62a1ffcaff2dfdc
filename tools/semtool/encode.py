# SPDX-License-Identifier: MIT
"""semtool encode: a picture becomes a .sem file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from refcodec.files import shown
from semtool.options import json_option, level_option, model_folders, model_option, progress
from semtool.report import notice
from semtool.streams import (
    STDIO,
    claim_output,
    default_output,
    say,
    show_json,
    standard_input,
    wants_json,
    write_output,
)
from semtool.words import rate_text


def _colour(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, int, int]:
    try:
        red, green, blue = bytes.fromhex(value.removeprefix("#"))
    except ValueError:
        raise click.BadParameter("a colour is six hexadecimal digits, such as ffffff") from None
    return red, green, blue


def _later(f: Callable[..., Any]) -> Callable[..., Any]:
    """Options of later versions, refused by name rather than as unknown."""

    def refuse(_ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        from refcodec.codec import LATER

        if value is not None:
            raise click.UsageError(f"--{param.name}: {LATER[str(param.name)]} is not in this version")

    for name in ("caption", "text", "vector", "codes", "indices", "sketch", "size"):
        f = click.option(f"--{name}", hidden=True, expose_value=False, callback=refuse)(f)
    return f


@click.command(short_help="Turn a picture into a .sem file.")
@click.argument("source", metavar="[IN]", default=STDIO)
@click.option("-o", "--output", metavar="OUT.sem", help="[default: IN with .sem; standard output for -]")
@click.option("--method", metavar="M", default="elic", help="elic, the only one of this version.")
@click.option("--quality", type=click.IntRange(1, 10), metavar="Q", help="The higher, the better the picture and the larger the file.  [default: 5]")
@click.option("--bpp", type=float, metavar="R", help="The best picture in a file of at most R bits per pixel.")
@click.option("--profile", metavar="P", help="Row of the registry, by id or name.")
@click.option("--check", type=click.Choice(["0", "16", "32"]), default="16", show_default=True, help="Bits of the check.")
@click.option("--explicit-model", is_flag=True, help="Name the model in the file by its digest.")
@click.option("--hash-bytes", type=click.Choice(["4", "8", "16", "32"]), default="8", show_default=True, help="Bytes of that name.")
@model_option
@click.option("--provenance", is_flag=True, help="Add a section that says what made the file.")
@click.option("--background", metavar="RRGGBB", default="ffffff", show_default=True, callback=_colour, help="Goes under transparent pixels.")
@click.option("--trace", is_flag=True, help="Write digests of all layers and passes to OUT.sem.trace.json.")
@level_option
@json_option
@_later
def command(
    source: str, output: str | None, method: str, quality: int | None, bpp: float | None, profile: str | None, check: str,
    explicit_model: bool, hash_bytes: str, model: str | None, provenance: bool, background: tuple[int, int, int],
    trace: bool, level: int,
) -> None:  # fmt: skip
    """Turn the picture IN into a .sem file.

    IN may be in any format that Pillow reads; without it, or with -, it comes from standard input.
    """
    if source == STDIO and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("no picture: name one, or pipe one in")
    target = output or default_output(source, ".sem")
    if output is None and target == source != STDIO:
        raise click.UsageError(f"{shown(source)} is named as a .sem file: decode it, or name the output with -o")
    claim_output(target, source)
    if trace and target == STDIO:
        raise click.UsageError("--trace needs a named output")
    from refcodec import codec
    from refcodec.tracing import Tracer

    tracer = Tracer() if trace else None
    folder = next(iter(model_folders(model)), None)
    try:
        with progress("encoding") as update:
            made = codec.encode_picture(
                standard_input() if source == STDIO else source, method=method, quality=quality, bpp=bpp,
                profile=profile, check=int(check), explicit_model=int(hash_bytes) if explicit_model else False,
                model=folder, provenance=provenance, background=background, level=level, progress=update, trace=tracer,
            )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    write_output(target, made.data)
    if tracer is not None:
        write_output(f"{target}.trace.json", tracer.to_json(made.data))
    for text in made.notices:
        notice(text)
    if wants_json():
        result = {
            "file": target, "bytes": len(made.data), "bpp": made.bpp, "ubpp": made.bpp * 1e6, "method": made.method,
            "profile": made.profile.id, "width": made.width, "height": made.height, "rate": made.rate,
            "notices": list(made.notices),
        }  # fmt: skip
        show_json(result)
    else:
        rate = rate_text(len(made.data), made.width, made.height)
        say(f"{shown(target)}: {rate}, {made.method}, {made.width}x{made.height}")
