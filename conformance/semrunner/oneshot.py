# SPDX-License-Identifier: MIT
"""The one-shot protocol: a process for each vector."""

from __future__ import annotations

import re
import signal
import time
from dataclasses import replace

from semrunner.answer import Answer, broken, rejected
from semrunner.manifest import parse
from semrunner.process import Child, Misbehaviour
from semrunner.settings import Settings
from semrunner.suite import Case

REJECTED = (3, 4, 5, 6)


class OneShot:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def ask(self, case: Case, tier: str) -> Answer:
        settings = self.settings
        options = ["--tier", tier, "--registry", str(case.registry or settings.registry), "--data", str(settings.data)]
        options += ["--models", str(case.models), *(["--asked", case.asked] if case.asked != "symbols" else [])]
        begin = time.monotonic()
        child = Child([*settings.command, *options], settings.memory)
        try:
            child.talk(case.file, settings.timeout, lambda: False, close=True)
            answer = read(child.wait(settings.timeout), bytes(child.out), child.last_note())
        except Misbehaviour as fault:
            answer = broken(str(fault))
        finally:
            child.end()
        return replace(answer, seconds=time.monotonic() - begin)

    def close(self) -> None:
        """Nothing goes on between two vectors."""


def read(status: int, out: bytes, note: str) -> Answer:
    """What exit status, standard output and the last line of standard error say together."""
    said = f" ({note[:300]})" if note else ""
    if status == 0:
        return accepted(out)
    if status < 0:
        return broken(f"killed by {signal.Signals(-status).name}{said}")
    if status not in REJECTED:
        return broken(f"exit status {status}{said}")
    if out:
        return broken(f"exit status {status}, and {len(out)} bytes of output beside it")
    code = re.match(r"SEM-E-[1-8][0-9]{2}(?![0-9])", note)
    return rejected(code[0], status) if code else broken(f"exit status {status} without a code{said}")


def accepted(out: bytes) -> Answer:
    try:
        result = parse(out)
    except ValueError as fault:
        return broken(f"standard output is not one JSON object: {fault}")
    return Answer("accept", result=result)
