# SPDX-License-Identifier: MIT
"""semtool decode: the picture of a .sem file, or the symbols that it holds."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click

from semtool.output import json_option, level_option, model_option, progress, read_input, refuse_same, show_json, write_output


@click.command()
@click.argument("source", metavar="IN.sem")
@click.option("-o", "--output", metavar="OUT", help="[default: IN with .png (.npz for symbols); standard output for -]")
@click.option("--symbols", is_flag=True, help="Write what the file holds instead of painting it (needs no torch).")
@model_option
@level_option
@json_option
def command(source: str, output: str | None, symbols: bool, model: Path | None, level: int, as_json: bool) -> None:
    """Paint the picture in IN.sem; the suffix of OUT chooses its format."""
    suffix = ".npz" if symbols else ".png"
    target = output or ("-" if source == "-" else str(Path(source).with_suffix(suffix)))
    refuse_same(source, target)
    if target == "-" and sys.stdout.isatty():
        raise click.UsageError("refusing to write binary data to a terminal: name a file with -o")
    from refcodec import codec, pictures
    from refcodec.models import store
    from refcodec.symbols import read_symbols

    data = read_input(source, level)
    if not symbols and target != "-":
        try:
            pictures.format_of(Path(target).suffix or "PNG")
        except ValueError as e:
            raise click.UsageError(str(e)) from e
    decoded = read_symbols(data, models=(model,) if model else (), level=level)
    header = decoded.container.header
    if symbols:
        import numpy as np

        latents, out = decoded.elic, io.BytesIO()
        np.savez_compressed(out, rate=np.int32(latents.rate), z=latents.z.astype(np.int16), y=latents.y.astype(np.int16))
        write_output(target, out.getvalue())
    else:
        store.need_torch("painting a picture")
        with progress("painting") as update:
            pixels = codec.paint(decoded, update)
        if target == "-":
            out = io.BytesIO()
            pictures.save(pixels, out, format="png")
            write_output("-", out.getvalue())
        else:
            pictures.save(pixels, target)
    what = "z and ŷ as int16 arrays" if symbols else "picture"
    to_stderr = target == "-"
    if as_json:
        result = {
            "file": target, "width": header.width, "height": header.height, "check": decoded.state,
            "complete": decoded.container.complete, "what": "symbols" if symbols else "picture",
        }  # fmt: skip
        show_json(result, err=to_stderr)
    else:
        click.echo(f"{target}: {what}, {header.width}x{header.height}, check {decoded.state}", err=to_stderr)
