# SPDX-License-Identifier: MIT
"""A run as JSON (schema/report.schema.json), as JUnit XML, and as lines for people."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from semrunner.judge import Run, Verdict
from semrunner.manifest import TIERS
from semrunner.suite import Suite

OUTCOMES = ("passed", "failed", "skipped")
SLOWEST = 5


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    return {outcome: sum(verdict.outcome == outcome for verdict in verdicts) for outcome in OUTCOMES}


def groups(run: Run) -> list[tuple[str, str, list[Verdict]]]:
    """(tier, group, verdicts), tiers from the lowest."""
    found: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in run.verdicts:
        found.setdefault((verdict.counts_for, verdict.case.group), []).append(verdict)
    return [(*key, found[key]) for key in sorted(found, key=lambda key: (TIERS.index(key[0]), key[1]))]


def as_json(run: Run, suite: Suite, command: Sequence[str]) -> dict[str, Any]:
    return {
        "format": "sem-conformance-report",
        "format_version": 1,
        "suite": {"manifest_sha256": suite.digest, "format_version": suite.format_version},
        "decoder": {"name": run.name, "command": list(command), "protocol": run.protocol, "tier": run.tier},
        "machine": {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()},
        "passed": run.passed,
        "counts": counts(run.verdicts),
        "groups": [{"tier": tier, "group": group} | counts(verdicts) for tier, group, verdicts in groups(run)],
        "left_out": list(run.left_out),
        "faults": list(run.faults),
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
    """JUnit XML: a suite for each tier and group."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    total = counts(run.verdicts)
    head = {
        "name": f"sem conformance: {run.name}",
        "tests": len(run.verdicts) + len(run.faults),
        "failures": total["failed"] + len(run.faults),
    }
    lines.append(f"<testsuites{_attributes(head | {'skipped': total['skipped'], 'time': f'{run.seconds:.3f}'})}>")
    for tier, group, verdicts in groups(run):
        here = counts(verdicts)
        spent = sum(verdict.answer.seconds for verdict in verdicts)
        head = {"name": f"{tier}.{group}", "tests": len(verdicts), "failures": here["failed"]}
        lines.append(f"<testsuite{_attributes(head | {'skipped': here['skipped'], 'time': f'{spent:.3f}'})}>")
        lines += [_case(verdict) for verdict in verdicts]
        lines.append("</testsuite>")
    if run.faults:
        lines.append(
            f"<testsuite{_attributes({'name': 'decoder', 'tests': len(run.faults), 'failures': len(run.faults)})}>"
        )
        lines += [
            f'<testcase classname="decoder" name={_quoted(f)}><failure message={_quoted(f)}/></testcase>'
            for f in run.faults
        ]
        lines.append("</testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def _case(verdict: Verdict) -> str:
    case = verdict.case
    head = {"classname": f"{verdict.counts_for}.{case.group}", "name": case.id, "time": f"{verdict.answer.seconds:.4f}"}
    inner = {"passed": "", "failed": "failure", "skipped": "skipped"}[verdict.outcome]
    body = f"<{inner} message={_quoted(f'{verdict.why} [{chr(32).join(case.rules)}]')}/>" if inner else ""
    return f"<testcase{_attributes(head)}>{body}</testcase>" if body else f"<testcase{_attributes(head)}/>"


def _attributes(members: dict[str, Any]) -> str:
    return "".join(f" {name}={_quoted(str(value))}" for name, value in members.items())


def _quoted(text: str) -> str:
    """As XML 1.0 can hold it."""
    return quoteattr(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text))


def lines(run: Run, *, quiet: bool = False) -> Iterator[str]:
    """What people read: failures first, then counts, then what is worth a look."""
    for verdict in run.verdicts:
        if verdict.outcome == "failed":
            yield f"FAILED {verdict.case.id} ({' '.join(verdict.case.rules)}): {printable(verdict.why)}"
    for fault in run.faults:
        yield f"FAILED {printable(fault)}"
    if not quiet:
        yield from _details(run)
    total = counts(run.verdicts)
    said = ", ".join(f"{number} {outcome}" for outcome, number in total.items())
    name = f"{printable(run.name)}: " if run.name else ""
    yield f"{name}{said}; tier {run.tier}, {run.protocol}, {run.seconds:.1f} s"


def _details(run: Run) -> Iterator[str]:
    yield f"{'tier':6}{'group':12}{'passed':>8}{'failed':>8}{'skipped':>9}"
    for tier, group, verdicts in groups(run):
        here = counts(verdicts)
        yield f"{tier:6}{group:12}{here['passed']:8}{here['failed']:8}{here['skipped']:9}"
    if run.left_out:
        yield f"left out: {', '.join(run.left_out)}"
    known = [verdict for verdict in run.verdicts if verdict.outcome == "skipped" and not verdict.answer.leaves_out]
    for verdict in known:
        yield f"skipped {verdict.case.id}: {printable(verdict.why)}"
    for verdict in run.verdicts:
        if verdict.margins:
            used = ", ".join(f"{limit} {share:.1%}" for limit, share in verdict.margins)
            yield f"{verdict.case.id} uses up of its tolerance: {used}"
    slow = sorted(run.verdicts, key=lambda verdict: -verdict.answer.seconds)[:SLOWEST]
    yield "slowest: " + ", ".join(f"{verdict.case.id} {verdict.answer.seconds:.2f} s" for verdict in slow)


def printable(text: str) -> str:
    """On one line of a terminal, whatever a decoder says."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in text
    )
