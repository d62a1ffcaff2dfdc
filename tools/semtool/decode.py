# SPDX-License-Identifier: MIT
"""semtool decode: the picture of a .sem file, or the symbols that it holds."""

from __future__ import annotations

import io
import os

import click

from refcodec.files import shown
from semtool.options import json_option, level_option, model_folders, model_option, progress
from semtool.streams import STDIO, claim_output, default_output, read_input, say, show_json, wants_json, write_output


@click.command(short_help="Paint the picture of a .sem file.")
@click.argument("source", metavar="IN.sem")
@click.option("-o", "--output", metavar="OUT", help="[default: IN with .png, or .npz for symbols; standard output for -]")
@click.option("--symbols", is_flag=True, help="Write what the file holds, unpainted; needs no torch.")
@click.option("--text", is_flag=True, hidden=True)
@model_option
@level_option
@json_option
def command(
    source: str, output: str | None, symbols: bool, text: bool, model: str | None, level: int
) -> None:
    """Paint the picture of IN.sem into OUT, whose suffix chooses the format.

    png, jpg, webp (lossless), avif, tif, bmp or ppm; with --symbols an .npz archive of the rate index and of the
    arrays z and y (ŷ of SPEC.md §13) as int16.
    """
    if text:
        raise click.UsageError("--text: no method of this version holds text")
    target = output or default_output(source, ".npz" if symbols else ".png")
    if output is None and target != STDIO and os.path.lexists(target):
        raise click.UsageError(f"{shown(target)} is there already: name the output with -o")
    claim_output(target, source)
    from refcodec import codec, pictures
    from refcodec.container import read
    from refcodec.progress import part
    from refcodec.symbols import symbols_of

    suffix = os.path.splitext(target)[1]
    try:
        file_format = "png" if target == STDIO or not suffix else pictures.format_of(suffix)
    except ValueError as error:
        if not symbols:
            raise click.UsageError(str(error)) from error
    container = read(read_input(source, level), level=level)
    if not symbols:
        codec.need_torch("painting a picture")
    folders, out = model_folders(model), io.BytesIO()
    with progress("decoding") as update:
        decoded = symbols_of(container, models=folders, progress=part(update, 0, 1 if symbols else 0.5))
        pixels = None if symbols else codec.paint(decoded, part(update, 0.5, 1))
    if pixels is None:
        import numpy as np

        latents = decoded.elic
        np.savez_compressed(out, rate=np.int32(latents.rate), z=latents.z.astype(np.int16), y=latents.y.astype(np.int16))
    else:
        pictures.save(pixels, out, format=file_format)
    write_output(target, out.getvalue())
    header, what = container.header, "symbols" if symbols else "picture"
    if wants_json():
        result = {
            "file": target, "width": header.width, "height": header.height, "check": decoded.state,
            "complete": container.complete, "what": what,
        }  # fmt: skip
        show_json(result)
    else:
        whole = "" if container.complete else ", of an incomplete file"
        say(f"{shown(target)}: {what}, {header.width}x{header.height}, check {decoded.state}{whole}")
