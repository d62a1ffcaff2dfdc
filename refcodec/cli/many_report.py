# SPDX-License-Identifier: MIT
"""Report many files: a bar on a terminal, a line for each file elsewhere and for each failure, a summary at the end.

Lines and objects come in the order of the inputs, whatever the number of processes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from refcodec.cli.error_report import notice
from refcodec.cli.stdio import say, wants_json
from refcodec.errors import one_line
from refcodec.fileio import shown

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from refcodec.batch.run import Result


@dataclass
class Report:
    """The report of one call. done: a word such as "encoded". line: the text of a file, None for one without any.

    row: the object of a file with --json. summary, json_summary: whether there is one, as a line and as an object.
    failure_lines: whether `line` has one for failures, too.
    """

    done: str
    line: Callable[[Result], str | None]
    row: Callable[[Result], dict[str, Any]]
    summary: bool = True
    json_summary: bool = True
    failure_lines: bool = False
    _waiting: dict[int, Result] = field(default_factory=dict)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _statuses: list[int] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("done", "kept", "failed"), 0))
    _bytes: int = 0
    _noticed: int = 0
    _started: float = field(default_factory=time.monotonic)
    _bar: tuple[Progress, TaskID] | None = None

    @contextmanager
    def reporting(self, total: int) -> Iterator[None]:
        """Show a bar in the block, if standard error is a terminal."""
        if sys.stderr is None or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            self._bar = (bar, bar.add_task(self.done, total=total))
            try:
                yield
            finally:
                self._bar = None

    def add(self, result: Result) -> None:
        """Report a file that is done with, once those before it are."""
        if self._bar is not None:
            self._bar[0].advance(self._bar[1])
        self._waiting[result.number] = result
        while (first := self._waiting.pop(len(self._statuses), None)) is not None:
            self._report(first)

    def finish(self) -> int:
        """Print the summary; return the exit status, that of the first file that failed."""
        if wants_json():
            summary = self._counts | {"bytes": self._bytes, "seconds": round(time.monotonic() - self._started, 3)}
            say(json.dumps({"files": self._rows} | ({"summary": summary} if self.json_summary else {}), indent=2))
        elif self.summary:
            say(self._summary(), err=True)
        return next(filter(None, self._statuses), 0)

    def _report(self, result: Result) -> None:
        outcome = result.outcome
        self._statuses.append(outcome.status)
        self._counts["kept" if outcome.kept else "done" if outcome.error is None else "failed"] += 1
        self._bytes += result.bytes
        self._noticed += bool(outcome.notices)
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

    def _print_failure(self, text: str) -> None:
        if self._bar is None:
            say(text, err=True)
            return
        from rich.text import Text

        self._bar[0].console.print(Text(text), soft_wrap=True)

    def _summary(self) -> str:
        counts = self._counts
        parts = [f"{counts['done']} {self.done}"]
        parts += [f"{counts['kept']} kept"] if counts["kept"] else []
        parts += [f"{counts['failed']} failed"] if counts["failed"] else []
        size = f", {self._bytes} bytes" if self._bytes else ""
        notices = f", {self._noticed} with notices" if self._noticed else ""
        return f"{', '.join(parts)}{size}{notices}, in {time.monotonic() - self._started:.1f} s"


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
