# SPDX-License-Identifier: MIT
"""The program around the commands: one line for every error, the exit status of its family, never a traceback.

Exit status: 0 ok, 2 usage, the family of a SemError (3 to 7), 130 for Ctrl-C. 1 means a bug of this program. A reader
of standard output that has gone away (`| head`) ends the program quietly with 7.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

INTERRUPTED = 130
PIPE_GONE = 7


def main(args: Sequence[str] | None = None) -> int:
    """One call of `semtool`; its exit status."""
    try:  # Ctrl-C may come while modules are still being imported
        from refcodec.cli.stdio import mute, prepare

        arguments = list(sys.argv[1:] if args is None else args)
        prepare(arguments)
        try:
            return _reported(arguments)
        except BrokenPipeError:
            mute()
            return PIPE_GONE
    except KeyboardInterrupt:
        return _interrupted()


def _interrupted() -> int:
    """Tells that Ctrl-C has ended the work; with --json as an object, too."""
    with suppress(OSError):
        print("interrupted; no file is left half written", file=sys.stderr)
    with suppress(OSError, ImportError):
        from refcodec.cli import error_report

        error_report.interrupted("no file is left half written")
    return INTERRUPTED


def _reported(arguments: list[str]) -> int:
    """The command's status, or that of the error that it ended with, which has been told."""
    import click

    from refcodec.cli import error_report
    from refcodec.cli.commands import cli
    from refcodec.cli.stdio import flush, mute
    from refcodec.errors import Code, SemError

    try:
        try:
            with cli.make_context("semtool", arguments) as context:
                status = cli.invoke(context)
        except click.exceptions.Exit as stop:  # --help, --version
            status = stop.exit_code
        flush()
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        return error_report.usage(error)
    except SemError as error:
        return error_report.fail(error)
    except MemoryError:
        return error_report.fail(
            SemError(Code.LIMIT_SYMBOLS, "this machine has too little memory for it", hint="use a machine with more")
        )
    except ImportError as error:
        hint = None if error.name == "torch" else "install refcodec anew"
        return error_report.fail(
            SemError(Code.DEPENDENCY_MISSING, f"{error.name or error} cannot be imported", hint=hint)
        )
    except BrokenPipeError:
        raise
    except OSError as error:
        named = error.filename is not None
        if not named:
            mute()
        what = f"{error.filename if named else 'standard output'}: {error.strerror or error}"
        return error_report.fail(SemError(Code.CANNOT_READ if named else Code.CANNOT_WRITE, what))
    except Exception as error:  # noqa: BLE001 - the last place where a bug can be told in one line
        return error_report.bug(error)
