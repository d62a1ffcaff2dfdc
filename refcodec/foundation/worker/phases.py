# SPDX-License-Identifier: MIT
"""Report what a model is doing, so that the process that waits for it can apply the limit of that phase. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

LOAD, PREPARE, RUN = "load", "prepare", "run"

# set by the worker process; absent where models run in the caller's process, which has no limits
listener: Final[ContextVar[Callable[[str], None] | None]] = ContextVar("listener", default=None)


def report(phase: str) -> None:
    """Report that a phase begins, or that there is progress in it."""
    listen = listener.get()
    if listen is not None:
        listen(phase)


@contextmanager
def preparing(then: str = RUN) -> Iterator[None]:
    """Mark the preparation of input by chat templates, tokenizers and processors of a folder, whose limits are narrow.

    then: the phase that follows. After an error it is still the preparation that has failed.
    """
    report(PREPARE)
    yield
    report(then)
