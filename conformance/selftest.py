# SPDX-License-Identifier: MIT
"""Test the suite: it must fail every deliberately wrong program, and pass the correct ones that they are made of.

    python conformance/selftest.py                  run each mutant until a vector fails; those in matrix.json come first
    python conformance/selftest.py --all --write    run all vectors, and write mutants/matrix.md and matrix.json
    python conformance/selftest.py --json OUT       write the counts to a file, too

Prints the kill matrix. Exit status 1 if a mutant survives or a correct decoder fails. Mutants of tier P reconstruct
pictures and are skipped without torch.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path

from mutants.catalogue import MUTANTS, SOUNDS
from mutants.kill_matrix import write_matrix
from mutants.trials import REPOSITORY, trials
from semrunner.suite import load


def main() -> int:
    """Run the mutants and print the matrix; return the exit status."""
    parser = argparse.ArgumentParser(
        description="Test the suite with deliberately wrong decoders, encoders and editors."
    )
    parser.add_argument("mutants", nargs="*", metavar="GLOB", help="run only mutants whose name matches")
    parser.add_argument("--suite", type=Path, default=REPOSITORY / "test_vectors", metavar="DIR")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument(
        "--all", action="store_true", help="run every vector on every mutant, instead of stopping at the first failure"
    )
    parser.add_argument("--write", action="store_true", help="write matrix.md and matrix.json")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the counts as JSON")
    options = parser.parse_args()
    begin, sound, rows = time.monotonic(), True, []
    for row in trials(load(options.suite), chosen(options.mutants), options.jobs, None if options.all else 1):
        if MUTANTS[row.name] in SOUNDS:
            sound = sound and not row.first
            print(f"{row.name}: FAILS {row.first[0]}: {row.came}" if row.first else f"{row.name}: passes", flush=True)
            continue
        rows.append(row)
        print(
            f"{row.name:22} {row.failing or '':>4} {row.first[0] if row.first else 'SURVIVES':32} {' '.join(row.rules)}",
            flush=True,
        )
    if options.write:
        write_matrix(rows)
    alive = [row for row in rows if not row.first]
    print(f"{len(rows) - len(alive)} of {len(rows)} wrong decoders are detected, {time.monotonic() - begin:.0f} s")
    if options.json is not None:
        options.json.write_text(json.dumps({"wrong_decoders": len(rows), "detected": len(rows) - len(alive)}) + "\n")
    for row in alive:
        print(f"SURVIVES {row.name}: {row.wrong}{f' ({row.came})' if row.came else ''}")
    return 0 if sound and not alive else 1


def chosen(globs: list[str]) -> list[str]:
    """Return the names that match any of `globs`, or all. Tier P requires torch."""
    names = [name for name in MUTANTS if not globs or any(fnmatchcase(name, glob) for glob in globs)]
    if importlib.util.find_spec("torch") is None and any(MUTANTS[name].tier == "P" for name in names):
        names = [name for name in names if MUTANTS[name].tier != "P"]
        print("torch is not installed: mutants of tier P are skipped")
    return names


if __name__ == "__main__":
    sys.exit(main())
