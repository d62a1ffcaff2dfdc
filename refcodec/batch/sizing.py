# SPDX-License-Identifier: MIT
"""How many processes work on many files, and within which memory."""

from __future__ import annotations

from typing import Final

from refcodec import memory
from refcodec.decode_memory import PROCESS
from refcodec.limits import Limits
from refcodec.networks.threads import cores

FILES_FOR_ONE: Final = 4  # starting a process takes about as long as this many files


def process_count(files: int, limits: Limits, *, several: bool = True) -> int:
    """Return the processes for a number of files: one for each processor, fewer for few files or little memory.

    several: whether more than one pays. Models that fill a device or several gigabytes do not.
    """
    if not several:
        return 1
    bound = _bound(limits)
    room = cores() if bound is None else bound // (2 * PROCESS) - 1
    return max(1, min(cores(), files // FILES_FOR_ONE, room))


def memory_for_work(limits: Limits, processes: int) -> int | None:
    """Return the bytes that files may take at once, beside what the processes themselves take; None: unknown."""
    bound = _bound(limits)
    return None if bound is None else max(0, bound - (processes + 1) * PROCESS)


def _bound(limits: Limits) -> int | None:
    """Return the caller's bound on memory, else what this machine has free."""
    if limits.max_memory is not None:
        return limits.max_memory
    return min((bytes for bytes in (memory.machine(), memory.free()) if bytes is not None), default=None)
