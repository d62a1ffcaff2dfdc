# SPDX-License-Identifier: MIT
"""Test the suite: it must fail every one of some deliberately wrong decoders, and pass the two that they are made of.

    python conformance/selftest.py                  each until a vector fails, first those that matrix.json names
    python conformance/selftest.py --all --write    each to the end, and write mutants/matrix.md and matrix.json

Prints the kill matrix. Exit status 1 if a mutant survives or a sound decoder fails. Without torch no picture can be
reconstructed, and mutants of tier P are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
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
    parser = argparse.ArgumentParser(description="Hold the suite to deliberately wrong decoders.")
    parser.add_argument("mutants", nargs="*", metavar="GLOB", help="only mutants like this")
    parser.add_argument("--suite", type=Path, default=REPOSITORY / "test_vectors", metavar="DIR")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--all", action="store_true", help="put every vector to every mutant, not only until one fails")
    parser.add_argument("--write", action="store_true", help="write matrix.md and matrix.json")
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
    print(f"{len(rows) - len(alive)} of {len(rows)} wrong decoders are found out, {time.monotonic() - begin:.0f} s")
    for row in alive:
        print(f"SURVIVES {row.name}: {row.wrong}{f' ({row.came})' if row.came else ''}")
    return 0 if sound and not alive else 1


def chosen(globs: list[str]) -> list[str]:
    """Return the names that match any of `globs`, all without globs; those of tier P only if there is torch."""
    names = [name for name in MUTANTS if not globs or any(fnmatchcase(name, glob) for glob in globs)]
    if importlib.util.find_spec("torch") is None and any(MUTANTS[name].tier == "P" for name in names):
        names = [name for name in names if MUTANTS[name].tier != "P"]
        print("there is no torch: wrong painters are left out")
    return names


if __name__ == "__main__":
    sys.exit(main())
