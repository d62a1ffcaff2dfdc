# SPDX-License-Identifier: MIT
"""semtool completion: print the script with which a shell completes commands, options, files and names.

The scripts are click's. They call this program with `_SEMTOOL_COMPLETE` set, and `answer` prints the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click
from click.shell_completion import ShellComplete, get_completion_class, shell_complete

PROGRAM: Final = "semtool"
VARIABLE: Final = "_SEMTOOL_COMPLETE"
SHELLS: Final = ("bash", "zsh", "fish")
# What the texts of options and arguments are, by their metavars without brackets and dots
FILES: Final = frozenset(
    {"IN", "IN.sem", "OUT", "OUT.sem", "OUT.html", "OUT.json", "OUT.svg", "OTHER.sem"}
    | {"F", "F.npy", "F.png", "FILE", "SOURCE", "WHAT", "PACKAGE", "OUT.png"}
)
FOLDERS: Final = frozenset({"DIR", "DIR | ROLE=MODEL"})
_COMMENT: Final = {
    "bash": 'in ~/.bashrc: eval "$(semtool completion bash)"',
    "zsh": 'in ~/.zshrc, after compinit: eval "$(semtool completion zsh)"',
    "fish": "semtool completion fish > ~/.config/fish/completions/semtool.fish",
}


@click.command(short_help="Print a script for completion in a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script with which SHELL completes commands, options, files and names of profiles.

    \b
    eval "$(semtool completion bash)"      in ~/.bashrc
    eval "$(semtool completion zsh)"       in ~/.zshrc, after compinit
    semtool completion fish > ~/.config/fish/completions/semtool.fish
    """
    from refcodec.cli.stdio import say

    say(script(shell).rstrip("\n"))


def script(shell: str) -> str:
    """Return the completion script of a shell, with a line on its use."""
    from refcodec.cli.commands import cli

    kind = get_completion_class(shell)
    assert kind is not None, "click has the class of each of SHELLS"
    made: ShellComplete = kind(cli, {}, PROGRAM, VARIABLE)
    head, body = "", made.source_template % made.source_vars()
    if body.startswith("#compdef"):  # has to be the first line
        head, _, body = body.partition("\n")
        head += "\n"
    return f"{head}# {_COMMENT[shell]}\n{body.strip()}\n"


def answer(instruction: str) -> int:
    """Print the candidates that a script asks for, such as by `bash_complete`; return the exit status."""
    import os

    from refcodec.cli.commands import cli

    words = os.environ.get("COMP_WORDS", "").split()
    try:
        name_files(cli, words[1:])
        return shell_complete(cli, {}, PROGRAM, VARIABLE, instruction)
    except Exception:  # noqa: BLE001 - a line that cannot be completed must not disturb the prompt
        return 1


def name_files(cli: click.Command, words: Sequence[str]) -> None:
    """Let the shell complete files, folders and names for the parameters of the command that the words name."""
    command, context = cli, click.Context(cli, info_name=PROGRAM)
    for word in words:
        if isinstance(command, click.Group) and (found := command.get_command(context, word)) is not None:
            command, context = found, click.Context(found, info_name=word, parent=context)
    for parameter in command.params:
        what = _words(parameter)
        if isinstance(parameter.type, click.types.StringParamType) and what is not None:
            parameter.type = what


def _words(parameter: click.Parameter) -> click.ParamType[Any] | None:
    """Return the type whose values the shell offers for a parameter that is a text; None for free text."""
    metavar = (parameter.metavar or "").strip("[]").removesuffix("…")
    if metavar in FILES:
        return click.Path(dir_okay=True)
    if metavar in FOLDERS:
        return click.Path(file_okay=False)
    names = {"profile": _profiles, "method": _methods}.get(parameter.name or "")
    return None if names is None else click.Choice(names())


def _profiles() -> list[str]:
    """Return the names of rows that a file can have, without the rows for tests that ship with the registry."""
    from refcodec.environment import Environment
    from refcodec.registry import Registry
    from refcodec.spec import PRIVATE_IDS

    for_tests = {number for number in Registry.shipped().rows if any(number in ids for ids in PRIVATE_IDS)}
    rows = Environment.default().registry.rows
    return [row.name for number, row in rows.items() if not row.base and number not in for_tests]


def _methods() -> list[str]:
    from refcodec import spec

    return list(spec.METHODS.values())
