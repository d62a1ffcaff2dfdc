# SPDX-License-Identifier: MIT
"""Mutants that decode correctly and answer wrongly. Each patches the module adapters/protocol_server.py."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from mutants.mutant import Mutant

Line = dict[str, Any]
FAMILIES = {"201": 3, "301": 3, "401": 3, "501": 3, "601": 6, "701": 4, "704": 4, "801": 5}
EMPTY = {
    "width": 64, "height": 64, "profile": 200, "model_hash": None, "check_bits": 0, "complete": True, "check": "absent",
    "sections": [{"type": 135, "kind": "elic", "offset": 5, "bytes": 0, "check": "absent"}],
}  # fmt: skip


def line(change: Callable[[Line, Line], Line]) -> Callable[[Any], None]:
    """Return a patch that replaces each answer by change(request, correct answer)."""

    def patch(server: Any) -> None:
        answer_to = server.answer_to
        server.answer_to = lambda decode, request: change(request, answer_to(decode, request))

    return patch


def result(change: Callable[[Line], Any]) -> Callable[[Any], None]:
    """Return a patch of the results for valid files."""
    return line(lambda _, answer: answer | {"result": change(answer["result"])} if "result" in answer else answer)


def error(change: Callable[[Line], Line]) -> Callable[[Any], None]:
    """Return a patch of the answers for invalid files."""
    return line(lambda _, answer: change(answer) if "error" in answer else answer)


def sections(change: Callable[[list[Line]], list[Line]]) -> Callable[[Any], None]:
    """Return a patch of the section reports of valid files."""
    return result(lambda report: report | {"sections": change(report["sections"])})


def rejects(code: str, status: int) -> Mutant:
    """Return the mutant that rejects every file with one code."""
    patch = line(lambda _, __: {"error": {"code": f"SEM-E-{code}", "status": str(status)}})
    return Mutant(f"rejects-all-{code}", f"every file is SEM-E-{code}", patch=patch)


def crash(_: Line) -> Line:
    """Fail with an exception."""
    raise KeyError("a traceback in place of a code")


def hang(answer: Line) -> Line:
    """Answer after an hour."""
    time.sleep(3600)
    return answer


def leak(answer: Line) -> Line:
    """Allocate a gigabyte and keep it."""
    LEAKED.append(bytearray(b"\1") * (1 << 30))
    return answer


LEAKED: list[bytearray] = []


def exit_0(_: Line) -> Line:
    """End the process with status 0."""
    sys.exit(0)


def print_first(server: Any) -> None:
    """Print a line before the answers."""
    own = server.own_output

    def own_output() -> Any:
        out = own()
        print("ready", file=out, flush=True)
        return out

    server.own_output = own_output


def twice(server: Any) -> None:
    """Print every answer twice."""
    dumps = json.dumps
    server.json = type(server)("json")
    server.json.loads, server.json.dumps = json.loads, lambda value: f"{dumps(value)}\n{dumps(value)}"


def numbers(server: Any) -> None:
    """Send numbers instead of strings of digits."""
    server.strings = lambda value: value


def wrong_status(server: Any) -> None:
    """End with status 9 after `stop`."""
    serve = server.serve
    server.serve = lambda *arguments: serve(*arguments) or 9


def upper(part: Line) -> Line:
    """Write a digest in capitals."""
    return part | {"sha256": part["sha256"].upper()} if "sha256" in part else part


def without(name: str) -> Callable[[list[Line]], list[Line]]:
    """Return a change that removes a member of each section."""
    return lambda parts: [{key: value for key, value in part.items() if key != name} for part in parts]


def shortened(part: Line) -> Line:
    """Drop the last symbol of a value."""
    return part | {"value": part["value"][:-1]} if part.get("value") else part


def skip_some(request: Line, answer: Line) -> Line:
    """Skip some files with networks."""
    kinds = [part.get("kind") for part in answer["result"]["sections"]] if "result" in answer else []
    skip = "elic" in kinds and len(request["file"]) % 8 == 0
    return {"seq": answer.get("seq"), "skip": "not today"} if skip else answer


ANSWERS = (
    Mutant("accepts-all", "invalid files are accepted", patch=error(lambda _: {"result": json.loads(json.dumps(EMPTY), parse_int=str)})),
    *(rejects(code, status) for code, status in FAMILIES.items()),
    Mutant("skips-all", "every file is skipped", patch=line(lambda *_: {"skip": "no time"})),
    Mutant("skips-at-will", "a kind is skipped in some files, and decoded in others", ("elic",), patch=line(skip_some)),
    Mutant("one-code", "all errors of a family have the same code", patch=error(lambda answer: {"error": answer["error"] | {"code": answer["error"]["code"][:-2] + "01"}})),
    Mutant("wrong-status", "every error has status 1", patch=error(lambda answer: {"error": answer["error"] | {"status": "1"}})),
    Mutant("status-3", "every error has status 3", ("header",), patch=error(lambda answer: {"error": answer["error"] | {"status": "3"}})),
    Mutant("crashes", "invalid files end in a traceback", patch=error(crash)),
    Mutant("gives-up", "invalid files end in status 0 without an answer", patch=error(exit_0)),
    Mutant("hangs", "invalid files never end", patch=error(hang), timeout=1.0, slow=True),
    Mutant("swells", "invalid files take a gigabyte of memory", patch=error(leak), slow=True),
    Mutant("both", "a rejection comes with a result", patch=error(lambda answer: answer | {"result": EMPTY})),
    Mutant("wrong-seq", "an answer has the number of another request", patch=line(lambda request, answer: answer | {"seq": str(int(request["seq"]) + 1)})),
    Mutant("twice", "each answer is sent twice", patch=twice),
    Mutant("talks-first", "something is printed before the answers", patch=print_first),
    Mutant("not-stopped", "the process does not end with status 0", patch=wrong_status),
    Mutant("numbers", "numbers are JSON numbers, not strings", patch=numbers),
    Mutant("nan", "an answer contains NaN", patch=result(lambda report: report | {"quality": float("nan")})),
    Mutant("list", "an answer is a list", patch=result(lambda report: [report])),
    Mutant("hex", "digests are in capitals", patch=sections(lambda parts: [upper(part) for part in parts])),
    Mutant("no-sha256", "digests are missing", patch=sections(without("sha256"))),
    Mutant("no-shape", "shapes are missing", patch=sections(without("shape"))),
    Mutant("no-mode", "modes are missing", ("caption",), patch=sections(without("mode"))),
    Mutant("no-rate", "rates are missing", ("elic",), patch=sections(without("rate"))),
    Mutant("no-kind", "names of kinds are missing", patch=sections(without("kind"))),
    Mutant("short-value", "values lack their last symbol", ("vq", "pq"), patch=sections(lambda parts: [shortened(part) for part in parts])),
    Mutant("first-section", "only the first section is reported", ("sections",), patch=sections(lambda parts: parts[:1])),
    Mutant("last-twice", "the last section is reported twice", patch=sections(lambda parts: [*parts, parts[-1]])),
    Mutant("turned", "sections are reported in reverse order", ("sections",), patch=sections(lambda parts: parts[::-1])),
    Mutant("offsets", "offsets are those of sections, not of bodies", patch=sections(lambda parts: [part | {"offset": str(int(part["offset"]) - 1)} for part in parts])),
    Mutant("no-null", "model_hash is missing instead of null", patch=result(lambda report: {name: value for name, value in report.items() if value is not None})),
    Mutant("words", "true is the string \"true\"", patch=result(lambda report: report | {"complete": str(report["complete"]).lower()})),
    Mutant("explicit-255", "the profile of an explicit model is 255", ("header",), patch=result(lambda report: report | {"profile": "255"} if report["model_hash"] else report)),
    Mutant("check-ok", "the check of a file is always right", ("header", "sections"), patch=result(lambda report: report | {"check": "ok"} if "check" in report else report)),
)  # fmt: skip
