# SPDX-License-Identifier: MIT
"""semtool encode: a picture, or symbols that are ready, become a .sem file."""

from __future__ import annotations

import sys
from typing import Any

import click

from refcodec.cli.common_options import json_option, level_option, models_of, models_options, package_of, progress
from refcodec.cli.error_report import notice
from refcodec.cli.inspect_text import rate_text
from refcodec.cli.stdio import (
    STDIO,
    claim_output,
    default_output,
    say,
    show_json,
    standard_input,
    wants_json,
    write_output,
)
from refcodec.cli.symbol_options import NAMES, loaded, note_options, size_option, symbol_options
from refcodec.fileio import shown

TRACED = ("consonant", "pics")  # methods whose description has steps


def _colour(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, int, int]:
    try:
        red, green, blue = bytes.fromhex(value.removeprefix("#"))
    except ValueError:
        raise click.BadParameter("a colour is six hexadecimal digits, such as ffffff") from None
    return red, green, blue


def description_options(f: Any) -> Any:
    """How a method's models are to describe a picture."""
    for decorate in reversed(
        (
            click.option(
                "--words",
                type=click.IntRange(1, 9999),
                metavar="K",
                help="Words of a consonant text.  [default: as many as the rate allows]",
            ),
            click.option(
                "--iterations",
                type=click.IntRange(1, 1_000_000),
                default=3000,
                show_default=True,
                metavar="N",
                help="Steps of the prompt inversion.",
            ),
            click.option(
                "--prompt-tokens",
                type=click.IntRange(1, 75),
                default=16,
                show_default=True,
                metavar="N",
                help="Tokens of the prompt that it finds.",
            ),
            click.option(
                "--candidates",
                type=click.IntRange(1, 64),
                default=1,
                show_default=True,
                metavar="N",
                help="Paint N pictures here and name the seed of the best.",
            ),
            click.option(
                "--edges",
                type=click.Choice(["auto", "contours", "hed", "none"]),
                default="auto",
                help="Edge detector.  [default: hed where --model names one, else contours]",
            ),
        )
    ):
        f = decorate(f)
    return f


