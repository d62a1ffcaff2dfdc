# SPDX-License-Identifier: MIT
"""Run cases against a decoder, in parallel, and give a verdict on each and on what the decoder leaves out overall."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from semrunner.answer import Answer
from semrunner.case import Case
from semrunner.compare import margins, mismatches
from semrunner.evidence import mark_unproven, memory_hint, notes
from semrunner.manifest import TIERS
from semrunner.oneshot import OneShot
from semrunner.persistent import NotStarted, Persistent
from semrunner.process import ProtocolError
from semrunner.settings import Settings
from semrunner.verdict import Verdict
from semrunner.writers import WriterOneShot, WriterPersistent

UNSUPPORTED = "SEM-E-704"
START_TIMEOUT = 10.0  # seconds to answer a start, after which the protocol `auto` falls back to one-shot
DEFAULT_TIER = "L"  # for a decoder that does not report its tiers


class HarnessError(Exception):
    """The decoder cannot be run, so there is no verdict on it."""


class DecoderClient(Protocol):
    """Client of either protocol."""

    def ask(self, case: Case, tier: str) -> Answer: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Clients:
    """The clients of both protocols for programs of one role."""

    one_shot: Callable[[Settings], DecoderClient]
    persistent: type[Persistent]


DECODERS = Clients(OneShot, Persistent)
WRITERS = Clients(WriterOneShot, WriterPersistent)


@dataclass(frozen=True)
class Connection:
    """A started decoder, and what is known about it."""

    name: str  # empty if not reported
    protocol: str
    tier: str  # the highest to test
    client: DecoderClient


@dataclass(frozen=True)
class Run:
    """The result of a run: verdicts in the order of the suite, and errors of the decoder outside single vectors."""

    name: str
    protocol: str
    tier: str
    verdicts: tuple[Verdict, ...]
    decoder_errors: tuple[str, ...]
    left_out: tuple[str, ...]  # kinds and modes
    seconds: float
    role: str = "decoder"
    notes: tuple[str, ...] = ()  # what a reader must know before the counts

    def count(self, outcome: str) -> int:
        return sum(verdict.outcome == outcome for verdict in self.verdicts)

    @property
    def passed(self) -> bool:
        return not self.decoder_errors and not self.count("failed")


def clients_of(settings: Settings) -> Clients:
    """Return the clients for the role of the settings."""
    return DECODERS if settings.role == "decoder" else WRITERS


def connect(settings: Settings, protocol: str, tier: str | None, suite_tier: str) -> Connection:
    """Start the program. `suite_tier`: the highest tier of the suite, used if `tier` is None.

    HarnessError if it cannot be started or lacks the tier.
    """
    clients = clients_of(settings)
    if protocol != "one-shot":
        try:
            seconds = None if protocol == "persistent" else min(START_TIMEOUT, settings.timeout)
            client = clients.persistent(settings, tier or TIERS[0], seconds)
        except NotStarted as error:
            if protocol == "persistent":
                hint = f"; {memory_hint(settings.memory)}" if settings.memory and error.ended else ""
                raise HarnessError(f"{_not_started(settings, error)}{hint}") from error
        else:
            return _connect_persistent(settings, tier, suite_tier, client)
    highest = tier or min(suite_tier, DEFAULT_TIER, key=TIERS.index)
    return Connection("", "one-shot", highest, clients.one_shot(settings))


def _connect_persistent(settings: Settings, tier: str | None, suite_tier: str, client: Persistent) -> Connection:
    """Restart the client at the highest tier that is both reported and requested."""
    if tier is not None and tier not in client.tiers:
        client.close()
        raise HarnessError(f"the {settings.role} has the tiers {', '.join(client.tiers)}, not {tier}")
    limit = TIERS.index(tier or suite_tier)
    highest = max((t for t in client.tiers if TIERS.index(t) <= limit), key=TIERS.index, default=None)
    if highest is None:
        client.close()
        raise HarnessError(f"the {settings.role} has only the tiers {', '.join(client.tiers)}")
    if highest != client.tier:
        client.close()
        client = type(client)(settings, highest)
    return Connection(client.name, "persistent", highest, client)


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
    shuffle: int | None = None,
) -> Run:
    """Run the cases against the decoder. HarnessError if it cannot be run.

    skips: maps the decoder's name to its expected failures, id -> reason. name: overrides the name that the decoder
    reports. stop_after: stop after that many failures. shuffle: a seed for the order in which the decoder gets the cases;
    None: that of the suite.
    """
    started = time.monotonic()
    suite_tier = max((case.tier for case in cases), key=TIERS.index, default="H")
    try:
        decoder = connect(settings, protocol, tier, suite_tier)
    except (ProtocolError, NotStarted) as error:
        raise HarnessError(f"the {settings.role} cannot be started, stopped and started again: {error}") from error
    name, protocol, tier = name or decoder.name, decoder.protocol, decoder.tier
    selected = [case for case in cases if case.tier_for(tier) is not None]
    order = list(selected)
    if shuffle is not None:
        random.Random(shuffle).shuffle(order)
    queue = _Queue(order, tier, skips(name), stop_after)
    endings = _work_in_parallel(queue, decoder, settings, min(jobs, len(selected)))
    verdicts, left_out = check_left_out([queue.verdicts[case.id] for case in selected if case.id in queue.verdicts])
    verdicts = mark_unproven(verdicts)
    errors = [*dict.fromkeys(filter(None, endings)), *(unread_tiers(verdicts) if stop_after is None else ())]
    found = tuple(notes(verdicts, settings.memory, errors))
    seconds = time.monotonic() - started
    return Run(name, protocol, tier, tuple(verdicts), tuple(errors), left_out, seconds, settings.role, found)


def _work_in_parallel(queue: _Queue, decoder: Connection, settings: Settings, jobs: int) -> list[str]:
    """Work off the queue with `jobs` decoder processes. Return how each ended, "" for one that stopped as it should."""

    def work_with_new_client() -> str:
        clients = clients_of(settings)
        persistent = decoder.protocol == "persistent"
        return queue.work(clients.persistent(settings, decoder.tier) if persistent else clients.one_shot(settings))

    try:
        with ThreadPoolExecutor(max(jobs, 1)) as threads:
            try:
                others = [threads.submit(work_with_new_client) for _ in range(jobs - 1)]
                return [queue.work(decoder.client), *(other.result() for other in others)]
            except BaseException:  # including KeyboardInterrupt
                queue.stop()
                raise
    except (OSError, NotStarted) as error:
        raise HarnessError(_not_started(settings, error)) from error


def _not_started(settings: Settings, error: OSError | NotStarted) -> str:
    """Return the message for a program that cannot be started, with advice if a file is not found."""
    cause = error if isinstance(error, OSError) else error.__cause__
    program, hint = settings.command[0], ""
    if isinstance(cause, FileNotFoundError) and "=" in program:
        hint = f"; the command runs without a shell: set variables with `env {program} …`"
    elif isinstance(cause, FileNotFoundError) and Path(program).is_file():
        hint = "; the file exists, but not the interpreter or loader that it names"
    return f"the {settings.role} cannot be started: {error}{hint}"


class _Queue:
    """The cases still to run and the verdicts so far, shared by several clients."""

    def __init__(self, cases: Iterable[Case], tier: str, skips: dict[str, str], stop_after: int | None) -> None:
        self.cases, self.tier, self.skips, self.stop_after = iter(cases), tier, skips, stop_after
        self.lock = threading.Lock()
        self.verdicts: dict[str, Verdict] = {}
        self.failed = 0

    def next(self) -> Case | None:
        """Return the next case; None if none is left or enough have failed."""
        with self.lock:
            enough = self.stop_after is not None and self.failed >= self.stop_after
            return None if enough else next(self.cases, None)

    def stop(self) -> None:
        """Drop the remaining cases."""
        with self.lock:
            self.cases = iter(())

    def work(self, client: DecoderClient) -> str:
        """Run cases until none is left, and close the client. Return the error at its end, or ""."""
        ending = ""
        try:
            while (case := self.next()) is not None:
                tier = case.tier_for(self.tier) or self.tier
                verdict = evaluate(case, tier, client.ask(case, tier), self.skips.get(case.id))
                with self.lock:
                    self.verdicts[case.id] = verdict
                    self.failed += verdict.outcome == "failed"
        except BaseException:
            self.stop()
            raise
        finally:
            try:
                client.close()
            except ProtocolError as error:
                ending = str(error)
        return ending


def evaluate(case: Case, tier: str, answer: Answer, skip: str | None) -> Verdict:
    """Return the verdict on one answer. `skip`: why a failure is expected, None if it is not."""
    used = tuple(margins(case, answer).items()) if tier == "P" else ()
    verdict = Verdict(case, tier, answer, "passed", "", used)
    if answer.leaves_out and (case.error != UNSUPPORTED or answer.verdict == "skip"):
        if case.tier == "H" or tier == "H":
            why = f"left out ({answer.summary()}), but the container alone decides this vector"
            return replace(verdict, outcome="failed", why=why)
        return replace(verdict, outcome="skipped", why=answer.summary())
    errors = "; ".join(mismatches(case, answer, tier))
    if skip is None:
        return replace(verdict, outcome="failed", why=errors) if errors else verdict
    if errors:
        return replace(verdict, outcome="skipped", why=f"{skip}: {errors}")
    why = f"unexpected pass: listed as known to fail ({skip}); --exclude leaves vectors out"
    return replace(verdict, outcome="failed", why=why)


def check_left_out(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], tuple[str, ...]]:
    """Fail vectors that were left out although all their kinds are read elsewhere.

    Return the final verdicts, and the kinds and modes that are left out.
    """
    readable = {
        kind for v in verdicts if v.outcome == "passed" and v.case.accepted and v.tier != "H" for kind in v.case.kinds
    }
    final: list[Verdict] = []
    left_out: set[str] = set()
    for verdict in verdicts:
        if verdict.outcome == "skipped" and verdict.answer.leaves_out:
            if verdict.case.kinds <= readable:
                kinds = ", ".join(sorted(verdict.case.kinds)) or "everything in it"
                why = f"left out ({verdict.answer.summary()}), but {kinds} is read in other vectors"
                verdict = replace(verdict, outcome="failed", why=why)
            else:
                left_out |= verdict.case.kinds - readable
        final.append(verdict)
    return final, tuple(sorted(left_out))


def unread_tiers(verdicts: Sequence[Verdict]) -> list[str]:
    """Return an error for each tier of which all valid files were left out."""
    errors = []
    for tier in TIERS:
        valid = [verdict for verdict in verdicts if verdict.tier == tier and verdict.case.accepted]
        if valid and all(verdict.outcome == "skipped" for verdict in valid):
            errors.append(f"tier {tier}: all valid files are left out")
    return errors
