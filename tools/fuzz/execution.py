# SPDX-License-Identifier: MIT
"""Execute a target on one input after another, with limits, and record what happens."""

from __future__ import annotations

import hashlib
import mmap
import resource
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools.fuzz.target import ROOT, Target

REPORT: Final = ".report"
FINDINGS_MAX: Final = 20  # distinct ones; a run ends there
CURRENT: Final = struct.Struct("<QI")  # number and bytes of the execution that is under way
SLOW: Final = 0.05  # seconds from which the slowest input is kept


class TooLong(BaseException):
    """Raised by the timer; a BaseException, so that no handler in the library catches it."""


def _timer(*_: Any) -> None:
    raise TooLong("more processor time than the limit of one execution")


@dataclass
class Executor:
    """Executes a target. `folder`: where findings, the slowest input and the current one are kept."""

    target: Target
    folder: Path
    executions: int = 0
    worst_seconds: float = 0.0  # of the processor, of one execution
    memory_start: int = 0  # bytes resident
    outcomes: Counter[str] = field(default_factory=Counter)
    found: dict[str, Path] = field(default_factory=dict)  # what identifies a finding -> its input
    _current: mmap.mmap | None = None

    def begin(self) -> None:
        """Set the limits of memory and time, and begin to record."""
        from refcodec.sandbox import resources  # not before an engine measures what is imported

        (self.folder / "findings").mkdir(parents=True, exist_ok=True)
        path = self.folder / "current"
        path.write_bytes(bytes(CURRENT.size + self.target.max_bytes))
        with path.open("r+b") as stream:
            self._current = mmap.mmap(stream.fileno(), 0)
        signal.signal(signal.SIGPROF, _timer)
        self.memory_start = peak_memory()
        resources.limit_address_space(self.target.memory)

    @property
    def worst_memory(self) -> int:
        """Return the bytes of memory at the highest beyond those at the start."""
        return max(0, peak_memory() - self.memory_start)

    def execute(self, data: bytes) -> str | None:
        """Execute once; return the outcome, None for a finding, which is saved."""
        data = data[: self.target.max_bytes]
        self.executions += 1
        self._remember(data)
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, self.target.cpu_seconds)
        outcome = None
        try:
            outcome = self.target.run(data)
        except (Exception, TooLong) as error:  # noqa: BLE001 - any exception is a finding
            signal.setitimer(signal.ITIMER_PROF, 0)
            self._save(data, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        seconds = time.process_time() - started
        self.outcomes[outcome or "finding"] += 1
        if seconds > self.worst_seconds:
            self.worst_seconds = seconds
            if seconds > SLOW:
                (self.folder / f"slowest{self.target.suffix}").write_bytes(data)
        return outcome

    def _remember(self, data: bytes) -> None:
        if self._current is not None:
            CURRENT.pack_into(self._current, 0, self.executions, len(data))
            self._current[CURRENT.size : CURRENT.size + len(data)] = data

    def _save(self, data: bytes, error: BaseException) -> None:
        """Save the input of a finding and its traceback, unless one of the same kind and place is known."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename.startswith(str(ROOT))] or list(frames)
        what = "" if isinstance(error, TooLong) else f" at {own[-1].filename}:{own[-1].lineno}"
        kind = f"{type(error).__name__}{what}"
        if kind not in self.found and len(self.found) < FINDINGS_MAX:
            self.found[kind] = save(
                self.folder, self.target.name, self.target.suffix, data, "".join(traceback.format_exception(error))
            )


def save(folder: Path, name: str, suffix: str, data: bytes, report: str) -> Path:
    """Save the input of a finding with its report; return the path of the input."""
    path = folder / "findings" / f"{hashlib.sha256(data).hexdigest()[:16]}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.with_suffix(REPORT).write_text(f"{report}\nreplay: {replay_command(name, path)}\n", encoding="utf-8")
    return path


def replay_command(name: str, path: Path) -> str:
    """Return the command that executes a target on a file."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return f"python -m tools.fuzz --replay {name} {shown}"


def findings(folder: Path) -> Iterator[Path]:
    """Yield the inputs of open findings of a target's folder."""
    if (folder / "findings").is_dir():
        yield from (path for path in sorted((folder / "findings").iterdir()) if path.suffix != REPORT)


def current(folder: Path) -> tuple[int, bytes] | None:
    """Return number and input of the execution under way, or of the last one of a process that has ended.

    None before the first execution.
    """
    path = folder / "current"
    data = path.read_bytes() if path.is_file() else b""
    if len(data) < CURRENT.size:
        return None
    number, size = CURRENT.unpack_from(data)
    return number, data[CURRENT.size : CURRENT.size + size]


def peak_memory() -> int:
    """Return the largest number of resident bytes of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
