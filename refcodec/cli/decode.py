# SPDX-License-Identifier: MIT
"""semtool decode: the picture of a .sem file, several of them, or what it holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.common_options import json_option, level_option, models_of, models_options, progress
from refcodec.cli.stdio import STDIO, claim_output, read_input, say, show_json, wants_json
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.decoder import Symbols

UNPAINTED = (".txt", ".npy", ".npz")  # suffixes of what is no picture
WISHES = ("seed", "generator", "steps", "guidance", "scheduler", "strength", "noise_level", "norm_scale")


def painting_options(f: Any) -> Any:
    """How a model is to paint, over what the file and its profile say."""
    for decorate in reversed(
        (
            click.option(
                "--seed",
                type=click.IntRange(0, 10**19 - 1),
                metavar="N",
                help="Of the noise.  [default: the file's, else the profile's]",
            ),
            click.option(
                "--generator", type=click.Choice(["cpu", "cuda"]), help="Kind of noise; those of cpu and cuda differ."
            ),
            click.option("--steps", type=click.IntRange(1, 999_999), metavar="N", help="Steps of the sampler."),
            click.option(
                "--guidance", type=click.FloatRange(0, 999_999), metavar="G", help="Scale of classifier-free guidance."
            ),
            click.option(
                "--scheduler", metavar="NAME", help="Sampler: ddim, ddpm, pndm, euler, euler-a, dpm or unipc."
            ),
            click.option(
                "--strength",
                type=click.FloatRange(0, 999_999),
                metavar="S",
                help="How far the picture follows its edge map.",
            ),
            click.option(
                "--noise-level", type=click.IntRange(0, 999), metavar="N", help="Noise added to an image embedding."
            ),
            click.option(
                "--norm-scale",
                type=click.FloatRange(0.75, 1.5),
                metavar="S",
                help="Factor on the norm of an image embedding.",
            ),
            click.option(
                "--reflections",
                type=click.IntRange(0, 99),
                metavar="N",
                help="Describe, compare and edit so often.  [default: 2 above 500 µbpp]",
            ),
            click.option(
                "--samples",
                type=click.IntRange(1, 64),
                default=1,
                show_default=True,
                metavar="N",
                help="Paint N pictures, and a contact sheet of them.",
            ),
            click.option("--trace", metavar="DIR", help="Write the steps of the painter into this folder."),
        )
    ):
        f = decorate(f)
    return f


@click.command(short_help="Paint the picture of a .sem file, or write what it holds.")
@click.argument("source", metavar="IN.sem")
@click.option("-o", "--output", metavar="OUT", help="[default: IN with the suffix that fits; standard output for -]")
@click.option(
    "--symbols",
    is_flag=True,
    help="Write what the file holds, unpainted: text, vector, codes, indices, edge map, latents.",
)
@click.option("--text", is_flag=True, help="Print the text of the file, consonants restored to words.")
@click.option("--alternatives", is_flag=True, help="With --text: other words that each one may have been.")
@painting_options
@models_options
@level_option
@json_option
def command(
    source: str,
    output: str | None,
    symbols: bool,
    text: bool,
    alternatives: bool,
    samples: int,
    reflections: int | None,
    trace: str | None,
    model: tuple[str, ...],
    device: str,
    dtype: str,
    level: int,
    **wishes: Any,
) -> None:
    """Paint the picture of IN.sem into OUT, whose suffix chooses the format.

    png, jpg, webp (lossless), avif, tif, bmp or ppm. Files of method elic, and of perco's embedded profile, are painted by
    what the package ships; the others need a painter, which --model names. With --samples each picture has its seed in
    its name, and OUT is a sheet of all.

    With --symbols a text is written as txt, vectors and codes as npy, an index map as picture or npy, an edge map as
    picture, latents as npz. Of several payloads the suffix of OUT chooses; without -o each has a file of its own.

    \b
    semtool decode photo.sem -o photo.png
    semtool decode clip.sem --model painter=stabilityai/stable-diffusion-2-1-unclip-small --samples 4
    semtool decode bridge.sem --text
    """
    wish = {name.replace("_", "-"): value for name, value in wishes.items() if value is not None}
    _sensible(
        symbols,
        text,
        alternatives,
        samples,
        [*wish, *(["trace"] if trace else []), *(["reflections"] if reflections is not None else [])],
    )
    models = models_of(model, device, dtype)
    if text:
        from refcodec.cli.print_text import print_text

        print_text(source, output, alternatives, models.package_environment, level)
        return
    if output is not None or source == STDIO:
        claim_output(output or STDIO, source)
    if not symbols and output not in (None, STDIO):
        picture_suffix(str(output))
    from refcodec.cli.partial_decode import symbols_here
    from refcodec.cli.write_images import Wanted, write_pictures
    from refcodec.cli.write_symbols import write_holdings
    from refcodec.container import read

    environment = models.package_environment
    container = read(read_input(source, level), level=level, environment=environment)
    used: dict[str, str] = {}
    with progress("decoding") as update:
        if symbols:
            decoded = symbols_here(container, environment, level, update)
            written = [{"file": file, "what": what} for file, what in write_holdings(decoded, source, output)]
        else:
            wanted = Wanted(wish, samples, reflections, trace)
            decoded, written, used = write_pictures(container, source, output, models, wanted, level, update)
    _tell(decoded, written, used)


def _sensible(symbols: bool, text: bool, alternatives: bool, samples: int, painting: list[str]) -> None:
    if alternatives and not text:
        raise click.UsageError("--alternatives goes with --text")
    if text and symbols:
        raise click.UsageError("--text and --symbols are two answers: ask for one")
    if (text or symbols) and (painting or samples > 1):
        name = painting[0] if painting else "samples"
        raise click.UsageError(f"--{name} is of pictures, and {'--text' if text else '--symbols'} paints none")


def picture_suffix(output: str) -> None:
    """Refuse a suffix that no picture has, before anything is read for it."""
    from refcodec.images.save import format_of

    suffix = os.path.splitext(output)[1]
    if suffix.lower() in UNPAINTED:
        raise click.UsageError(f"{shown(output)} is no picture: name one, or give --symbols")
    try:
        format_of(suffix or "png")
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _tell(decoded: Symbols, written: list[dict[str, Any]], used: dict[str, str]) -> None:
    container = decoded.container
    header, whole = container.header, "" if container.complete else ", of an incomplete file"
    if wants_json():
        show_json(
            {
                "file": written[0]["file"],
                "width": header.width,
                "height": header.height,
                "check": decoded.state,
                "complete": container.complete,
                "what": written[0]["what"],
                "files": written,
                "models": used,
            }
        )
        return
    for entry in written:
        seed = f", seed {entry['seed']}" if "seed" in entry else ""
        say(
            f"{shown(entry['file'])}: {entry['what']}, {header.width}x{header.height}{seed}, check {decoded.state}{whole}"
        )
