# SPDX-License-Identifier: MIT
"""A decoder is asked all that is chosen, and judged: case by case, and by what it leaves out over all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from semrunner.answer import Answer
from semrunner.compare import faults, margins
from semrunner.manifest import TIERS
from semrunner.oneshot import OneShot
from semrunner.persistent import NotStarted, Persistent
from semrunner.process import Misbehaviour
from semrunner.settings import Settings
from semrunner.suite import Case

UNSUPPORTED = "SEM-E-704"
PATIENCE = 10.0  # seconds after which a decoder that does not answer a start is taken for one that speaks one-shot
SILENT = "L"  # the tier of a decoder that does not say its own


class HarnessError(Exception):
    """Nothing can be said of the decoder, since it cannot be run."""


class Talker(Protocol):
    """Either protocol."""

    def ask(self, case: Case, tier: str) -> Answer: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Verdict:
    case: Case
    tier: str  # how far the decoder was to go
    answer: Answer
    outcome: Literal["passed", "failed", "skipped"]
    why: str = ""  # of what is not passed
    margins: tuple[tuple[str, float], ...] = ()

    @property
    def counts_for(self) -> str:
        """The tier of which it shows something."""
        return self.tier if self.case.accepted else self.case.tier


@dataclass(frozen=True)
class Run:
    """All verdicts, in the order of the suite, and what is wrong with the decoder beside them."""

    name: str
    protocol: str
    tier: str
    verdicts: tuple[Verdict, ...]
    faults: tuple[str, ...]
    left_out: tuple[str, ...]  # kinds and modes
    seconds: float

    def count(self, outcome: str) -> int:
        return sum(verdict.outcome == outcome for verdict in self.verdicts)

    @property
    def passed(self) -> bool:
        return not self.faults and not self.count("failed")


def begin(settings: Settings, protocol: str, tier: str | None, highest: str) -> tuple[str, str, str, Talker]:
    """(name, protocol, tier, one who is ready to talk). `highest`: the tier of the suite, where none is asked for."""
    if protocol != "one-shot":
        try:
            patience = None if protocol == "persistent" else min(PATIENCE, settings.timeout)
            first = Persistent(settings, tier or TIERS[0], patience)
        except NotStarted as fault:
            if protocol == "persistent":
                raise HarnessError(f"the decoder cannot be started: {fault}") from fault
        else:
            return _persistent(settings, tier, highest, first)
    return "", "one-shot", tier or min(highest, SILENT, key=TIERS.index), OneShot(settings)


def _persistent(settings: Settings, tier: str | None, highest: str, first: Persistent) -> tuple[str, str, str, Talker]:
    if tier is not None and tier not in first.tiers:
        first.close()
        raise HarnessError(f"the decoder has the tiers {', '.join(first.tiers)}, and not {tier}")
    most = max(
        (t for t in first.tiers if TIERS.index(t) <= TIERS.index(tier or highest)), key=TIERS.index, default=None
    )
    if most is None:
        first.close()
        raise HarnessError(f"the decoder has only the tiers {', '.join(first.tiers)}")
    if most != first.tier:
        first.close()
        first = Persistent(settings, most)
    return first.name, "persistent", most, first


def run(
    cases: Sequence[Case],
    settings: Settings,
    *,
    protocol: str = "auto",
    tier: str | None = None,
    jobs: int = 1,
    skips: Callable[[str], dict[str, str]] = lambda _: {},
    name: str = "",
    stop_after: int | None = None,
) -> Run:
    """Put the cases to the decoder. HarnessError where it cannot be run.

    skips: of the decoder's name, id -> why it is known to fail. name: in place of the one that it gives itself.
    stop_after: so many failures are enough.
    """
    started = time.monotonic()
    highest = max((case.tier for case in cases), key=TIERS.index, default="H")
    try:
        said, protocol, tier, first = begin(settings, protocol, tier, highest)
    except (Misbehaviour, NotStarted) as fault:
        raise HarnessError(f"the decoder cannot be started, stopped and started again: {fault}") from fault
    chosen = [case for case in cases if case.tier_for(tier) is not None]
    pool = _Pool(chosen, tier, skips(name or said), stop_after)
    try:
        with ThreadPoolExecutor(max(jobs, 1)) as threads:
            try:
                more = (lambda: Persistent(settings, tier)) if protocol == "persistent" else (lambda: OneShot(settings))
                others = [threads.submit(lambda: pool.work(more())) for _ in range(min(jobs, len(chosen)) - 1)]
                endings = [pool.work(first), *(other.result() for other in others)]
            except BaseException:  # Ctrl-C too
                pool.stop()
                raise
    except (OSError, NotStarted) as fault:
        raise HarnessError(f"the decoder cannot be started: {fault}") from fault
    verdicts, left_out = consistent([pool.found[case.id] for case in chosen if case.id in pool.found])
    wrong = [*dict.fromkeys(filter(None, endings)), *(nothing_read(verdicts) if stop_after is None else ())]
    return Run(name or said, protocol, tier, tuple(verdicts), tuple(wrong), left_out, time.monotonic() - started)


class _Pool:
    """Cases for several talkers."""

    def __init__(self, cases: Iterable[Case], tier: str, skips: dict[str, str], stop_after: int | None) -> None:
        self.cases, self.tier, self.skips, self.stop_after = iter(cases), tier, skips, stop_after
        self.lock = threading.Lock()
        self.found: dict[str, Verdict] = {}
        self.failed = 0

    def next(self) -> Case | None:
        with self.lock:
            enough = self.stop_after is not None and self.failed >= self.stop_after
            return None if enough else next(self.cases, None)

    def stop(self) -> None:
        """Nothing more is asked."""
        with self.lock:
            self.cases = iter(())

    def work(self, talker: Talker) -> str:
        """Ask until nothing is left. Gives what was wrong with the decoder's end."""
        ending = ""
        try:
            while (case := self.next()) is not None:
                tier = case.tier_for(self.tier) or self.tier
                verdict = judged(case, tier, talker.ask(case, tier), self.skips.get(case.id))
                with self.lock:
                    self.found[case.id] = verdict
                    self.failed += verdict.outcome == "failed"
        except BaseException:
            self.stop()
            raise
        finally:
            try:
                talker.close()
            except Misbehaviour as fault:
                ending = str(fault)
        return ending


