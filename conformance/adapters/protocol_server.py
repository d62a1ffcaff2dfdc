# SPDX-License-Identifier: MIT
"""Serve both protocols of PROTOCOL.md for a decoder that is a Python function. Standard library only.

The function raises `Rejected` for an invalid file. Other exceptions are not caught: they are crashes of the decoder.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

Answer = dict[str, Any]
Work = TypeVar("Work")  # of a program: what it does for a request


@dataclass(frozen=True)
class Question:
    """A request to decode one file."""

    file: bytes
    tier: str
    models: Path  # the only folder in which models are looked up
    asked: str = "symbols"


Decode = Callable[[Question], Answer]  # integers of the answer are converted to strings before it is sent
Begin = Callable[[Path, Path], Decode]  # (registry file, folder of tables) -> decoder


class Rejected(Exception):
    """The file is rejected with this code."""

    def __init__(self, code: str, status: int, message: str = "") -> None:
        super().__init__(message)
        self.code, self.status = code, status


def strings(value: Any) -> Any:
    """Return a JSON value with every integer converted to decimal digits."""
    if isinstance(value, dict):
        return {name: strings(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [strings(member) for member in value]
    return str(value) if type(value) is int else value


def main(name: str, tiers: Sequence[str], begin: Begin, arguments: Sequence[str] | None = None) -> int:
    """Serve the protocol that the command line selects; return the exit status."""
    parser = argparse.ArgumentParser(description=f"{name}, for the conformance suite")
    parser.add_argument("--persistent", action="store_true")
    parser.add_argument("--tier", choices=tiers, default=tiers[-1])
    for option in ("--registry", "--data", "--models"):
        parser.add_argument(option, type=Path)
    parser.add_argument("--asked", choices=("symbols", "embedding"), default="symbols")
    options = parser.parse_args(arguments)
    if options.persistent:
        return serve(name, tiers, begin, answer_to)
    if None in (options.registry, options.data, options.models):
        parser.error("give --persistent, or --registry, --data and --models")
    out = own_output()
    question = Question(sys.stdin.buffer.read(), options.tier, options.models, options.asked)
    try:
        answer = begin(options.registry, options.data)(question)
    except Rejected as rejection:
        print(f"{rejection.code} {' '.join(str(rejection).split())}", file=sys.stderr)
        return rejection.status
    print(json.dumps(strings(answer)), file=out, flush=True)
    return 0


def own_output() -> TextIO:
    """Return standard output for answers, and redirect other output of this process to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def serve(
    name: str,
    tiers: Sequence[str],
    begin: Callable[[Path, Path], Work],
    answer: Callable[[Work, dict[str, Any]], Answer],
) -> int:
    """Serve the persistent protocol until `stop` or the end of standard input; return the exit status.

    begin: returns the program for a registry and a folder of tables; answer: answers a `run` request by it.
    """
    out = own_output()

    def send(message: Answer) -> None:
        print(json.dumps(message), file=out, flush=True)

    work: Work | None = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        match request["op"]:
            case "start":
                try:
                    work = begin(Path(request["registry"]), Path(request["data"]))
                except (OSError, ValueError) as error:
                    send({"ok": False, "why": str(error)})
                else:
                    send({"ok": True, "name": name, "tiers": list(tiers)})
            case "run":
                if work is None:
                    raise RuntimeError("run before start")
                send({"seq": request["seq"]} | answer(work, request))
            case "stop":
                send({"ok": True})
                return 0
            case other:
                raise ValueError(f"unknown op {other!r}")
    return 0


def answer_to(decode: Decode, request: dict[str, Any]) -> Answer:
    """Return the answer to a `run` request: a result, or the error code and status of a rejection."""
    file = base64.b64decode(request["file"], validate=True)
    question = Question(file, request["tier"], Path(request["models"]), request["asked"])
    try:
        return {"result": strings(decode(question))}
    except Rejected as rejection:
        return {"error": {"code": rejection.code, "status": str(rejection.status)}}
