# SPDX-License-Identifier: MIT
"""Tasks for batches whose workers are other processes, which import them from here."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from refcodec.batch.outcome import Outcome
from refcodec.batch.task import Source, Task


@dataclass(frozen=True)
class Copy(Task):
    """Copy inputs. An input whose bytes begin with "kill" kills its process, one with "once" does so the first time.

    log: a folder in which each start of an input leaves a file.
    """

    log: str
    verb: ClassVar[str] = "copy"
    done: ClassVar[str] = "copied"

    def prepare(self) -> None:
        """Do nothing."""

    def run(self, key: str, source: Source) -> Outcome:
        """Return the bytes of the input, after a note that it was begun."""
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        begun = sum(path.name.startswith(f"{key}.") for path in Path(self.log).iterdir())
        Path(self.log, f"{key}.{begun}.{os.getpid()}").touch()
        if data.startswith(b"kill") or (data.startswith(b"once") and not begun):
            os.kill(os.getpid(), signal.SIGKILL)
        if data.startswith(b"bad"):
            raise ValueError("a bad input")
        return Outcome(key, data, 1, 1, "copy", 8.0 * len(data), "ok")

    def memory(self, source: Source) -> int:
        """Return 0."""
        return 0
