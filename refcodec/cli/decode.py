# SPDX-License-Identifier: MIT
"""semtool decode: reconstruct the picture of a .sem file, or write its decoded symbols."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.analysis_options import prompts_option
from refcodec.cli.common_options import json_option, level_option, models_of, models_options, progress
from refcodec.cli.error_report import notice
from refcodec.cli.limit_options import limits_options
from refcodec.cli.many_options import Outputs, are_many, many_outputs_options, present_of
from refcodec.cli.output_file import existing_options, folder_name, output_name, require_absent, times_of, times_option
from refcodec.cli.stdio import STDIO, claim_output, read_input, say, show_json, wants_json
from refcodec.cli.write_images import ImageOptions, write_pictures
from refcodec.cli.write_symbols import Naming
from refcodec.fileio import shown
from refcodec.option_bounds import REFLECTIONS_MAX, SAMPLES_MAX, SEEDS

if TYPE_CHECKING:
    from refcodec.decoder import DecodedFile
    from refcodec.foundation.resolve import Models

FORMATS = ("png", "jpg", "webp", "avif", "tif", "bmp", "ppm")
SYMBOL_SUFFIXES = (".txt", ".npy", ".npz")  # of files that are not pictures
# settings of the user: of hints, and those that no file has
OVERRIDES = (
    *("seed", "generator", "steps", "guidance", "scheduler", "strength", "noise_level", "norm_scale"),
    *("prompts", "expand", "image_guidance"),
)

SEED_HELP = "Seed of the noise.  [default: the file's, else the profile's]"
SCHEDULER_HELP = "Sampler: ddim, ddpm, pndm, euler, euler-a, dpm or unipc."
REFLECTIONS_HELP = "Rounds of describing, comparing and editing the picture.  [default: 2 above 500 µbpp]"
EXPAND_HELP = "Expand a consonant text into a fuller prompt.  [default: if --model names a language model]"
IMAGE_GUIDANCE_HELP = "How closely a model in the role editor keeps to the picture that it edits."
LARGE = click.FloatRange(0, 999_999)
PAINTING_OPTIONS = (
    click.option("--seed", type=click.IntRange(0, SEEDS - 1), metavar="N", help=SEED_HELP),
    click.option(
        "--generator", type=click.Choice(["cpu", "cuda"]), help="Noise generator; cpu and cuda give different noise."
    ),
    click.option("--steps", type=click.IntRange(1, 999_999), metavar="N", help="Steps of the sampler."),
    click.option("--guidance", type=LARGE, metavar="G", help="Scale of classifier-free guidance."),
    click.option("--scheduler", metavar="NAME", help=SCHEDULER_HELP),
    click.option("--strength", type=LARGE, metavar="S", help="How closely the picture follows its edge map."),
    click.option("--noise-level", type=click.IntRange(0, 999), metavar="N", help="Noise added to an image embedding."),
    click.option(
        "--norm-scale",
        type=click.FloatRange(0.75, 1.5),
        metavar="S",
        help="Factor on the norm of an image embedding.",
    ),
    prompts_option,
    click.option("--expand/--no-expand", default=None, help=EXPAND_HELP),
    click.option("--image-guidance", type=LARGE, metavar="G", help=IMAGE_GUIDANCE_HELP),
    click.option("--reflections", type=click.IntRange(0, REFLECTIONS_MAX), metavar="N", help=REFLECTIONS_HELP),
    click.option(
        "--samples",
        type=click.IntRange(1, SAMPLES_MAX),
        default=1,
        show_default=True,
        metavar="N",
        help="Generate N pictures, and a contact sheet of them.",
    ),
    click.option(
        "--trace", metavar="DIR", callback=folder_name, help="Write the steps of the generator into this folder."
    ),
)  # settings of the generator, which override those of the file and its profile


def painting_options(f: Any) -> Any:
    """Add `PAINTING_OPTIONS` to a command."""
    for decorate in reversed(PAINTING_OPTIONS):
        f = decorate(f)
    return f


@click.command(short_help="Reconstruct the picture of a .sem file, or write its symbols.")
@click.argument("sources", metavar="IN.sem…", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    callback=output_name,
    help="[default: IN with a matching suffix; standard output for -]. For many files a folder, such as out/.",
)
@existing_options
@many_outputs_options
@click.option(
    "--format", "suffix", type=click.Choice(FORMATS), help="Many files: the format of pictures.  [default: png]"
)
@times_option
@click.option(
    "--symbols",
    is_flag=True,
    help="Write the decoded symbols instead of a picture: text, vector, codes, indices, edge map, latents.",
)
@click.option("--text", is_flag=True, help="Print the text of the file, consonants restored to words. Takes no value.")
@click.option("--alternatives", is_flag=True, help="With --text: list other words that each one may have been.")
@click.option(
    "--keep-metadata",
    is_flag=True,
    help="Write EXIF (with its GPS position) and XMP stored in the file into the picture.",
)
@click.option(
    "--progressive",
    is_flag=True,
    help="Replace OUT with a better picture at each stage of decoding. Only the last is verified; it is the one that "
    "decode writes without this. After an error OUT is the last preview.",
)
@painting_options
@click.option(
    "--any-model",
    is_flag=True,
    help="Reconstruct even if an image embedder, hyper-encoder, codebook, tokenizer or text encoder is not the one that "
    "the file states.",
)
@models_options
@level_option
@limits_options
@json_option
def command(sources: tuple[str, ...], output: str | None, **options: Any) -> int:
    """Reconstruct the picture of IN.sem and write it to OUT, in the format of its suffix.

    Formats are png, jpg, webp (lossless), avif, tif, bmp and ppm. For method elic, and for perco's embedded profile, the
    package ships the synthesis network; other files need a generator, the role painter of --model. With --samples each
    picture has its seed in its name, and OUT is a contact sheet of all.

    With --symbols a text is written as txt, vectors and codes as npy, an index map as picture or npy, an edge map as
    picture, latents as npz. If the file has several payloads, the suffix of OUT selects one; without -o each is written
    to its own file.

    \b
    semtool decode photo.sem -o photo.png
    semtool decode clip.sem --model painter=sd2-community/stable-diffusion-2-1-unclip-small --samples 4
    semtool decode bridge.sem --text
    semtool decode large.sem -o large.png --progressive
    semtool decode sems/ -o pictures/ --format jpg --resume

    With many files or with folders, each picture is written below OUT, under its input's name and subfolders.
    """
    wanted = image_options(options)
    symbols, text = options["symbols"], options["text"]
    _check(symbols, text, options["alternatives"], wanted)
    require_absent(None, no_clobber=options["no_clobber"], force=options["force"])
    explicit = options["resume"] or options["keep_suffix"] or options["suffix"] is not None
    if are_many(sources, output, explicit=explicit, one=symbols or text):
        return _decode_all(sources, str(output), wanted, options)
    _decode_one(sources[0], output, wanted, options)
    return 0


def _decode_all(sources: tuple[str, ...], output: str, wanted: ImageOptions, options: dict[str, Any]) -> int:
    """Decode many files to pictures below a folder; return the exit status."""
    present = present_of(force=options["force"], no_clobber=options["no_clobber"], resume=options["resume"])
    kind = f".{options['suffix'] or FORMATS[0]}"
    outputs = Outputs(output, kind, present, options["keep_suffix"], pictures=True, times=options["preserve_times"])
    _check_many({name: options[name] for name in ("symbols", "text", "progressive")}, wanted)
    from refcodec.cli.decode_many import decode_many

    arguments = {name: options[name] for name in (*OVERRIDES, "reflections") if options[name] is not None}
    return decode_many(sources, outputs, options["jobs"], arguments, options)


def _decode_one(source: str, output: str | None, wanted: ImageOptions, options: dict[str, Any]) -> None:
    """Write the picture or the symbols of one file, or print its text."""
    symbols, text, limits, force = options["symbols"], options["text"], options["limits"], options["force"]
    no_clobber, level, progressive = options["no_clobber"], options["level"], options["progressive"]
    if options["any_model"] and (symbols or text):
        raise click.UsageError(f"--any-model is for pictures, and {'--text' if text else '--symbols'} writes none")
    if progressive:
        _check_progressive(symbols, text, wanted, output, source)
    require_absent(output, no_clobber=no_clobber, force=force)
    naming = Naming(source, output, force, times_of(source, options["preserve_times"]), no_clobber)
    models = models_of(
        options["model"],
        options["device"],
        options["dtype"],
        limits,
        allow_download=options["allow_download"],
        any_model=options["any_model"],
    )
    if text:
        from refcodec.cli.print_text import print_text

        print_text(naming, options["alternatives"], models.package_environment, level, limits)
        return
    if output is not None or source == STDIO:
        claim_output(output or STDIO, source)
    if not symbols and output not in (None, STDIO):
        picture_suffix(str(output))
    _decode(naming, symbols, models, wanted, level, progressive=progressive)


def image_options(options: dict[str, Any]) -> ImageOptions:
    """Return the settings of the reconstruction from the options of the command."""
    overrides = {name.replace("_", "-"): options[name] for name in OVERRIDES if options[name] is not None}
    return ImageOptions(
        overrides, options["samples"], options["reflections"], options["trace"], options.get("keep_metadata", False)
    )


def _decode(
    naming: Naming, symbols: bool, models: Models, wanted: ImageOptions, level: int, *, progressive: bool
) -> None:
    from refcodec.cli import progressive_decode
    from refcodec.cli.write_symbols import write_artifacts
    from refcodec.container import read
    from refcodec.partial_decode import decode_available

    environment, limits = models.package_environment, models.limits
    container = read(read_input(naming.source, level), level=level, environment=environment, limits=limits)
    used: dict[str, str] = {}
    with progress("decoding") as update:
        if symbols:
            decoded = decode_available(container, environment, level, update, limits, notice)
            written = [{"file": file, "what": what} for file, what in write_artifacts(decoded, naming)]
        else:
            in_stages = progressive and progressive_decode.has_stages(container)
            write = progressive_decode.write_stages if in_stages else write_pictures
            decoded, written, used = write(container, naming, models, wanted, level, update)
    _print_result(decoded, written, used)


def _check(symbols: bool, text: bool, alternatives: bool, wanted: ImageOptions) -> None:
    """Raise a usage error for options that exclude one another."""
    if alternatives and not text:
        raise click.UsageError("--alternatives needs --text")
    if text and symbols:
        raise click.UsageError("--text and --symbols exclude each other: give one of them")
    names = [*wanted.overrides, *(["trace"] if wanted.trace else [])]
    names += ["reflections"] if wanted.reflections is not None else []
    names += ["samples"] if wanted.samples > 1 else []
    names += ["keep-metadata"] if wanted.keep_metadata else []
    if (text or symbols) and names:
        raise click.UsageError(f"--{names[0]} is for pictures, and {'--text' if text else '--symbols'} writes none")


def _check_many(flags: dict[str, bool], wanted: ImageOptions) -> None:
    """Raise a usage error for options that are for one file."""
    flags |= {"samples": wanted.samples > 1, "trace": wanted.trace is not None}
    if names := [name for name, value in flags.items() if value]:
        raise click.UsageError(f"--{names[0]} is for one file")


def _check_progressive(symbols: bool, text: bool, wanted: ImageOptions, output: str | None, source: str) -> None:
    """Raise a usage error for options that do not go with --progressive."""
    from refcodec.cli.progressive_decode import check

    if symbols or text:
        raise click.UsageError(f"--progressive is for pictures, and {'--text' if text else '--symbols'} writes none")
    check(wanted, output, source)


def picture_suffix(output: str) -> None:
    """Raise a usage error for a suffix that is not one of a picture format, before anything is read."""
    from refcodec.images.save import format_of

    suffix = os.path.splitext(output)[1]
    if suffix.lower() in SYMBOL_SUFFIXES:
        raise click.UsageError(f"{shown(output)} is not a picture: name one, or give --symbols")
    try:
        format_of(suffix or "png")
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _print_result(decoded: DecodedFile, written: list[dict[str, Any]], used: dict[str, str]) -> None:
    """Print what was written, as JSON or one line per file."""
    container = decoded.container
    header, incomplete = container.header, "" if container.complete else ", of an incomplete file"
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
            f"{shown(entry['file'])}: {entry['what']}, {header.width}x{header.height}{seed}, "
            f"check {decoded.state}{incomplete}"
        )
