# SPDX-License-Identifier: MIT
"""A repeatable timer, and a one-line description of the machine."""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from refcodec.networks.threads import cores

LIBRARIES = ("numpy", "numba", "torch")


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of one call."""

    min_s: float  # the most stable figure, since noise only adds time
    median_s: float
    repeats: int

    def __str__(self) -> str:
        return f"{1000 * self.min_s:.1f} ms (median {1000 * self.median_s:.1f} ms, {self.repeats} runs)"


def timed(call: Callable[[], object], repeats: int = 7, warm_up: int = 2) -> Timing:
    """Time `repeats` calls after `warm_up` untimed ones (caches, thread pools, compilation)."""
    return interleaved([call], repeats, warm_up)[0]


def interleaved(calls: Sequence[Callable[[], object]], repeats: int = 7, warm_up: int = 2) -> list[Timing]:
    """Time several calls in turn, A B A B …, so that a slow phase of the machine affects all of them.

    For ratios, time the calls to be compared together.
    """
    if repeats < 1:
        raise ValueError("at least one timed run")
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(warm_up + repeats):
        for call, times in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            if turn >= warm_up:
                times.append(time.perf_counter() - start)
    return [Timing(min(times), statistics.median(times), repeats) for times in seconds]


def machine() -> str:
    """Return processor, cores, system, Python and libraries, and nothing that identifies the computer."""
    versions = [f"Python {platform.python_version()}"] + [f"{name} {v}" for name in LIBRARIES if (v := _version(name))]
    parts = [processor(), f"{cores()} cores", platform.system(), *versions]
    if "torch" in sys.modules:
        parts.append(f"{sys.modules['torch'].get_num_threads()} torch threads")
    return ", ".join(parts)


def processor() -> str:
    """Return the name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
