# SPDX-License-Identifier: MIT
"""semtool payload: the decoded symbols of a .sem file, as digests, shapes and short values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from refcodec.cli.common_options import environment_of, json_option, level_option, model_option, progress
from refcodec.cli.limit_options import limits_options
from refcodec.cli.stdio import read_input, safe, say, show_json, wants_json

if TYPE_CHECKING:
    from refcodec.limits import Limits


@click.command(short_help="Print the decoded symbols of a .sem file.")
@click.argument("source", metavar="IN.sem")
@model_option
@level_option
@limits_options
@json_option
def command(source: str, model: str | None, level: int, limits: Limits) -> None:
    """Print the decoded symbols of IN.sem, section by section.

    Prints the kind, the SHA-256 of the serialised symbols (S of SPEC.md §7), the shape of each array, and short values.
    """
    data = read_input(source, level)
    environment = environment_of(model)
    from refcodec.decoder import payload

    with progress("decoding") as update:
        symbols = payload(data, level=level, progress=update, environment=environment, limits=limits)
    if wants_json():
        show_json(symbols.to_dict())
        return
    for section in symbols.sections:
        say(section.kind)
        say(f"  sha256  {section.sha256}")
        say(f"  shape   {', '.join('×'.join(map(str, shape)) for shape in section.shape)}")
        values = section.value.items() if isinstance(section.value, dict) else [("value", section.value)]
        for name, value in values:
            say(f"  {safe(name):7} {safe(str(value))}")
