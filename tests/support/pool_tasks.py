# SPDX-License-Identifier: MIT
"""Tasks that do little, for tests of the processes in which tasks run."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from refcodec.batch.outcome import Outcome
from refcodec.batch.task import Source, Task
from refcodec.errors import Code, SemError


@dataclass(frozen=True)
class Little(Task):
    """A task of sources such as "3", "3:die", "3:die-once" or "3:raise". folder: for what it leaves behind.

    bytes: the predicted memory of each. seconds: that each takes. unprepared: an error of preparing.
    """

    folder: str
    bytes: int = 0
    seconds: float = 0.0
    unprepared: str = ""
    verb: ClassVar[str] = "little"
    done: ClassVar[str] = "done"

    def prepare(self) -> None:
        if self.unprepared == "value":
            raise ValueError("not so")
        if self.unprepared == "model":
            raise SemError(Code.MODEL_UNAVAILABLE, "no such model")
        if self.unprepared == "die":
            os.kill(os.getpid(), signal.SIGKILL)

    def run(self, key: str, source: Source) -> Outcome:
        number, _, what = str(source).partition(":")
        place = Path(self.folder)
        tries = len(list(place.glob(f"{number}.*.try")))
        (place / f"{number}.{tries}.try").write_text(f"{os.getpid()} {time.monotonic()}")
        time.sleep(self.seconds)
        if what == "die" or (what == "die-once" and not tries):
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "raise":
            raise RuntimeError("a bug")
        (place / f"{number}.{tries}.end").write_text(str(time.monotonic()))
        return Outcome(key, number.encode())

    def memory(self, source: Source) -> int:
        return self.bytes
