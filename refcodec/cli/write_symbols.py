# SPDX-License-Identifier: MIT
"""semtool decode --symbols: write the decoded symbols of each payload to a file."""

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
    """Write each payload to its own file, or one payload to `output`, chosen by its suffix; return (file, what it is)."""
    from refcodec.export import artifacts

    exports = artifacts(decoded)
    if not exports:
        raise SemError(
            Code.UNSUPPORTED_KIND,
            "the file has no payload",
            path="sections",
            hint="semtool payload shows its other sections",
        )
    if output is None and source != STDIO:
        several = len(exports) > 1
        jobs = [
            (free(_own_name(source, kind if several else None, artifact)), artifact, artifact.suffixes[0])
            for kind, artifact in exports.items()
        ]
    else:
        target = output or STDIO
        suffix = "" if target == STDIO else os.path.splitext(target)[1].lower()
        artifact = _by_suffix(list(exports.values()), suffix, target)
        jobs = [(target, artifact, suffix if suffix in artifact.suffixes else artifact.suffixes[0])]
    files, missing_model = [], None
    for target, artifact, suffix in jobs:
        try:
            files.append((target, artifact.what, artifact.make(suffix)))
        except SemError as error:
            if error.family != "model":  # an edge map needs its synthesis network, other payloads do not
                raise
            missing_model = missing_model or error
    if missing_model is not None:
        if not files:
            raise missing_model
        notice(f"not all payloads are written: {missing_model}")
    for target, _, data in files:
        write_output(target, data)
    return [(target, what) for target, what, _ in files]


def _by_suffix(artifacts: list[Artifact], suffix: str, target: str) -> Artifact:
    """Return the first artifact that can be written with a suffix. Raises a usage error if no artifact has it."""
    if not suffix:
        return artifacts[0]
    for artifact in artifacts:
        if suffix in artifact.suffixes:
            return artifact
    known = "; ".join(f"{artifact.what}: {' '.join(artifact.suffixes)}" for artifact in artifacts)
    raise click.UsageError(f"nothing in the file can be written as {shown(target)} ({known})")


def _own_name(source: str, kind: str | None, artifact: Artifact) -> str:
    """Return the name of a file beside the source; kind: part of the name, None for the only payload."""
    return default_output(source, (f".{kind}" if kind else "") + artifact.suffixes[0])


def free(name: str) -> str:
    """Return a default output name. Raises a usage error if the file exists."""
    if name != STDIO and os.path.lexists(name):
        raise click.UsageError(f"{shown(name)} is there already: name the output with -o")
    return name
