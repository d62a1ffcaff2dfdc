# SPDX-License-Identifier: MIT
"""semtool inspect: what is in a .sem file, field by field; never runs a net and never fails on broken files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from semtool.output import json_option, level_option, model_option, read_input, show_json, write_output

if TYPE_CHECKING:
    from refcodec.inspection import Inspection

_HEX_BYTES = 256  # bytes of one field that --hex and --html show


@click.command("inspect")
@click.argument("source", metavar="IN.sem")
@click.option("--hex", "as_hex", is_flag=True, help="Show the bytes of every field.")
@click.option("--html", metavar="OUT.html", help="Write a page with the bytes, coloured by field.")
@model_option
@level_option
@json_option
def command(source: str, as_hex: bool, html: str | None, model: Any, level: int, as_json: bool) -> int:
    """Show fields, sections, rate, model and check of IN.sem."""
    from refcodec.inspection import inspect

    data = read_input(source, level)
    found = inspect(data, level=level, models=(model,) if model else ())
    if html is not None:
        from semtool.page import render

        write_output(html, render(source, data, found).encode())
    if as_json:
        show_json(found.to_dict())
    else:
        _show(source, data, found, as_hex)
    return found.errors[0].status if found.errors else 0


def _show(source: str, data: bytes, found: Inspection, as_hex: bool) -> None:
    """The text for people."""
    click.echo(f"{source}: {_what(found)}")
    if found.bpp is not None:
        share = 100 * found.overhead_bytes / max(1, found.file_bytes)
        click.echo(
            f"  file      {found.file_bytes} bytes, {found.bpp:.4f} bpp ({found.ubpp:.0f} µbpp); "
            f"{found.overhead_bytes} of them overhead ({share:.1f} %)"
        )
    else:
        click.echo(f"  file      {found.file_bytes} bytes")
    if found.model.digest is not None:
        where = "available" if found.model.available else "not available here"
        click.echo(f"  model     {found.model.name or 'unlisted'}, {found.model.digest[:16]}…, {where}")
    canonical = {None: "not known without decoding (semtool verify)", True: "yes", False: "no"}[found.canonical]
    bits = "" if not found.check.bits else f" ({found.check.bits} bits)"
    state = "not computed without decoding (semtool verify)" if found.check.state == "unchecked" else found.check.state
    click.echo(f"  check     {state}{bits}")
    click.echo(f"  canonical {canonical}")
    if not found.complete and not found.errors:
        click.echo("  incomplete: sections that the header counts are missing")
    pixels = (found.width or 0) * (found.height or 0)
    for s in found.sections:
        rate = f", {1e6 * s.bits / pixels:.0f} µbpp" if pixels else ""
        word = "critical" if s.critical else "ancillary"
        click.echo(f"  section   {s.kind or 'unknown'} ({word}): {s.bytes} bytes at {s.offset}{rate}")
    click.echo("  offset  bits  field = value")
    for f in found.fields:
        click.echo(f"  {f.offset:6} {f.bits:5}  {f.name} = {f.value}")
        if as_hex:
            for line in hex_lines(data, f.offset, f.bits):
                click.echo(f"                {line}")
    for e in found.errors:
        click.echo(f"  {e}")


def _what(found: Inspection) -> str:
    if found.format_version is None:
        return "not a .sem file"
    draft = " (draft)" if found.format_version == 0 else ""
    size = f", {found.width}x{found.height}" if found.width else ""
    return f".sem version {found.format_version}{draft}, {found.method or 'unknown method'}{size}"


def hex_lines(data: bytes, offset: int, bits: int) -> list[str]:
    """The bytes that hold a field, 16 a line, cut after 256."""
    part = data[offset : offset + (bits + 7) // 8]
    lines = [part[i : i + 16].hex(" ") for i in range(0, min(len(part), _HEX_BYTES), 16)]
    return [*lines, f"… {len(part) - _HEX_BYTES} more"] if len(part) > _HEX_BYTES else lines
