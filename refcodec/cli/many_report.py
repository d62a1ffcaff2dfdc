# SPDX-License-Identifier: MIT
"""Report many files: a bar on a terminal, a line for each file elsewhere and for each failure, a summary at the end.

Lines and objects come in the order of the inputs, whatever the number of processes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from refcodec.cli.count_report import CountReport
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import say, wants_json
from refcodec.errors import one_line
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.batch.run import Result


@dataclass
class Report(CountReport):
    """The report of one call. line: the text of a file, None for one without any.

    row: the object of a file with --json. summary, json_summary: whether there is one, as a line and as an object.
    failure_lines: whether `line` has one for failures, too.
    """

    line: Callable[[Result], str | None]
    row: Callable[[Result], dict[str, Any]]
    summary: bool = True
    json_summary: bool = True
    failure_lines: bool = False
    _waiting: dict[int, Result] = field(init=False, default_factory=dict)
    _rows: list[dict[str, Any]] = field(init=False, default_factory=list)
    _statuses: list[int] = field(init=False, default_factory=list)

    def add(self, result: Result) -> None:
        """Report a file that is done with, once those before it are."""
        self._advance()
        self._waiting[result.number] = result
        while (first := self._waiting.pop(len(self._statuses), None)) is not None:
            self._report(first)

    def finish(self) -> int:
        """Print the summary; return the exit status, that of the first file that failed."""
        if wants_json():
            summary = {"summary": self._summary_object()} if self.json_summary else {}
            say(json.dumps({"files": self._rows} | summary, indent=2))
        elif self.summary:
            say(self._summary(), err=True)
        return next(filter(None, self._statuses), 0)

    def _report(self, result: Result) -> None:
        outcome = result.outcome
        self._statuses.append(outcome.status)
        state = "kept" if outcome.kept else "done" if outcome.error is None else "failed"
        self._count(state, result.bytes, bool(outcome.notices))
        if wants_json():
            self._rows.append(self.row(result))
        elif self._bar is None and (outcome.error is None or self.failure_lines):
            text = self.line(result)
            if text is not None:
                say(text)
        if self._bar is None:
            for text in outcome.notices:
                notice(f"{shown(result.item.source)}: {text}")
        if outcome.error is not None:
            self._print_failure(failure_line(result))


def failure_line(result: Result) -> str:
    """Return the line of a failure, which names the file."""
    error = result.outcome.error
    assert error is not None
    name = "" if error.names_file else f"{shown(result.item.source)}: "  # errors of the file system begin with a name
    return name + one_line(error.text)


def output_row(result: Result) -> dict[str, Any]:
    """Return the object of a file with an output: its names, its state, and what a call for it alone would print."""
    outcome = result.outcome
    state = "failed" if outcome.error is not None else "kept" if outcome.kept else "done"
    error = None if outcome.error is None else dict(outcome.error.members)
    names = {"source": result.item.source, "file": result.item.output, "state": state, "error": error}
    return names | (dict(outcome.detail) if state == "done" else {})
