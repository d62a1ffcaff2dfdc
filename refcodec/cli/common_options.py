# SPDX-License-Identifier: MIT
"""Options that several commands share, and the progress bar."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.limits import NONE, Limits

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.foundation.resolve import Models


def json_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --json. `stdio` reads it from the arguments, since errors may come before options are parsed."""
    help_ = "Print the result, or the error, as a JSON object."
    return click.option("--json", is_flag=True, expose_value=False, help=help_)(f)


def model_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --model, once, for commands that only need a model package."""
    return click.option("--model", metavar="DIR", help="Use the model package in this folder.")(f)


def models_options(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --model (repeatable), --device, --dtype and --allow-download: the models of a method, and where they run."""
    from refcodec.foundation.resolve import DEVICES, DTYPES

    for decorate in (
        click.option(
            "--allow-download",
            is_flag=True,
            envvar="SEM_ALLOW_DOWNLOAD",
            help="Also use hub models that a models.json names without a digest.  [default: SEM_ALLOW_DOWNLOAD, else no]",
        ),
        click.option(
            "--dtype",
            type=click.Choice(DTYPES),
            default="auto",
            help="Number type of foundation models.  [default: float32 on the CPU, else float16]",
        ),
        click.option(
            "--device",
            type=click.Choice(DEVICES),
            default="auto",
            help="Where models run.  [default: the first available of cuda, mps and cpu; embedded models: cpu]",
        ),
        click.option(
            "--model",
            "model",
            metavar="DIR | ROLE=MODEL",
            multiple=True,
            help="The folder of a model package or a model set, or a role and its model: a folder, hub id[@revision] or endpoint URL. Repeatable.",
        ),
    ):
        f = decorate(f)
    return f


def models_of(
    model: tuple[str, ...],
    device: str,
    dtype: str,
    limits: Limits = NONE,
    *,
    allow_download: bool = False,
    any_model: bool = False,
) -> Models:
    """Return the models that the options name.

    Raises a usage error for an unknown role, Code.MODEL_UNAVAILABLE (SEM-E-801) for a folder without a model.
    """
    from refcodec.cli.error_report import notice
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
        environment = Environment.default()
        models = Models.of(
            model,
            device=device,
            dtype=dtype,
            environment=environment,
            limits=limits,
            allow_download=allow_download,
            any_model=any_model,
        )
        return replace(models, announce=notice)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def package_of(models: Models) -> Path | None:
    """Return the first named folder that is not a set of foundation models: it replaces the profile's symbol model."""
    from refcodec.foundation.models_json import roles_in_folder
    from refcodec.networks import package_search

    return next(
        (f for f in models.folders if os.path.isfile(f / package_search.MANIFEST) or not roles_in_folder(f)), None
    )


def level_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """Add --level."""
    help_ = "Limits of SPEC.md §15; every decoder supports level 1."
    kind = click.Choice(["1", "2"])
    return click.option(
        "--level", type=kind, default="1", show_default=True, callback=lambda _c, _p, v: int(v), help=help_
    )(f)


def parse_size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Return (width, height) of a text such as 768x512, each from 1 to 999999."""
    if value is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})[x×]([1-9][0-9]{0,5})", value)
    if match is None:
        raise click.BadParameter("a size is WIDTHxHEIGHT, such as 768x512")
    return int(match[1]), int(match[2])


def model_folders(model: str | None) -> tuple[Path, ...]:
    """Return the folders to search for models first.

    Raises Code.MODEL_UNAVAILABLE (SEM-E-801) for a folder without models, MODEL_MALFORMED (803) for a broken manifest.
    """
    if model is None:
        return ()
    from refcodec.networks import package_search

    folder = Path(model)
    if not folder.is_dir():
        from refcodec.foundation.resolve import no_folder_error

        raise no_folder_error(folder)
    if os.path.isfile(folder / package_search.MANIFEST):
        if package_search.describe(folder) is None:
            raise SemError(
                Code.MODEL_MALFORMED, f"{shown(model)}/{package_search.MANIFEST} cannot be read", path="manifest"
            )
    elif not any(os.path.isfile(entry / package_search.MANIFEST) for entry in folder.glob("*")):
        from refcodec.foundation.folder_kind import is_empty_folder
        from refcodec.foundation.roles import ROLES

        hint = "name a folder with a manifest.json, or with a folder for each role, such as painter"
        if os.path.isfile(folder / "config.json"):
            hint = f"name the role that it fills, --model ROLE={shown(model)}"
        elif inner := sorted(entry.parent for entry in folder.glob("*/model_index.json")):
            hint = f"name the folder of the pipeline, --model {shown(str(inner[0]))}"
        what = f"{shown(model)} holds no model package"
        if is_empty_folder(folder):
            what += ": it is an empty folder"
            if folder.resolve().name in ROLES:
                hint = f"put the model into it, and name the role, --model {folder.resolve().name}={shown(model)}"
        raise SemError(Code.MODEL_UNAVAILABLE, what, path="model", hint=hint)
    return (folder,)


def environment_of(model: str | None) -> Environment:
    """Return the default environment, with the folder of --model searched first. Raises as `model_folders` does."""
    from refcodec.environment import Environment

    return Environment.default().with_packages(model_folders(model))


@contextmanager
def progress(label: str) -> Iterator[Callable[[float], None]]:
    """Yield a function to call with the share of the work done, 0 to 1.

    On a terminal a progress bar appears once the work has taken a second.
    """
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