@click.command(short_help="Turn a picture, or ready symbols, into a .sem file.")
@click.argument("source", metavar="[IN]", required=False)
@click.option("-o", "--output", metavar="OUT.sem", help="[default: IN with .sem; standard output for -]")
@click.option(
    "--method", metavar="M", help="elic, consonant, clip, pics or perco.  [default: elic; that of the symbols given]"
)
@click.option(
    "--quality",
    type=click.IntRange(1, 10),
    metavar="Q",
    help="The higher, the better the picture and the larger the file.  [default: 5]",
)
@click.option("--bpp", type=float, metavar="R", help="The best picture in a file of at most R bits per pixel.")
@click.option("--profile", metavar="P", help="Row of the registry, by id or name.")
@click.option(
    "--check", type=click.Choice(["0", "16", "32"]), default="16", show_default=True, help="Bits of the check."
)
@click.option("--explicit-model", is_flag=True, help="Name the model in the file by its digest.")
@click.option(
    "--hash-bytes",
    type=click.Choice(["4", "8", "16", "32"]),
    default="8",
    show_default=True,
    help="Bytes of that name.",
)
@models_options
@description_options
@click.option("--provenance", is_flag=True, help="Add a section that says what made the file.")
@click.option(
    "--background",
    metavar="RRGGBB",
    default="ffffff",
    show_default=True,
    callback=_colour,
    help="Goes under transparent pixels.",
)
@symbol_options
@size_option
@note_options
@click.option(
    "--trace",
    is_flag=True,
    help="Write digests of all layers and passes to OUT.sem.trace.json; of a description, its steps into OUT.sem.trace.",
)
@level_option
@json_option
def command(
    source: str | None,
    output: str | None,
    method: str | None,
    quality: int | None,
    bpp: float | None,
    profile: str | None,
    check: str,
    explicit_model: bool,
    hash_bytes: str,
    model: tuple[str, ...],
    device: str,
    dtype: str,
    words: int | None,
    iterations: int,
    prompt_tokens: int,
    candidates: int,
    edges: str,
    provenance: bool,
    background: tuple[int, int, int],
    trace: bool,
    level: int,
    size: tuple[int, int] | None,
    mode: str | None,
    strict: bool,
    metadata: dict[str, str],
    hints: dict[str, str],
    **symbols: Any,
) -> None:
    """Turn the picture IN, or symbols that are ready, into a .sem file.

    IN may be in any format that Pillow reads; with - it comes from standard input. Without it the file is made of a
    text, a vector, codes, indices or an edge map, for a picture of --size.

    \b
    semtool encode photo.jpg
    semtool encode --text "old stone bridge" --size 1024x1024 -o bridge.sem
    semtool encode --caption "A cat on a mat." --indices grid.npy --size 768x512 -o cat.sem
    semtool encode photo.jpg --method pics --caption "A cat on a mat."
    """
    from refcodec.environment import Environment
    from refcodec.methods.base import Options

    options = Options(candidates, iterations, prompt_tokens, words, edges)
    ready = any(symbols[name] is not None for name in NAMES)
    if trace and ((source is None and ready) or method not in (None, "elic", *TRACED)):
        raise click.UsageError(f"--trace is for pictures by method elic, {' or '.join(TRACED)}")
    if source is None and not ready:
        source = STDIO
    if source is None:
        _encode_symbols(
            output,
            size,
            loaded(symbols),
            {
                "options": options,
                "method": method,
                "quality": quality,
                "bpp": bpp,
                "profile": profile,
                "check": int(check),
                "mode": mode,
                "strict": strict,
                "explicit_model": int(hash_bytes) if explicit_model else False,
                "provenance": provenance,
                "model": package_of(models_of(model, device, dtype)),
                "environment": Environment.default(),
                "level": level,
                "hints": hints,
                "metadata": metadata,
            },
        )
        return
    if size is not None:
        raise click.UsageError("a picture has its own size: --size goes with ready symbols alone")
    if source == STDIO and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("no picture: name one, or pipe one in")
    target = output or default_output(source, ".sem")
    if output is None and target == source != STDIO:
        raise click.UsageError(f"{shown(source)} is named as a .sem file: decode it, or name the output with -o")
    claim_output(target, source)
    if trace and target == STDIO:
        raise click.UsageError("--trace needs a named output")
    from refcodec import codec
    from refcodec.cli.step_trace import Steps
    from refcodec.networks.trace import Tracer

    tracer = Tracer() if trace and method not in TRACED else None
    steps = Steps(f"{target}.trace") if trace and method in TRACED else None
    models = models_of(model, device, dtype)
    try:
        with progress("encoding") as update:
            made = codec.encode_any(
                standard_input() if source == STDIO else source,
                method=method,
                quality=quality,
                bpp=bpp,
                profile=profile,
                check=int(check),
                explicit_model=int(hash_bytes) if explicit_model else False,
                model=package_of(models),
                models=models,
                environment=models.environment,
                options=options,
                provenance=provenance,
                background=background,
                level=level,
                progress=update,
                trace=tracer,
                mode=mode,
                strict=strict,
                hints=hints,
                metadata=metadata,
                record=None if steps is None else steps.record,
                **loaded(symbols),
            )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    write_output(target, made.data)
    if tracer is not None:
        write_output(f"{target}.trace.json", tracer.to_json(made.data))
    if steps is not None:
        steps.write()
    _tell(made, target)


def _encode_symbols(
    output: str | None, size: tuple[int, int] | None, given: dict[str, Any], settings: dict[str, Any]
) -> None:
    """A file of ready symbols alone."""
    from refcodec import codec

    target = output or STDIO
    claim_output(target, STDIO if target != STDIO else "")
    try:
        made = codec.encode_any(None, size=size, **given, **settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    write_output(target, made.data)
    _tell(made, target)


def _tell(made: Any, target: str) -> None:
    for text in made.notices:
        notice(text)
    if wants_json():
        result = {
            "file": target,
            "bytes": len(made.data),
            "bpp": made.bpp,
            "ubpp": made.bpp * 1e6,
            "method": made.method,
            "profile": made.profile.id,
            "width": made.width,
            "height": made.height,
            "rate": made.rate,
            "notices": list(made.notices),
        }
        show_json(result)
    else:
        rate = rate_text(len(made.data), made.width, made.height)
        say(f"{shown(target)}: {rate}, {made.method}, {made.width}x{made.height}")