def judged(case: Case, tier: str, answer: Answer, skip: str | None) -> Verdict:
    """The verdict on one answer; `skip`: why it is expected to be wrong."""
    used = tuple(margins(case, answer).items()) if tier == "P" else ()
    verdict = Verdict(case, tier, answer, "passed", "", used)
    if answer.leaves_out and (case.error != UNSUPPORTED or answer.verdict == "skip"):
        if case.tier == "H" or tier == "H":
            return replace(verdict, outcome="failed", why=f"left out ({answer.shown()}), and the container says enough")
        return replace(verdict, outcome="skipped", why=answer.shown())
    wrong = "; ".join(faults(case, answer, tier))
    if skip is None:
        return replace(verdict, outcome="failed", why=wrong) if wrong else verdict
    if wrong:
        return replace(verdict, outcome="skipped", why=f"{skip}: {wrong}")
    return replace(verdict, outcome="failed", why=f"unexpected pass: it is to be skipped ({skip})")


def consistent(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], tuple[str, ...]]:
    """What is left out must be so everywhere. Gives the verdicts, and the kinds and modes that are left out."""
    readable = {
        kind for v in verdicts if v.outcome == "passed" and v.case.accepted and v.tier != "H" for kind in v.case.kinds
    }
    final: list[Verdict] = []
    left_out: set[str] = set()
    for verdict in verdicts:
        if verdict.outcome == "skipped" and verdict.answer.leaves_out:
            if verdict.case.kinds <= readable:
                why = f"left out ({verdict.answer.shown()}), and {', '.join(sorted(verdict.case.kinds)) or 'all of it'} is read elsewhere"
                verdict = replace(verdict, outcome="failed", why=why)
            else:
                left_out |= verdict.case.kinds - readable
        final.append(verdict)
    return final, tuple(sorted(left_out))


def nothing_read(verdicts: Sequence[Verdict]) -> list[str]:
    """A tier of which all valid files are left out is not passed."""
    wrong = []
    for tier in TIERS:
        here = [verdict for verdict in verdicts if verdict.tier == tier and verdict.case.accepted]
        if here and all(verdict.outcome == "skipped" for verdict in here):
            wrong.append(f"tier {tier}: all valid files are left out")
    return wrong
