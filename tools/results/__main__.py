# SPDX-License-Identifier: MIT
"""Run the benches of docs/results.md, keep their figures in docs/results.json, and write that page.

    python -m tools.results [--only a,b] [--kodak FOLDER] [--photos FOLDER] [--captions FILE]
    python -m tools.results --write        # the pages from the stored figures, without a run
    python -m tools.results --check        # compare pages and figures
    python -m tools.results --take NAME FILE --date 2026-11-30 --commit b525779a [--note TEXT]

Benches whose folder is not named are left out. One that fails leaves its figures as they were. An interrupted run goes on
where it stopped when the same command is given again at the same commit. JSON and messages are left in out/results.

--photos: the photographs of the training; the last eight, which it holds out, are measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from tools import program
from tools.results import page, run, store
from tools.results.bench import Bench, BenchError
from tools.results.catalogue import BENCHES
from tools.results.store import Entry, Results
from tools.results.unfinished import Unfinished

PLACES = {"kodak": "KODAK", "photos": "PHOTOS", "captions": "CAPTIONS"}
NOT_RUN = ("integer-networks",)  # of a training run: taken over with --take


def parsed() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="names of benches, separated by commas")
    for option in PLACES:
        parser.add_argument(f"--{option}", type=Path)
    parser.add_argument("--list", action="store_true", help="list the benches and what they need")
    parser.add_argument("--write", action="store_true", help="only write the pages from the stored figures")
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument("--take", nargs=2, metavar=("NAME", "FILE"), help="take over JSON that an earlier run wrote")
    parser.add_argument("--date", help="with --take: when it ran")
    parser.add_argument("--commit", default="", help="with --take: the commit that ran")
    parser.add_argument("--note", default="", help="with --take: a remark for the page")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else [arguments.take[0]] if arguments.take else []
    if unknown := [name for name in names if name not in BENCHES]:
        parser.error(f"there is no bench {unknown[0]}: choose from {', '.join(BENCHES)}")
    if arguments.take and not arguments.date:
        parser.error("--take needs the --date of the run")
    for option in PLACES:
        path = getattr(arguments, option)
        if path is not None and not path.exists():
            parser.error(f"--{option}: there is no {path}")
    return arguments


def main() -> int:
    """Run, write or check; return the exit status."""
    arguments = parsed()
    try:
        results = store.load()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"docs/results.json is damaged: {error}", file=sys.stderr)
        return 1
    inputs = {place: path.resolve() for option, place in PLACES.items() if (path := getattr(arguments, option))}
    if arguments.list:
        for bench in BENCHES.values():
            print(f"{bench.name:24}{' '.join(bench.needs):10}{bench.shown}")
        return 0
    if arguments.check:
        wrong = page.disagreements(results)
        print("\n".join(wrong) or f"docs/results.md and what quotes it are of {len(results.entries)} benches")
        return 1 if wrong else 0
    if arguments.take:
        name, path = arguments.take
        about = {"date": arguments.date, "of": arguments.commit, "note": arguments.note}
        try:
            results = kept(results, name, run.taken(BENCHES[name], Path(path), with_held_out(inputs), **about))
        except BenchError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    elif not arguments.write:
        return measured(results, arguments.only.split(",") if arguments.only else list(BENCHES), inputs)
    return written(results)


def kept(results: Results, name: str, entry: Entry) -> Results:
    """Store an entry; return the results with it."""
    results = replace(results, entries={**results.entries, name: entry})
    store.store(results, list(BENCHES))
    return store.load()


def with_held_out(inputs: dict[str, Path]) -> dict[str, Path]:
    """Return the inputs with a folder of held-out photographs, if photographs are named."""
    if "PHOTOS" not in inputs:
        return inputs
    others = {place: path for place, path in inputs.items() if place != "PHOTOS"}
    return {**others, "HELD-OUT": run.held_out(inputs["PHOTOS"], run.OUT / "held-out")}


def measured(results: Results, names: list[str], inputs: dict[str, Path]) -> int:
    """Run benches one after another, each stored when it has ended; return the exit status."""
    key = json.dumps([names, sorted(map(str, inputs.values())), run.commit()])
    unfinished, status = Unfinished(run.OUT / "unfinished.json", key), 0
    done, places = unfinished.done(), with_held_out(inputs)
    for bench in (bench for name, bench in BENCHES.items() if name in names):
        if reason := left_out(bench, inputs, done):
            print(f"{bench.name:24} left out: {reason}", flush=True)
            continue
        try:
            entry = run.run(bench, places)
        except BenchError as error:
            print(f"{bench.name:24} FAILED: {error}", flush=True)
            status = 1
            continue
        results = kept(results, bench.name, entry)
        unfinished.add(bench.name)
        print(f"{bench.name:24} {entry.seconds:.0f} s", flush=True)
    unfinished.end()
    return status | written(results)


def left_out(bench: Bench, inputs: dict[str, Path], done: list[str]) -> str:
    """Return why a bench is not run, "" if it is."""
    if bench.name in done:
        return "done before the interruption"
    if bench.name in NOT_RUN:
        return "a figure of the training"
    missing = [option for option, place in PLACES.items() if place in bench.needs and place not in inputs]
    return f"it needs --{missing[0]}" if missing else ""


def written(results: Results) -> int:
    """Write the pages; return 1 if a person must mend some."""
    wrong = page.write(results)
    print("\n".join(wrong) or "docs/results.md, its plots and what quotes it are written")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(program.run(main))
