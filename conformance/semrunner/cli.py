# SPDX-License-Identifier: MIT
"""Command line of the conformance runner."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from semrunner import report, session
from semrunner.evidence import explained
from semrunner.handover import absolute_words, environment, handed_over, scratch_folder
from semrunner.manifest import ROLES, TIERS, SuiteError
from semrunner.settings import Settings, gather
from semrunner.suite import Case, Suite, load

PASSED, FAILED, HARNESS = 0, 1, 2
KNOWN_BAD = "--known-bad"
EMPTY_FOLDER = (
    "the decoder runs in an empty folder; if it needs files or modules of its own, name their folder with --cwd"
)


@dataclass(frozen=True)
class Options:
    """Options of a run, named as on the command line."""

    decoder: str  # the command; that of an encoder or editor if `role` says so
    suite: Path
    protocol: str = "auto"
    tier: str | None = None
    run: Sequence[str] = ()
    exclude: Sequence[str] = ()
    skip: Sequence[str] = ()  # known to fail
    name: str = ""
    jobs: int = 0  # 0: one per processor
    timeout: float = 60.0
    memory: int = 2048  # megabytes; 0: unlimited
    data: Sequence[Path] = ()
    json: Path | None = None
    junit: Path | None = None
    quiet: bool = False
    cwd: Path | None = None  # None: an empty folder
    shuffle: int | None = None  # seed; None: the order of the suite
    role: str = "decoder"  # or `encoder`, `editor`


def main(
    arguments: Sequence[str] | None, data_folders: Sequence[Path], default_suite: Path = Path("test_vectors")
) -> int:
    """Parse the command line and run the suite. `data_folders` hold registry and tables if --data does not."""
    parser = _parser(default_suite)
    options = vars(parser.parse_args(arguments))
    commands = {role: options.pop(role) for role in ("decoder", *ROLES)}
    ((role, command),) = ((role, command) for role, command in commands.items() if command is not None)
    with _exiting_on_signals():
        return run(Options(command, role=role, **options), data_folders)


def _parser(default_suite: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Test a decoder, an encoder or an editor against the conformance suite (PROTOCOL.md).",
    )
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--decoder", metavar="CMD", help="decoder command, split as a shell would")
    what.add_argument("--encoder", metavar="CMD", help="encoder command, for the lists encode, refuse and quantise")
    what.add_argument("--editor", metavar="CMD", help="editor command, for the list edit")
    add("--suite", "--vectors", dest="suite", type=Path, default=default_suite, metavar="DIR",
        help="folder of manifest.json (default: test_vectors)")  # fmt: skip
    add("--protocol", choices=("auto", "one-shot", "persistent"), default="auto")
    add("--tier", choices=TIERS, help="highest tier to test (default: what the decoder reports, L if it reports none)")
    add("--run", action="append", default=[], metavar="GLOB", help="run only vectors whose id or group matches")
    add("--exclude", action="append", default=[], metavar="GLOB", help="leave out vectors whose id or group matches")
    add("--known-bad", "--skip", dest="skip", action="append", default=[], metavar="GLOB",
        help="ids that are known to fail: they run all the same, and an unexpected pass is an error")  # fmt: skip
    add("--name", default="", help="decoder name for skips.txt and reports (default: what the decoder reports)")
    add("--jobs", type=int, default=0, metavar="N", help="decoder processes in parallel (default: one per processor)")
    add("--timeout", type=float, default=60.0, metavar="S", help="seconds per answer (default: 60)")
    add("--memory", type=int, default=2048, metavar="MB",
        help="memory limit per process (default: 2048; 0: unlimited, as builds with sanitisers need)")  # fmt: skip
    add("--data", type=Path, action="append", default=[], metavar="DIR",
        help="folder with registry.json and the normative tables (default: searched in and beside the suite)")  # fmt: skip
    add("--json", type=Path, metavar="OUT", help="write the report as JSON, see schema/report.schema.json")
    add("--junit", type=Path, metavar="OUT", help="write the report as JUnit XML")
    add("--cwd", type=Path, metavar="DIR", help="folder in which the decoder runs (default: an empty one)")
    add("--shuffle", type=int, metavar="SEED", help="give the vectors in a random order (default: that of the suite)")
    add("--quiet", action="store_true", help="print only failures, notes and the summary line")
    return parser


@contextmanager
def _exiting_on_signals() -> Iterator[None]:
    """Exit on SIGTERM and SIGHUP as on Ctrl-C, so that no process and no temporary folder is left."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    before: dict[signal.Signals, Any] = {}
    with contextlib.suppress(ValueError):  # only the main thread can set signal handlers
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(options: Options, data_folders: Sequence[Path]) -> int:
    """Run the suite and print the report.

    Return 0 if everything passed, 1 if something failed, and 2, with one line on standard error, if the suite or the
    decoder cannot be run.
    """
    try:
        suite = load(options.suite)
        result = run_suite(options, suite, data_folders)
        if options.json:
            document = json.dumps(report.as_json(result, suite, shlex.split(options.decoder)), indent=1)
            options.json.write_text(document + "\n", encoding="utf-8")
        if options.junit:
            options.junit.write_text(report.as_junit(result), encoding="utf-8", errors="replace")
    except (SuiteError, session.HarnessError, OSError, ValueError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return HARNESS
    for line in report.lines(result, quiet=options.quiet):
        print(line)
    alone = not explained(result.verdicts, options.memory << 20 or None)
    if alone and options.cwd is None and not result.count("passed") and not result.passed:
        print(f"note: {EMPTY_FOLDER}", file=sys.stderr)
    return PASSED if result.passed else FAILED


def run_suite(options: Options, suite: Suite, data_folders: Sequence[Path]) -> session.Run:
    """Run the selected cases. ValueError for invalid options; SuiteError or HarnessError if nothing can be run."""
    command = tuple(shlex.split(options.decoder))
    if not command or options.jobs < 0 or options.timeout <= 0 or options.memory < 0:
        raise ValueError(
            f"--{options.role} needs a command, --timeout a positive number, --jobs and --memory one from 0"
        )
    if options.cwd is not None and not options.cwd.is_dir():
        raise ValueError(f"there is no folder {options.cwd} for --cwd")
    for path in (options.json, options.junit):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise ValueError(f"{path} cannot be written: it is a folder, or its folder does not exist")
    cases = select_cases(suite, options.run, options.exclude, options.role)
    with scratch_folder() as scratch:
        folders = [*options.data, *beside(options.suite), *data_folders]
        given = scratch / "given"
        given.mkdir()
        (scratch / "work").mkdir()
        registry, data = gather(folders, given)
        settings = Settings(
            absolute_words(command),
            registry,
            data,
            options.timeout,
            options.memory << 20 or None,
            environment(options.suite, os.environ),
            scratch / "work",
            options.cwd,
            options.role,
        )
        return session.run(
            handed_over(cases, given),
            settings,
            protocol=options.protocol,
            tier=options.tier,
            jobs=options.jobs or len(os.sched_getaffinity(0)),
            skips=lambda name: expected_failures(suite, options.skip, name),
            name=options.name,
            shuffle=options.shuffle,
        )


def beside(suite: Path) -> list[Path]:
    """Return the folders in and beside a suite in which the registry and the tables may lie."""
    parent = suite.absolute().parent
    return [suite, suite / "data", parent / "data", parent]


def cases_of(suite: Suite, role: str) -> list[Case]:
    """Return the cases of the suite for a decoder, an encoder or an editor."""
    return list(suite.cases) if role == "decoder" else [case for case in suite.written if case.list in ROLES[role]]


def select_cases(suite: Suite, globs: Sequence[str], excluded: Sequence[str] = (), role: str = "decoder") -> list[Case]:
    """Return the cases whose id or group matches one of `globs`, or all, without those that match one of `excluded`.

    ValueError if a glob matches nothing, or if nothing is left.
    """
    cases = cases_of(suite, role)
    for glob in (*globs, *excluded):
        if not any(_matches(case, [glob]) for case in cases):
            raise ValueError(f"no vector matches {glob}")
    selected = [case for case in cases if (not globs or _matches(case, globs)) and not _matches(case, excluded)]
    if not selected:
        raise ValueError(f"the suite has no vector for this {role} that is not excluded")
    return selected


def _matches(case: Case, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in (case.id, case.group))


def expected_failures(suite: Suite, globs: Sequence[str], name: str) -> dict[str, str]:
    """Return id -> reason, from --known-bad and from the lines of skips.txt for the first word of the decoder's name.

    ValueError if a glob matches no id, since it is then out of date.
    """
    entries = [(glob, KNOWN_BAD) for glob in globs]
    entries += [(glob, why) for decoder, glob, why in suite.skips if [decoder] == name.split()[:1]]
    reasons = {}
    for glob, why in entries:
        matches = [case.id for case in (*suite.cases, *suite.written) if fnmatchcase(case.id, glob)]
        if not matches:
            raise ValueError(f"no vector matches {glob}, which is listed as known to fail")
        reasons.update(dict.fromkeys(matches, why))
    return reasons
