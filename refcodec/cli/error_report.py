# SPDX-License-Identifier: MIT
"""Errors: one line on standard error, and with --json the same as an object on standard output."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from refcodec.cli.stdio import safe, say, show_json, wants_json
from refcodec.errors import SemError

USAGE, BUG = 2, 1
TRACEBACK = "SEMTOOL_TRACEBACK"  # environment variable: set, a bug shows where it is


def fail(error: SemError) -> int:
    """Tells a SemError and gives its exit status."""
    _object(error.to_dict())
    say(safe(str(error)), err=True)
    return error.status


def usage(error: click.ClickException) -> int:
    """Tells what is wrong with the command line; status 2."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message(), err=True)
        return USAGE
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "semtool"
    what = " ".join(error.format_message().split()).rstrip(".")
    return _told("usage", what, f"see {command} --help", USAGE)


def bug(error: Exception) -> int:
    """Tells an exception that should not be; status 1."""
    if os.environ.get(TRACEBACK):
        raise error
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "" if frame is None else f" at {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
    what = f"{type(error).__name__}: {error}{where}" if str(error) else f"{type(error).__name__}{where}"
    return _told("bug", what, f"this is a fault of the program: please report it ({TRACEBACK}=1 shows more)", BUG)


def interrupted(what: str) -> None:
    """The object of Ctrl-C, whose line has been told."""
    _object(
        {
            "code": None,
            "name": "interrupted",
            "family": "interrupted",
            "message": what,
            "offset": None,
            "path": None,
            "hint": "start it again",
        }
    )


def notice(text: str) -> None:
    """What a person would want to know although nothing is wrong."""
    say(f"note: {safe(text)}", err=True)


def _told(name: str, what: str, hint: str, status: int) -> int:
    """An error that has no code, since no file is at fault."""
    _object({"code": None, "name": name, "family": name, "message": what, "offset": None, "path": None, "hint": hint})
    say(safe(f"{name}: {what}; {hint}"), err=True)
    return status


def _object(error: dict[str, Any]) -> None:
    if wants_json():
        with suppress(SemError):  # standard output may be what is broken
            show_json({"error": error})
