# SPDX-License-Identifier: MIT
"""Types of the callbacks for progress and steps, and work in stages."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")

Progress = Callable[[float], None]  # called with the share of the work that is done, 0 to 1
Notice = Callable[[str], None]  # called with a line for the user
StepCallback = Callable[[str, Any], None]  # called with the name of a step and its text, number, object or picture


def announce(notices: Iterable[str], notice: Notice | None) -> None:
    """Call a callback, if there is one, with each notice."""
    if notice is not None:
        for text in notices:
            notice(text)


def part(progress: Progress | None, start: float, stop: float) -> Progress | None:
    """Return the callback of a part of the work, whose share from 0 to 1 is `start` to `stop` of the entire work."""
    return None if progress is None else lambda share: progress(start + (stop - start) * share)


def run(stages: Generator[object, None, Result]) -> Result:
    """Run a generator to its end, and return its result."""
    while True:
        try:
            next(stages)
        except StopIteration as end:
            result: Result = end.value
            return result
