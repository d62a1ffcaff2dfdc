# SPDX-License-Identifier: MIT
"""Both protocols of PROTOCOL.md, for a decoder that is a Python function. Standard library only.

What the function raises beside `Rejected` is a crash, and is left to be seen as one.
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
from typing import Any, NoReturn, TextIO

Answer = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """One file, and what is asked of it."""

    file: bytes
    tier: str
    models: Path  # the only place where models are found
    asked: str = "symbols"


Decode = Callable[[Question], Answer]  # numbers may be integers: they are written as strings here
Begin = Callable[[Path, Path], Decode]  # of registry and data


class Rejected(Exception):
    """The file is rejected with this code."""

    def __init__(self, code: str, status: int, message: str = "") -> None:
        super().__init__(message)
        self.code, self.status = code, status


def strings(value: Any) -> Any:
    """The same with every integer as decimal digits."""
    if isinstance(value, dict):
        return {name: strings(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [strings(member) for member in value]
    return str(value) if type(value) is int else value


def main(name: str, tiers: Sequence[str], begin: Begin, arguments: Sequence[str] | None = None) -> int:
    """Serve as the command line says; the exit status."""
    parser = argparse.ArgumentParser(description=f"{name}, as the conformance suite speaks to it")
    parser.add_argument("--persistent", action="store_true")
    parser.add_argument("--tier", choices=tiers, default=tiers[-1])
    for option in ("--registry", "--data", "--models"):
        parser.add_argument(option, type=Path)
    parser.add_argument("--asked", choices=("symbols", "embedding"), default="symbols")
    given = parser.parse_args(arguments)
    if given.persistent:
        return serve(name, tiers, begin)
    if None in (given.registry, given.data, given.models):
        parser.error("--persistent, or --registry, --data and --models")
    out = own_output()
    question = Question(sys.stdin.buffer.read(), given.tier, given.models, given.asked)
    try:
        answer = begin(given.registry, given.data)(question)
    except Rejected as fault:
        print(f"{fault.code} {' '.join(str(fault).split())}", file=sys.stderr)
        return fault.status
    print(json.dumps(strings(answer)), file=out, flush=True)
    return 0


def own_output() -> TextIO:
    """Standard output, for answers alone: what a library prints goes to standard error from now on."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def serve(name: str, tiers: Sequence[str], begin: Begin) -> int:
    """The persistent protocol, until it is stopped or nobody asks any more."""
    out = own_output()

    def say(answer: Answer) -> None:
        print(json.dumps(answer), file=out, flush=True)

    def unready(_: Question) -> NoReturn:
        raise RuntimeError("a run before the start")

    decode: Decode = unready
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        match asked["op"]:
            case "start":
                try:
                    decode = begin(Path(asked["registry"]), Path(asked["data"]))
                except (OSError, ValueError) as error:
                    say({"ok": False, "why": str(error)})
                else:
                    say({"ok": True, "name": name, "tiers": list(tiers)})
            case "run":
                say({"seq": asked["seq"]} | answered(decode, asked))
            case "stop":
                say({"ok": True})
                return 0
            case other:
                raise ValueError(f"unknown op {other!r}")
    return 0


def answered(decode: Decode, asked: dict[str, Any]) -> Answer:
    file = base64.b64decode(asked["file"], validate=True)
    try:
        return {"result": strings(decode(Question(file, asked["tier"], Path(asked["models"]), asked["asked"])))}
    except Rejected as fault:
        return {"error": {"code": fault.code, "status": str(fault.status)}}
