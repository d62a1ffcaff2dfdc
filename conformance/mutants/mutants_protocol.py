# SPDX-License-Identifier: MIT
"""Mutants that may read files rightly and answer wrongly. Each patches the module adapters/protocol_server.py."""

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
    """A patch of what is answered: `change` of the question and the right answer."""

    def patch(server: Any) -> None:
        answered = server.answered
        server.answered = lambda decode, asked: change(asked, answered(decode, asked))

    return patch


def result(change: Callable[[Line], Any]) -> Callable[[Any], None]:
    """A patch of what is said of valid files."""
    return line(lambda _, said: said | {"result": change(said["result"])} if "result" in said else said)


def error(change: Callable[[Line], Line]) -> Callable[[Any], None]:
    """A patch of what is said of files that are rejected."""
    return line(lambda _, said: change(said) if "error" in said else said)


def sections(change: Callable[[list[Line]], list[Line]]) -> Callable[[Any], None]:
    return result(lambda said: said | {"sections": change(said["sections"])})


def rejects(code: str, status: int) -> Mutant:
    patch = line(lambda _, said: {"error": {"code": f"SEM-E-{code}", "status": str(status)}})
    return Mutant(f"rejects-all-{code}", f"every file is SEM-E-{code}", patch=patch)


def crash(said: Line) -> Line:
    raise KeyError("a traceback in place of a code")


def hang(said: Line) -> Line:
    time.sleep(3600)
    return said


def swell(said: Line) -> Line:
    """More than any vector needs, and kept."""
    KEPT.append(bytearray(b"\1") * (1 << 30))
    return said


KEPT: list[bytearray] = []


def exit_0(said: Line) -> Line:
    sys.exit(0)


def beside(server: Any) -> None:
    """Something is printed before the answers."""
    own = server.own_output

    def own_output() -> Any:
        out = own()
        print("ready", file=out, flush=True)
        return out

    server.own_output = own_output


def twice(server: Any) -> None:
    """Every answer is printed two times."""
    dumps = json.dumps
    server.json = type(server)("json")
    server.json.loads, server.json.dumps = json.loads, lambda value: f"{dumps(value)}\n{dumps(value)}"


def numbers(server: Any) -> None:
    server.strings = lambda value: value


def unstopped(server: Any) -> None:
    serve = server.serve
    server.serve = lambda *given: serve(*given) or 9


def upper(part: Line) -> Line:
    return part | {"sha256": part["sha256"].upper()} if "sha256" in part else part


def without(name: str) -> Callable[[list[Line]], list[Line]]:
    return lambda parts: [{key: value for key, value in part.items() if key != name} for part in parts]


def shortened(part: Line) -> Line:
    return part | {"value": part["value"][:-1]} if part.get("value") else part


def at_will(asked: Line, said: Line) -> Line:
    """Networks are left out wherever they are not liked."""
    kinds = [part.get("kind") for part in said["result"]["sections"]] if "result" in said else []
    return {"seq": said.get("seq"), "skip": "not today"} if "elic" in kinds and len(asked["file"]) % 8 == 0 else said


ANSWERS = (
    Mutant("accepts-all", "faulty files are accepted", patch=error(lambda _: {"result": json.loads(json.dumps(EMPTY), parse_int=str)})),
    *(rejects(code, status) for code, status in FAMILIES.items()),
    Mutant("skips-all", "every file is left out", patch=line(lambda *_: {"skip": "no time"})),
    Mutant("skips-at-will", "a kind is left out in some files, and read in others", ("elic",), patch=line(at_will)),
    Mutant("one-code", "a family has one code", patch=error(lambda said: {"error": said["error"] | {"code": said["error"]["code"][:-2] + "01"}})),
    Mutant("wrong-status", "codes come with status 1", patch=error(lambda said: {"error": said["error"] | {"status": "1"}})),
    Mutant("status-3", "every code comes with status 3", ("header",), patch=error(lambda said: {"error": said["error"] | {"status": "3"}})),
    Mutant("crashes", "faulty files end in a traceback", patch=error(crash)),
    Mutant("gives-up", "faulty files end in status 0 and silence", patch=error(exit_0)),
    Mutant("hangs", "faulty files take for ever", patch=error(hang), timeout=1.0, slow=True),
    Mutant("swells", "faulty files take a gigabyte", patch=error(swell), slow=True),
    Mutant("both", "an output stands beside a rejection", patch=error(lambda said: said | {"result": EMPTY})),
    Mutant("wrong-seq", "answers are those of another question", patch=line(lambda asked, said: said | {"seq": str(int(asked["seq"]) + 1)})),
    Mutant("twice", "each answer comes twice", patch=twice),
    Mutant("talks-first", "something is printed before the answers", patch=beside),
    Mutant("not-stopped", "it does not end with status 0", patch=unstopped),
    Mutant("numbers", "numbers are numbers", patch=numbers),
    Mutant("nan", "an answer holds NaN", patch=result(lambda said: said | {"quality": float("nan")})),
    Mutant("list", "an answer is a list", patch=result(lambda said: [said])),
    Mutant("hex", "digests are in capitals", patch=sections(lambda parts: [upper(part) for part in parts])),
    Mutant("no-sha256", "digests are left out", patch=sections(without("sha256"))),
    Mutant("no-shape", "shapes are left out", patch=sections(without("shape"))),
    Mutant("no-mode", "modes are left out", ("caption",), patch=sections(without("mode"))),
    Mutant("no-rate", "rates are left out", ("elic",), patch=sections(without("rate"))),
    Mutant("no-kind", "names of kinds are left out", patch=sections(without("kind"))),
    Mutant("short-value", "values lack their last symbol", ("vq", "pq"), patch=sections(lambda parts: [shortened(part) for part in parts])),
    Mutant("first-section", "only the first section is given", ("sections",), patch=sections(lambda parts: parts[:1])),
    Mutant("last-twice", "the last section is given twice", patch=sections(lambda parts: [*parts, parts[-1]])),
    Mutant("turned", "sections are given in turn", ("sections",), patch=sections(lambda parts: parts[::-1])),
    Mutant("offsets", "offsets are those of sections, not of bodies", patch=sections(lambda parts: [part | {"offset": str(int(part["offset"]) - 1)} for part in parts])),
    Mutant("no-null", "model_hash is left out where it is null", patch=result(lambda said: {name: value for name, value in said.items() if value is not None})),
    Mutant("words", "true is \"true\"", patch=result(lambda said: said | {"complete": str(said["complete"]).lower()})),
    Mutant("explicit-255", "the profile of an explicit model is 255", ("header",), patch=result(lambda said: said | {"profile": "255"} if said["model_hash"] else said)),
    Mutant("check-ok", "the check of a file is always right", ("header", "sections"), patch=result(lambda said: said | {"check": "ok"} if "check" in said else said)),
)  # fmt: skip
