# SPDX-License-Identifier: MIT
"""Options of commands that take many files, and whether a call is one of many files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from refcodec.batch.inputs import is_folder
from refcodec.batch.outputs import Present
from refcodec.cli.stdio import STDIO
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

JOBS_MAX = 1024
SUFFIXES = frozenset({".sem"})


@dataclass(frozen=True)
class Outputs:
    """Where outputs go, and what is done about those that are there. suffix: of their names, with its dot."""

    folder: str
    suffix: str
    present: Present
    keep_suffix: bool = False
    pictures: bool = False
    times: bool = False


def present_of(*, force: bool, no_clobber: bool, resume: bool) -> Present:
    """Return what is done about outputs that are there already. Raises a usage error for two of the options."""
    chosen = {"--force": force, "--no-clobber": no_clobber, "--resume": resume}
    names = [name for name, value in chosen.items() if value]
    if len(names) > 1:
        raise click.UsageError(f"{names[0]} and {names[1]} exclude each other: give one of them")
    by_name = {"--force": Present.REPLACE, "--no-clobber": Present.KEEP, "--resume": Present.RESUME}
    return by_name[names[0]] if names else Present.REFUSE


def jobs_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --jobs."""
    help_ = "Number of processes for many files.  [default: as many as processors and memory allow]"
    return click.option("--jobs", type=click.IntRange(1, JOBS_MAX), metavar="N", help=help_)(f)


def many_outputs_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --jobs, --resume and --keep-suffix."""
    f = click.option(
        "--keep-suffix",
        is_flag=True,
        help="Many files: append the new suffix (a.jpg.sem) in place of replacing the old one.",
    )(f)
    help_ = (
        "Many files: continue a call that was interrupted. Keeps outputs that exist and are intact, and makes the rest."
    )
    return jobs_option(click.option("--resume", is_flag=True, help=help_)(f))


def are_many(sources: tuple[str, ...], output: str | None, *, explicit: bool, one: bool = False) -> bool:
    """Return whether a call is one of many files: several, a folder, or an output that ends as a folder does.

    explicit: an option that only such a call has. one: options that only a call of one file has. Raises SemError or a
    usage error for one without a folder of outputs.
    """
    folders = [name for name in sources if is_folder(name)]
    in_folder = output is not None and output != STDIO and output.endswith((os.sep, "/"))
    if not (len(sources) > 1 or folders or (in_folder and sources and not one) or explicit):
        return False
    if output is None or output == STDIO:
        hint = "name a folder for the outputs, such as -o out/"
        if folders:
            raise SemError(Code.CANNOT_READ, f"{shown(folders[0])}: Is a directory", hint=hint)
        raise click.UsageError(f"{_count(sources)}: {hint}")
    if STDIO in sources:
        raise click.UsageError("standard input is one file: encode or decode it alone")
    return True


def _count(sources: tuple[str, ...]) -> str:
    return "this is for many files" if len(sources) < 2 else f"{len(sources)} inputs need more than one output"
