# SPDX-License-Identifier: MIT
"""Encoders and editors behind both protocols: an input in, a file out (PROTOCOL.md, Encoders and editors)."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from semrunner import oneshot
from semrunner.answer import Answer, broken
from semrunner.case import Case
from semrunner.oneshot import OneShot
from semrunner.persistent import Persistent

REFUSED = 2  # exit status of a refusal that SPEC §17 has no code for


class WriterOneShot(OneShot):
    """Client for encoders and editors that speak the one-shot protocol."""

    def options(self, case: Case, tier: str) -> list[str]:
        """Return the arguments for one case, beginning with the task."""
        settings = self.settings
        words = [task_of(case), "--registry", str(settings.registry), "--data", str(settings.data)]
        words += ["--models", str(case.models)]
        return [*words, "--operation", case.operation] if case.operation else words

    def parse(self, case: Case, status: int, out: bytes, note: str) -> Answer:
        """Return the answer given by exit status, standard output and the last line of standard error."""
        if status == REFUSED and not out and re.match(r"refused\b|SEM-E-1[0-9]{2}(?![0-9])", note):
            return refused(note)
        if status == 0 and task_of(case) != "quantise":
            return Answer("accept", result={"file": out.hex()})
        return oneshot.parse_answer(status, out, note)


class WriterPersistent(Persistent):
    """Client for encoders and editors that speak the persistent protocol."""

    def start_request(self) -> dict[str, Any]:
        """Return the request to start, which names the role of the program."""
        return super().start_request() | {"role": self.settings.role}

    def run_request(self, case: Case, tier: str) -> dict[str, Any]:
        """Return the request for one case without its number."""
        request = {"id": case.id, "task": task_of(case), "models": str(case.models)}
        operation = {"operation": json.loads(case.operation)} if case.operation else {}
        return request | {"input": base64.b64encode(case.file).decode("ascii")} | operation

    def parse(self, case: Case, reply: Any, seq: str) -> Answer:
        """Return the answer in a reply: a refusal, or what decoders answer, with a file in place of a description."""
        if isinstance(reply, dict) and reply.get("seq") == seq and "refused" in reply:
            alone = isinstance(reply["refused"], str) and not reply.keys() & {"result", "error", "skip"}
            return refused(reply["refused"]) if alone else broken("refused must give its reason as a string, alone")
        answer = super().parse(case, reply, seq)
        if answer.verdict != "accept" or task_of(case) == "quantise":
            return answer
        try:
            return Answer("accept", result={"file": base64.b64decode(answer.result["file"], validate=True).hex()})
        except (TypeError, KeyError, ValueError):
            return broken("result must have the file in base64")


def task_of(case: Case) -> str:
    """Return what the program is to do: `encode`, `quantise` or `edit`."""
    return "encode" if case.list == "refuse" else case.list


def refused(why: str) -> Answer:
    """Return a refusal without a code of SPEC §17."""
    return Answer("reject", status=REFUSED, why=why)
