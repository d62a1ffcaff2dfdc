# SPDX-License-Identifier: MIT
"""The suite is held to deliberately wrong decoders: it must fail every one of them, and pass the two that they are made of.

    python conformance/mutants/run.py                  each until a vector fails, first those of which matrix.json says so
    python conformance/mutants/run.py --all --write    each to the end, and matrix.md and matrix.json anew

Prints the kill matrix. Exit status 1 where a mutant survives or a sound decoder fails. Without torch nothing is painted, and
wrong painters are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path += [str(HERE), str(HERE.parent)]

from decoder import MUTANTS, SOUND, SOUND_PAINTER
from mutant import Mutant
from nursery import nursery

from semrunner import session
from semrunner.settings import Settings, gather
from semrunner.suite import Case, Suite, load

NORMATIVE = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
MATRIX = HERE / "matrix.json"
KEPT = 3  # ids of vectors that fail, in matrix.json
MEMORY = 1 << 30
SOUNDS = (SOUND, SOUND_PAINTER)


@dataclass(frozen=True)
class Row:
    """What became of one mutant."""

    name: str
    wrong: str
    failing: int  # vectors
    first: tuple[str, ...]  # ids of the first vectors that fail, or what else gave it away; none where it survives
    rules: tuple[str, ...] = ()  # of the first vector
    came: str = ""


def trial(mutant: Mutant, suite: Suite, settings: Settings, known: Sequence[str], stop_after: int | None) -> Row:
    """Vectors that found it before are asked first, then those of the groups in which it should fail.

    Vectors with a registry of their own start the decoder anew, and are asked only where a mutant names their group. Wrong
    painters are asked what takes a painter, all else they read rightly; and it must be an answer that gives them away.
    """

    def place(case: Case) -> tuple[bool, bool]:
        return case.id not in known, case.group not in mutant.groups

    cases = [case for case in suite.cases if case.registry is None or case.group in mutant.groups]
    cases = [case for case in cases if mutant.tier != "P" or case.tier == "P"]
    answers = mutant.tier == "P" and mutant not in SOUNDS  # a painter that only crashes does not fit refcodec any more
    try:
        run = session.run(
            sorted(cases, key=place), settings, protocol="persistent", tier=mutant.tier, stop_after=stop_after
        )
    except session.HarnessError as refused:
        return Row(mutant.name, mutant.wrong, 0, () if answers else ("at the start",), came=str(refused))
    failed = [verdict for verdict in run.verdicts if verdict.outcome == "failed"]
    fitting = [verdict for verdict in failed if not answers or verdict.answer.verdict != "broken"]
    if fitting:
        ids = tuple(verdict.case.id for verdict in fitting[:KEPT])
        return Row(mutant.name, mutant.wrong, len(fitting), ids, fitting[0].case.rules, fitting[0].why)
    came = "; ".join([*run.decoder_errors, *(verdict.why for verdict in failed)])
    return Row(mutant.name, mutant.wrong, 0, ("at the end",) if run.decoder_errors and not answers else (), came=came)


def written() -> dict[str, Row]:
    """The rows of matrix.json, by name."""
    rows = json.loads(MATRIX.read_bytes())["mutants"] if MATRIX.is_file() else []
    return {
        row["name"]: Row(row["name"], row["wrong"], row["failing"], tuple(row["first"]), tuple(row["rules"]))
        for row in rows
    }


def trials(suite: Suite, names: Sequence[str], jobs: int, stop_after: int | None) -> Iterator[Row]:
    before = {name: row.first for name, row in written().items()}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sem-selftest-")))
        registry, data = gather([suite.folder, *NORMATIVE], scratch)
        commands = {"L": (sys.executable, str(HERE / "decoder.py"))}
        if any(MUTANTS[name].tier == "P" for name in names):
            commands["P"] = stack.enter_context(nursery(scratch / "painters"))
        threads = stack.enter_context(ThreadPoolExecutor(jobs))

        def one(name: str) -> Row:
            mutant = MUTANTS[name]
            settings = Settings((*commands[mutant.tier], name), registry, data, mutant.timeout, MEMORY)
            enough = None if mutant in SOUNDS else KEPT if stop_after is None and mutant.slow else stop_after
            return trial(mutant, suite, settings, before.get(name, ()) if enough == 1 else (), enough)

        yield from threads.map(one, names)


def markdown(rows: Sequence[Row]) -> str:
    """matrix.md."""
    lines = [
        "# The kill matrix",
        "",
        "Written by `python conformance/mutants/run.py --all --write`: in each row the micro-decoder with one thing wrong,",
        "or refcodec where what is wrong is the picture (`paint-…`, `painter-…`).",
        "",
        "| mutant | what is wrong | vectors that fail | first | rules |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        wrong = row.wrong.replace("|", "\\|")
        first = row.first[0] if row.first else "**survives**"
        lines.append(
            f"| {row.name} | {wrong} | {row.failing or ''}{'+' if row.failing == KEPT and MUTANTS[row.name].slow else ''} | {first} | {' '.join(row.rules)} |"
        )
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description="Hold the suite to deliberately wrong decoders.")
    parser.add_argument("mutants", nargs="*", metavar="GLOB", help="only mutants like this")
    parser.add_argument("--suite", type=Path, default=ROOT / "test_vectors", metavar="DIR")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--all", action="store_true", help="put every vector to every mutant, not only until one fails")
    parser.add_argument("--write", action="store_true", help="write matrix.md and matrix.json")
    given = parser.parse_args()
    names = [name for name in MUTANTS if not given.mutants or any(fnmatchcase(name, glob) for glob in given.mutants)]
    if importlib.util.find_spec("torch") is None and any(MUTANTS[name].tier == "P" for name in names):
        names = [name for name in names if MUTANTS[name].tier != "P"]
        print("there is no torch: wrong painters are left out")
    begin, sound, rows = time.monotonic(), True, []
    for row in trials(load(given.suite), names, given.jobs, None if given.all else 1):
        if MUTANTS[row.name] in SOUNDS:
            sound = sound and not row.first
            print(f"{row.name}: FAILS {row.first[0]}: {row.came}" if row.first else f"{row.name}: passes", flush=True)
            continue
        rows.append(row)
        print(
            f"{row.name:22} {row.failing or '':>4} {row.first[0] if row.first else 'SURVIVES':32} {' '.join(row.rules)}",
            flush=True,
        )
    if given.write:  # rows of mutants that were not tried stay
        both = written() | {row.name: row for row in rows}
        kept = [both[name] for name in MUTANTS if name in both]
        (HERE / "matrix.md").write_text(markdown(kept), encoding="utf-8")
        document = {"mutants": [{name: value for name, value in asdict(row).items() if name != "came"} for row in kept]}
        MATRIX.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    alive = [row for row in rows if not row.first]
    print(f"{len(rows) - len(alive)} of {len(rows)} wrong decoders are found out, {time.monotonic() - begin:.0f} s")
    for row in alive:
        print(f"SURVIVES {row.name}: {row.wrong}{f' ({row.came})' if row.came else ''}")
    return 0 if sound and not alive else 1


if __name__ == "__main__":
    sys.exit(main())
