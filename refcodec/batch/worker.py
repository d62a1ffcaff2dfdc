# SPDX-License-Identifier: MIT
"""A process that works on one file after another. It writes no file, so that it can be ended at any time."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refcodec.batch.job import Job
    from refcodec.batch.outcome import Outcome


@dataclass(frozen=True)
class Answer:
    """The outcome of a job, or the error of preparing the task. number: of the job."""

    number: int
    outcome: Outcome | None
    error: Exception | None = None


def serve(pipe: Connection, pickled_work: bytes, threads: int) -> None:
    """Answer the jobs of a pipe until it is closed. Ctrl-C is the caller's to handle.

    pickled_work: a `Work`, which is unpickled after the variables that libraries read when they are loaded. threads: theirs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(threads))
    work = pickle.loads(pickled_work)
    try:
        work.task.prepare()
    except Exception as error:  # noqa: BLE001 - the caller raises it
        pipe.send(Answer(-1, None, error))
        return
    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, OSError):
            return
        answer = Answer(job.number, work(job))
        try:
            pipe.send(answer)
        except OSError:
            return


def _end_with_parent() -> None:
    """End this process when the one that started it ends, however that happens."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
