# SPDX-License-Identifier: MIT
"""semtool payload: the decoded symbols of a .sem file, as digests, shapes and short values."""

from __future__ import annotations

from pathlib import Path

import click

from semtool.output import json_option, level_option, model_option, read_input, show_json


@click.command()
@click.argument("source", metavar="IN.sem")
@model_option
@level_option
@json_option
def command(source: str, model: Path | None, level: int, as_json: bool) -> None:
    """Print the symbols of IN.sem: kind, SHA-256 of their serialisation (SPEC §7), shapes, value."""
    from refcodec.symbols import payload

    found = payload(read_input(source, level), models=(model,) if model else (), level=level)
    if as_json:
        show_json(found.to_dict())
        return
    for s in found.sections:
        shapes = ", ".join("×".join(map(str, shape)) for shape in s.shape)
        click.echo(f"{s.kind}  sha256 {s.sha256}  shape {shapes}")
        values = s.value.items() if isinstance(s.value, dict) else [("value", s.value)]
        for name, value in values:
            click.echo(f"  {name}: {value}")
