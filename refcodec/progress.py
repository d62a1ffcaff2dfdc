# SPDX-License-Identifier: MIT
"""Types of the callbacks for progress and steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Progress = Callable[[float], None]  # called with the share of the work that is done, 0 to 1
StepCallback = Callable[[str, Any], None]  # called with the name of a step and its text, number, object or picture


def part(progress: Progress | None, start: float, stop: float) -> Progress | None:
    """Return the callback of a part of the work, whose share from 0 to 1 is `start` to `stop` of the entire work."""
    return None if progress is None else lambda share: progress(start + (stop - start) * share)
