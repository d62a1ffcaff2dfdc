# SPDX-License-Identifier: MIT
"""End on SIGTERM and SIGHUP as on Ctrl-C: as an exception, so that temporary files and processes are removed."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

ENDING: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(SystemExit):
    """A signal has asked the process to end; the status is the one that shells give for it."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


@contextmanager
def raising(instead_of: Collection[Any] = ()) -> Iterator[list[BaseException]]:
    """Raise `Terminated` in the main thread for SIGTERM and SIGHUP, unless the caller ignores them (nohup).

    instead_of: handlers that are replaced in the block as those of Python are.

    Yield a list of what was raised for signals, Ctrl-C included: Python may turn it into another exception (a TypeError,
    within a failing `from … import`). Only the first signal to end raises, so that a second one does not interrupt the
    removal of temporary files. In other threads, which cannot set handlers, do nothing.
    """
    before: dict[signal.Signals, Any] = {}
    raised: list[BaseException] = []

    def end(number: int, _frame: FrameType | None) -> None:
        for other in before:
            if other != signal.SIGINT:
                signal.signal(other, signal.SIG_IGN)
        raised.append(Terminated(number))
        raise raised[-1]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raised.append(KeyboardInterrupt())
        raise raised[-1]

    with suppress(ValueError):
        for number in ENDING:
            if signal.getsignal(number) in (signal.SIG_DFL, *instead_of):
                before[number] = signal.signal(number, end)
        if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, *instead_of):
            before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    try:
        yield raised
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
