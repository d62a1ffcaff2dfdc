# SPDX-License-Identifier: MIT
"""semtool decode --symbols: what each payload of a file holds, as a file of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from refcodec.cli.error_report import notice
from refcodec.cli.stdio import STDIO, default_output, write_output
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.decoder import DecodedFile
    from refcodec.export import Holding


def write_holdings(decoded: DecodedFile, source: str, output: str | None) -> list[tuple[str, str]]:
    """One file of each payload, or the payload that the suffix of `output` fits."""
    from refcodec.export import holdings

    found = holdings(decoded)
    if not found:
        raise SemError(
            Code.UNSUPPORTED_KIND,
            "the file holds no payload",
            path="sections",
            hint="semtool payload shows its other sections",
        )
    if output is None and source != STDIO:
        several = len(found) > 1
        jobs = [(free(_own_name(source, holding, several)), holding, holding.suffixes[0]) for holding in found]
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


def free(name: str) -> str:
    if name != STDIO and os.path.lexists(name):
        raise click.UsageError(f"{shown(name)} is there already: name the output with -o")
    return name
