# SPDX-License-Identifier: MIT
"""Seconds of encoding and decoding, measured while rates are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from refcodec.cli.bench.timing import processor

T = TypeVar("T")


@dataclass(frozen=True)
class Seconds:
    """Seconds of one file, or means: on the clock, and of processors. Children count once they have ended."""

    encode_s: float
    encode_cpu_s: float
    decode_s: float
    decode_cpu_s: float

    def to_dict(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, float]) -> Seconds:
        return cls(**values)


def timed(call: Callable[[], T]) -> tuple[T, float, float]:
    """Return the result of a call, its seconds on the clock, and those of processors."""
    wall, cpu = time.perf_counter(), _cpu()
    result = call()
    return result, time.perf_counter() - wall, _cpu() - cpu


def _cpu() -> float:
    """Return the processor seconds of this process, its threads and the children that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def mean(seconds: Sequence[Seconds]) -> Seconds:
    """Return the mean of each figure."""
    names = Seconds.__dataclass_fields__
    return Seconds(*(sum(getattr(each, name) for each in seconds) / len(seconds) for name in names))


def computer() -> str:
    """Return what seconds depend on beside the codec: they are not taken from a cache of another computer."""
    return f"{processor()}, {os.cpu_count()} processors"
