# SPDX-License-Identifier: MIT
"""One file of many on its way to a process, and what is done with it there."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from refcodec.batch.intact import Existing, is_intact
from refcodec.batch.outcome import Outcome
from refcodec.batch.task import Task
from refcodec.entropy import compiled
from refcodec.limits import NONE, Limits


@dataclass(frozen=True)
class Job:
    """A file to work on. number: its place in the order of the call. existing: its output, if it may be kept."""

    number: int
    key: str
    source: str
    existing: Existing | None = None


@dataclass(frozen=True)
class Work:
    """A task and the limits of each file. It can be pickled. files: about as many as each process works on."""

    task: Task
    limits: Limits = NONE
    files: int = 1

    def __call__(self, job: Job) -> Outcome:
        """Return the outcome of one job, `kept` if its output is what the task would make. Raises no error of the file."""
        if job.existing is not None and is_intact(job.existing, self.limits, self.task):
            return Outcome(job.key, kept=True)
        outcome = self.task(job.key, job.source)
        if outcome.error is None and not self._measured:
            self._measured.append(True)
            compiled.will_repeat(self.files)
        return outcome

    @cached_property
    def _measured(self) -> list[bool]:
        """Whether a file has been done in this process, after which what each takes is known: one entry, or none."""
        return []

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}
