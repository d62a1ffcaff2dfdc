# SPDX-License-Identifier: MIT
"""Cases are put to all decoders, one after another, and what they do not agree on is written down."""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diff_fuzz import packages
from diff_fuzz.cases import Cases, Trial
from diff_fuzz.judge import agree, brief, shrunk
from semrunner.answer import Answer
from semrunner.judge import run as conformance
from semrunner.persistent import Persistent
from semrunner.settings import Settings
from semrunner.suite import Case, Suite

PER_KIND = 3  # differences of the same answers to the same kind of case that are written


@dataclass
class Tally:
    cases: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)  # of the first decoder
    different: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    free: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)  # seconds by decoder
    written: list[dict[str, Any]] = field(default_factory=list)


class Crowd:
    """All decoders, a process each."""

    def __init__(self, suite: Suite, settings: Sequence[Settings], scratch: Path) -> None:
        self.models, self.scratch, self.made = suite.folder / "models", scratch, 0
        some = [case for case in suite.cases if case.tier == "S" and case.accepted and case.kinds]
        self.left_out = [conformance(some, each, protocol="persistent").left_out for each in settings]
        self.talkers = [Persistent(each, "L") for each in settings]
        self.names = [talker.name for talker in self.talkers]

    def ask(
        self, file: bytes, tier: str, asked: str, models: Path | None, registry: Path | None = None
    ) -> list[Answer]:
        case = Case(
            "case", "vectors", "differ", tier, (), "", file, models or self.models, asked, None, registry=registry
        )
        return [talker.ask(case, tier) for talker in self.talkers]

    def package(self, package: packages.Package) -> Path:
        """In a folder of a name that was not there before, since decoders may keep models by it."""
        self.made += 1
        folder = self.scratch / f"package-{self.made}"
        package.write(folder / "model")
        return folder

    def rows(self, registry: bytes | None) -> Path | None:
        if registry is None:
            return None
        self.made += 1
        path = self.scratch / f"registry-{self.made}.json"
        path.write_bytes(registry)
        return path

    def close(self) -> None:
        for talker in self.talkers:
            talker.close()


@dataclass(frozen=True)
class Options:
    seed: int = 0
    first: int = 0
    minutes: float | None = None
    count: int | None = None
    out: Path = Path("out/differ")
    free: bool = False  # whether to write what SPEC.md leaves free, too


def run(crowd: Crowd, cases: Cases, options: Options) -> Tally:
    tally, started, said, number = Tally(), time.monotonic(), 0.0, options.first
    while (options.count is None or tally.cases < options.count) and (
        options.minutes is None or time.monotonic() - started < 60 * options.minutes
    ):
        one(crowd, cases.case(number), number, tally, options)
        number += 1
        tally.cases += 1
        tally.seconds = time.monotonic() - started
        if tally.seconds > said + 10:
            said = tally.seconds
            print(
                f"{tally.cases} cases, {sum(tally.different.values())} differences, {said:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return tally


def one(crowd: Crowd, trial: Trial, number: int, tally: Tally, options: Options) -> None:
    def verdict(file: bytes, models: Path | None) -> tuple[str, tuple[str, ...], list[Answer]]:
        place = models / "model" if models is not None and trial.whole else models
        answers = crowd.ask(file, trial.tier, trial.asked, place, registry)
        return agree(answers, trial.tier, file, crowd.left_out), brief(answers, trial.tier), answers

    registry = crowd.rows(trial.registry)
    models = None if trial.sound is None else crowd.package(packages.damaged(trial.sound, list(trial.wrong)))
    state, words, answers = verdict(trial.file, models)
    tally.kinds[trial.name] += 1
    tally.answers[answers[0].error or answers[0].verdict] += 1
    for name, answer in zip(crowd.names, answers, strict=True):
        tally.spent[name] += answer.seconds  # type: ignore[assignment]
    if state != "yes":
        counter = tally.free if state == "free" else tally.different
        counter[trial.name, words] += 1
        if counter[trial.name, words] <= PER_KIND and (state == "no" or options.free):
            file, wrong = trial.file, list(trial.wrong)
            if trial.sound is None:
                file = shrunk(file, lambda less: verdict(less, models)[:2] == (state, words))
            elif trial.remake is not None:
                for each in trial.wrong:  # what is not needed for the difference is left sound
                    less = [damage for damage in wrong if damage is not each]
                    package = packages.damaged(trial.sound, less)
                    folder = crowd.package(package)
                    if verdict(trial.remake(package.digest()), folder)[:2] == (state, words):
                        wrong, file = less, trial.remake(package.digest())
                        models = folder
            tally.written.append(written(crowd, trial, number, file, models, words, verdict(file, models)[2], options))
    for folder in crowd.scratch.glob("package-*"):
        shutil.rmtree(folder)
    if registry is not None:
        registry.unlink()


def written(
    crowd: Crowd,
    trial: Trial,
    number: int,
    file: bytes,
    models: Path | None,
    words: tuple[str, ...],
    answers: Sequence[Answer],
    options: Options,
) -> dict[str, Any]:
    """The file, a line beside it, and its model package."""
    options.out.mkdir(parents=True, exist_ok=True)
    beside = sorted((models / "model").iterdir()) if models is not None else []
    name = hashlib.sha256(b"".join([file, *(path.read_bytes() for path in beside)])).hexdigest()[:16]
    told = ", ".join(f"{name}: {word}" for name, word in zip(crowd.names, words, strict=True))
    why = "; ".join(answer.why for answer in answers if answer.verdict == "broken")
    line = f"{trial.name}, seed {options.seed}, case {number}, tier {trial.tier}, asked {trial.asked}: {told}{f' ({why})' if why else ''}"
    (options.out / f"{name}.sem").write_bytes(file)
    with (options.out / f"{name}.txt").open("a", encoding="utf-8") as lines:  # several cases may shrink to one file
        lines.write(line + "\n")
    if trial.registry is not None:
        (options.out / f"{name}.json").write_bytes(trial.registry)
    if models is not None:
        shutil.copytree(models / "model", options.out / name, dirs_exist_ok=True)
    print(f"{options.out / name}.sem: {line}", flush=True)
    return {
        "file": f"{name}.sem",
        "case": number,
        "kind": trial.name,
        "answers": dict(zip(crowd.names, words, strict=True)),
    }


def as_json(tally: Tally, crowd: Crowd, options: Options) -> dict[str, Any]:
    def listed(counter: Counter[tuple[str, tuple[str, ...]]]) -> list[dict[str, Any]]:
        return [{"kind": kind, "answers": list(words), "cases": n} for (kind, words), n in counter.most_common()]

    return {
        "decoders": crowd.names,
        "left_out": [list(kinds) for kinds in crowd.left_out],
        "seed": options.seed,
        "first": options.first,
        "cases": tally.cases,
        "seconds": round(tally.seconds, 1),
        "kinds": dict(tally.kinds),
        "answers": dict(tally.answers),
        "seconds_of": {name: round(seconds, 1) for name, seconds in tally.spent.items()},
        "different": listed(tally.different),
        "free": listed(tally.free),
        "written": tally.written,
    }
