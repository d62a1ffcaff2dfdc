# SPDX-License-Identifier: MIT
"""Report a batch: a bar on a terminal, a line now and then elsewhere, a line for each failure, a summary at the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from refcodec.cli.error_report import notice
from refcodec.cli.stdio import say, wants_json
from refcodec.errors import one_line
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.batch.ray_writer import Row

LINE_S: Final = 30.0  # between lines of progress


@dataclass
class BatchReport:
    """The report of one call. done: a word such as "encoded". output: the folder."""

    done: str
    output: str | None
    _counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("done", "kept", "failed"), 0))
    _errors: list[dict[str, Any]] = field(default_factory=list)
    _first: tuple[str, int] | None = None  # key and status of the failure whose key is first
    _bytes: int = 0
    _noticed: int = 0
    _total: int | None = None
    _started: float = field(default_factory=time.monotonic)
    _line: float = field(default_factory=time.monotonic)
    _bar: Any = None

    @contextmanager
    def reporting(self, total: int | None) -> Iterator[None]:
        """Show a bar in the block, if standard error is a terminal. total: None if it is unknown."""
        self._total = total
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

    def add(self, row: Row) -> None:
        """Count an input that is done with; print its error, if any."""
        self._counts[row.state] += 1
        self._bytes += row.bytes
        self._noticed += bool(row.notices)
        if row.state == "failed":
            self._add_failure(row)
        if self._bar is not None:
            self._bar[0].advance(self._bar[1])
        elif time.monotonic() - self._line >= LINE_S:
            self._line = time.monotonic()
            of = "" if self._total is None else f" of {self._total}"
            notice(f"{sum(self._counts.values())}{of} inputs, {self._counts['failed']} failed")

    def finish(self) -> int:
        """Print the summary; return the exit status, that of the failure whose key is first."""
        seconds = time.monotonic() - self._started
        if wants_json():
            summary = self._counts | {"bytes": self._bytes, "seconds": round(seconds, 3)}
            errors = sorted(self._errors, key=lambda each: str(each["key"]))
            say(json.dumps({"output": self.output, "errors": errors, "summary": summary}, indent=2))
        else:
            say(self._summary(seconds), err=True)
        return 0 if self._first is None else self._first[1]

    def _add_failure(self, row: Row) -> None:
        self._first = min(self._first or (row.key, row.status), (row.key, row.status))
        if wants_json():
            self._errors.append({"key": row.key, "status": row.status, "error": row.error})
        text = f"{shown(row.key)}: {one_line(row.error or '')}"
        if self._bar is None:
            say(text, err=True)
            return
        from rich.text import Text

        self._bar[0].console.print(Text(text), soft_wrap=True)

    def _summary(self, seconds: float) -> str:
        counts = self._counts
        parts = [f"{counts['done']} {self.done}"]
        parts += [f"{counts['kept']} kept"] if counts["kept"] else []
        parts += [f"{counts['failed']} failed"] if counts["failed"] else []
        size = f", {self._bytes} bytes" if self._bytes else ""
        notices = f", {self._noticed} with notices" if self._noticed else ""
        return f"{', '.join(parts)}{size}{notices}, in {seconds:.1f} s"
