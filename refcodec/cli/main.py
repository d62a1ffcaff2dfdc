# SPDX-License-Identifier: MIT
"""The entry point of `semtool`: run a command, print errors as one line each, return the exit status.

Exit status: 0 ok, 2 usage, 3 to 7 by the family of a SemError, 130 for Ctrl-C, 143 and 129 for SIGTERM and SIGHUP, 1 for
a bug of this program. If the reader of standard output exits early (`| head`), the program ends silently with 7.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

INTERRUPTED = 130
PIPE_GONE = 7
# Threads of torch sleep while they wait, and leave the processor to other programs; read when OpenMP is loaded.
PASSIVE: Final = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


def main(args: Sequence[str] | None = None) -> int:
    """Run `semtool` once; return the exit status. Raises SystemExit with it on SIGTERM and SIGHUP."""
    if args is None:  # the process is this program's own
        for name, value in PASSIVE.items():
            os.environ.setdefault(name, value)
        if os.environ.get("_SEMTOOL_COMPLETE"):  # a shell asks how to complete a line
            from refcodec.cli.completion import answer

            return answer(os.environ["_SEMTOOL_COMPLETE"])
    try:  # Ctrl-C may come while modules are still being imported
        from refcodec.cli.signals import Terminated, raising
        from refcodec.cli.stdio import mute, prepare

        arguments = list(sys.argv[1:] if args is None else args)
        prepare(arguments)
        try:
            with raising() as raised:
                return _run(arguments, raised)
        except BrokenPipeError:
            mute()
            return PIPE_GONE
        except Terminated:
            _interrupted("terminated")
            raise
    except KeyboardInterrupt:
        _interrupted("interrupted")
        return INTERRUPTED


def _interrupted(what: str) -> None:
    """Report that a signal has ended the work, with --json also as an object."""
    with suppress(OSError):
        print(f"{what}; no file is left half written", file=sys.stderr)
    with suppress(OSError, ImportError):
        from refcodec.cli import error_report

        error_report.interrupted("no file is left half written")


def _run(arguments: list[str], raised: Sequence[BaseException]) -> int:
    """Run a command and print its error, if any; return the exit status. raised: exceptions of signals."""
    import click

    from refcodec.cli import error_report
    from refcodec.cli.commands import cli
    from refcodec.cli.stdio import flush, mute
    from refcodec.python_errors import known_error

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
    except BrokenPipeError:
        raise
    except Exception as error:
        known = known_error(error, stream="standard output")
        if known is None:
            if raised:
                raise raised[0] from error
            return error_report.bug(error)
        if isinstance(error, OSError) and error.filename is None:
            mute()
        return error_report.fail(known)
