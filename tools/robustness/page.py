# SPDX-License-Identifier: MIT
"""Render docs/robustness.md from docs/robustness.json."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tools.fuzz.target import ROOT
from tools.robustness.attacks import ATTACKS, Attack

PAGE: Final = ROOT / "docs" / "robustness.md"
RESULTS: Final = ROOT / "docs" / "robustness.json"
BEGIN, END = "<!-- results: python -m tools.robustness -->\n", "<!-- end of results -->\n"

Results = dict[str, dict[str, Any]]  # name of a row -> its result


def load() -> Results:
    """Return the recorded results, empty without the file."""
    results: Results = json.loads(RESULTS.read_bytes()) if RESULTS.is_file() else {}
    return results


def store(results: Results) -> None:
    """Write the results in the order of the rows, and the page."""
    ordered = {attack.name: results[attack.name] for attack in ATTACKS if attack.name in results}
    RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(rendered(ordered, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def rendered(results: Results, page: str) -> str:
    """Return the page with the tables of these results between its marks."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks the marks around its results")
    return head + begin + "".join(f"{line}\n" for line in tables(results)) + end + tail


def tables(results: Results) -> Iterator[str]:
    """Yield the lines of one table for each area."""
    area = ""
    for attack in ATTACKS:
        result = results.get(attack.name)
        if result is None:
            continue
        if attack.area != area:
            area = attack.area
            yield from ("", f"### {area}", "", "| attack | inputs | worst time | worst memory | result | command |")
            yield "|---|--:|--:|--:|---|---|"
        yield row(attack, result)
    yield ""


def row(attack: Attack, result: dict[str, Any]) -> str:
    """Return the line of one row."""
    failures, noun = result["failures"], "finding" if attack.form != "pytest" else "failure"
    verdict = f"no {noun}" if not failures else f"{failures} {noun}{'s' if failures > 1 else ''}"
    skipped = [f"{result['skipped']} skipped"] if result["skipped"] else []
    notes = "; ".join(filter(None, [verdict, *skipped, result["note"]]))
    cells = [
        attack.what,
        f"{result['inputs']:,} {attack.inputs}",
        _time(result["worst_seconds"]),
        f"{result['worst_memory'] / 1e6:,.0f} MB",
        notes,
        f"`python -m {shlex.join(result['command'])}`",
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def disagreements(results: Results, page: str) -> list[str]:
    """Return what is wrong: the page, a command, a test file that is missing, a finding that is open."""
    known = {attack.name: attack for attack in ATTACKS}
    wrong = [] if rendered(results, page) == page else ["docs/robustness.md is not that of docs/robustness.json"]
    for name, result in results.items():
        if name not in known:
            wrong.append(f"{name} is no longer a row")
        elif result["command"] != list(known[name].command):
            wrong.append(f"{name} was run by another command")
        elif result["failures"]:
            wrong.append(f"{name} has {result['failures']} findings")
        else:
            files = [argument for argument in result["command"] if argument.startswith("tests/")]
            wrong += [f"{name}: there is no {file}" for file in files if not Path(ROOT / file).exists()]
    return wrong
