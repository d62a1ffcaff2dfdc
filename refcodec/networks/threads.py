# SPDX-License-Identifier: MIT
"""Threads for independent parts of large work. numpy and BLAS release Python's lock while they compute."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Part = TypeVar("Part")
THREADS_MAX: Final = 4  # each needs memory, and the rest of the work runs in one


def cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def for_each(function: Callable[[Part], object], parts: Iterable[Part], threads: int) -> None:
    """Call a function for each part, in this many threads; in one, in this thread and in order.

    Raises the error of the first part that has one, after the parts that have begun.
    """
    if threads < 2:
        for part in parts:
            function(part)
        return
    with ThreadPoolExecutor(threads, "refcodec-parts") as pool:
        running = [pool.submit(function, part) for part in parts]
        try:
            for one in running:
                one.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
