# SPDX-License-Identifier: MIT
"""semtool decode: the picture of a .sem file, several of them, or what it holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.common_options import json_option, level_option, models_of, models_options, progress
from refcodec.cli.stdio import STDIO, claim_output, read_input, say, show_json, wants_json
from refcodec.cli.write_images import ImageOptions, write_pictures
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.decoder import DecodedFile
    from refcodec.foundation.resolve import Models

UNPAINTED = (".txt", ".npy", ".npz")  # suffixes of what is no picture
OVERRIDES = ("seed", "generator", "steps", "guidance", "scheduler", "strength", "noise_level", "norm_scale")  # of hints


SEED_HELP = "Of the noise.  [default: the file's, else the profile's]"
SCHEDULER_HELP = "Sampler: ddim, ddpm, pndm, euler, euler-a, dpm or unipc."
REFLECTIONS_HELP = "Describe, compare and edit so often.  [default: 2 above 500 µbpp]"
LARGE = click.FloatRange(0, 999_999)
PAINTING_OPTIONS = (
    click.option("--seed", type=click.IntRange(0, 10**19 - 1), metavar="N", help=SEED_HELP),
    click.option(
        "--generator", type=click.Choice(["cpu", "cuda"]), help="Kind of noise; those of cpu and cuda differ."
    ),
    click.option("--steps", type=click.IntRange(1, 999_999), metavar="N", help="Steps of the sampler."),
    click.option("--guidance", type=LARGE, metavar="G", help="Scale of classifier-free guidance."),
    click.option("--scheduler", metavar="NAME", help=SCHEDULER_HELP),
    click.option("--strength", type=LARGE, metavar="S", help="How far the picture follows its edge map."),
    click.option("--noise-level", type=click.IntRange(0, 999), metavar="N", help="Noise added to an image embedding."),
    click.option(
        "--norm-scale",
        type=click.FloatRange(0.75, 1.5),
        metavar="S",
        help="Factor on the norm of an image embedding.",
    ),
    click.option("--reflections", type=click.IntRange(0, 99), metavar="N", help=REFLECTIONS_HELP),
    click.option(
        "--samples",
        type=click.IntRange(1, 64),
        default=1,
        show_default=True,
        metavar="N",
        help="Paint N pictures, and a contact sheet of them.",
    ),
    click.option("--trace", metavar="DIR", help="Write the steps of the painter into this folder."),
)  # how a generator is to work, over what the file and its profile say


def painting_options(f: Any) -> Any:
    """Add `PAINTING_OPTIONS` to a command."""
    for decorate in reversed(PAINTING_OPTIONS):
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
def command(source: str, output: str | None, symbols: bool, text: bool, alternatives: bool, **options: Any) -> None:
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
    wanted = image_options(options)
    _check(symbols, text, alternatives, wanted)
    models, level = models_of(options["model"], options["device"], options["dtype"]), options["level"]
    if text:
        from refcodec.cli.print_text import print_text

        print_text(source, output, alternatives, models.package_environment, level)
        return
    if output is not None or source == STDIO:
        claim_output(output or STDIO, source)
    if not symbols and output not in (None, STDIO):
        picture_suffix(str(output))
    _decode(source, output, symbols, models, wanted, level)


def image_options(options: dict[str, Any]) -> ImageOptions:
    """Return how pictures are to be reconstructed by the options of the command."""
    overrides = {name.replace("_", "-"): options[name] for name in OVERRIDES if options[name] is not None}
    return ImageOptions(overrides, options["samples"], options["reflections"], options["trace"])


def _decode(source: str, output: str | None, symbols: bool, models: Models, wanted: ImageOptions, level: int) -> None:
    from refcodec.cli.partial_decode import symbols_here
    from refcodec.cli.write_symbols import write_artifacts
    from refcodec.container import read

    environment = models.package_environment
    container = read(read_input(source, level), level=level, environment=environment)
    used: dict[str, str] = {}
    with progress("decoding") as update:
        if symbols:
            decoded = symbols_here(container, environment, level, update)
            written = [{"file": file, "what": what} for file, what in write_artifacts(decoded, source, output)]
        else:
            decoded, written, used = write_pictures(container, source, output, models, wanted, level, update)
    _tell(decoded, written, used)


def _check(symbols: bool, text: bool, alternatives: bool, wanted: ImageOptions) -> None:
    """Usage error for options that do not go together."""
    if alternatives and not text:
        raise click.UsageError("--alternatives goes with --text")
    if text and symbols:
        raise click.UsageError("--text and --symbols are two answers: ask for one")
    names = [*wanted.overrides, *(["trace"] if wanted.trace else [])]
    names += ["reflections"] if wanted.reflections is not None else []
    names += ["samples"] if wanted.samples > 1 else []
    if (text or symbols) and names:
        raise click.UsageError(f"--{names[0]} is of pictures, and {'--text' if text else '--symbols'} paints none")


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


def _tell(decoded: DecodedFile, written: list[dict[str, Any]], used: dict[str, str]) -> None:
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
