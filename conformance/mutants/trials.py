# SPDX-License-Identifier: MIT
"""Run mutants through the suite, several at a time."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from mutants.catalogue import MUTANTS, SOUNDS
from mutants.fork_server import SCRIPT, fork_server
from mutants.kill_matrix import KEPT, Row, read_matrix
from mutants.mutant import Mutant
from semrunner import session
from semrunner.cli import cases_of
from semrunner.settings import Settings, gather
from semrunner.suite import Case, Suite

REPOSITORY = Path(__file__).resolve().parents[2]
NORMATIVE = [REPOSITORY / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
MEMORY = 1 << 30


def trial(mutant: Mutant, suite: Suite, settings: Settings, known: Sequence[str], stop_after: int | None) -> Row:
    """Run one mutant through the suite; `known` vectors come first, then those of the groups in which it should fail.

    Vectors with their own registry restart the decoder, and run only if the mutant names their group. Mutants of tier P
    run only vectors of tier P, as they decode everything else correctly, and only wrong answers count: a mutant that
    crashes no longer matches refcodec. Encoders and editors run their own lists. Rejections that are right and only show
    nothing (semrunner/evidence.py) do not count.
    """

    def priority(case: Case) -> tuple[bool, bool]:
        return case.id not in known, case.group not in mutant.groups

    all_cases = cases_of(suite, mutant.role)
    cases = [case for case in all_cases if case.registry is None or case.group in mutant.groups]
    cases = [case for case in cases if mutant.tier != "P" or case.tier == "P"]
    answers = mutant.tier == "P" and mutant not in SOUNDS
    try:
        run = session.run(
            sorted(cases, key=priority), settings, protocol="persistent", tier=mutant.tier, stop_after=stop_after
        )
    except session.HarnessError as error:
        return Row(mutant.name, mutant.wrong, 0, () if answers else ("at the start",), came=str(error))
    failed = [verdict for verdict in run.verdicts if verdict.outcome == "failed" and not verdict.unproven]
    fitting = [verdict for verdict in failed if not answers or verdict.answer.verdict != "broken"]
    if fitting:
        ids = tuple(verdict.case.id for verdict in fitting[:KEPT])
        return Row(mutant.name, mutant.wrong, len(fitting), ids, fitting[0].case.rules, fitting[0].why)
    came = "; ".join([*run.decoder_errors, *(verdict.why for verdict in failed)])
    return Row(mutant.name, mutant.wrong, 0, ("at the end",) if run.decoder_errors and not answers else (), came=came)


def trials(suite: Suite, names: Sequence[str], jobs: int, stop_after: int | None) -> Iterator[Row]:
    """Yield the row of each mutant, in order; `stop_after`: stop after this number of failing vectors, None for all."""
    before = {name: row.first for name, row in read_matrix().items()}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sem-selftest-")))
        registry, data = gather([suite.folder, *NORMATIVE], scratch)
        commands: dict[str, tuple[str, ...]] = {"L": (sys.executable, str(SCRIPT))}
        if any(MUTANTS[name].tier == "P" for name in names):
            commands["P"] = stack.enter_context(fork_server(scratch / "forks"))
        threads = stack.enter_context(ThreadPoolExecutor(jobs))

        def one(name: str) -> Row:
            mutant = MUTANTS[name]
            command = (*commands[mutant.tier], name)
            settings = Settings(command, registry, data, mutant.timeout, MEMORY, role=mutant.role)
            enough = None if mutant in SOUNDS else KEPT if stop_after is None and mutant.slow else stop_after
            return trial(mutant, suite, settings, before.get(name, ()) if enough == 1 else (), enough)

        yield from threads.map(one, names)
