# SPDX-License-Identifier: MIT
"""Count the outcomes of units in a JSON file, from which an interrupted run goes on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from refcodec.errors import FAMILIES, Code
from refcodec.fileio import write_atomic

FINDINGS_MAX: Final = 20  # of one unit that are kept
Result = tuple[str, str, float]


@dataclass
class Tally:
    """What the variants of one unit gave, or those of many together."""

    flips: int = 0
    prefixes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    worst_seconds: float = 0.0
    worst: str = ""
    memory_mb: int = 0  # peak of the process
    findings: list[str] = field(default_factory=list)

    def add(self, name: str, results: Iterable[Result]) -> Tally:
        """Count the variants of a file of this name; return the tally."""
        for label, outcome, seconds in results:
            self.prefixes += label.startswith("prefix")
            self.flips += not label.startswith("prefix")
            self.outcomes["finding" if outcome.startswith("!") else outcome] += 1
            self.seconds += seconds
            if outcome.startswith("!") and len(self.findings) < FINDINGS_MAX:
                self.findings.append(f"{name}, {label}: {outcome[1:]}")
            if seconds > self.worst_seconds:
                self.worst_seconds, self.worst = seconds, f"{name}, {label}: {outcome}"
        return self

    def merge(self, other: Tally) -> None:
        """Add the counts of another tally."""
        self.flips, self.prefixes = self.flips + other.flips, self.prefixes + other.prefixes
        self.outcomes += other.outcomes
        self.seconds += other.seconds
        self.memory_mb = max(self.memory_mb, other.memory_mb)
        self.findings += other.findings
        if other.worst_seconds > self.worst_seconds:
            self.worst_seconds, self.worst = other.worst_seconds, other.worst

    def to_dict(self) -> dict[str, Any]:
        return vars(self) | {"outcomes": dict(self.outcomes.most_common())}

    @classmethod
    def of(cls, values: dict[str, Any]) -> Tally:
        """Return the tally of a JSON object."""
        return cls(**(values | {"outcomes": Counter(values["outcomes"])}))


class Report:
    """The finished units of a run by key, each with the digest of its file, kept in a JSON file."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.units: dict[str, tuple[str, Tally]] = {}
        if path is not None and path.is_file():
            document = json.loads(path.read_bytes())
            self.units = {key: (unit["sha256"], Tally.of(unit["tally"])) for key, unit in document["units"].items()}

    def has(self, key: str, data: bytes) -> bool:
        """Return whether this unit of these bytes is finished."""
        return key in self.units and self.units[key][0] == _digest(data)

    def put(self, key: str, data: bytes, tally: Tally) -> None:
        """Add a finished unit."""
        self.units[key] = _digest(data), tally

    def total(self) -> Tally:
        """Return the sum of all units."""
        total = Tally()
        for _, tally in self.units.values():
            total.merge(tally)
        return total

    def save(self) -> None:
        """Write the JSON file, if there is one: the total and every unit."""
        if self.path is not None:
            units = {key: {"sha256": digest, "tally": tally.to_dict()} for key, (digest, tally) in self.units.items()}
            document = {"total": self.total().to_dict(), "units": units}
            write_atomic(self.path, json.dumps(document, indent=1, ensure_ascii=False).encode())

    def lines(self, units: int) -> Iterator[str]:
        """Yield the report as text; `units`: how many there are in all."""
        total, files = self.total(), {key.rpartition(":")[0].partition(" with ")[0] for key in self.units}
        yield f"{len(self.units)} of {units} units of {len(files)} files: {total.flips} flips, {total.prefixes} prefixes"
        families = Counter[str]()
        for outcome, count in total.outcomes.items():
            families[FAMILIES[int(outcome[6:]) // 100].name if outcome.startswith("SEM-E-") else outcome] += count
        yield "  " + ", ".join(f"{name} {count}" for name, count in families.most_common())
        for outcome, count in total.outcomes.most_common():
            name = Code(int(outcome[6:])).label if outcome.startswith("SEM-E-") else ""
            yield f"  {count:9}  {outcome} {name}"
        yield f"  {total.seconds:.0f} s of CPU time; worst {total.worst_seconds:.2f} s: {total.worst}"
        yield f"  peak memory {total.memory_mb} MB"
        yield from (f"FINDING {finding}" for finding in total.findings)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
