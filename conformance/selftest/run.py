# SPDX-License-Identifier: MIT
"""The suite is held to deliberately wrong decoders: it must fail every one of them, and pass the one that is right.

    python conformance/selftest/run.py                  each until a few vectors fail
    python conformance/selftest/run.py --all --write    each to the end, and matrix.md, matrix.json anew

Prints the kill matrix. Exit status 1 where a mutant survives or the sound decoder fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path += [str(HERE), str(HERE.parent)]

from decoder import MUTANTS, SOUND
from mutant import Mutant
from semrunner import judge
from semrunner.settings import Settings, gather
from semrunner.suite import Case, Suite, load

NORMATIVE = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
ENOUGH = 3  # failures
MEMORY = 1 << 30


@dataclass(frozen=True)
class Row:
    """What became of one mutant."""

    name: str
    wrong: str
    failing: int  # vectors
    first: str  # id of the first vector that fails, or what else gave it away
    rules: tuple[str, ...]  # of that vector
    came: str

    @property
    def killed(self) -> bool:
        return self.first != ""


def trial(mutant: Mutant, suite: Suite, settings: Settings, stop_after: int | None) -> Row:
    """Vectors of the groups in which the mutant should fail come first."""
    cases = sorted(suite.cases, key=lambda case: case.group not in mutant.groups)
    try:
        run = judge.run(cases, settings, protocol="persistent", tier="L", stop_after=stop_after)
    except judge.HarnessError as refused:
        return Row(mutant.name, mutant.wrong, 0, "(start)", (), str(refused))
    failed = [verdict for verdict in run.verdicts if verdict.outcome == "failed"]
    if failed:
        first: Case = failed[0].case
        return Row(mutant.name, mutant.wrong, len(failed), first.id, first.rules, failed[0].why)
    fault = next(iter(run.faults), "")
    return Row(mutant.name, mutant.wrong, 0, "(stop)" if fault else "", (), fault)


def trials(suite: Suite, names: Sequence[str], jobs: int, stop_after: int | None) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="sem-selftest-") as scratch, ThreadPoolExecutor(jobs) as threads:
        registry, data = gather([suite.folder, *NORMATIVE], Path(scratch))

        def one(name: str) -> Row:
            command = (sys.executable, str(HERE / "decoder.py"), name)
            mutant = MUTANTS[name]
            settings = Settings(command, registry, data, mutant.timeout, MEMORY)
            return trial(mutant, suite, settings, None if mutant == SOUND else stop_after)

        yield from threads.map(one, names)


def markdown(rows: Sequence[Row]) -> str:
    """matrix.md."""
    lines = [
        "# The kill matrix",
        "",
        "Written by `python conformance/selftest/run.py --all --write`. Each row is the micro-decoder with one thing wrong; "
        "the suite fails all of them and passes the sound one.",
        "",
        "| mutant | what is wrong | vectors that fail | first | rules |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        wrong = row.wrong.replace("|", "\\|")
        lines.append(f"| {row.name} | {wrong} | {row.failing or '-'} | {row.first or '**survives**'} | {' '.join(row.rules)} |")
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description="Hold the suite to deliberately wrong decoders.")
    parser.add_argument("mutants", nargs="*", metavar="GLOB", help="only mutants like this")
    parser.add_argument("--suite", type=Path, default=ROOT / "test_vectors", metavar="DIR")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--all", action="store_true", help=f"put every vector to every mutant, not only until {ENOUGH} fail")
    parser.add_argument("--write", action="store_true", help="write matrix.md and matrix.json")
    given = parser.parse_args()
    names = [name for name in MUTANTS if not given.mutants or any(fnmatchcase(name, glob) for glob in given.mutants)]
    begin, sound, rows = time.monotonic(), True, []
    for row in trials(load(given.suite), names, given.jobs, None if given.all else ENOUGH):
        if row.name == SOUND.name:
            sound = not row.killed
            print(f"sound: {'passes' if sound else f'FAILS {row.first}: {row.came}'}", flush=True)
            continue
        rows.append(row)
        print(f"{row.name:22} {row.failing:4} {row.first or 'SURVIVES':32} {' '.join(row.rules)}", flush=True)
    if given.write:
        (HERE / "matrix.md").write_text(markdown(rows), encoding="utf-8")
        document = {"mutants": [asdict(row) for row in rows]}
        (HERE / "matrix.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    alive = [row.name for row in rows if not row.killed]
    print(f"{len(rows) - len(alive)} of {len(rows)} wrong decoders are found out, {time.monotonic() - begin:.0f} s")
    for name in alive:
        print(f"SURVIVES {name}: {MUTANTS[name].wrong}")
    return 0 if sound and not alive else 1


if __name__ == "__main__":
    sys.exit(main())
