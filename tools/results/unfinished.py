# SPDX-License-Identifier: MIT
"""Which benches of an interrupted run are done: the next run of the same benches at the same commit goes on after them."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from refcodec.fileio import write_atomic


@dataclass(frozen=True)
class Unfinished:
    """The file that remembers a run. key: what the run is of."""

    path: Path
    key: str

    def done(self) -> list[str]:
        """Return the benches that a run with the same key has done, none without one."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            document = json.loads(self.path.read_bytes())
            if document["key"] == self.key:
                return list(map(str, document["done"]))
        return []

    def add(self, name: str) -> None:
        """Remember a bench."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self.path, json.dumps({"key": self.key, "done": [*self.done(), name]}).encode())

    def end(self) -> None:
        """Forget the run."""
        self.path.unlink(missing_ok=True)
