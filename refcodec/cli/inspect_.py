# SPDX-License-Identifier: MIT
"""semtool inspect: show every field of a .sem file. Runs no network, and shows broken files as far as they can be read.

--memory and --deep look further, and need the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from refcodec.batch.inputs import is_folder
from refcodec.cli.common_options import environment_of, json_option, level_option, model_option
from refcodec.cli.deep_check import DeepCheck, deep_check
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
from refcodec.report.text import facts, hex_lines, meaning, split, title, value_text

if TYPE_CHECKING:
    from refcodec.decode_memory import DecodeMemory
    from refcodec.environment import Environment
    from refcodec.inspection import Inspection
    from refcodec.registry import Registry


@click.command("inspect", short_help="Show the fields of a .sem file, byte by byte.")
@click.argument("sources", metavar="IN.sem", nargs=-1, required=True)
@click.option("--hex", "as_hex", is_flag=True, help="Show every byte of every field, 16 a line.")
@click.option(
    "--html", metavar="OUT.html", callback=output_name, help="Write a page that shows the bytes, coloured by field."
)
@click.option("--memory", is_flag=True, help="Also predict the memory that decoding takes, which loads the model.")
@click.option("--deep", is_flag=True, help="Also decode the payloads, as verify does, which needs the model.")
@model_option
@level_option
@json_option
def command(
    sources: tuple[str, ...], as_hex: bool, html: str | None, memory: bool, deep: bool, model: str | None, level: int
) -> int:
    """Show fields, sections, rate, model and check of IN.sem.

    Decodes no payload and needs no model, except for --memory and --deep. A broken file is shown as far as it can be
    read; the exit status is that of its first error. Of many files, and of the .sem files in folders, each is shown in turn.
    """
    if len(sources) > 1 or is_folder(sources[0]):
        chosen = [name for name, is_set in (("html", html is not None), ("memory", memory), ("deep", deep)) if is_set]
        if chosen:
            raise click.UsageError(f"--{chosen[0]} is for one file")
        from refcodec.cli.inspect_many import inspect_many

        return inspect_many(
            sources,
            model,
            level,
            lambda name, data, inspection, rows: "\n".join(_lines(name, data, inspection, rows, as_hex)),
        )
    (source,) = sources
    if html is not None:
        claim_output(html, source)
    from refcodec.inspection import inspect

    data, environment = read_input(source, level), environment_of(model)
    inspection = inspect(data, level=level, environment=environment)
    predicted = _predicted(data, environment, level) if memory and not inspection.errors else None
    checked = deep_check(data, environment, level) if deep and not inspection.errors else None
    if html is not None:
        from refcodec.cli.inspect_html import render

        page = render(source, data, inspection, environment.registry, checked)
        write_output(html, page.encode("utf-8", "backslashreplace"))
    if wants_json():
        more: dict[str, Any] = {"memory": None if predicted is None else predicted.to_dict()} if memory else {}
        more |= {"deep": None if checked is None else checked.to_dict()} if deep else {}
        show_json(inspection.to_dict() | more | ({} if html in (None, STDIO) else {"html": html}))
    elif html != STDIO:
        for line in _lines(source, data, inspection, environment.registry, as_hex, checked):
            say(line)
        if predicted is not None:
            say(_memory_line(predicted))
        if html is not None:
            say(f"\n  page of these fields: {shown(html)}")
    error = inspection.errors[0] if inspection.errors else checked.error if checked is not None else None
    if error is None:
        return 0
    say(one_line(str(error)), err=True)
    return error.status


def _predicted(data: bytes, environment: Environment, level: int) -> DecodeMemory:
    """Return the memory that decoding a valid file takes."""
    from refcodec.container import read
    from refcodec.decode_memory import predict

    return predict(read(data, level=level, environment=environment), environment, level)


def _memory_line(predicted: DecodeMemory) -> str:
    from refcodec.limits import format_bytes

    picture = "unknown" if predicted.picture is None else f"about {format_bytes(predicted.picture)}"
    return f"\n  memory of decode {picture}, of verify about {format_bytes(predicted.symbols)}"


def _lines(
    source: str, data: bytes, inspection: Inspection, rows: Registry, as_hex: bool, deep: DeepCheck | None = None
) -> Iterator[str]:
    """Yield the lines of the text output."""
    yield f"{shown(source)}: {title(inspection, deep)}"
    lines = facts(inspection, deep)
    first = next((i for i, (name, _) in enumerate(lines) if name == "error"), None)
    if first is not None and one_destination():  # it is printed at the end
        lines.pop(first)
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
