# SPDX-License-Identifier: MIT
"""Decode every bit flip and every prefix of the test vectors.

    python -m tools.flips [--processes N] [--shard I/N] [--json FILE] [--only TEXT] [--sample N]

With --json the results are written as they come, and a later run with the same file goes on where it stopped. The exit
status is 1 if a variant gave anything else than a valid decode or a SemError.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from refcodec.sandbox import resources
from tools.flips import shared_prefix
from tools.flips.cases import Unit, cases, shard, units, variants
from tools.flips.examine import outcome, timed
from tools.flips.report import Report, Result, Tally

MEMORY: Final = 2 << 30  # bytes above the use at the start
SAVE_SECONDS: Final = 20.0


def examine(unit: Unit) -> Tally:
    """Return the tally of a unit."""
    results = shared_prefix.results(unit) if shared_prefix.suits(unit) else _plain(unit)
    tally = Tally().add(unit.case.name, results)
    tally.memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return tally


def _plain(unit: Unit) -> Iterable[Result]:
    environment = unit.case.environment
    for name, data in variants(unit):
        yield name, *timed(lambda d=data: outcome(d, environment))  # type: ignore[misc]


def run(todo: list[Unit], report: Report, processes: int) -> None:
    """Examine units in several processes, and save the report from time to time."""
    saved = time.monotonic()
    forking = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, forking, resources.limit_address_space, (MEMORY,)) as pool:
        running = {pool.submit(examine, unit): unit for unit in todo}
        for done in as_completed(running):  # raises if a process is killed
            unit, tally = running.pop(done), done.result()
            report.put(unit.key, unit.case.data, tally)
            if time.monotonic() - saved > SAVE_SECONDS:
                report.save()
                saved = time.monotonic()
                print(f"{len(report.units)} units, {report.total().flips} flips", flush=True)
    report.save()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="part I of N parts of the work")
    parser.add_argument("--json", type=Path, help="keep the results in this file, and go on from it")
    parser.add_argument("--only", default="", metavar="TEXT", help="files whose path contains this text")
    parser.add_argument("--sample", type=int, default=1, metavar="N", help="every Nth unit only")
    return parser.parse_args()


def main() -> int:
    args = _arguments()
    number, count = map(int, args.shard.split("/"))
    chosen = shard(units([case for case in cases() if args.only in case.file])[:: args.sample], number, count)
    report = Report(args.json)
    todo = [unit for unit in chosen if not report.has(unit.key, unit.case.data)]
    print(f"{len(chosen)} units, {len(chosen) - len(todo)} of them finished", flush=True)
    run(todo, report, args.processes)
    print("\n".join(report.lines(len(chosen))))
    return 1 if report.total().findings else 0


if __name__ == "__main__":
    sys.exit(main())
