# SPDX-License-Identifier: MIT
"""Run generated cases through all decoders in turn, and write the cases on which they differ."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diff_fuzz.agreement import Agreement, shrink, summarize, verdict
from diff_fuzz.cases import Cases, FuzzCase
from diff_fuzz.package_damage import apply_damage
from diff_fuzz.packages import Package
from semrunner.answer import Answer
from semrunner.evidence import LEAK_HINT, leaks_reported
from semrunner.oneshot import OneShot
from semrunner.persistent import Persistent
from semrunner.session import DecoderClient, HarnessError, Run
from semrunner.session import run as run_conformance
from semrunner.settings import Settings
from semrunner.suite import Case, Suite

PER_KIND = 3  # differences written for each kind of case and combination of answers
PER_COMBINATION = 2  # valid files of each combination of kinds that show what a decoder leaves out
PROGRESS_SECONDS = 10

Difference = tuple[str, tuple[str, ...]]  # kind of case, and a word for each decoder's answer


@dataclass
class Tally:
    """Counts of a campaign."""

    cases: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)  # of the first decoder
    different: Counter[Difference] = field(default_factory=Counter)
    unspecified: Counter[Difference] = field(default_factory=Counter)
    decoder_seconds: Counter[str] = field(default_factory=Counter)
    written: list[dict[str, Any]] = field(default_factory=list)


class Decoders:
    """All decoders: one process each, or one for each file if a decoder is one-shot."""

    def __init__(self, suite: Suite, settings: Sequence[Settings], scratch: Path) -> None:
        self.models, self.scratch, self.files_made = suite.folder / "models", scratch, 0
        sample = _sample(suite.cases)
        runs = [_first_run(sample, each) for each in settings]
        self.left_out = [run.left_out for run in runs]
        self.clients: list[DecoderClient] = [
            OneShot(each) if run.protocol == "one-shot" else Persistent(each, "L")
            for each, run in zip(settings, runs, strict=True)
        ]
        self.names = list(
            _distinct(run.name or shlex.join(each.command) for each, run in zip(settings, runs, strict=True))
        )

    def ask(
        self, file: bytes, tier: str, asked: str, models: Path | None, registry: Path | None = None
    ) -> list[Answer]:
        """Return the answer of each decoder to a file."""
        case = Case(
            "case", "vectors", "differ", tier, (), "", file, models or self.models, asked, None, registry=registry
        )
        return [client.ask(case, tier) for client in self.clients]

    def write_package(self, package: Package) -> Path:
        """Write a package into `model` of a new folder and return that folder; decoders may cache models by path."""
        self.files_made += 1
        folder = self.scratch / f"package-{self.files_made}"
        package.write(folder / "model")
        return folder

    def write_registry(self, registry: bytes | None) -> Path | None:
        """Write a registry to a new file and return its path."""
        if registry is None:
            return None
        self.files_made += 1
        path = self.scratch / f"registry-{self.files_made}.json"
        path.write_bytes(registry)
        return path

    def close(self) -> None:
        for client in self.clients:
            client.close()


def _sample(cases: Iterable[Case]) -> list[Case]:
    """Return a few valid files of tier S for each combination of payload kinds and modes."""
    found: dict[frozenset[str], list[Case]] = {}
    for case in cases:
        if case.list == "vectors" and case.tier == "S" and case.accepted and case.kinds:
            found.setdefault(case.kinds, []).append(case)
    return [case for alike in found.values() for case in alike[:PER_COMBINATION]]


def _first_run(sample: Sequence[Case], settings: Settings) -> Run:
    """Run valid files, which shows the protocol of a decoder and what it leaves out.

    HarnessError if it gives no valid answer to any of them.
    """
    run = run_conformance(sample, settings)
    if all(verdict.answer.verdict == "broken" for verdict in run.verdicts):
        why = run.verdicts[0].answer.why
        hint = f"; {LEAK_HINT}" if leaks_reported([why]) else ""
        raise HarnessError(f"{shlex.join(settings.command)} gives no valid answer to any file: {why}{hint}")
    return run


def _distinct(names: Iterable[str]) -> Iterator[str]:
    """Yield the names, with a number for each that occurred before."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


@dataclass(frozen=True)
class Options:
    """Options of a campaign, named as on the command line."""

    seed: int = 0
    first: int = 0
    minutes: float | None = None
    count: int | None = None
    out: Path = Path("out/differ")
    free: bool = False  # also write differences in what SPEC.md leaves unspecified


@dataclass(frozen=True)
class Outcome:
    """The decoders' answers to one file, and whether they agree."""

    agreement: Agreement
    words: tuple[str, ...]
    answers: list[Answer]

    def same_as(self, other: Outcome) -> bool:
        return (self.agreement, self.words) == (other.agreement, other.words)


