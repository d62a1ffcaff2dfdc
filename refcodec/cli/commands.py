# SPDX-License-Identifier: MIT
"""`semtool`: names, JSON keys and exit statuses are a contract that other programs rely on."""

from __future__ import annotations

import importlib

import click

from refcodec import __version__, spec

# command -> module and name there; literal, so that a call imports only what it runs
COMMANDS = {
    "encode": ("refcodec.cli.encode", "command"),
    "decode": ("refcodec.cli.decode", "command"),
    "inspect": ("refcodec.cli.inspect_", "command"),
    "verify": ("refcodec.cli.verify", "command"),
    "payload": ("refcodec.cli.payload", "command"),
    "strip": ("refcodec.cli.edit", "strip"),
    "cut": ("refcodec.cli.edit", "cut"),
    "add": ("refcodec.cli.edit", "add"),
    "models": ("refcodec.cli.models", "group"),
    "conformance": ("refcodec.cli.conformance", "group"),
    "bench": ("refcodec.cli.bench.command", "group"),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message=f"semtool %(version)s, format version {spec.VERSION}")
def cli() -> None:
    """Make, show and check .sem files: pictures as semantic codes.

    \b
    semtool encode photo.jpg                   writes photo.sem
    semtool decode photo.sem -o painted.png    paints the picture again
    semtool inspect photo.sem                  says what is in the file
    semtool verify *.sem                       says whether files are intact

    A file named - is standard input or output. Every error is one line with its code of SPEC.md §17;
    with --json it is an object, too.

    Model packages are looked for in the folders of SEM_MODELS (separated like PATH), then in the
    user's own and among those of this program. SEM_REGISTRY names a file of private profiles
    (ids 200 to 253), which stand beside the shipped ones.

    Exit status: 0 ok, 2 usage, 3 invalid file, 4 unsupported, 5 model unavailable, 6 limit exceeded,
    7 input/output, 130 interrupted.
    """
