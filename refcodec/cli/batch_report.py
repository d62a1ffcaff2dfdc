# SPDX-License-Identifier: MIT
"""Report a batch: a bar on a terminal, a line now and then elsewhere, a line for each failure, a summary at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from refcodec.cli.count_report import CountReport
from refcodec.cli.error_report import notice
from refcodec.cli.stdio import say, wants_json
from refcodec.errors import one_line
from refcodec.fileio import shown

if TYPE_CHECKING:
    from refcodec.batch.ray_writer import Row

LINE_S: Final = 30.0  # between lines of progress


@dataclass
class BatchReport(CountReport):
    """The report of one call. output: the folder."""

    output: str | None
    _errors: list[dict[str, Any]] = field(init=False, default_factory=list)
    _first: tuple[str, int] | None = field(init=False, default=None)  # key and status of the failure whose key is first
    _total: int | None = field(init=False, default=None)
    _line: float = field(init=False, default_factory=time.monotonic)

    @contextmanager
    def reporting(self, total: int | None) -> Iterator[None]:
        """Show a bar in the block, if standard error is a terminal. total: None if it is unknown."""
        self._total = total
        with super().reporting(total):
            yield

    def add(self, row: Row) -> None:
        """Count an input that is done with; print its error, if any."""
        self._count(row.state, row.bytes, bool(row.notices))
        if row.state == "failed":
            self._add_failure(row)
        self._advance()
        if self._bar is None and time.monotonic() - self._line >= LINE_S:
            self._line = time.monotonic()
            done = sum(self._counts.values())
            of = "" if self._total is None else f" of {self._total}"
            inputs = "input" if (self._total or done) == 1 else "inputs"
            notice(f"{done}{of} {inputs}, {self._counts['failed']} failed")

    def finish(self) -> int:
        """Print the summary; return the exit status, that of the failure whose key is first."""
        if wants_json():
            errors = sorted(self._errors, key=lambda each: str(each["key"]))
            say(json.dumps({"output": self.output, "errors": errors, "summary": self._summary_object()}, indent=2))
        else:
            say(self._summary(), err=True)
        return 0 if self._first is None else self._first[1]

    def _add_failure(self, row: Row) -> None:
        self._first = min(self._first or (row.key, row.status), (row.key, row.status))
        if wants_json():
            self._errors.append({"key": row.key, "status": row.status, "error": row.error})
        self._print_failure(f"{shown(row.key)}: {one_line(row.error or '')}")
