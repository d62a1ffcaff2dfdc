# SPDX-License-Identifier: MIT
"""Carry out a task on many files: decide what need not be done, work, write each output completely or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Final

from refcodec.batch.intact import Existing
from refcodec.batch.job import Job, Work
from refcodec.batch.notes import Note, Notes
from refcodec.batch.outcome import Failure, Outcome
from refcodec.batch.outputs import Item, Present, make_folder
from refcodec.batch.pool import Pool
from refcodec.errors import Code, SemError
from refcodec.fileio import shown, write_atomic
from refcodec.limits import NONE, Limits

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)  # what each further output would fail for


class OutputsPresent(ValueError):
    """Outputs are there already, and nothing says what to do about them."""


@dataclass(frozen=True)
class Plan:
    """What to do: the items, in order, and how. folder: of the outputs, None for a task without any.

    options: a digest of the options that decide what an output holds. times: give outputs the times of their inputs.
    """

    items: list[Item]
    folder: str | None = None
    options: str = ""
    present: Present = Present.REFUSE
    pictures: bool = False  # outputs are pictures, not .sem files
    times: bool = False
    level: int = 1

    def check(self) -> None:
        """Raise `OutputsPresent` if outputs are there and nothing says what to do; CANNOT_WRITE if there is no folder."""
        if self.folder is None:
            return
        if os.path.lexists(self.folder.rstrip("/" + os.sep) or os.sep) and not os.path.isdir(self.folder):
            raise SemError(Code.CANNOT_WRITE, f"{shown(self.folder)} is not a folder", hint="name a folder with -o")
        if self.present is not Present.REFUSE:
            return
        there = [item.output for item in self.items if item.output is not None and os.path.lexists(item.output)]
        if there:
            count = (
                f"{shown(there[0])} is" if len(there) == 1 else f"{len(there)} outputs, such as {shown(there[0])}, are"
            )
            raise OutputsPresent(
                f"{count} there already: go on with --resume, keep with --no-clobber, or replace with --force"
            )


@dataclass(frozen=True)
class Result:
    """One item that is done with. number: its place in the order of the call."""

    number: int
    item: Item
    outcome: Outcome
    bytes: int = 0  # that were written


@dataclass
class Run:
    """A plan that is being carried out, by `processes` processes, within `memory` bytes of predicted work.

    limits: of the entire run, whose deadline ends it; the work has those of each file.
    """

    plan: Plan
    work: Work
    processes: int = 1
    memory: int | None = None
    threads: int = 1
    limits: Limits = NONE
    _any_done: bool = False
    _inputs: dict[int, os.stat_result] = field(default_factory=dict)  # by number, as of before an input was read

    def results(self, notes: Notes | None) -> Generator[Result, None, None]:
        """Yield the result of each item as it is done, those that need no work first.

        Raises what preparing the task raises, and an error that each file would have, if no file could be done before.
        """
        jobs = []
        for number, item in enumerate(self.plan.items):
            if item.error is not None:
                yield Result(number, item, Outcome(item.name, error=Failure.of(item.error)))
            elif self._is_kept(item):
                yield Result(number, item, Outcome(item.name, kept=True))
            else:
                if (status := _status(item.source)) is not None:
                    self._inputs[number] = status
                jobs.append(Job(number, item.name, item.source, self._existing(item, notes)))
        with ExitStack() as stack:
            for job, outcome in self._outcomes(jobs, stack):
                self._check(outcome)
                yield self._written(job.number, outcome, notes)
                self.limits.check_time()

    def _check(self, outcome: Outcome) -> None:
        """Raise the error of a file if it ends the run: the deadline, or what each file would fail for."""
        if outcome.error is None:
            self._any_done = True
            return
        self.limits.check_time()  # work in this process is ended by a timer, which a task takes for an error of the file
        if not self._any_done and self.work.task.concerns_all(outcome.error):
            raise outcome.error.as_error()

    def _outcomes(self, jobs: list[Job], stack: ExitStack) -> Iterator[tuple[Job, Outcome]]:
        processes = min(self.processes, len(jobs))
        if processes > 1:
            pool = stack.enter_context(Pool(self.work, processes, self.memory, self.threads))
            return pool.outcomes(jobs)
        return ((job, self.work(job)) for job in jobs)

    def _is_kept(self, item: Item) -> bool:
        return self.plan.present is Present.KEEP and item.output is not None and os.path.lexists(item.output)

    def _existing(self, item: Item, notes: Notes | None) -> Existing | None:
        """Return the output of an item if it may be kept: it is no older than its input, nor of other options."""
        plan = self.plan
        if plan.present is not Present.RESUME or notes is None or item.output is None:
            return None
        try:
            output, source = os.stat(item.output), os.stat(item.source)
        except (OSError, ValueError):
            return None
        note = notes.by_output.get(item.name)
        if note is None:
            unlike = bool(notes.options - {plan.options}) or output.st_mtime_ns < source.st_mtime_ns
            return None if unlike else Existing(item.output, None, plan.pictures, plan.level)
        if (note.options, note.size, note.time_ns) != (plan.options, source.st_size, source.st_mtime_ns):
            return None
        return Existing(item.output, note.sha256, plan.pictures, plan.level)

    def _written(self, number: int, outcome: Outcome, notes: Notes | None) -> Result:
        """Write the output of an item, and return its result without the bytes.

        An error is one of that item, but for a full disk. Raises Code.CANNOT_WRITE (SEM-E-102) for one.
        """
        item = self.plan.items[number]
        if outcome.data is None or item.output is None:
            return Result(number, item, outcome)
        data = outcome.data
        try:
            before = self._inputs.get(number)
            make_folder(os.path.dirname(item.output))
            times = (before.st_atime_ns, before.st_mtime_ns) if self.plan.times and before is not None else None
            new = self.plan.present in (Present.REFUSE, Present.KEEP)
            write_atomic(item.output, data, exclusive=new, times=times)
        except SemError as error:
            self.limits.check_time()
            if getattr(error.__cause__, "errno", None) in _FULL:
                raise SemError(
                    Code.CANNOT_WRITE, error.what, hint="free some space, then go on with --resume"
                ) from error
            return Result(number, item, replace(outcome, data=None, error=Failure.of(error)))
        if notes is not None and before is not None:
            digest = hashlib.sha256(data).hexdigest()
            notes.add(Note(item.name, digest, before.st_size, before.st_mtime_ns, self.plan.options))
        return Result(number, item, replace(outcome, data=None), len(data))


def _status(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except (OSError, ValueError):
        return None
