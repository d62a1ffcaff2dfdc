# SPDX-License-Identifier: MIT
"""The commands of `semtool`. Names, JSON keys and exit statuses are a contract that other programs rely on."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from refcodec import __version__, spec

# command -> its module, and its name there; a call imports only the module that it runs
COMMANDS = {
    "encode": ("refcodec.cli.encode", "command"),
    "decode": ("refcodec.cli.decode", "command"),
    "inspect": ("refcodec.cli.inspect_", "command"),
    "verify": ("refcodec.cli.verify", "command"),
    "payload": ("refcodec.cli.payload", "command"),
    "strip": ("refcodec.cli.edit", "strip"),
    "cut": ("refcodec.cli.edit", "cut"),
    "add": ("refcodec.cli.edit", "add"),
    "batch": ("refcodec.cli.batch", "group"),
    "thumbnail": ("refcodec.cli.thumbnail", "command"),
    "example": ("refcodec.cli.example", "command"),
    "models": ("refcodec.cli.models", "group"),
    "spec": ("refcodec.cli.spec_command", "command"),
    "conformance": ("refcodec.cli.conformance", "group"),
    "bench": ("refcodec.cli.bench.command", "group"),
    "completion": ("refcodec.cli.completion", "command"),
}


ALIASES = {"truncate": "cut"}  # other names of commands, which `semtool --help` does not list


class _Lazy(click.Group):
    """A group that imports the module of a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if entry is None:
            return None
        module, name = entry
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message=f"semtool %(version)s, format version {spec.VERSION}")
@click.option("--drafts", is_flag=True, help="Also read payload kinds that are drafts, as with SEM_DRAFTS=1.")
@click.pass_context
def cli(context: click.Context, drafts: bool) -> None:
    """Encode, decode, inspect and check .sem files: pictures as semantic codes.

    \b
    semtool encode photo.jpg                   write photo.sem
    semtool decode photo.sem -o decoded.png    reconstruct the picture
    semtool inspect photo.sem                  show the fields of the file
    semtool verify *.sem                       check that files are valid and intact
    semtool spec 13.7                          read the specification, entirely or a section

    The file name - stands for standard input or output. An error is one line with its code of
    SPEC.md §17; with --json it is also printed as an object.

    Model packages are searched for in the folders of SEM_MODELS (separated like PATH), then in the
    user's folder, then among the packages of this program. SEM_REGISTRY names a file of private
    profiles (ids 200 to 253 and 61696 to 65791), which are used beside the shipped ones.

    \b
    Environment variables (docs/environment.md):
      SEM_REGISTRY              a file of private profiles
      SEM_MODELS                folders of model packages and sets of models
      SEM_DRAFTS                1: also read payload kinds that are drafts
      SEM_ALLOW_DOWNLOAD        1: as --allow-download
      SEM_MAX_PIXELS            as --max-pixels
      SEM_MAX_MEMORY            as --max-memory
      SEM_TIMEOUT               as --timeout
      SEM_ENDPOINT_KEY          the key of an endpoint, SEM_ENDPOINT_HOST its host
      SEM_ENDPOINT_KEY_<HOST>   the key of one host
      SEM_ENDPOINT_KEYS         a file of hosts and keys
      SEM_NO_NUMBA              1: do not use numba for entropy coding
      SEMTOOL_TRACEBACK         show the traceback of a bug

    Exit status: 0 ok, 2 usage, 3 invalid file, 4 unsupported, 5 model unavailable, 6 limit exceeded,
    7 input/output, 130 interrupted, 1 a bug of semtool.
    """
    if drafts:
        context.with_resource(_draft_kinds())


@contextmanager
def _draft_kinds() -> Iterator[None]:
    """Set SEM_DRAFTS while a command runs, for this process and those that it starts."""
    before = os.environ.get("SEM_DRAFTS")
    os.environ["SEM_DRAFTS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SEM_DRAFTS"]
        else:
            os.environ["SEM_DRAFTS"] = before
