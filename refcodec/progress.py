# SPDX-License-Identifier: MIT
"""How long work says how far it is: a function that is given the share done, 0 to 1."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float], None]


def part(progress: Progress | None, start: float, stop: float) -> Progress | None:
    """The progress of a piece of work that takes the whole from `start` to `stop`."""
    return None if progress is None else lambda share: progress(start + (stop - start) * share)
