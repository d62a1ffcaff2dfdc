# SPDX-License-Identifier: MIT
"""The persistent protocol: one decoder process for many vectors, one line of JSON each way per vector."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from semrunner.answer import Answer, broken, rejected
from semrunner.manifest import TIERS, parse
from semrunner.process import ChildProcess, ProtocolError
from semrunner.settings import Settings
from semrunner.suite import Case

STOP_SECONDS = 10.0
ENDED = "the process ended"


class NotStarted(Exception):
    """The decoder gave no valid answer to start. `ended`: its process ended instead."""

    def __init__(self, why: str, *, ended: bool = False) -> None:
        super().__init__(why)
        self.ended = ended


class Persistent:
    """Client for decoders that speak the persistent protocol; `name` and `tiers` are what the decoder reports.

    `start_timeout`: seconds for the answer to the first start, by default the timeout of the settings.
    """

    def __init__(self, settings: Settings, tier: str, start_timeout: float | None = None) -> None:
        self.settings, self.tier = settings, tier
        self.registry = settings.registry  # with which the process was started
        self.child: ChildProcess | None = None
        self.seq = 0
        self.name, self.tiers = "", ("",)
        self._start(start_timeout or settings.timeout)

    def _start(self, seconds: float) -> None:
        """Start the process and read its name and tiers. NotStarted if it fails to answer."""
        settings = self.settings
        try:
            command = [*settings.command, "--persistent"]
            self.child = ChildProcess(command, settings.memory, settings.environment, settings.scratch, settings.cwd)
        except OSError as error:
            raise NotStarted(str(error)) from error
        try:
            reply = self._request(self.start_request(), seconds)
        except ProtocolError as error:
            note = self.child.last_stderr_line()
            self._kill()
            ended = str(error) == ENDED
            raise NotStarted(f"{error}{f' ({note})' if note else ''}", ended=ended) from error
        if not isinstance(reply, dict) or reply.get("ok") is not True:
            self._kill()
            raise NotStarted(f"it answers start with {json.dumps(reply)[:300]}")
        tiers, name = reply.get("tiers"), reply.get("name")
        if (
            not isinstance(tiers, list)
            or not tiers
            or not all(tier in TIERS for tier in tiers)
            or not isinstance(name, str)
        ):
            self._kill()
            raise NotStarted("its answer to start lacks a name or a list of tiers")
        self.name, self.tiers = name, tuple(tiers)

    def start_request(self) -> dict[str, Any]:
        """Return the request to start."""
        paths = {"registry": str(self.registry), "data": str(self.settings.data)}
        return {"op": "start", "protocol": "1", "tier": self.tier} | paths

    def run_request(self, case: Case, tier: str) -> dict[str, Any]:
        """Return the request for one case without its number."""
        file = base64.b64encode(case.file).decode("ascii")
        return {"id": case.id, "tier": tier, "file": file, "models": str(case.models), "asked": case.asked}

    def parse(self, case: Case, reply: Any, seq: str) -> Answer:
        """Return the answer in a reply to a run; broken if the reply is malformed."""
        return parse_answer(reply, seq)

    def _request(self, request: dict[str, Any], seconds: float) -> Any:
        """Send one line and return the JSON value of the one line that answers it. ProtocolError for anything else."""
        child = self.child
        assert child is not None
        if child.stdout:
            raise ProtocolError("output before a request")

        def line_read() -> bool:
            return child.stdout_closed or b"\n" in child.stdout

        child.exchange(json.dumps(request).encode() + b"\n", seconds, line_read)
        child.check_memory()
        line, newline, rest = bytes(child.stdout).partition(b"\n")
        child.stdout.clear()
        if not newline:
            raise ProtocolError(ENDED if not line else "the process ended within a line")
        if rest:
            raise ProtocolError("more than one line in answer to one request")
        try:
            return parse(line)
        except ValueError as error:
            raise ProtocolError(f"the answer is not JSON: {error}") from error

    def ask(self, case: Case, tier: str) -> Answer:
        """Send one file and return the answer; the process is restarted for another registry or after a failure.

        NotStarted if it cannot be restarted with the registry of the settings.
        """
        begin = time.monotonic()
        answer = self._ask(case, tier)
        return replace(answer, seconds=time.monotonic() - begin)

    def _ask(self, case: Case, tier: str) -> Answer:
        try:
            self._ensure_started(case.registry or self.settings.registry)
        except ProtocolError as error:
            return broken(f"when stopped before this vector: {error}")
        except NotStarted as error:
            if case.registry is None:
                raise
            return broken(f"when started with the registry of this vector: {error}")
        self.seq += 1
        request = {"op": "run", "seq": str(self.seq)} | self.run_request(case, tier)
        try:
            answer = self.parse(case, self._request(request, self.settings.timeout), str(self.seq))
        except ProtocolError as error:
            answer = broken(str(error))
        if answer.verdict == "broken" and self.child is not None:
            note = self.child.last_stderr_line()
            answer = replace(answer, why=f"{answer.why} ({note[:300]})") if note else answer
            self._kill()
        return answer

    def _ensure_started(self, registry: Path) -> None:
        """Have a process that was started with this registry."""
        if registry != self.registry:
            self.close()
            self.registry = registry
        if self.child is None:
            self._start(self.settings.timeout)

    def close(self) -> None:
        """Stop the process. ProtocolError if it does not end as it should."""
        if self.child is None:
            return
        try:
            if self._request({"op": "stop"}, self.settings.timeout) != {"ok": True}:
                raise ProtocolError("stop was not answered with ok")
            if (status := self.child.wait(STOP_SECONDS)) != 0:
                with contextlib.suppress(ProtocolError):  # what it wrote before its end
                    self.child.exchange(b"", STOP_SECONDS, lambda: False)
                note = self.child.last_stderr_line()
                raise ProtocolError(f"exit status {status} after stop{f' ({note[:300]})' if note else ''}")
        finally:
            self._kill()

    def _kill(self) -> None:
        if self.child is not None:
            self.child.end()
        self.child = None


def parse_answer(reply: Any, seq: str) -> Answer:
    """Return the answer in the decoder's reply to a run; broken if the reply is malformed."""
    if not isinstance(reply, dict) or reply.get("seq") != seq:
        return broken(f"no answer to seq {seq}: {json.dumps(reply)[:200]}")
    forms = [name for name in ("result", "error", "skip") if name in reply]
    if len(forms) != 1:
        return broken(f"expected one of result, error and skip; got {', '.join(forms) or 'none'}")
    value = reply[forms[0]]
    if forms[0] == "result":
        return Answer("accept", result=value)
    if forms[0] == "skip":
        return Answer("skip", why=value) if isinstance(value, str) else broken("skip must give its reason as a string")
    code, status = (value.get("code"), value.get("status")) if isinstance(value, dict) else (None, None)
    if (
        not isinstance(code, str)
        or not re.fullmatch(r"SEM-E-[1-8][0-9]{2}", code)
        or status not in ("3", "4", "5", "6")
    ):
        return broken(f"error must have code and status; got {json.dumps(value)[:200]}")
    return rejected(code, int(status))
