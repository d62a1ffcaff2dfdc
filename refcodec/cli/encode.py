# SPDX-License-Identifier: MIT
"""semtool encode: encode a picture, or symbols, as a .sem file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from refcodec.batch.encode import encoded_members
from refcodec.cli.analysis_options import analysis_options
from refcodec.cli.common_options import json_option, level_option, models_of, models_options, package_of, progress
from refcodec.cli.encode_trace import TRACED, callbacks, recorders
from refcodec.cli.error_report import notice
from refcodec.cli.formats_help import CommandOfPictures
from refcodec.cli.limit_options import limits_options
from refcodec.cli.many_options import Outputs, are_many, many_outputs_options, present_of
from refcodec.cli.output_file import (
    OutputFile,
    default_sem,
    existing_options,
    output_name,
    require_absent,
    times_of,
    times_option,
)
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
from refcodec.cli.symbol_options import NAMES, loaded, note_options, refuse_entries, size_option, symbol_options
from refcodec.efforts import EFFORTS, FASTEST
from refcodec.fileio import shown
from refcodec.report.text import rate_text

if TYPE_CHECKING:
    from refcodec.assemble import EncodedFile
    from refcodec.encode_settings import EncodeOptions

QUALITY_HELP = (
    "1 to 10, with decimals, higher is better and larger: the rate of method elic, the number of words of consonant, the "
    "rate of the edge map of pics; clip and perco have the one rate of their profile.  [default: 5]"
)


def _colour(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, int, int]:
    """Return (red, green, blue) of six hexadecimal digits."""
    try:
        red, green, blue = bytes.fromhex(value.removeprefix("#"))
    except ValueError:
        raise click.BadParameter("a colour is six hexadecimal digits, such as ffffff") from None
    return red, green, blue


@click.command(cls=CommandOfPictures, short_help="Encode a picture, or symbols, as a .sem file.")
@click.argument("sources", metavar="[IN…]", nargs=-1)
@click.option(
    "-o",
    "--output",
    metavar="OUT.sem",
    callback=output_name,
    help="[default: IN with .sem; standard output for -]. For many files a folder, such as out/.",
)
@existing_options
@many_outputs_options
@times_option
@click.option(
    "--method", metavar="M", help="elic, consonant, clip, pics or perco.  [default: elic; for symbols, theirs]"
)
@click.option(
    "--quality",
    type=click.FloatRange(1, 10),
    metavar="Q",
    help=QUALITY_HELP,
)
@click.option(
    "--bpp",
    type=float,
    metavar="R",
    help="Instead of --quality: the best file of at most R bits per pixel, and within 1 % of R. If R is out of reach, the "
    "file that comes closest is written, with a notice.",
)
@click.option("--strict-bpp", is_flag=True, help="Write nothing if the R of --bpp is out of reach: exit status 6.")
@click.option(
    "--effort",
    type=click.IntRange(FASTEST, max(EFFORTS)),
    default=FASTEST,
    show_default=True,
    metavar="E",
    help="1 to 9, for method elic: higher takes longer, for a better picture for its bytes. From 4 on it needs torch; with "
    "--bpp, 2 and 3 do what 1 does.",
)
@click.option("--profile", metavar="P", help="Profile of the registry, by id or name.")
@click.option(
    "--check",
    type=click.Choice(["0", "16", "32"]),
    default="16",
    show_default=True,
    help="Length of the check in bits.",
)
@click.option("--explicit-model", is_flag=True, help="Store the digest of the model in the file.")
@click.option(
    "--hash-bytes",
    type=click.Choice(["4", "8", "16", "32"]),
    default="8",
    show_default=True,
    help="With --explicit-model: bytes of the digest to store.",
)
@models_options
@analysis_options
@click.option(
    "--provenance",
    is_flag=True,
    help="Add a section with encoder, settings and models. Takes no value: entries of your own are added by "
    "semtool add --provenance K=V.",
)
@click.option(
    "--background",
    metavar="RRGGBB",
    default="ffffff",
    show_default=True,
    callback=_colour,
    help="Colour under transparent pixels.",
)
@click.option("--lenient", is_flag=True, help="Take what can be read of a damaged or truncated picture, with a notice.")
@click.option(
    "--keep-metadata",
    is_flag=True,
    help="Store EXIF (with its GPS position), XMP and the ICC profile of the picture in the file.  [default: none of them]",
)
@symbol_options
@size_option
@note_options
@click.option(
    "--trace",
    is_flag=True,
    help="Write digests of all layers and passes to OUT.sem.trace.json, or the steps of an analysis into OUT.sem.trace. "
    "Takes no value.",
)
@level_option
@limits_options
@json_option
def command(sources: tuple[str, ...], output: str | None, **options: Any) -> int:
    """Encode the picture IN, or symbols, as a .sem file.

    IN may be in any of the formats below; - is standard input. Without IN the file is made from a text, an image
    embedding, codes, indices or an edge map, for a picture of --size.

    \b
    semtool encode photo.jpg
    semtool encode --text "old stone bridge" --size 1024x1024 -o bridge.sem
    semtool encode --caption "A cat on a mat." --indices grid.npy --size 768x512 -o cat.sem
    semtool encode photo.jpg --method pics --caption "A cat on a mat."
    semtool encode photos *.png -o out/ --resume

    With many files or with folders, each output is written below OUT, under its input's name and subfolders.
    """
    require_absent(None, no_clobber=options["no_clobber"], force=options["force"])
    if options["provenance"]:
        refuse_entries(sources)
    if are_many(sources, output, explicit=options["resume"] or options["keep_suffix"]):
        return _encode_all(sources, str(output), options)
    _encode_one(sources[0] if sources else None, output, options)
    return 0


def _encode_all(sources: tuple[str, ...], output: str, options: dict[str, Any]) -> int:
    """Encode many pictures as files below a folder; return the exit status."""
    present = present_of(force=options["force"], no_clobber=options["no_clobber"], resume=options["resume"])
    outputs = Outputs(output, ".sem", present, options["keep_suffix"], times=options["preserve_times"])
    if options["trace"] or options["size"] is not None:
        raise click.UsageError(f"--{'trace' if options['trace'] else 'size'} is for one file")
    from refcodec.cli.encode_many import encode_many

    return encode_many(sources, outputs, options["jobs"], encode_options(options), options)


def _encode_one(source: str | None, output: str | None, options: dict[str, Any]) -> None:
    """Encode one picture, or symbols without one, and print the result."""
    trace, force, method = options["trace"], options["force"], options["method"]
    symbols = any(options[name] is not None for name in NAMES)
    if trace and ((source is None and symbols) or method not in (None, "elic", *TRACED)):
        raise click.UsageError(f"--trace is for pictures by method elic, {' or '.join(TRACED)}")
    if source is None and not symbols:
        source = STDIO
    file = claim_target(source, output, options["size"], force=force)
    if options["no_clobber"]:
        require_absent(file.name, no_clobber=True, force=force)
        file = replace(file, new=file.name != STDIO)
    times, target = times_of(source, options["preserve_times"]), file.name
    tracer, steps = recorders(target, method) if trace else (None, None)
    with encoding(source) as more:
        from refcodec import codec

        image = standard_input() if source == STDIO else source
        encoded = codec.encode_file(image, **(encode_options(options) | more | callbacks(tracer, steps)))
    replace(file, times=times).write(encoded.data)
    if tracer is not None:
        write_output(f"{target}.trace.json", tracer.to_json(encoded.data))
    if steps is not None:
        steps.write()
    report(encoded, target)


def claim_target(
    source: str | None, output: str | None, size: tuple[int, int] | None, *, force: bool = False
) -> OutputFile:
    """Return the file to write; source None: symbols alone. Raises a usage error for an invalid output."""
    if source is None:
        target = output or STDIO
        claim_output(target, STDIO if target != STDIO else "")
        return OutputFile(target)
    if size is not None:
        raise click.UsageError("a picture has its own size: --size is for symbols without a picture")
    if source == STDIO and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("no picture: name one, or pipe one in")
    if output is None and default_output(source, ".sem") == source != STDIO:
        raise click.UsageError(f"{shown(source)} is named as a .sem file: decode it, or name the output with -o")
    file = default_sem(source, force=force) if output is None else OutputFile(output)
    claim_output(file.name, source)
    return file


@contextmanager
def encoding(source: str | None) -> Iterator[EncodeOptions]:
    """Turn ValueError into usage errors, and show the progress if there is a source picture."""
    try:
        if source is None:
            yield {}
        else:
            with progress("encoding") as update:
                yield {"progress": update}
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def encode_options(options: dict[str, Any]) -> EncodeOptions:
    """Return the arguments of `refcodec.encode` for the options of the command."""
    models = models_of(
        options["model"],
        options["device"],
        options["dtype"],
        options["limits"],
        allow_download=options["allow_download"],
    )
    arguments: EncodeOptions = {
        "method": options["method"],
        "profile": options["profile"],
        "quality": options["quality"],
        "bpp": options["bpp"],
        "strict_bpp": options["strict_bpp"],
        "size": options["size"],
        "mode": options["mode"],
        "strict": options["strict"],
        "words": options["words"],
        "prompts": "default" if options["prompts"] is None else options["prompts"],
        "edges": options["edges"],
        "effort": options["effort"],
        "candidates": options["candidates"],
        "iterations": options["iterations"],
        "prompt_tokens": options["prompt_tokens"],
        "check": int(options["check"]),
        "explicit_model": int(options["hash_bytes"]) if options["explicit_model"] else False,
        "provenance": options["provenance"],
        "hints": options["hints"],
        "metadata": options["metadata"],
        "background": options["background"],
        "lenient": options["lenient"],
        "keep_metadata": options["keep_metadata"],
        "level": options["level"],
        "model": package_of(models),
        "models": models,
        "environment": models.environment,
        "limits": options["limits"],
    }
    arguments.update(loaded(options))  # type: ignore[typeddict-item]
    return arguments


def report(encoded: EncodedFile, target: str) -> None:
    """Print the notices and the result."""
    for text in encoded.notices:
        notice(text)
    if wants_json():
        show_json({"file": target} | encoded_members(encoded))
    else:
        rate = rate_text(len(encoded.data), encoded.width, encoded.height)
        say(f"{shown(target)}: {rate}, {encoded.method}, {encoded.width}x{encoded.height}")
