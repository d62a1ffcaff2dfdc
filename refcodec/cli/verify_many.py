# SPDX-License-Identifier: MIT
"""semtool verify of many files, in several processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from refcodec.batch.verify import Verify, empty_row
from refcodec.cli.common_options import model_folders
from refcodec.cli.many import run_many
from refcodec.cli.many_options import SUFFIXES
from refcodec.cli.many_report import Report

if TYPE_CHECKING:
    from refcodec.batch.outcome import Failure
    from refcodec.batch.run import Result
    from refcodec.limits import Limits


def verify_many(
    sources: tuple[str, ...],
    model: str | None,
    level: int,
    jobs: int | None,
    limits: Limits,
    line: Callable[[Mapping[str, Any], Failure | None], str],
    *,
    summary: bool,
) -> int:
    """Verify many files; return the exit status. line: the text of a row of verify.schema.json and its error."""
    task = Verify(tuple(map(str, model_folders(model))), level, replace(limits, timeout=None, until=None))
    report = Report(
        task.done,
        lambda result: line(_row(result), result.outcome.error),
        _row,
        summary,
        json_summary=False,
        failure_lines=True,
    )
    return run_many(task, sources, SUFFIXES, limits, report, jobs=jobs, level=level)


def _row(result: Result) -> dict[str, Any]:
    """Return the row of a file, which is named as on the command line or by its path in a folder."""
    outcome = result.outcome
    error = None if outcome.error is None else dict(outcome.error.members)
    return {**empty_row(result.item.source), **outcome.detail, "file": result.item.source, "error": error}
