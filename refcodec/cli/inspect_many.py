# SPDX-License-Identifier: MIT
"""semtool inspect of many files. It takes less than a millisecond a file, so it runs in one process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from refcodec.batch.inspect import Inspect
from refcodec.cli.common_options import environment_of, model_folders
from refcodec.cli.many import run_many
from refcodec.cli.many_options import SUFFIXES
from refcodec.cli.many_report import Report
from refcodec.cli.stdio import STDIO, read_input
from refcodec.errors import SemError
from refcodec.inspection import Inspection, inspect
from refcodec.limits import NONE
from refcodec.registry import Registry

if TYPE_CHECKING:
    from refcodec.batch.run import Result


def inspect_many(
    sources: tuple[str, ...],
    model: str | None,
    level: int,
    lines: Callable[[str, bytes, Inspection, Registry], str],
) -> int:
    """Inspect many files; return the exit status. lines: the text of a file."""
    if STDIO in sources:
        import click

        raise click.UsageError("standard input is one file: inspect it alone")
    environment = environment_of(model)

    def text(result: Result) -> str | None:
        try:
            data = read_input(result.item.source, level)
        except SemError:
            return None
        found = inspect(data, level=level, environment=environment)
        return lines(result.item.source, data, found, environment.registry)

    task = Inspect(tuple(map(str, model_folders(model))), level)
    report = Report(task.done, text, _row, failure_lines=True)
    return run_many(task, sources, SUFFIXES, NONE, report, jobs=1, level=level)


def _row(result: Result) -> dict[str, Any]:
    """Return the object of a file in inspect.schema.json with its name, or its name and the error of reading it."""
    outcome = result.outcome
    if outcome.detail:
        return {"file": result.item.source} | dict(outcome.detail)
    return {"file": result.item.source, "errors": [] if outcome.error is None else [dict(outcome.error.members)]}
