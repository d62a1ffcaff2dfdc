# SPDX-License-Identifier: MIT
"""The persistent protocol: one process for many vectors, a line of JSON each way for each."""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from semrunner.answer import Answer, broken, rejected
from semrunner.manifest import TIERS, parse
from semrunner.process import Child, Misbehaviour
from semrunner.settings import Settings
from semrunner.suite import Case

STOP_SECONDS = 10.0


class NotStarted(Exception):
    """The decoder does not answer the start."""


class Persistent:
    """`name` and `tiers` are what the decoder says of itself. `patience`: seconds for the answer to the first start."""

    def __init__(self, settings: Settings, tier: str, patience: float | None = None) -> None:
        self.settings, self.tier = settings, tier
        self.registry = settings.registry  # the one that the process has been started with
        self.child: Child | None = None
        self.asked = 0
        self.name, self.tiers = "", ("",)
        self._start(patience or settings.timeout)

    def _start(self, seconds: float) -> None:
        settings = self.settings
        try:
            self.child = Child([*settings.command, "--persistent"], settings.memory)
        except OSError as fault:
            raise NotStarted(str(fault)) from fault
        question = {
            "op": "start",
            "protocol": "1",
            "tier": self.tier,
            "registry": str(self.registry),
            "data": str(settings.data),
        }
        try:
            said = self._line(question, seconds)
        except Misbehaviour as fault:
            note = self.child.last_note()
            self._kill()
            raise NotStarted(f"{fault}{f' ({note})' if note else ''}") from fault
        if not isinstance(said, dict) or said.get("ok") is not True:
            self._kill()
            raise NotStarted(f"it answers the start with {json.dumps(said)[:300]}")
        tiers, name = said.get("tiers"), said.get("name")
        if (
            not isinstance(tiers, list)
            or not tiers
            or not all(tier in TIERS for tier in tiers)
            or not isinstance(name, str)
        ):
            self._kill()
            raise NotStarted("it does not say its name and its tiers")
        self.name, self.tiers = name, tuple(tiers)

    def _line(self, question: dict[str, Any], seconds: float) -> Any:
        """The value of the one line that answers the question. Misbehaviour for anything else."""
        child = self.child
        assert child is not None
        if child.out:
            raise Misbehaviour("output without a question")
        child.talk(json.dumps(question).encode() + b"\n", seconds, lambda: child.mute or b"\n" in child.out)
        child.judge_memory()
        line, newline, rest = bytes(child.out).partition(b"\n")
        child.out.clear()
        if not newline:
            raise Misbehaviour("the process ended" if not line else "the process ended within a line")
        if rest:
            raise Misbehaviour("more than one line for one question")
        try:
            return parse(line)
        except ValueError as fault:
            raise Misbehaviour(f"the answer is not JSON: {fault}") from fault

    def ask(self, case: Case, tier: str) -> Answer:
        begin = time.monotonic()
        try:
            self._ready(case.registry or self.settings.registry)
        except Misbehaviour as fault:
            return replace(broken(f"at the end of the runs before it: {fault}"), seconds=time.monotonic() - begin)
        except NotStarted as fault:
            if case.registry is None:
                raise
            return replace(
                broken(f"started with the registry of this vector: {fault}"), seconds=time.monotonic() - begin
            )
        self.asked += 1
        question = {
            "op": "run",
            "seq": str(self.asked),
            "id": case.id,
            "tier": tier,
            "file": base64.b64encode(case.file).decode("ascii"),
            "models": str(case.models),
            "asked": case.asked,
        }
        try:
            answer = read(self._line(question, self.settings.timeout), str(self.asked))
        except Misbehaviour as fault:
            answer = broken(str(fault))
        if answer.verdict == "broken" and self.child is not None:
            note = self.child.last_note()
            answer = replace(answer, why=f"{answer.why} ({note[:300]})") if note else answer
            self._kill()
        return replace(answer, seconds=time.monotonic() - begin)

    def _ready(self, registry: Path) -> None:
        """A process that was started with this registry."""
        if registry != self.registry:
            self.close()
            self.registry = registry
        if self.child is None:
            self._start(self.settings.timeout)

    def close(self) -> None:
        """Misbehaviour of a decoder that does not end when it is told to."""
        if self.child is None:
            return
        try:
            if self._line({"op": "stop"}, self.settings.timeout) != {"ok": True}:
                raise Misbehaviour("it does not answer stop with ok")
            if (status := self.child.wait(STOP_SECONDS)) != 0:
                raise Misbehaviour(f"exit status {status} after stop")
        finally:
            self._kill()

    def _kill(self) -> None:
        if self.child is not None:
            self.child.end()
        self.child = None


def read(said: Any, seq: str) -> Answer:
    """The meaning of a line."""
    if not isinstance(said, dict) or said.get("seq") != seq:
        return broken(f"no answer to seq {seq}: {json.dumps(said)[:200]}")
    forms = [name for name in ("result", "error", "skip") if name in said]
    if len(forms) != 1:
        return broken(f"an answer has one of result, error and skip, this one {', '.join(forms) or 'none'}")
    value = said[forms[0]]
    if forms[0] == "result":
        return Answer("accept", result=value)
    if forms[0] == "skip":
        return Answer("skip", why=value) if isinstance(value, str) else broken("the reason of a skip is a text")
    code, status = (value.get("code"), value.get("status")) if isinstance(value, dict) else (None, None)
    if (
        not isinstance(code, str)
        or not re.fullmatch(r"SEM-E-[1-8][0-9]{2}", code)
        or status not in ("3", "4", "5", "6")
    ):
        return broken(f"an error has code and status, this one is {json.dumps(value)[:200]}")
    return rejected(code, int(status))
