# SPDX-License-Identifier: MIT
"""Check the vectors of a contributed folder: enough of them, of its own rows, and as decoders decode them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from refcodec.registry import Profile
from semrunner import cli
from semrunner.manifest import SuiteError
from semrunner.session import HarnessError, Run
from semrunner.suite import Suite, load

ROOT: Final = Path(__file__).resolve().parents[2]
NORMATIVE: Final = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
REFERENCE: Final = shlex.join([sys.executable, str(ROOT / "conformance" / "adapters" / "refcodec.py")])
INVALID_MIN: Final = 3  # rejected files for each row


def errors(folder: Path, rows: Sequence[Profile], decoders: Sequence[str] = ()) -> Iterator[str]:
    """Yield one line for each error of the vectors. decoders: commands to run beside the reference decoder."""
    try:
        suite = load(folder)
    except SuiteError as error:
        yield one_line(error)
        return
    yield from _coverage(suite, rows)
    for command in (REFERENCE, *decoders):
        try:
            result = cli.run_suite(cli.Options(command, folder, jobs=1), suite, NORMATIVE)
        except (SuiteError, HarnessError, OSError, ValueError) as error:
            yield f"{command}: {one_line(error)}"
            continue
        yield from _failures(result)


def _coverage(suite: Suite, rows: Sequence[Profile]) -> Iterator[str]:
    """Yield one line for each row with too few vectors, and for each file of another row."""
    known = {row.id for row in rows}
    valid = [case for case in suite.cases if case.expected is not None]
    for case in valid:
        if case.expected is not None and case.expected["profile"] not in known:
            yield f"{case.id}: a file of profile {case.expected['profile']}, which registry.json does not have"
    for row in rows:
        own = [case.expected for case in valid if case.expected is not None and case.expected["profile"] == row.id]
        if not own:
            yield f"profile {row.id}: no valid vector"
        if own and all(expected["check_bits"] == 0 for expected in own):
            yield f"profile {row.id}: no valid vector has a check, which binds the row"
        if own and not any(section["type"] >= 0x80 for expected in own for section in expected["sections"]):
            yield f"profile {row.id}: no valid vector has a payload"
    rejected = sum(case.expected is None for case in suite.cases)
    if rejected < INVALID_MIN * len(rows):
        yield f"{rejected} invalid vectors, fewer than {INVALID_MIN} for each row"


def _failures(result: Run) -> Iterator[str]:
    for verdict in result.verdicts:
        if verdict.outcome == "failed":
            yield f"{verdict.case.id}: {result.name}: {verdict.why}"
    yield from (f"{result.name}: {line}" for line in result.decoder_errors)


def one_line(error: Exception) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split())
