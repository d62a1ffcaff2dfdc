# SPDX-License-Identifier: MIT
"""Make manual pages of the help of a click program.

click-man 0.6 was tried: it finds no commands of a group that loads them when they are called, keeps click's mark of
preformatted paragraphs (a backspace) in the page, and shortens the line of NAME.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Final

import click

from refcodec import __version__
from refcodec.cli.commands import cli

ROOT: Final = Path(__file__).resolve().parents[2]
PROGRAM: Final = "semtool"
VERBATIM: Final = "\b"  # click's mark of a paragraph that keeps its lines


def pages() -> dict[str, str]:
    """Return the pages of the program and all its commands, by file name."""
    return {f"{context.command_path.replace(' ', '-')}.1": page(context) for context in contexts()}


def contexts(context: click.Context | None = None) -> Iterator[click.Context]:
    """Yield the context of each command, groups before their commands; hidden ones are left out."""
    context = context or click.Context(cli, info_name=PROGRAM, **cli.context_settings)
    yield context
    for command in subcommands(context):
        yield from contexts(click.Context(command, info_name=command_name(context, command), parent=context))


def subcommands(context: click.Context) -> list[click.Command]:
    """Return the commands of a group in the order of its help; none for another command."""
    group = context.command
    if not isinstance(group, click.Group):
        return []
    found = [group.get_command(context, name) for name in group.list_commands(context)]
    return [command for command in found if command is not None and not command.hidden]


def command_name(context: click.Context, command: click.Command) -> str:
    """Return the name by which a group calls a command, which may differ from that of its function."""
    group = context.command
    assert isinstance(group, click.Group)
    return next(name for name in group.list_commands(context) if group.get_command(context, name) is command)


def page(context: click.Context) -> str:
    """Return the page of one command."""
    name, command = context.command_path.replace(" ", "-"), context.command
    lines = [
        r".\" SPDX-License-Identifier: MIT",
        r".\" Made of the help by python -m tools.integration",
        f'.TH "{name.upper()}" "1" "{_released()}" "refcodec {__version__}" "User Commands"',
        ".SH NAME",
        f"{plain(name)} \\- {plain(_summary(command))}",
        ".SH SYNOPSIS",
        ".B " + plain(context.command_path),
        plain(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *paragraphs(command.help or ""),
        *_options(context),
        *_commands(context),
        ".SH SEE ALSO",
        _see_also(context),
    ]
    return "\n".join(lines) + "\n"


def _summary(command: click.Command) -> str:
    """Return the summary of a command as a phrase, without a full stop."""
    text = command.short_help or cleandoc(command.help or "").split("\n\n")[0]
    text = " ".join(text.split()).removesuffix(".")
    return text[0].lower() + text[1:]


def paragraphs(text: str) -> list[str]:
    """Return help as roff: filled paragraphs, and preformatted ones as they are."""
    lines: list[str] = []
    for number, part in enumerate(cleandoc(text).split("\n\n")):
        lines += [".PP"] if number else []
        if part.startswith(VERBATIM):
            kept = part.removeprefix(VERBATIM).strip("\n").split("\n")
            lines += [".nf", *map(plain, kept), ".fi"]
        else:
            lines += map(plain, part.split("\n"))
    return lines


def _options(context: click.Context) -> list[str]:
    records = [(option, option.get_help_record(context)) for option in context.command.get_params(context)]
    lines = []
    for parameter, record in records:
        if record is None or not isinstance(parameter, click.Option):
            continue
        names, text = record
        lines += [".TP", f"\\fB{plain(names)}\\fP", plain(" ".join(text.split()))]
    return [".SH OPTIONS", *lines] if lines else []


def _commands(context: click.Context) -> list[str]:
    lines = []
    for command in subcommands(context):
        name = f"{context.command_path} {command_name(context, command)}".replace(" ", "-")
        lines += [".TP", f"\\fB{plain(name)}\\fP(1)", plain(command.get_short_help_str(200))]
    return [".SH COMMANDS", *lines] if lines else []


def _see_also(context: click.Context) -> str:
    if context.parent is None:
        names = [f"{PROGRAM}-{command_name(context, command)}" for command in subcommands(context)]
    else:
        names = [context.parent.command_path.replace(" ", "-")]
        names += [PROGRAM] if PROGRAM not in names else []
    return ",\n".join(f"\\fB{plain(name)}\\fP(1)" for name in names)


def plain(text: str) -> str:
    """Return text that roff prints as it is: backslashes, hyphens, and dots and quotes at the start of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\\&" + text if text.startswith((".", "\\(aq")) else text


def _released() -> str:
    """Return the date of the release, from CITATION.cff."""
    found = re.search(r'^date-released: "(.*)"$', (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, "CITATION.cff has the date of the release"
    return found[1]
