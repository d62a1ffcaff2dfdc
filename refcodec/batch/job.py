# SPDX-License-Identifier: MIT
"""One file of many on its way to a process, and what is done with it there."""

from __future__ import annotations

from dataclasses import dataclass

from refcodec.batch.intact import Existing, is_intact
from refcodec.batch.outcome import Outcome
from refcodec.batch.task import Task
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
    """A task and the limits of each file. It can be pickled."""

    task: Task
    limits: Limits = NONE

    def __call__(self, job: Job) -> Outcome:
        """Return the outcome of one job, `kept` if its output is what the task would make. Raises no error of the file."""
        if job.existing is not None and is_intact(job.existing, self.limits):
            return Outcome(job.key, kept=True)
        return self.task(job.key, job.source)
