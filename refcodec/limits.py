# SPDX-License-Identifier: MIT
"""Bounds that a caller sets on pixels, memory and time, beside the limits of the level (SPEC §15).

    refcodec.decode("photo.sem", limits=Limits(max_pixels=10_000_000, max_memory=2 * 1024**3, timeout=30))

`Limits` is an immutable value that is passed down. Without one, functions use `Limits.default()`, which reads

SEM_MAX_PIXELS   pixels of a picture
SEM_MAX_MEMORY   bytes of memory of the process, with a suffix K, M, G or T (powers of 1024) if wanted
SEM_TIMEOUT      seconds of a call

What exceeds a bound ends with a `LimitError`: exit status 6. A bound of the caller counts as a level of the caller's
(SPEC §17.2, SEM-R-151): pixels have the code LIMIT_PIXELS; time and memory have LIMIT_SYMBOLS, and raise `TimeLimitError`
and `MemoryLimitError`.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Final

from refcodec import memory
from refcodec.errors import Code, LimitError
from refcodec.progress import Progress

SUFFIXES: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SHOWN_MAX: Final = 40  # characters of a value in a message
_SIZE: Final = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))?([KMGT]?)(?:I?B)?")


class CallerLimitError(LimitError):
    """A bound of the caller on memory or time is exceeded; the file may be valid. Code.LIMIT_SYMBOLS."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.what), {"hint": self.hint}


class MemoryLimitError(CallerLimitError):
    """The work would take more memory than the caller's bound, or than this machine has."""


class TimeLimitError(CallerLimitError):
    """The work has taken longer than the caller's bound."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one call; None: no bound, and for `max_memory` the memory of this machine.

    until: the deadline, of `time.monotonic`. It is set by `start`, which public functions call first, so that the parts of
    a call share one deadline.
    """

    max_pixels: int | None = None
    max_memory: int | None = None  # bytes of the process
    timeout: float | None = None  # seconds
    until: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("max_pixels", self.max_pixels), ("max_memory", self.max_memory)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise TypeError(f"{name} is an integer, not {_shown(value)}")
            if value is not None and value < 1:
                raise ValueError(f"{name} is at least 1, not {_shown(value)}")
        for name, seconds in (("timeout", self.timeout), ("until", self.until)):
            if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, Real)):
                raise TypeError(f"{name} is a number of seconds, not {_shown(seconds)}")
            if seconds is not None and not _is_finite(seconds):
                raise ValueError(f"{name} is a finite number of seconds, not {_shown(seconds)}")
        if self.timeout is not None and self.timeout <= 0:
            raise ValueError(f"timeout is a number of seconds above 0, not {_shown(self.timeout)}")

    @classmethod
    def default(cls) -> Limits:
        """Return the bounds of SEM_MAX_PIXELS, SEM_MAX_MEMORY and SEM_TIMEOUT. Raises ValueError for an invalid one."""
        return cls(
            _variable("SEM_MAX_PIXELS", parse_count),
            _variable("SEM_MAX_MEMORY", parse_bytes),
            _variable("SEM_TIMEOUT", parse_seconds),
        )

    @classmethod
    def of(cls, limits: Limits | None) -> Limits:
        """Return the argument of a public function, or the default where it is None, with the deadline set.

        Raises TypeError for an argument of another type.
        """
        if limits is not None and not isinstance(limits, cls):
            raise TypeError(f"limits is a refcodec.Limits, not {type(limits).__name__}")
        return (cls.default() if limits is None else limits).start()

    def start(self) -> Limits:
        """Return the same bounds with the deadline set, unless it is."""
        if self.timeout is None or self.until is not None:
            return self
        return replace(self, until=time.monotonic() + self.timeout)

    def left(self, most: float) -> float:
        """Return the seconds until the deadline, at most `most`."""
        return most if self.until is None else max(0.0, min(most, self.until - time.monotonic()))

    def check_time(self) -> None:
        """Raise `TimeLimitError` after the deadline."""
        if self.until is not None and time.monotonic() >= self.until:
            raise self.late()

    def late(self) -> TimeLimitError:
        """Return the error of a deadline that has passed."""
        hint = "raise the bound (--timeout, SEM_TIMEOUT or Limits.timeout), or use a smaller picture"
        return TimeLimitError(
            Code.LIMIT_SYMBOLS, f"not done in {self.timeout:g} s, the time limit of the caller", hint=hint
        )

    def checked(self, progress: Progress | None) -> Progress | None:
        """Return a callback that checks the time, then calls `progress`; None if there is nothing to do."""
        if self.until is None:
            return progress

        def update(share: float) -> None:
            self.check_time()
            if progress is not None:
                progress(share)

        return update

    @property
    def tick(self) -> Callable[[], None] | None:
        """The function that long work calls between its parts; None without a deadline."""
        return None if self.until is None else self.check_time

    def check_memory(self, predicted: int, what: str) -> None:
        """Raise `MemoryLimitError` if the process would exceed its bound. predicted: bytes, beyond those in use now."""
        bound = memory.machine() if self.max_memory is None else self.max_memory
        if bound is None:
            return
        total = memory.resident() + predicted
        if total > bound:
            raise self.too_much(total, f"{what} would take about", bound)

    def too_much(self, total: int, what: str, bound: int | None = None) -> MemoryLimitError:
        """Return the error of work, `what`, that takes `total` bytes. bound: the machine's, without one of the caller."""
        own = self.max_memory is not None
        hint = (
            "raise the bound (--max-memory, SEM_MAX_MEMORY or Limits.max_memory)"
            if own
            else "use a machine with more, or override this with --max-memory"
        )
        most = format_bytes(self.max_memory or bound or 0)
        whose = "that the caller allows" if own else "of this machine"
        text = f"{what} {format_bytes(total)} of memory, more than the {most} {whose}"
        return MemoryLimitError(Code.LIMIT_SYMBOLS, text, hint=hint)


NONE: Final = Limits()


def parse_bytes(text: str) -> int:
    """Return a number of bytes such as 500M, 1.5G or 2GiB; suffixes are powers of 1024. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip().upper())
    if match is None:
        raise ValueError(f"{text!r} is not a number of bytes such as 500M or 1.5G")
    integer, fraction, suffix = match.groups()
    size = SUFFIXES[suffix]
    digits = fraction or "0"
    count: int = int(integer) * size + int(digits) * size // 10 ** len(digits)
    if count < 1:
        raise ValueError(f"{text!r} is not a number of bytes above 0")
    return count


def parse_count(text: str) -> int:
    """Return a positive integer. Raises ValueError."""
    if re.fullmatch("[0-9]{1,15}", text.strip()) is None or int(text) < 1:
        raise ValueError(f"{text!r} is not an integer above 0")
    return int(text)


def parse_seconds(text: str) -> float:
    """Return a positive number of seconds. Raises ValueError."""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()) is None or float(text) == 0:
        raise ValueError(f"{text!r} is not a number of seconds above 0")
    return float(text)


def format_bytes(count: int) -> str:
    """Return a number of bytes in MB (10^6), or in bytes below one."""
    return f"{count} bytes" if count < 10**6 else f"{count / 1e6:,.0f} MB"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond binary64
        return False


def _shown(value: object) -> str:
    """Return a value for a message, shortened."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python prints
        return "an integer that long"
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _variable(name: str, parse: Callable[[str], Any]) -> Any:
    text = os.environ.get(name, "").strip()
    try:
        return parse(text) if text else None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
