# SPDX-License-Identifier: MIT
"""Processes that work on many files at once, within a bound on memory.

A process that dies takes one file with it: the file is tried once more, alone, and then fails. The processes write no file,
and are ended at once when the caller is interrupted.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Final

from refcodec.batch.job import Job, Work
from refcodec.batch.outcome import Failure, Outcome
from refcodec.batch.worker import Answer, serve
from refcodec.errors import Code, SemError

JOIN_S: Final = 5.0  # until a process that has nothing more to do is ended
STARTS_MAX: Final = 4  # processes that may die before any has answered


@dataclass(eq=False)
class _Process:
    """A process, its pipe, and the job that it has."""

    process: BaseProcess
    pipe: Connection
    job: Job | None = None


@dataclass
class Pool:
    """Processes for jobs. memory: predicted bytes of the jobs that run at once; None: no bound. Use it as a context."""

    work: Work
    processes: int
    memory: int | None = None
    threads: int = 1  # of each process
    _running: list[_Process] = field(default_factory=list)
    _predicted: dict[int, int] = field(default_factory=dict)  # by number of a job that runs
    _retried: set[int] = field(default_factory=set)  # numbers of jobs whose process has died once
    _deaths: int | None = 0  # of processes until one has answered, then None

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for each in self._running:
            if kind is not None:
                each.process.kill()
            each.pipe.close()
        for each in self._running:
            each.process.join(JOIN_S)
            if each.process.is_alive():
                each.process.kill()
                each.process.join()
        self._running.clear()

    def outcomes(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield the outcome of each job as it is done. Raises what preparing the task raises."""
        waiting, again = deque(jobs), deque[Job]()
        pickled = pickle.dumps(self.work)
        while True:
            self._assign(waiting, again, pickled)
            busy = [each for each in self._running if each.job is not None]
            if not busy:
                return
            ready = connection.wait([each.pipe for each in busy] + [each.process.sentinel for each in busy])
            for each in busy:
                if each.pipe not in ready and each.process.sentinel not in ready:
                    continue
                job, outcome = self._received(each)
                if outcome is None:
                    again.append(job)
                    continue
                self._assign(waiting, again, pickled)  # the processes go on while the caller writes
                yield job, outcome

    def _assign(self, waiting: deque[Job], again: deque[Job], pickled: bytes) -> None:
        """Give jobs to idle processes, starting them as needed, as far as memory allows; those of `again` alone."""
        while waiting or again:
            busy = sum(each.job is not None for each in self._running)
            if busy == self.processes or (not waiting and busy) or any(n in self._retried for n in self._predicted):
                return
            job = (waiting or again)[0]
            predicted = 0 if self.memory is None else self.work.task.memory(job.source)
            if busy and self.memory is not None and sum(self._predicted.values()) + predicted > self.memory:
                return
            (waiting or again).popleft()
            self._predicted[job.number] = predicted
            idle = next((each for each in self._running if each.job is None), None) or self._start(pickled)
            idle.job = job
            with suppress(OSError):  # it has died, which its sentinel reports
                idle.pipe.send(job)

    def _start(self, pickled: bytes) -> _Process:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, pickled, self.threads), daemon=True)
        with _without_interrupts():
            process.start()
        theirs.close()
        self._running.append(_Process(process, ours))
        return self._running[-1]

    def _received(self, each: _Process) -> tuple[Job, Outcome | None]:
        """Return the job of a process and its outcome, None if the process has died and the job is to be tried again."""
        job = each.job
        assert job is not None
        del self._predicted[job.number]
        each.job = None
        try:
            answer: Answer | None = each.pipe.recv()
        except (EOFError, OSError):
            answer = None
        if answer is not None and answer.outcome is not None:
            self._deaths = None
            return job, answer.outcome
        self._running.remove(each)
        each.pipe.close()
        each.process.join(JOIN_S)
        if answer is not None and answer.error is not None:
            raise answer.error
        if self._deaths is not None:
            self._deaths += 1
            if self._deaths == STARTS_MAX:
                raise _death(each.process.exitcode)
        if job.number in self._retried:
            return job, Outcome(job.key, error=Failure.of(_death(each.process.exitcode)))
        self._retried.add(job.number)
        return job, None


def _death(status: int | None) -> SemError:
    """Return the error of a file whose process has died. status: the negative number of a signal, or a status."""
    how = f"status {status}"
    if status is not None and status < 0:
        with suppress(ValueError):
            how = signal.Signals(-status).name
    what = f"the process that worked on it has ended with {how}"
    hint = "memory may be short: try it alone, or with --max-memory; a library may also have failed on it"
    return SemError(Code.LIMIT_SYMBOLS, what, hint=hint)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block SIGINT in the block, which a process that is started in it inherits until it ignores the signal itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
