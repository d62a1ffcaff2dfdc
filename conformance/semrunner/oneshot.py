# SPDX-License-Identifier: MIT
"""The one-shot protocol: one decoder process per vector."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import replace

from semrunner.answer import Answer, broken, rejected
from semrunner.manifest import parse
from semrunner.process import ChildProcess, ProtocolError
from semrunner.settings import Settings
from semrunner.suite import Case

REJECTED = (3, 4, 5, 6)


class OneShot:
    """Client for decoders that speak the one-shot protocol."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def ask(self, case: Case, tier: str) -> Answer:
        """Run the decoder on one file and return its answer."""
        settings = self.settings
        begin = time.monotonic()
        command = [*settings.command, *self.options(case, tier)]
        child = ChildProcess(command, settings.memory, settings.environment, settings.scratch, settings.cwd)
        try:
            child.exchange(case.file, settings.timeout, lambda: False, close=True)
            status = child.wait(settings.timeout)
            answer = self.parse(case, status, bytes(child.stdout), child.last_stderr_line())
        except ProtocolError as error:
            answer = broken(str(error))
        finally:
            child.end()
        return replace(answer, seconds=time.monotonic() - begin)

    def options(self, case: Case, tier: str) -> list[str]:
        """Return the options for one file."""
        settings = self.settings
        options = ["--tier", tier, "--registry", str(case.registry or settings.registry), "--data", str(settings.data)]
        return [*options, "--models", str(case.models), *(["--asked", case.asked] if case.asked != "symbols" else [])]

    def parse(self, case: Case, status: int, out: bytes, note: str) -> Answer:
        """Return the answer given by exit status, standard output and the last line of standard error."""
        return parse_answer(status, out, note)

    def close(self) -> None:
        """Do nothing: no process outlives its vector."""


def parse_answer(status: int, out: bytes, note: str) -> Answer:
    """Return the answer given by exit status, standard output and the last line of standard error."""
    detail = f" ({note[:300]})" if note else ""
    if status == 0:
        return accepted(out)
    if status < 0:
        return broken(f"killed by {signal.Signals(-status).name}{detail}")
    if status not in REJECTED:
        return broken(f"exit status {status}{detail}")
    if out:
        return broken(f"exit status {status} with {len(out)} bytes on standard output")
    code = re.match(r"SEM-E-[1-8][0-9]{2}(?![0-9])", note)
    return rejected(code[0], status) if code else broken(f"exit status {status} without a code{detail}")


def accepted(out: bytes) -> Answer:
    """Return the accepted answer on standard output; broken if it is not one JSON value."""
    try:
        result = parse(out)
    except ValueError as error:
        return broken(f"standard output is not one JSON object: {error}")
    return Answer("accept", result=result)
