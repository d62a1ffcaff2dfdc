# SPDX-License-Identifier: MIT
"""`semtool`: names, JSON keys and exit statuses are a contract that other programs rely on."""

from __future__ import annotations

import importlib
import os
import sys

import click

from refcodec import __version__

# command -> module; literal, so that --help needs to import only what it shows
COMMANDS = {
    "encode": "semtool.encode",
    "decode": "semtool.decode",
    "inspect": "semtool.inspect_",
    "verify": "semtool.verify",
    "payload": "semtool.payload",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="semtool %(version)s, format version 0 (draft)")
def cli() -> None:
    """Makes, shows and checks .sem files.

    Exit status: 0 ok, 2 usage, 3 invalid file, 4 unsupported, 5 model unavailable, 6 limit exceeded, 7 input/output.
    """


def main() -> None:
    """The program: one line for every error, never a traceback for a bad file."""
    from refcodec.errors import SemError
    from semtool.output import fail

    try:
        status = cli(standalone_mode=False)
    except click.exceptions.Abort:
        status = _interrupted()
    except click.ClickException as e:
        e.show()
        status = 2
    except SemError as e:
        status = fail(e)
    except KeyboardInterrupt:
        status = _interrupted()
    except BrokenPipeError:  # the reader of our output has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 7
    sys.exit(status if isinstance(status, int) else 0)


def _interrupted() -> int:
    click.echo("interrupted; nothing was written", err=True)
    return 130
