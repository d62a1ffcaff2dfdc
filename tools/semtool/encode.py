# SPDX-License-Identifier: MIT
"""semtool encode: a picture becomes a .sem file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from semtool.output import (
    json_option, level_option, model_option, notice, progress, rate_text, refuse_same, show_json, write_output,
)  # fmt: skip


def _colour(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, int, int]:
    digits = value.removeprefix("#")
    try:
        r, g, b = bytes.fromhex(digits)
    except ValueError:
        raise click.BadParameter("a colour is six hexadecimal digits, such as ffffff") from None
    return r, g, b


@click.command()
@click.argument("source", metavar="[IN]", default="-")
@click.option("-o", "--output", metavar="OUT.sem", help="[default: IN with .sem; standard output for -]")
@click.option("--method", type=click.Choice(["elic"]), default="elic", show_default=True)
@click.option("--quality", type=click.IntRange(1, 10), help="1 (smallest) to 10 (best).  [default: 5]")
@click.option("--bpp", type=click.FloatRange(min=0, min_open=True, max=64, max_open=True), help="Most bits per pixel of the file.")
@click.option("--profile", help="Id or name of a registry row.")
@click.option("--check", type=click.Choice(["0", "16", "32"]), default="16", show_default=True, help="Bits of the check.")
@click.option("--explicit-model", is_flag=True, help="Name the model by its digest in the file.")
@click.option("--hash-bytes", type=click.Choice(["4", "8", "16", "32"]), default="8", show_default=True, help="… by this many bytes.")
@model_option
@click.option("--provenance", is_flag=True, help="Add a section that says what made the file.")
@click.option("--background", default="ffffff", show_default=True, callback=_colour, help="What transparent pixels become.")
@click.option("--trace", is_flag=True, help="Write digests of every layer and pass to OUT.sem.trace.json.")
@level_option
@json_option
def command(
    source: str, output: str | None, method: str, quality: int | None, bpp: float | None, profile: str | None, check: str,
    explicit_model: bool, hash_bytes: str, model: Path | None, provenance: bool, background: tuple[int, int, int],
    trace: bool, level: int, as_json: bool,
) -> None:  # fmt: skip
    """Turn the picture IN (any format Pillow reads; - for standard input) into a .sem file."""
    if quality is not None and bpp is not None:
        raise click.UsageError("give --quality or --bpp, not both")
    target = output or ("-" if source == "-" else str(Path(source).with_suffix(".sem")))
    refuse_same(source, target)
    if trace and target == "-":
        raise click.UsageError("--trace needs a named output")
    from refcodec import codec
    from refcodec.tracing import Tracer

    tracer = Tracer() if trace else None
    try:
        with progress("encoding") as update:
            made = codec.encode_picture(
                sys.stdin.buffer.read() if source == "-" else source, method=method, quality=quality, bpp=bpp,
                profile=profile, check=int(check), explicit_model=int(hash_bytes) if explicit_model else False,
                model=model, provenance=provenance, background=background, level=level, progress=update, trace=tracer,
            )  # fmt: skip
    except ValueError as e:
        raise click.UsageError(str(e)) from e
    write_output(target, made.data)
    if tracer is not None:
        write_output(f"{target}.trace.json", tracer.to_json(made.data))
    for text in made.notices:
        notice(text)
    result: dict[str, Any] = {
        "file": target, "bytes": len(made.data), "bpp": made.bpp, "ubpp": made.bpp * 1e6, "method": made.method,
        "profile": made.profile.id, "width": made.width, "height": made.height, "rate": made.rate,
        "notices": list(made.notices),
    }  # fmt: skip
    to_stderr = target == "-"
    if as_json:
        show_json(result, err=to_stderr)
    else:
        line = f"{target}: {rate_text(len(made.data), made.width, made.height)}, {made.method}, {made.width}x{made.height}"
        click.echo(line, err=to_stderr)
