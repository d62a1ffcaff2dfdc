# SPDX-License-Identifier: MIT
"""Settings of the process, such as log levels and warning filters, that belong to the program that calls this library.

Where a setting has no form for one thread only, `SharedSettings` changes it while any block needs it and puts it back
with the last one, so that calls in several threads leave it as it was.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

Undo = Callable[[], object]


class SharedSettings:
    """Settings that are changed while at least one block is entered, in any thread.

    change: makes the changes that are needed and returns how each is undone, in order. The first block that is entered
    calls it, under a lock; the last one that is left undoes everything, in reverse order.
    """

    def __init__(self, change: Callable[[], list[Undo]]) -> None:
        self._change, self._lock = change, threading.RLock()
        self._blocks, self._undo = 0, list[Undo]()

    @contextmanager
    def changed(self) -> Iterator[None]:
        """Keep the settings changed in the block."""
        with self._lock:
            if not self._blocks:
                self._undo = self._change()
            self._blocks += 1
        try:
            yield
        finally:
            with self._lock:
                self._blocks -= 1
                while self._undo and not self._blocks:
                    self._undo.pop()()


class _QuietDepth(threading.local):
    """The number of `quiet_warnings` blocks that this thread is in."""

    depth = 0


_QUIET: Final = _QuietDepth()


class _MatchesWhenQuiet(type):
    def __subclasscheck__(cls, other: type) -> bool:
        return _QUIET.depth > 0


class _QuietWarning(Warning, metaclass=_MatchesWhenQuiet):
    """A category that contains every warning in threads inside a `quiet_warnings` block, and none elsewhere."""


def _insert_filter() -> list[Undo]:
    if warnings.filters and warnings.filters[0][2] is _QuietWarning:
        return []
    warnings.simplefilter("ignore", _QuietWarning)
    return [_remove_filter]


def _remove_filter() -> None:
    for entry in [entry for entry in warnings.filters if entry[2] is _QuietWarning]:
        _remove(entry)


def _remove(entry: object) -> None:
    entries: Any = warnings.filters
    with suppress(ValueError, AttributeError):  # the program has set other filters meanwhile
        entries.remove(entry)


def ignore_message(beginning: str) -> list[Undo]:
    """Ignore the warnings whose text begins so, also those of threads that a library starts. For `SharedSettings`."""
    before: list[Any] = list(warnings.filters)
    warnings.filterwarnings("ignore", message=re.escape(beginning))
    entry = warnings.filters[0]

    def undo() -> None:
        _remove(entry)

    return [] if entry in before else [undo]


def kept_filters(before: list[Any]) -> list[Any]:
    """Return the filters of `warnings` without those added since `before`, a copy of the list."""
    return [entry for entry in warnings.filters if entry in before or entry[2] is _QuietWarning]


_FILTERS: Final = SharedSettings(_insert_filter)


def is_quiet() -> bool:
    """Return whether the calling thread is inside a `quiet_warnings` block."""
    return _QUIET.depth > 0


@contextmanager
def quiet_warnings() -> Iterator[None]:
    """Suppress all warnings from this thread inside the block, even if warnings are errors.

    `warnings.catch_warnings` affects other threads, and two threads using it at once can leave its filters behind.
    Instead a filter is added that matches nothing outside these blocks, and removed with the last of them.
    """
    with _FILTERS.changed():
        _QUIET.depth += 1
        try:
            yield
        finally:
            _QUIET.depth -= 1


@contextmanager
def audible_warnings() -> Iterator[None]:
    """Let warnings of this library reach the caller inside the block, even in a `quiet_warnings` block."""
    depth, _QUIET.depth = _QUIET.depth, 0
    try:
        yield
    finally:
        _QUIET.depth = depth
