# SPDX-License-Identifier: MIT
"""Watch the time and memory of one request, and make errors of those that a worker reports. Imports no torch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from refcodec import memory
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.worker import phases
from refcodec.foundation.worker.worker_limits import GIB, WorkerLimits

START: Final = "start"  # the phase before the first answer
MESSAGE_MAX: Final = 160  # characters of a library's own message
HINT: Final = "name another model for the role"


@dataclass(frozen=True)
class Label:
    """The model of a request, for messages."""

    role: str
    name: str

    def error(self, what: str, hint: str = HINT) -> SemError:
        text = f"{self.role}: the model {shown(self.name)} {what}"
        return SemError(Code.MODEL_MALFORMED, text, path=self.role, hint=hint)


class Watch:
    """Limits of time and memory of the phase that a request is in."""

    def __init__(self, limits: WorkerLimits, weights: int, phase: str, pid: int) -> None:
        self.limits, self.weights, self.phase = limits, weights, phase
        self.start_memory = memory.resident(pid)
        self.deadline = time.monotonic() + self.seconds

    @property
    def seconds(self) -> float:
        own = {
            START: self.limits.start_s,
            phases.LOAD: self.limits.loading_s(self.weights),
            phases.PREPARE: self.limits.prepare_s,
        }
        return own.get(self.phase, self.limits.run_s)

    @property
    def growth(self) -> int:
        loading = self.limits.loading_bytes(self.weights)
        own = {START: loading, phases.LOAD: loading, phases.PREPARE: self.limits.prepare_bytes}
        return own.get(self.phase, self.limits.run_bytes)

    def enter(self, phase: str, pid: int) -> None:
        """Begin a phase, or note progress in it."""
        if phase != self.phase:
            self.phase, self.start_memory = phase, memory.resident(pid)
        self.deadline = time.monotonic() + self.seconds

    def excess(self, pid: int, label: Label) -> SemError | None:
        """Return the error of a limit that is exceeded, or None."""
        caller, now = self.limits.caller, time.monotonic()
        if caller.until is not None and now > caller.until:
            return caller.late()
        if now > self.deadline:
            return label.error(f"took more than {self.seconds:g} s {self._what()}")
        used = memory.resident(pid)
        if caller.max_memory is not None and used > caller.max_memory:
            return caller.too_much(used, f"the {label.role} {shown(label.name)} takes")
        if self.start_memory and used > self.start_memory + self.growth:
            return label.error(self.too_much())
        return None

    def too_much(self) -> str:
        return f"needs more than {self.growth / GIB:.3g} GiB of memory {self._what()}"

    def _what(self) -> str:
        own = {START: "to start", phases.LOAD: "to load", phases.PREPARE: "to prepare its input"}
        return own.get(self.phase, "to run")


def raise_answer(answer: dict[str, Any], label: Label, watch: Watch) -> NoReturn:
    """Raise the error that a worker reports in `answer`, as the type that it had there."""
    kind, what = answer.get("kind"), " ".join(str(answer.get("what", "")).split())
    if kind == "sem":
        fields = {name: answer.get(name) for name in ("offset", "path", "hint")}
        try:
            raise SemError(int(answer["code"]), what, **fields)  # type: ignore[arg-type]
        except ValueError:
            raise label.error("does not run") from None
    if kind == "memory":
        raise label.error(watch.too_much())
    if kind == "setting":
        from refcodec.foundation.device import SettingError

        raise SettingError(what)
    if kind == "scheduler":
        from refcodec.foundation.schedulers import SchedulerError

        raise SchedulerError(what)
    if kind in ("ValueError", "TypeError"):
        raise {"ValueError": ValueError, "TypeError": TypeError}[kind](what)
    raise label.error(what[: 2 * MESSAGE_MAX] or "does not run")
