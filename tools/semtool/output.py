# SPDX-License-Identifier: MIT
"""What the commands share: where bytes come from and go to, errors, JSON, progress."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from refcodec import files
from refcodec.container.limits import level_bounds
from refcodec.errors import SemError

_json_wanted = False


def json_option(f: Callable[..., Any]) -> Callable[..., Any]:
    """--json: results and errors as JSON objects on standard output."""

    def remember(_ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
        global _json_wanted  # noqa: PLW0603 - errors are shown where no context is left
        _json_wanted = value
        return value

    return click.option("--json", "as_json", is_flag=True, is_eager=True, callback=remember, help="Print JSON.")(f)


def model_option(f: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--model", "model", type=click.Path(path_type=Path), metavar="DIR", help="A model package that is not installed."
    )(f)


def level_option(f: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--level", type=click.IntRange(1, 2), default=1, show_default=True, help="Limits of SPEC §15 to work within."
    )(f)


def show_json(value: Any, err: bool = False) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False), err=err)


def fail(error: SemError) -> int:
    """Reports an error and gives its exit status."""
    if _json_wanted:
        show_json({"error": error.to_dict()})
    click.echo(str(error), err=True)
    return error.status


def read_input(name: str, level: int = 1) -> bytes:
    """The bytes of a .sem file, `-` for standard input."""
    bound = level_bounds(level).file_bytes
    return files.read_stream(sys.stdin.buffer, bound) if name == "-" else files.read_bytes(name, bound)


def write_output(name: str, data: bytes) -> None:
    """Writes a file whole or not at all; `-` is standard output, refused where that is a terminal."""
    if name != "-":
        files.write_atomic(name, data)
        return
    if sys.stdout.isatty():
        raise click.UsageError("refusing to write binary data to a terminal: name a file with -o")
    files.write_stream(sys.stdout.buffer, data)


def refuse_same(source: str, target: str) -> None:
    """A command must not write over what it reads."""
    if "-" not in (source, target) and Path(target).exists() and Path(source).exists() and Path(source).samefile(target):
        raise click.UsageError(f"{target} is the input itself: name another output with -o")


def notice(text: str) -> None:
    click.echo(f"note: {text}", err=True)


@contextmanager
def progress(label: str) -> Iterator[Callable[[float], None]]:
    """A function that takes the share done (0 to 1); a bar appears on a terminal once the work has taken a second."""
    started, bar, task = time.monotonic(), None, None

    def update(share: float) -> None:
        nonlocal bar, task
        if bar is None and share < 1 and time.monotonic() - started > 1 and sys.stderr.isatty():
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


def rate_text(data: int, width: int, height: int) -> str:
    bpp = 8 * data / (width * height)
    return f"{data} bytes, {bpp:.4f} bpp ({bpp * 1e6:.0f} µbpp)"
