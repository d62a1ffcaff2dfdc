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
    from refcodec.payloads.exports import Artifact


def write_artifacts(decoded: DecodedFile, source: str, output: str | None) -> list[tuple[str, str]]:
    """One file of each payload, or the payload that the suffix of `output` fits."""
    from refcodec.export import artifacts

    found = artifacts(decoded)
    if not found:
        raise SemError(
            Code.UNSUPPORTED_KIND,
            "the file holds no payload",
            path="sections",
            hint="semtool payload shows its other sections",
        )
    if output is None and source != STDIO:
        several = len(found) > 1
        jobs = [
            (free(_own_name(source, kind if several else None, artifact)), artifact, artifact.suffixes[0])
            for kind, artifact in found.items()
        ]
    else:
        target = output or STDIO
        suffix = "" if target == STDIO else os.path.splitext(target)[1].lower()
        artifact = _fitting(list(found.values()), suffix, target)
        jobs = [(target, artifact, suffix if suffix in artifact.suffixes else artifact.suffixes[0])]
    made, fault = [], None
    for target, artifact, suffix in jobs:
        try:
            made.append((target, artifact.what, artifact.make(suffix)))
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


def _fitting(found: list[Artifact], suffix: str, target: str) -> Artifact:
    if not suffix:
        return found[0]
    for artifact in found:
        if suffix in artifact.suffixes:
            return artifact
    known = "; ".join(f"{artifact.what}: {' '.join(artifact.suffixes)}" for artifact in found)
    raise click.UsageError(f"nothing in the file can be written as {shown(target)} ({known})")


def _own_name(source: str, kind: str | None, artifact: Artifact) -> str:
    """Return the name of a file beside the source; kind: in the name, where there are several payloads."""
    return default_output(source, (f".{kind}" if kind else "") + artifact.suffixes[0])


def free(name: str) -> str:
    if name != STDIO and os.path.lexists(name):
        raise click.UsageError(f"{shown(name)} is there already: name the output with -o")
    return name
