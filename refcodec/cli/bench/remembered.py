# SPDX-License-Identifier: MIT
"""What the commands of `semtool bench` share: the command line for their reports, and what they need."""

from __future__ import annotations

import shlex

import click

from refcodec.errors import Code, SemError

ARGUMENTS = "refcodec.cli.bench.arguments"


class Remembered(click.Command):
    """A command that keeps its arguments for the report."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


def command_line() -> str:
    """Return the command line, quoted for a shell."""
    context = click.get_current_context()
    return f"{context.command_path} {shlex.join(context.meta[ARGUMENTS])}"


def need_scipy(command: str = "rate") -> None:
    """Raise Code.DEPENDENCY_MISSING (SEM-E-805) if scipy is not installed."""
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise SemError(
            Code.DEPENDENCY_MISSING,
            f"semtool bench {command} needs scipy, which is not installed",
            hint="pip install 'refcodec[bench]'",
        ) from error
