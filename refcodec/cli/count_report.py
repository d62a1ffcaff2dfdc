# SPDX-License-Identifier: MIT
"""What the reports of many files and of batches share: counts, a bar on a terminal, lines of failures, a summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from refcodec.cli.stdio import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@dataclass
class CountReport:
    """Counts of the inputs that are done with, by state. done: a word such as "encoded"."""

    done: str
    _counts: dict[str, int] = field(init=False, default_factory=lambda: dict.fromkeys(("done", "kept", "failed"), 0))
    _bytes: int = field(init=False, default=0)
    _noticed: int = field(init=False, default=0)
    _started: float = field(init=False, default_factory=time.monotonic)
    _bar: tuple[Progress, TaskID] | None = field(init=False, default=None)

    @contextmanager
    def reporting(self, total: int | None) -> Iterator[None]:
        """Show a bar in the block, if standard error is a terminal. total: None if it is unknown."""
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

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _advance(self) -> None:
        if self._bar is not None:
            self._bar[0].advance(self._bar[1])

    def _count(self, state: str, size: int, noticed: bool) -> None:
        self._counts[state] += 1
        self._bytes += size
        self._noticed += noticed

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
        return f"{', '.join(parts)}{size}{notices}, in {self._seconds():.1f} s"

    def _summary_object(self) -> dict[str, int | float]:
        return {**self._counts, "bytes": self._bytes, "seconds": round(self._seconds(), 3)}
