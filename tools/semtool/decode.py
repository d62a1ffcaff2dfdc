# SPDX-License-Identifier: MIT
"""semtool decode: the picture of a .sem file, or what it holds where nothing paints it."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import click

from refcodec.files import shown
from semtool.options import json_option, level_option, model_folders, model_option, progress
from semtool.report import notice
from semtool.streams import STDIO, claim_output, default_output, read_input, say, show_json, wants_json, write_output

if TYPE_CHECKING:
    from refcodec.holdings import Holding
    from refcodec.symbols import Symbols


UNPAINTED = (".txt", ".npy", ".npz")  # suffixes of what is no picture


@click.command(short_help="Paint the picture of a .sem file, or write what it holds.")
@click.argument("source", metavar="IN.sem")
@click.option("-o", "--output", metavar="OUT", help="[default: IN with the suffix that fits; standard output for -]")
@click.option("--symbols", is_flag=True, help="Write what the file holds, unpainted: text, vector, codes, indices, edge map, latents.")
@click.option("--text", is_flag=True, help="Print the text of the file, consonants restored to words.")
@click.option("--alternatives", is_flag=True, help="With --text: other words that each one may have been.")
@model_option
@level_option
@json_option
def command(
    source: str, output: str | None, symbols: bool, text: bool, alternatives: bool, model: str | None, level: int
) -> None:
    """Paint the picture of IN.sem into OUT, whose suffix chooses the format.

    png, jpg, webp (lossless), avif, tif, bmp or ppm. With --symbols, and for methods that nothing here paints: a text
    as txt, vectors and codes as npy, an index map as picture or npy, an edge map as picture, latents as npz. Of
    several payloads the suffix of OUT chooses; without -o each has a file of its own.
    """
    if text:
        from semtool.restored import print_text

        print_text(source, output, alternatives, model_folders(model), level)
        return
    if alternatives:
        raise click.UsageError("--alternatives goes with --text")
    if output is not None or source == STDIO:
        claim_output(output or STDIO, source)
    if not symbols and output not in (None, STDIO):
        _known_suffix(str(output))
    from refcodec import codec
    from refcodec.container import read
    from refcodec.progress import part
    from semtool.here import symbols_here

    container = read(read_input(source, level), level=level)
    unpainted = symbols or container.profile.method_name != "elic"
    target = ""
    if not unpainted:
        codec.need_painter(container)
        target = output or _free(default_output(source, ".png"))
        if os.path.splitext(target)[1].lower() in UNPAINTED:
            raise click.UsageError(f"{shown(target)} is no picture: name one, or give --symbols")
    folders = model_folders(model)
    with progress("decoding") as update:
        if unpainted:
            decoded = symbols_here(container, folders, level, update)
            written = _write_holdings(decoded, source, output)
        else:
            from refcodec import pictures
            from refcodec.symbols import symbols_of

            decoded = symbols_of(container, models=folders, level=level, progress=part(update, 0, 0.5))
            out = io.BytesIO()
            pictures.save(codec.paint(decoded, part(update, 0.5, 1)), out, format=_format(target))
            write_output(target, out.getvalue())
            written = [(target, "picture")]
    if unpainted and not symbols:
        name = container.profile.method_name
        notice(f"nothing here paints method {name}: this is what the file holds, not its picture")
    _tell(decoded, written)


def _tell(decoded: Symbols, written: list[tuple[str, str]]) -> None:
    container = decoded.container
    header, whole = container.header, "" if container.complete else ", of an incomplete file"
    if wants_json():
        target, what = written[0]
        show_json({
            "file": target, "width": header.width, "height": header.height, "check": decoded.state,
            "complete": container.complete, "what": what, "files": [{"file": f, "what": w} for f, w in written],
        })  # fmt: skip
        return
    for target, what in written:
        say(f"{shown(target)}: {what}, {header.width}x{header.height}, check {decoded.state}{whole}")


def _write_holdings(decoded: Symbols, source: str, output: str | None) -> list[tuple[str, str]]:
    """One file of each payload, or the payload that the suffix of `output` fits."""
    from refcodec.errors import SemError
    from refcodec.holdings import holdings

    found = holdings(decoded)
    if not found:
        raise SemError(704, "the file holds no payload", path="sections", hint="semtool payload shows its other sections")
    if output is None and source != STDIO:
        several = len(found) > 1
        jobs = [(_free(_own_name(source, holding, several)), holding, holding.suffixes[0]) for holding in found]
    else:
        target = output or STDIO
        suffix = "" if target == STDIO else os.path.splitext(target)[1].lower()
        holding = _fitting(found, suffix, target)
        jobs = [(target, holding, suffix if suffix in holding.suffixes else holding.suffixes[0])]
    made, fault = [], None
    for target, holding, suffix in jobs:
        try:
            made.append((target, holding.what, holding.make(suffix)))
        except SemError as error:
            if error.family != "model":  # what paints an edge map is missing
                raise
            fault = fault or error
    if fault is not None:
        if not made:
            raise fault
        notice(f"not all of it: {fault}")
    for target, _, data in made:
        write_output(target, data)
    return [(target, what) for target, what, _ in made]


def _fitting(found: list[Holding], suffix: str, target: str) -> Holding:
    if not suffix:
        return found[0]
    for holding in found:
        if suffix in holding.suffixes:
            return holding
    known = "; ".join(f"{holding.what}: {' '.join(holding.suffixes)}" for holding in found)
    raise click.UsageError(f"nothing in the file can be written as {shown(target)} ({known})")


def _own_name(source: str, holding: Holding, several: bool) -> str:
    from refcodec import spec

    name = f".{spec.KINDS[holding.kind]}" if several else ""
    return default_output(source, name + holding.suffixes[0])


def _free(name: str) -> str:
    if name != STDIO and os.path.lexists(name):
        raise click.UsageError(f"{shown(name)} is there already: name the output with -o")
    return name


def _format(target: str) -> str:
    from refcodec import pictures

    suffix = os.path.splitext(target)[1]
    return "png" if target == STDIO or not suffix else pictures.format_of(suffix)


def _known_suffix(output: str) -> None:
    """Refuse a suffix that no output has, before anything is read for it."""
    if os.path.splitext(output)[1].lower() in UNPAINTED:
        return
    try:
        _format(output)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
