# SPDX-License-Identifier: MIT
"""semtool inspect: show every field of a .sem file. Runs no network, and shows broken files as far as they can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from refcodec.cli.common_options import environment_of, json_option, level_option, model_option
from refcodec.cli.inspect_text import facts, hex_lines, meaning, split, title, value_text
from refcodec.cli.output_file import output_name
from refcodec.cli.stdio import (
    STDIO,
    claim_output,
    one_destination,
    read_input,
    say,
    show_json,
    wants_json,
    write_output,
)
from refcodec.errors import one_line
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.decode_memory import DecodeMemory
    from refcodec.environment import Environment
    from refcodec.inspection import Inspection
    from refcodec.registry import Registry


@click.command("inspect", short_help="Show the fields of a .sem file, byte by byte.")
@click.argument("source", metavar="IN.sem")
@click.option("--hex", "as_hex", is_flag=True, help="Show every byte of every field, 16 a line.")
@click.option(
    "--html", metavar="OUT.html", callback=output_name, help="Write a page that shows the bytes, coloured by field."
)
@click.option("--memory", is_flag=True, help="Also predict the memory that decoding takes, which loads the model.")
@model_option
@level_option
@json_option
def command(source: str, as_hex: bool, html: str | None, memory: bool, model: str | None, level: int) -> int:
    """Show fields, sections, rate, model and check of IN.sem.

    Decodes no payload and needs no model, except for --memory. A broken file is shown as far as it can be read; the exit
    status is that of its first error.
    """
    if html is not None:
        claim_output(html, source)
    from refcodec.inspection import inspect

    data, environment = read_input(source, level), environment_of(model)
    inspection = inspect(data, level=level, environment=environment)
    predicted = _predicted(data, environment, level) if memory and not inspection.errors else None
    if html is not None:
        from refcodec.cli.inspect_html import render

        write_output(html, render(source, data, inspection, environment.registry).encode("utf-8", "backslashreplace"))
    if wants_json():
        more = {"memory": None if predicted is None else predicted.to_dict()} if memory else {}
        show_json(inspection.to_dict() | more)
    elif html != STDIO:
        for line in _lines(source, data, inspection, environment.registry, as_hex):
            say(line)
        if predicted is not None:
            say(_memory_line(predicted))
    if not inspection.errors:
        return 0
    say(one_line(str(inspection.errors[0])), err=True)
    return inspection.errors[0].status


def _predicted(data: bytes, environment: Environment, level: int) -> DecodeMemory:
    """Return the memory that decoding a valid file takes."""
    from refcodec.container import read
    from refcodec.decode_memory import predict

    return predict(read(data, level=level, environment=environment), environment, level)


def _memory_line(predicted: DecodeMemory) -> str:
    from refcodec.limits import format_bytes

    picture = "unknown" if predicted.picture is None else f"about {format_bytes(predicted.picture)}"
    return f"\n  memory of decode {picture}, of verify about {format_bytes(predicted.symbols)}"


def _lines(source: str, data: bytes, inspection: Inspection, rows: Registry, as_hex: bool) -> Iterator[str]:
    """Yield the lines of the text output."""
    yield f"{shown(source)}: {title(inspection)}"
    lines = facts(inspection)
    if inspection.errors and one_destination():  # the first error is printed at the end
        lines.pop(next(i for i, (name, _) in enumerate(lines) if name == "error"))
    for name, text in lines:
        yield f"  {name:10} {one_line(text)}"
    if not inspection.fields:
        return
    parts = [split(field.name) for field in inspection.fields]
    width = max(len(name) + 2 * bool(part) for part, name in parts)
    yield f"\n  offset   bits  {'field':{width}}  value"
    before = ""
    for field, (part, name) in zip(inspection.fields, parts, strict=True):
        if part and part != before:
            yield f"{'':17}{part}"
        before = part
        explanation = meaning(field, inspection, rows)
        end = f"  ({one_line(explanation)})" if explanation else ""
        label = f"  {name}" if part else name
        yield f"  {field.offset:6} {field.bits:6}  {label:{width}}  {one_line(value_text(field))}{end}"
        if as_hex:
            yield from (f"{'':17}{line}" for line in hex_lines(data, field.offset, field.bits))
