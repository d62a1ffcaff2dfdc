# SPDX-License-Identifier: MIT
"""Serve both protocols of PROTOCOL.md for an encoder and editor in Python. Standard library only.

The function of a task raises `Refused` for an input from which no valid file can be made. Other exceptions are not
caught: they are crashes of the program.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __package__:  # imported as adapters.writer_server
    from adapters.protocol_server import own_output, serve, strings
else:  # beside a script
    from protocol_server import own_output, serve, strings  # type: ignore[import-not-found, no-redef]

TASKS = ("encode", "quantise", "edit")
NO_CODE = 2  # exit status of a refusal that SPEC §17 has no code for


@dataclass(frozen=True)
class Order:
    """What is to be done: `input` is symbols or a vector as JSON, or the file to edit."""

    task: str
    input: bytes
    models: Path  # the only folder in which models are looked up
    operation: dict[str, Any] | None = None  # of an edit


Work = Callable[[Order], bytes | dict[str, Any]]  # a file; the codes and body of `quantise`
Begin = Callable[[Path, Path], Work]  # (registry file, folder of tables) -> encoder or editor


class Refused(Exception):
    """No valid file can be made. `code`: of SPEC §17, with its status, if one fits."""

    def __init__(self, why: str, code: str = "", status: int = NO_CODE) -> None:
        super().__init__(" ".join(why.split()))
        self.code, self.status = code, status


def main(name: str, tiers: Sequence[str], begin: Begin, arguments: Sequence[str] | None = None) -> int:
    """Serve the protocol that the command line selects; return the exit status."""
    parser = argparse.ArgumentParser(description=f"{name}, for the conformance suite")
    parser.add_argument("task", choices=TASKS, nargs="?")
    parser.add_argument("--persistent", action="store_true")
    for option in ("--registry", "--data", "--models"):
        parser.add_argument(option, type=Path)
    parser.add_argument("--operation", type=json.loads)
    options = parser.parse_args(arguments)
    if options.persistent:
        return serve(name, tiers, begin, answer_to)
    if None in (options.task, options.registry, options.data, options.models):
        parser.error("give --persistent, or a task, --registry, --data and --models")
    out = own_output()
    order = Order(options.task, sys.stdin.buffer.read(), options.models, options.operation)
    try:
        done = begin(options.registry, options.data)(order)
    except Refused as refusal:
        print(f"{refusal.code or 'refused:'} {refusal}", file=sys.stderr)
        return refusal.status
    out.buffer.write(done if isinstance(done, bytes) else json.dumps(strings(done)).encode())
    out.flush()
    return 0


def answer_to(work: Work, request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a `run` request: a result or a refusal."""
    data = base64.b64decode(request["input"], validate=True)
    try:
        done = work(Order(request["task"], data, Path(request["models"]), request.get("operation")))
    except Refused as refusal:
        if refusal.code and refusal.status != NO_CODE:
            return {"error": {"code": refusal.code, "status": str(refusal.status)}}
        return {"refused": str(refusal)}
    if isinstance(done, bytes):
        return {"result": {"file": base64.b64encode(done).decode("ascii")}}
    return {"result": strings(done)}
