# SPDX-License-Identifier: MIT
"""semtool inspect: what is in a .sem file, field by field; never runs a net and never fails on broken files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from refcodec.cli.common_options import environment_of, json_option, level_option, model_option
from refcodec.cli.inspect_text import facts, hex_lines, meaning, split, title, value_text
from refcodec.cli.stdio import STDIO, claim_output, read_input, safe, say, show_json, wants_json, write_output
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.inspection import Inspection
    from refcodec.registry import Registry


@click.command("inspect", short_help="Say what is in a .sem file, byte by byte.")
@click.argument("source", metavar="IN.sem")
@click.option("--hex", "as_hex", is_flag=True, help="Show the bytes of every field.")
@click.option("--html", metavar="OUT.html", help="Write a page that shows the bytes, coloured by field.")
@model_option
@level_option
@json_option
def command(source: str, as_hex: bool, html: str | None, model: str | None, level: int) -> int:
    """Show fields, sections, rate, model and check of IN.sem.

    Decodes no payload and needs no model. Of a broken file it shows what can be told; the exit status is that of the
    first fault.
    """
    if html is not None:
        claim_output(html, source)
    from refcodec.inspection import inspect

    data, environment = read_input(source, level), environment_of(model)
    found = inspect(data, level=level, environment=environment)
    if html is not None:
        from refcodec.cli.inspect_html import render

        write_output(html, render(source, data, found, environment.registry).encode("utf-8", "backslashreplace"))
    if wants_json():
        show_json(found.to_dict())
    elif html != STDIO:
        say("\n".join(_lines(source, data, found, environment.registry, as_hex)))
    if not found.errors:
        return 0
    say(safe(str(found.errors[0])), err=True)
    return found.errors[0].status


def _lines(source: str, data: bytes, found: Inspection, rows: Registry, as_hex: bool) -> Iterator[str]:
    """The text for people."""
    yield f"{shown(source)}: {title(found)}"
    for name, text in facts(found):
        yield f"  {name:10} {safe(text)}"
    if not found.fields:
        return
    parts = [split(field.name) for field in found.fields]
    width = max(len(name) + 2 * bool(part) for part, name in parts)
    yield f"\n  offset   bits  {'field':{width}}  value"
    before = ""
    for field, (part, name) in zip(found.fields, parts, strict=True):
        if part and part != before:
            yield f"{'':17}{part}"
        before = part
        told = meaning(field, found, rows)
        end = f"  ({safe(told)})" if told else ""
        label = f"  {name}" if part else name
        yield f"  {field.offset:6} {field.bits:6}  {label:{width}}  {safe(value_text(field))}{end}"
        if as_hex:
            yield from (f"{'':17}{line}" for line in hex_lines(data, field.offset, field.bits))
