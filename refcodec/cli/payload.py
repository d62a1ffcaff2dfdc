# SPDX-License-Identifier: MIT
"""semtool payload: the decoded symbols of a .sem file, as digests, shapes and short values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from refcodec.cli.common_options import environment_of, json_option, level_option, model_option, progress
from refcodec.cli.limit_options import limits_options
from refcodec.cli.output_file import output_name
from refcodec.cli.stdio import STDIO, brief, claim_output, read_input, say, show_json, wants_json, write_output
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.limits import Limits

REMEDY = "-o FILE writes all of it"


@click.command(short_help="Print the decoded symbols of a .sem file.")
@click.argument("source", metavar="IN.sem")
@click.option(
    "-o",
    "output",
    metavar="FILE",
    callback=output_name,
    help="Write everything to FILE as JSON; - is standard output.",
)
@model_option
@level_option
@limits_options
@json_option
def command(source: str, output: str | None, model: str | None, level: int, limits: Limits) -> None:
    """Print the decoded symbols of IN.sem, section by section.

    Prints the kind, the SHA-256 of the serialised symbols (S of SPEC.md §7), the shape of each array, and short values;
    of a long one its beginning. --json prints all of it, and -o writes that to a file. For latents it prints the quality as
    semtool encode counts it; rate in the JSON is its index among the rates of the model, from 0.
    """
    if output is not None and output != STDIO:
        claim_output(output, source)
    data = read_input(source, level)
    environment = environment_of(model)
    from refcodec.decoder import payload

    with progress("decoding") as update:
        symbols = payload(data, level=level, progress=update, environment=environment, limits=limits)
    if output is not None and output != STDIO:
        write_output(output, (json.dumps(symbols.to_dict(), indent=2) + "\n").encode())
        if not wants_json():
            say(f"{shown(output)}: {', '.join(section.kind for section in symbols.sections)}")
        return
    if wants_json() or output == STDIO:
        show_json(symbols.to_dict(), REMEDY)
        return
    from refcodec.container import read

    profile = read(data, level=level, environment=environment, limits=limits).profile
    rates = {
        kind.name: profile.parameters(kind.id).get("rates") for kind in environment.kinds if kind.id in profile.kinds
    }
    for section in symbols.sections:
        say(section.kind)
        say(f"  sha256  {section.sha256}")
        say(f"  shape   {', '.join('×'.join(map(str, shape)) for shape in section.shape)}")
        values = section.value.items() if isinstance(section.value, dict) else [("value", section.value)]
        if section.candidate is not None:
            values = [*values, ("candidate", section.candidate)]
        values = [_named(name, value, rates.get(section.kind)) for name, value in values]
        for name, value in values:
            say(f"  {brief(name, REMEDY):7} {brief(value, REMEDY)}")


def _named(name: str, value: Any, rates: int | None) -> tuple[str, Any]:
    """Return an entry of a value as it is printed: the rate index of latents as the quality that `semtool encode` takes."""
    if name != "rate" or rates is None:
        return name, value
    from refcodec.methods.operating_point import quality_of

    return name, f"quality {quality_of(value, rates):.3g}"
