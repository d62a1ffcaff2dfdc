# SPDX-License-Identifier: MIT
"""Write the rows of a batch as they come. A kill loses what was done in the last seconds, or 1 % of a long run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from refcodec.batch.ray_rows import DONE, FAILED, Parts, Record, text
from refcodec.batch.ray_store import Store
from refcodec.batch.ray_worker import check_name
from refcodec.errors import SemError, one_line

FLUSH_S: Final = 5.0
FLUSH_SHARE: Final = 0.01  # of the time that the run has taken
FLUSH_BYTES: Final = 1 << 26
FLUSH_ROWS: Final = 1 << 14


@dataclass(frozen=True)
class Row:
    """What became of one input. state: "done", "failed" or "kept". bytes: that were written. status: as of `semtool`."""

    key: str
    state: str
    error: str | None = None
    status: int = 0
    bytes: int = 0
    notices: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Writer:
    """Writes rows as parts. parts: None if rows are only reported. files: where this process writes outputs itself.

    records: rows of earlier runs, which those of this run supersede.
    """

    parts: Parts | None
    files: Store | None
    records: Mapping[str, Record]
    _rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {DONE: [], FAILED: []})
    _bytes: int = 0
    _superseded: dict[str, int] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)
    _flushed: float = field(default_factory=time.monotonic)

    def add(self, columns: dict[str, Any]) -> Row:
        """Take a row of a worker; return what is reported of it."""
        if self.files is not None and columns["data"] is not None:
            columns = self._written(self.files, columns)
        columns |= {"key": text(columns["key"]), "source": text(columns["source"])}
        key, state = columns["key"], columns["state"]
        if self.parts is not None and state != "kept":
            columns[self.parts.data or "data"] = columns["data"]
            self._rows[FAILED if state == "failed" else DONE].append(columns)
            self._bytes += len(columns["data"] or b"")
            if key in self.records:
                self._superseded[key] = self.records[key].number
        shown = "kept" if state == "found" else state
        written = columns["bytes"] or 0
        return Row(
            key,
            shown,
            columns["error"],
            columns["status"],
            written if shown == "done" else 0,
            tuple(columns["notices"] or ()),
            columns,
        )

    def flush_if_due(self) -> None:
        """Write the rows if enough of them, or enough time, have come together."""
        now = time.monotonic()
        wait = max(FLUSH_S, FLUSH_SHARE * (now - self._started))
        full = self._bytes >= FLUSH_BYTES or sum(map(len, self._rows.values())) >= FLUSH_ROWS
        if full or now - self._flushed >= wait:
            self.flush()

    def flush(self) -> None:
        """Write the rows that have come since the last time, and remove those that they supersede."""
        if self.parts is not None:
            for kind, rows in self._rows.items():
                if rows:
                    self.parts.write(kind, rows)
                    rows.clear()
            if self._superseded:
                self.parts.drop(self._superseded)
                self._superseded.clear()
        self._bytes, self._flushed = 0, time.monotonic()

    def _written(self, files: Store, columns: dict[str, Any]) -> dict[str, Any]:
        name = os.fsdecode(columns["name"])
        try:
            check_name(name)
            files.write(name, columns["data"])
        except SemError as error:
            failed = {"state": "failed", "error": one_line(str(error)), "status": error.status, "bytes": None}
            return columns | failed | {"data": None, "sha256": None}
        return columns | {"data": None}
