# SPDX-License-Identifier: MIT
"""Print errors: one line on standard error, and with --json also an object on standard output."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import click

from refcodec.cli.stdio import error_is_output, say, show_json, wants_json
from refcodec.errors import SemError, one_line
from refcodec.python_errors import BUG, USAGE, describe_bug, members_without_code

TRACEBACK = "SEMTOOL_TRACEBACK"  # environment variable: if set, a bug shows its traceback


def fail(error: SemError) -> int:
    """Print a SemError; return its exit status."""
    _print_object(error.to_dict())
    say(one_line(str(error)), err=True)
    return error.status


def usage(error: click.ClickException) -> int:
    """Print an error of the command line; return status 2."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message(), err=True)
        return USAGE
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "semtool"
    what = " ".join(error.format_message().split()).rstrip(".")
    return _print_error("usage", what, f"see {command} --help", USAGE)


def bug(error: Exception) -> int:
    """Print an unexpected exception, which is a bug of semtool; return status 1."""
    if os.environ.get(TRACEBACK):
        raise error
    hint = f"this is a bug of semtool: please report it ({TRACEBACK}=1 shows more)"
    return _print_error("bug", describe_bug(error), hint, BUG)


def interrupted(what: str) -> None:
    """Print the object for Ctrl-C; the caller has printed the line."""
    _print_object(members_without_code("interrupted", what, "start it again"))


def notice(text: str) -> None:
    """Print a notice to standard error; if an output file goes there, to standard output, or with --json nowhere."""
    if not error_is_output():
        say(f"note: {one_line(text)}", err=True)
    elif not wants_json():
        say(f"note: {one_line(text)}")


def _print_error(name: str, what: str, hint: str, status: int) -> int:
    """Print an error without a code, as it is not an error of a file; return `status`."""
    _print_object(members_without_code(name, what, hint))
    say(one_line(f"{name}: {what}; {hint}"), err=True)
    return status


def _print_object(error: dict[str, Any]) -> None:
    """Print an error as an object, with --json."""
    if wants_json():
        with suppress(SemError):  # the error may be that standard output cannot be written
            show_json({"error": error})