@dataclass(frozen=True)
class CaseRun:
    """A case of a campaign as the decoders get it."""

    decoders: Decoders
    case: FuzzCase
    number: int
    registry: Path | None

    def outcome(self, file: bytes, models: Path | None) -> Outcome:
        """Ask all decoders; `models` is a folder that holds the package, or None for the models of the suite."""
        folder = models / "model" if models is not None and self.case.exact_folder else models
        tier = self.case.tier
        answers = self.decoders.ask(file, tier, self.case.asked, folder, self.registry)
        case = self.case
        agreement = verdict(answers, tier, file, self.decoders.left_out, strict=case.strict, refusable=case.refusable)
        return Outcome(agreement, summarize(answers, tier), answers)

    def smallest(self, outcome: Outcome, models: Path | None) -> tuple[bytes, Path | None]:
        """Return the file and the package with as little damage as gives the same outcome."""
        case, file = self.case, self.case.file
        if case.strict:  # what remains of the file would not be strict
            return file, models
        if case.base_package is None:
            return shrink(file, lambda smaller: self.outcome(smaller, models).same_as(outcome)), models
        if case.file_for_digest is None:
            return file, models
        needed = list(case.damage)
        for change in case.damage:
            fewer = [other for other in needed if other is not change]
            package = apply_damage(case.base_package, fewer)
            folder, candidate = self.decoders.write_package(package), case.file_for_digest(package.digest())
            if self.outcome(candidate, folder).same_as(outcome):
                needed, file, models = fewer, candidate, folder
        return file, models


def run(decoders: Decoders, cases: Cases, options: Options) -> Tally:
    """Run cases until the count or the time is reached, with progress on standard error."""
    tally, started, reported, number = Tally(), time.monotonic(), 0.0, options.first
    while (options.count is None or tally.cases < options.count) and (
        options.minutes is None or time.monotonic() - started < 60 * options.minutes
    ):
        compare_case(decoders, cases.case(number), number, tally, options)
        number += 1
        tally.cases += 1
        tally.seconds = time.monotonic() - started
        if tally.seconds > reported + PROGRESS_SECONDS:
            reported = tally.seconds
            differences = sum(tally.different.values())
            print(f"{tally.cases} cases, {differences} differences, {reported:.0f} s", file=sys.stderr, flush=True)
    return tally


def compare_case(decoders: Decoders, case: FuzzCase, number: int, tally: Tally, options: Options) -> None:
    """Run one case through all decoders, count it, and write it if they differ."""
    case_run = CaseRun(decoders, case, number, decoders.write_registry(case.registry))
    base = case.base_package
    models = None if base is None else decoders.write_package(apply_damage(base, case.damage))
    outcome = case_run.outcome(case.file, models)
    tally.kinds[case.name] += 1
    tally.answers[outcome.answers[0].error or outcome.answers[0].verdict] += 1
    for name, answer in zip(decoders.names, outcome.answers, strict=True):
        tally.decoder_seconds[name] += answer.seconds  # type: ignore[assignment]
    if outcome.agreement != "agree":
        counter = tally.unspecified if outcome.agreement == "unspecified" else tally.different
        counter[case.name, outcome.words] += 1
        wanted = outcome.agreement == "differ" or options.free
        if wanted and counter[case.name, outcome.words] <= PER_KIND:
            file, models = case_run.smallest(outcome, models)
            final = Outcome(outcome.agreement, outcome.words, case_run.outcome(file, models).answers)
            tally.written.append(write_case(case_run, file, models, final, options))
    for folder in decoders.scratch.glob("package-*"):
        shutil.rmtree(folder)
    if case_run.registry is not None:
        case_run.registry.unlink()


def write_case(
    case_run: CaseRun, file: bytes, models: Path | None, outcome: Outcome, options: Options
) -> dict[str, Any]:
    """Write the file, a line of text, and the registry and model package of the case; return its report entry."""
    case, names = case_run.case, case_run.decoders.names
    options.out.mkdir(parents=True, exist_ok=True)
    package_files = sorted((models / "model").iterdir()) if models is not None else []
    stem = hashlib.sha256(b"".join([file, *(path.read_bytes() for path in package_files)])).hexdigest()[:16]
    answers = ", ".join(f"{name}: {word}" for name, word in zip(names, outcome.words, strict=True))
    why = "; ".join(answer.why for answer in outcome.answers if answer.verdict == "broken")
    line = (
        f"{case.name}, seed {options.seed}, case {case_run.number}, tier {case.tier}, asked {case.asked}: "
        f"{answers}{f' ({why})' if why else ''}"
    )
    (options.out / f"{stem}.sem").write_bytes(file)
    with (options.out / f"{stem}.txt").open("a", encoding="utf-8") as lines:  # several cases may shrink to one file
        lines.write(line + "\n")
    if case.registry is not None:
        (options.out / f"{stem}.json").write_bytes(case.registry)
    if models is not None:
        shutil.copytree(models / "model", options.out / stem, dirs_exist_ok=True)
    print(f"{options.out / stem}.sem: {line}", flush=True)
    return {
        "file": f"{stem}.sem",
        "case": case_run.number,
        "kind": case.name,
        "answers": dict(zip(names, outcome.words, strict=True)),
    }


def as_json(tally: Tally, decoders: Decoders, options: Options) -> dict[str, Any]:
    """Return the report that --json writes."""

    def listed(counter: Counter[Difference]) -> list[dict[str, Any]]:
        return [{"kind": kind, "answers": list(words), "cases": n} for (kind, words), n in counter.most_common()]

    return {
        "decoders": decoders.names,
        "left_out": [list(kinds) for kinds in decoders.left_out],
        "seed": options.seed,
        "first": options.first,
        "cases": tally.cases,
        "seconds": round(tally.seconds, 1),
        "kinds": dict(tally.kinds),
        "answers": dict(tally.answers),
        "seconds_of": {name: round(seconds, 1) for name, seconds in tally.decoder_seconds.items()},
        "different": listed(tally.different),
        "free": listed(tally.unspecified),
        "written": tally.written,
    }
