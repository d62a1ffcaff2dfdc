# SPDX-License-Identifier: MIT
"""semtool decode --symbols: write each payload of a file to a separate file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from refcodec.cli.error_report import notice
from refcodec.cli.output_file import OutputFile, free
from refcodec.cli.stdio import STDIO, default_output
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.decoder import DecodedFile
    from refcodec.payloads.exports import Artifact


@dataclass(frozen=True)
class Naming:
    """The names of source and output, and what the options say about files to write."""

    source: str
    output: str | None
    force: bool = False
    times: tuple[int, int] | None = None
    no_clobber: bool = False

    def file(self, name: str, *, chosen: bool) -> OutputFile:
        """Return a file to write. chosen: whether the user chose its name, and so may replace what has it."""
        new = self.no_clobber or not (chosen or self.force)
        return OutputFile(name, new=new and name != STDIO, times=self.times)

    def free(self, name: str) -> str:
        """Return a default name if no file has it, or with --force. Raises UsageError if one has."""
        return free(name, force=self.force)


def write_artifacts(decoded: DecodedFile, naming: Naming) -> list[tuple[str, str]]:
    """Write each payload to a file beside the source, or to the output of `naming` the payload that its suffix can hold.

    Return (file name, description) of each written file.
    """
    from refcodec.export import artifacts

    source, output = naming.source, naming.output
    exported = artifacts(decoded)
    if not exported:
        raise SemError(
            Code.UNSUPPORTED_KIND,
            "the file has no payload",
            path="sections",
            hint="semtool payload shows its other sections",
        )
    if output is None and source != STDIO:
        several = len(exported) > 1
        jobs = [
            (naming.free(_own_name(source, kind if several else None, artifact)), artifact, artifact.suffixes[0])
            for kind, artifact in exported.items()
        ]
    else:
        target = output or STDIO
        suffix = "" if target == STDIO else os.path.splitext(target)[1].lower()
        artifact = _artifact_for(list(exported.values()), suffix, target)
        jobs = [(target, artifact, suffix if suffix in artifact.suffixes else artifact.suffixes[0])]
    outputs, missing = [], None
    for target, artifact, suffix in jobs:
        try:
            outputs.append((target, artifact.what, artifact.make(suffix)))
        except SemError as error:
            if error.family != "model":  # the model that reconstructs an edge map is missing
                raise
            missing = missing or error
    if missing is not None:
        if not outputs:
            raise missing
        notice(f"not all payloads are written: {missing}")
    for target, _, data in outputs:
        naming.file(target, chosen=output is not None).write(data)
    return [(target, what) for target, what, _ in outputs]


def _artifact_for(exported: list[Artifact], suffix: str, target: str) -> Artifact:
    """Return the first artifact that can be written with a suffix. Raises UsageError if no payload can."""
    if not suffix:
        return exported[0]
    for artifact in exported:
        if suffix in artifact.suffixes:
            return artifact
    known = "; ".join(f"{artifact.what}: {' '.join(artifact.suffixes)}" for artifact in exported)
    raise click.UsageError(f"nothing in the file can be written as {shown(target)} ({known})")


def _own_name(source: str, kind: str | None, artifact: Artifact) -> str:
    """Return the name of an output beside the source. kind: added to the name if there are several payloads."""
    return default_output(source, (f".{kind}" if kind else "") + artifact.suffixes[0])
