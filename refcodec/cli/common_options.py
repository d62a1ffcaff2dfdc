# SPDX-License-Identifier: MIT
"""Options that several commands have, and the progress bar."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from refcodec.errors import Code, SemError
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.foundation.resolve import Models


def json_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """--json. What it means is seen to in `streams`, since errors may come before options are known."""
    help_ = "Print the result, or the error, as a JSON object."
    return click.option("--json", is_flag=True, expose_value=False, help=help_)(f)


def model_option(f: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--model", metavar="DIR", help="Use the model package in this folder.")(f)


def models_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """--model, as often as wanted, --device and --dtype: what describes and paints, and where it runs."""
    from refcodec.foundation.resolve import DEVICES, DTYPES

    for decorate in (
        click.option(
            "--dtype",
            type=click.Choice(DTYPES),
            default="auto",
            help="Numbers of foundation models.  [default: float32 on the CPU, else float16]",
        ),
        click.option(
            "--device",
            type=click.Choice(DEVICES),
            default="auto",
            help="Where models run.  [default: cuda, mps or cpu, the first that is here]",
        ),
        click.option(
            "--model",
            "model",
            metavar="DIR | ROLE=WHAT",
            multiple=True,
            help="A model package, a set of models, or what fills a role: a folder, a hub id[@revision], the URL of an endpoint.",
        ),
    ):
        f = decorate(f)
    return f


def models_of(model: tuple[str, ...], device: str, dtype: str) -> Models:
    """What the options name. Usage error for a role that there is not, SEM-E-801 for a folder that holds no model."""
    from refcodec.environment import Environment
    from refcodec.foundation.models_json import roles_in_folder
    from refcodec.foundation.resolve import Models
    from refcodec.foundation.roles import parse_role
    from refcodec.networks import package_search

    try:
        folders = [Path(entry) for entry in model if parse_role(entry) is None]
        for folder in folders:
            if os.path.isfile(folder / package_search.MANIFEST) or not roles_in_folder(folder):
                model_folders(str(folder))
        return Models.of(model, device=device, dtype=dtype, environment=Environment.default())
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def package_of(models: Models) -> Path | None:
    """The folder that stands in for the profile's symbol model: the first named that is no set of foundation models."""
    from refcodec.foundation.models_json import roles_in_folder
    from refcodec.networks import package_search

    return next(
        (f for f in models.folders if os.path.isfile(f / package_search.MANIFEST) or not roles_in_folder(f)), None
    )


def level_option(f: Callable[..., Any]) -> Callable[..., Any]:
    help_ = "Limits of SPEC.md §15: those of 1 every decoder takes."
    kind = click.Choice(["1", "2"])
    return click.option(
        "--level", type=kind, default="1", show_default=True, callback=lambda _c, _p, v: int(v), help=help_
    )(f)


def model_folders(model: str | None) -> tuple[Path, ...]:
    """Where to look for models first. SEM-E-801 for a folder that holds none, 803 for one whose manifest is broken."""
    if model is None:
        return ()
    from refcodec.networks import package_search

    folder = Path(model)
    if os.path.isfile(folder / package_search.MANIFEST):
        if package_search.describe(folder) is None:
            raise SemError(
                Code.MODEL_MALFORMED, f"{shown(model)}/{package_search.MANIFEST} cannot be read", path="manifest"
            )
    elif not any(os.path.isfile(entry / package_search.MANIFEST) for entry in folder.glob("*")):
        raise SemError(
            Code.MODEL_UNAVAILABLE,
            f"{shown(model)} holds no model package",
            path="model",
            hint="name a folder with a manifest.json",
        )
    return (folder,)


def environment_of(model: str | None) -> Environment:
    """The default environment, the folder that --model names looked at first. Errors as of `model_folders`."""
    from refcodec.environment import Environment

    return Environment.default().with_packages(model_folders(model))


@contextmanager
def progress(label: str) -> Iterator[Callable[[float], None]]:
    """A function that takes the share done (0 to 1); a bar appears on a terminal once the work has taken a second."""
    started, bar, task = time.monotonic(), None, None

    def update(share: float) -> None:
        nonlocal bar, task
        if bar is None and share < 1 and time.monotonic() - started > 1 and sys.stderr and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            bar.start()
            task = bar.add_task(label, total=1.0)
        if bar is not None and task is not None:
            bar.update(task, completed=share)

    try:
        yield update
    finally:
        if bar is not None:
            bar.stop()
