# SPDX-License-Identifier: MIT
"""Options that the commands of `semtool batch` share: inputs, outputs, workers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import click

from refcodec.cli.output_file import folder_name

INPUT = click.argument("sources", metavar="IN…", nargs=-1, required=True)
OUTPUTS: Final = (
    click.option(
        "-o",
        "--output",
        metavar="DIR",
        required=True,
        callback=folder_name,
        help="The folder of the outputs, or its URL (fsspec).",
    ),
    click.option(
        "--parquet", is_flag=True, help="Write Parquet with the files in a column instead of a file for each input."
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Continue a batch that was interrupted: keep outputs that are intact, and make the rest.",
    ),
    click.option("--force", is_flag=True, help="Replace existing outputs."),
    click.option(
        "--keep-suffix", is_flag=True, help="Append the new suffix (a.jpg.sem) in place of replacing the old one."
    ),
)
WORKERS: Final = (
    click.option(
        "--workers",
        type=click.IntRange(1, 1 << 16),
        metavar="N",
        help="Number of processes, each with its own model.  [default: as many as processors, GPUs and memory allow]",
    ),
    click.option(
        "--threads-per-worker",
        "threads",
        type=click.IntRange(1, 1024),
        default=1,
        show_default=True,
        metavar="N",
        help="Processors reserved for each worker, and threads that its libraries use.",
    ),
    click.option(
        "--gpus-per-worker",
        "gpus",
        type=click.FloatRange(0, 1024),
        default=0,
        metavar="N",
        help="GPUs of each worker, such as 1 or 0.5.  [default: 0]",
    ),
    click.option(
        "--address",
        metavar="ADDRESS",
        help="A running cluster of Ray, or auto.  [default: Ray is started on this machine for this call]",
    ),
    click.option(
        "--column",
        metavar="NAME",
        help="Column of Parquet inputs that holds the files.  [default: sem, image, bytes …]",
    ),
    click.option(
        "--key-column",
        metavar="NAME",
        help="Column of Parquet inputs that names the files.  [default: key, else numbers]",
    ),
)


@dataclass(frozen=True)
class Places:
    """The options that the commands share: where inputs and outputs are, and who works on them."""

    output: str | None
    parquet: bool
    resume: bool
    force: bool
    keep_suffix: bool
    workers: int | None
    threads: int
    gpus: float
    address: str | None
    column: str | None
    key_column: str | None

    @classmethod
    def of(cls, options: dict[str, Any]) -> Places:
        """Take the options out of those of a command."""
        return cls(**{name: options.pop(name, None) for name in cls.__dataclass_fields__})


def with_options(options: Collection[Callable[..., Any]]) -> Callable[..., Any]:
    """Return a decorator that adds options to a command."""

    def decorate(f: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(list(options)):
            f = option(f)
        return f

    return decorate
