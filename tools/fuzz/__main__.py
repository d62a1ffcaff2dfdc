# SPDX-License-Identifier: MIT
"""Fuzz everything that reads untrusted bytes: any bytes must give a result or a documented error, in bounded time and memory.

    python -m tools.fuzz [--targets read,payload] [--seconds 60 | --runs 100000 | --minutes 10] [--jobs 2] [--seed N]
    python -m tools.fuzz --replay TARGET FILE

Inputs are changed so that lengths, sums and digests stay right, else most would be refused at the first check. With
atheris (pip install 'refcodec[fuzz]') new inputs are chosen by the coverage of refcodec; without it, at random. The corpus
of each target is kept in --out, and a later run goes on from it. Any exception but the documented ones, and any result
that contradicts another, is a finding: its input, a report and the command that replays it are kept, and the exit status
is 1, until a later run finds it fixed. Each target writes out/fuzz/TARGET/summary.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tools.fuzz import campaign
from tools.fuzz.catalogue import TARGETS, load, missing
from tools.fuzz.engines import has_atheris
from tools.fuzz.target import ROOT

OUT = ROOT / "out" / "fuzz"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--targets", default=",".join(TARGETS), help="names, separated by commas (default: all)")
    add("--seconds", type=float, default=0.0, help="for each target")
    add("--minutes", type=float, default=0.0, help="for each target")
    add("--runs", type=int, default=0, help="executions of each target")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="targets at once (default: the processors)")
    add("--seed", type=int, default=0)
    add("--engine", choices=("auto", "atheris", "random"), default="auto")
    add("--out", type=Path, default=OUT, help="corpus, findings and summaries (default: out/fuzz)")
    add("--list", action="store_true", help="print the targets")
    add("--replay", nargs=2, metavar=("TARGET", "FILE"), help="execute one target on one file")
    arguments = parser.parse_args()
    names = arguments.targets.split(",")
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]!r}; there are {', '.join(TARGETS)}")
    if arguments.engine == "atheris" and not has_atheris():
        parser.error("atheris is not installed: pip install 'refcodec[fuzz]'")
    return arguments


def replay(name: str, file: Path) -> int:
    """Execute a target on a file; a finding is raised as it is."""
    print(load(name).run(file.read_bytes()))
    return 0


def main() -> int:
    arguments = _arguments()
    if arguments.list:
        print("\n".join(f"{name:10}  {what}" for name, what in TARGETS.items()))
        return 0
    if arguments.replay:
        return replay(arguments.replay[0], Path(arguments.replay[1]))
    engine = arguments.engine
    if engine == "auto":
        engine = "atheris" if has_atheris() else "random"
        if engine == "random":
            print("atheris is not installed: inputs are changed at random, without regard for coverage")
    names = []
    for name in arguments.targets.split(","):
        if needed := missing(name):
            print(f"{name:10} left out: {needed} is not installed")
        else:
            names.append(name)
    seconds = arguments.seconds or 60 * arguments.minutes or (0.0 if arguments.runs else 600.0)
    settings = campaign.Settings(arguments.out.resolve(), engine, arguments.seed, arguments.runs, seconds)
    summaries = campaign.run(names, settings, max(1, arguments.jobs))
    return 1 if any(summary["findings"] for summary in summaries) else 0


if __name__ == "__main__":
    sys.exit(main())
