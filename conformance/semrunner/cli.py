# SPDX-License-Identifier: MIT
"""The command line of the runner."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from semrunner import judge, report
from semrunner.manifest import TIERS, SuiteError
from semrunner.settings import Settings, gather
from semrunner.suite import Case, Suite, load

PASSED, FAILED, HARNESS = 0, 1, 2


@dataclass(frozen=True)
class Options:
    """What is asked of a run; the command line has an option of each name."""

    decoder: str
    suite: Path
    protocol: str = "auto"
    tier: str | None = None
    run: Sequence[str] = ()
    skip: Sequence[str] = ()
    name: str = ""
    jobs: int = 0  # 0: one for each processor
    timeout: float = 60.0
    memory: int = 2048  # megabytes; 0: no bound
    data: Sequence[Path] = ()
    json: Path | None = None
    junit: Path | None = None
    quiet: bool = False


def main(arguments: Sequence[str] | None, places: Sequence[Path]) -> int:
    """`places`: where registry and data are when --data does not say so."""
    parser = argparse.ArgumentParser(
        prog="run.py", description="Hold a decoder to the conformance suite (see PROTOCOL.md)."
    )
    add = parser.add_argument
    add("--decoder", required=True, metavar="CMD", help="the command that decodes, as a shell would split it")
    add(
        "--suite",
        type=Path,
        default=Path("test_vectors"),
        metavar="DIR",
        help="folder of manifest.json (default: test_vectors)",
    )
    add("--protocol", choices=("auto", "one-shot", "persistent"), default="auto")
    add("--tier", choices=TIERS, help="how far the decoder goes (default: as far as it says, L where it does not say)")
    add("--run", action="append", default=[], metavar="GLOB", help="only ids or groups like this")
    add(
        "--skip",
        action="append",
        default=[],
        metavar="GLOB",
        help="ids that are known to fail; one that passes is an error",
    )
    add("--name", default="", help="the decoder's name in skips.txt and reports (default: what it says)")
    add("--jobs", type=int, default=0, metavar="N", help="so many at a time (default: one for each processor)")
    add("--timeout", type=float, default=60.0, metavar="S", help="seconds for an answer (default: 60)")
    add("--memory", type=int, default=2048, metavar="MB", help="of a process (default: 2048; 0: no bound)")
    add(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="where registry.json and the normative tables are",
    )
    add("--json", type=Path, metavar="OUT", help="the report, see schema/report.schema.json")
    add("--junit", type=Path, metavar="OUT", help="the report as JUnit XML")
    add("--quiet", action="store_true", help="failures and one line")
    return run(Options(**vars(parser.parse_args(arguments))), places)


def run(options: Options, places: Sequence[Path]) -> int:
    """0: passed, 1: failed, 2: nothing can be said, for which one line on standard error says why."""
    try:
        suite = load(options.suite)
        found = put(options, suite, places)
        if options.json:
            document = json.dumps(report.as_json(found, suite, shlex.split(options.decoder)), indent=1)
            options.json.write_text(document + "\n", encoding="utf-8")
        if options.junit:
            options.junit.write_text(report.as_junit(found), encoding="utf-8", errors="replace")
    except (SuiteError, judge.HarnessError, OSError, ValueError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return HARNESS
    for line in report.lines(found, quiet=options.quiet):
        print(line)
    return PASSED if found.passed else FAILED


def put(options: Options, suite: Suite, places: Sequence[Path]) -> judge.Run:
    command = tuple(shlex.split(options.decoder))
    if not command or options.jobs < 0 or options.timeout <= 0 or options.memory < 0:
        raise ValueError("--decoder names a command, --jobs, --timeout and --memory are not negative")
    cases = chosen(suite, options.run)
    with tempfile.TemporaryDirectory(prefix="sem-conformance-") as scratch:
        registry, data = gather([*options.data, options.suite, options.suite / "data", *places], Path(scratch))
        settings = Settings(command, registry, data, options.timeout, options.memory << 20 or None)
        return judge.run(
            cases,
            settings,
            protocol=options.protocol,
            tier=options.tier,
            jobs=options.jobs or len(os.sched_getaffinity(0)),
            skips=lambda name: skips(suite, options.skip, name),
            name=options.name,
        )


def chosen(suite: Suite, globs: Sequence[str]) -> list[Case]:
    """The cases whose id or group is like one of the globs; all without any. ValueError for a glob that nothing is like."""
    for glob in globs:
        if not any(fnmatchcase(name, glob) for case in suite.cases for name in (case.id, case.group)):
            raise ValueError(f"no vector is like {glob}")
    return [c for c in suite.cases if not globs or any(fnmatchcase(n, glob) for glob in globs for n in (c.id, c.group))]


def skips(suite: Suite, globs: Sequence[str], name: str) -> dict[str, str]:
    """id -> why, of the command line and of the lines of skips.txt with the name's first word. ValueError for a glob that no id is like: it is out of date."""
    listed = [(glob, "--skip") for glob in globs]
    listed += [(glob, why) for decoder, glob, why in suite.skips if [decoder] == name.split()[:1]]
    found = {}
    for glob, why in listed:
        alike = [case.id for case in suite.cases if fnmatchcase(case.id, glob)]
        if not alike:
            raise ValueError(f"no vector is like {glob}, which is to be skipped")
        found.update(dict.fromkeys(alike, why))
    return found
