# SPDX-License-Identifier: MIT
"""Format a run as JSON (schema/report.schema.json), as JUnit XML, and as text."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from semrunner.manifest import TIERS
from semrunner.session import Run
from semrunner.suite import Suite
from semrunner.verdict import Verdict

OUTCOMES = ("passed", "failed", "skipped")
SLOWEST = 5  # vectors listed with their time


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Return the number of verdicts by outcome."""
    return {outcome: sum(verdict.outcome == outcome for verdict in verdicts) for outcome in OUTCOMES}


def groups(run: Run) -> list[tuple[str, str, list[Verdict]]]:
    """Return (tier, group, verdicts) for each group, from the lowest tier to the highest."""
    by_group: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in run.verdicts:
        by_group.setdefault((verdict.tier_shown, verdict.case.group), []).append(verdict)
    return [(*key, by_group[key]) for key in sorted(by_group, key=lambda key: (TIERS.index(key[0]), key[1]))]


def as_json(run: Run, suite: Suite, command: Sequence[str]) -> dict[str, Any]:
    """Return the report of schema/report.schema.json."""
    return {
        "format": "sem-conformance-report",
        "format_version": 1,
        "suite": {"manifest_sha256": suite.digest, "format_version": suite.format_version},
        "role": run.role,
        "decoder": {"name": run.name, "command": list(command), "protocol": run.protocol, "tier": run.tier},
        "machine": {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()},
        "passed": run.passed,
        "counts": counts(run.verdicts),
        "groups": [{"tier": tier, "group": group} | counts(verdicts) for tier, group, verdicts in groups(run)],
        "left_out": list(run.left_out),
        "faults": list(run.decoder_errors),
        "notes": list(run.notes),
        "seconds": round(run.seconds, 3),
        "vectors": [_entry(verdict) for verdict in run.verdicts],
    }


def _entry(verdict: Verdict) -> dict[str, Any]:
    case, answer = verdict.case, verdict.answer
    return {
        "id": case.id,
        "list": case.list,
        "group": case.group,
        "tier": case.tier,
        "asked_tier": verdict.tier,
        "rules": list(case.rules),
        "expect": "accept" if case.accepted else "reject",
        "error": case.error or None,
        "status": case.status or None,
        "outcome": verdict.outcome,
        "why": verdict.why,
        "came": {
            "verdict": answer.verdict,
            "error": answer.error or None,
            "status": answer.status or None,
            "why": answer.why,
            "result": answer.result if verdict.outcome == "failed" else None,
        },
        "seconds": round(answer.seconds, 4),
        "margins": dict(verdict.margins),
    }


def as_junit(run: Run) -> str:
    """Return the report as JUnit XML, with a test suite for each tier and group."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    total = counts(run.verdicts)
    head = {
        "name": f"sem conformance: {run.name}",
        "tests": len(run.verdicts) + len(run.decoder_errors),
        "failures": total["failed"] + len(run.decoder_errors),
    }
    lines.append(f"<testsuites{_attributes(head | {'skipped': total['skipped'], 'time': f'{run.seconds:.3f}'})}>")
    for tier, group, verdicts in groups(run):
        totals = counts(verdicts)
        seconds = sum(verdict.answer.seconds for verdict in verdicts)
        head = {"name": f"{tier}.{group}", "tests": len(verdicts), "failures": totals["failed"]}
        lines.append(f"<testsuite{_attributes(head | {'skipped': totals['skipped'], 'time': f'{seconds:.3f}'})}>")
        lines += [_case(verdict) for verdict in verdicts]
        lines.append("</testsuite>")
    if errors := run.decoder_errors:
        lines.append(f"<testsuite{_attributes({'name': 'decoder', 'tests': len(errors), 'failures': len(errors)})}>")
        lines += [
            f'<testcase classname="decoder" name={_quoted(e)}><failure message={_quoted(e)}/></testcase>'
            for e in errors
        ]
        lines.append("</testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _case(verdict: Verdict) -> str:
    case = verdict.case
    head = {"classname": f"{verdict.tier_shown}.{case.group}", "name": case.id, "time": f"{verdict.answer.seconds:.4f}"}
    inner = {"passed": "", "failed": "failure", "skipped": "skipped"}[verdict.outcome]
    body = f"<{inner} message={_quoted(f'{verdict.why} [{chr(32).join(case.rules)}]')}/>" if inner else ""
    return f"<testcase{_attributes(head)}>{body}</testcase>" if body else f"<testcase{_attributes(head)}/>"


def _attributes(members: dict[str, Any]) -> str:
    return "".join(f" {name}={_quoted(str(value))}" for name, value in members.items())


def _quoted(text: str) -> str:
    """Return the text as a quoted XML 1.0 attribute, with U+FFFD for characters that XML cannot hold."""
    return quoteattr(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text))


def lines(run: Run, *, quiet: bool = False) -> Iterator[str]:
    """Yield the lines of the text report: failures, then details unless `quiet`, then the summary."""
    for verdict in run.verdicts:
        if verdict.outcome == "failed":
            yield f"FAILED {verdict.case.id} ({' '.join(verdict.case.rules)}): {printable(verdict.why)}"
    for error in run.decoder_errors:
        yield f"FAILED {printable(error)}"
    if not quiet:
        yield from _details(run)
    for note in run.notes:
        yield f"note: {printable(note)}"
    total = counts(run.verdicts)
    summary = ", ".join(f"{number} {outcome}" for outcome, number in total.items())
    name = f"{printable(run.name)}: " if run.name else ""
    yield f"{name}{summary}; tier {run.tier}, {run.protocol}, {run.seconds:.1f} s"


def _details(run: Run) -> Iterator[str]:
    """Yield counts by group, kinds left out, expected failures, tolerances used and the slowest vectors."""
    yield f"{'tier':6}{'group':12}{'passed':>8}{'failed':>8}{'skipped':>9}"
    for tier, group, verdicts in groups(run):
        totals = counts(verdicts)
        yield f"{tier:6}{group:12}{totals['passed']:8}{totals['failed']:8}{totals['skipped']:9}"
    if run.left_out:
        yield f"left out: {', '.join(run.left_out)}"
    expected = [verdict for verdict in run.verdicts if verdict.outcome == "skipped" and not verdict.answer.leaves_out]
    for verdict in expected:
        yield f"skipped {verdict.case.id}: {printable(verdict.why)}"
    for verdict in run.verdicts:
        if verdict.margins:
            used = ", ".join(f"{limit} {share:.1%}" for limit, share in verdict.margins)
            yield f"{verdict.case.id} uses of its tolerance: {used}"
    slow = sorted(run.verdicts, key=lambda verdict: -verdict.answer.seconds)[:SLOWEST]
    yield "slowest: " + ", ".join(f"{verdict.case.id} {verdict.answer.seconds:.2f} s" for verdict in slow)


def printable(text: str) -> str:
    """Return decoder output as one printable line, with control characters escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in text
    )
