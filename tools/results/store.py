# SPDX-License-Identifier: MIT
"""docs/results.json: the figures of each bench, with what they were measured on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from refcodec.fileio import write_atomic
from tools.results import rates

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = ROOT / "docs" / "results.json"
LINE: Final = 150  # characters of a value that stays on one line


@dataclass(frozen=True)
class Entry:
    """The last result of a bench.

    how: "run" by this tool, or "recorded", copied from an earlier run, whose machine and versions may be unknown.
    """

    command: str
    how: str
    date: str  # ISO 8601
    commit: str  # the first eight digits; a plus sign after them: with changes that were not committed
    figures: dict[str, Any]
    seconds: float | None = None  # on the clock
    machine: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the members that are known, the figures last."""
        known = {
            name: value for name, value in asdict(self).items() if value not in (None, "", {}) or name == "figures"
        }
        return {name: value for name, value in known.items() if name != "figures"} | {"figures": self.figures}


@dataclass(frozen=True)
class Attempt:
    """An attempt that did not help: `what`, its `effect`, and the page of the repository that describes it."""

    what: str
    effect: str
    source: str


@dataclass(frozen=True)
class Results:
    """Everything that the page is written from."""

    entries: Mapping[str, Entry]
    attempts: tuple[Attempt, ...] = ()

    def figures(self, name: str) -> dict[str, Any] | None:
        """Return the figures of a bench, None if it never ran."""
        return self.entries[name].figures if name in self.entries else None

    @cached_property
    def curves(self) -> dict[str, dict[str, rates.Measured]]:
        """Return the codecs of each bench of rates by name."""
        return {name: rates.curves(entry.figures) for name, entry in self.entries.items() if "codecs" in entry.figures}


def load(path: Path = DATA) -> Results:
    """Return the stored results, none without the file."""
    if not path.is_file():
        return Results({})
    document = json.loads(path.read_bytes())
    entries = {name: Entry(**entry) for name, entry in document["benches"].items()}
    return Results(entries, tuple(Attempt(**each) for each in document["did_not_help"]))


def store(results: Results, order: list[str], path: Path = DATA) -> None:
    """Write the results, the benches in this order and others after them."""
    names = [*(name for name in order if name in results.entries), *(set(results.entries) - set(order))]
    document = {
        "benches": {name: results.entries[name].to_dict() for name in names},
        "did_not_help": [asdict(each) for each in results.attempts],
    }
    write_atomic(path, dumped(document).encode("utf-8"))


def dumped(value: Any) -> str:
    """Return JSON with one line for each value that fits into one, which keeps differences small."""
    return "".join(_lines(value, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or (indent and len(line) + len(indent) <= LINE):
        yield line
        return
    pairs = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
    yield "{" if isinstance(value, dict) else "["
    for number, (key, item) in enumerate(pairs):
        yield f"{',' if number else ''}\n{indent} "
        if key is not None:
            yield f"{json.dumps(key, ensure_ascii=False)}: "
        yield from _lines(item, indent + " ")
    yield f"\n{indent}" + ("}" if isinstance(value, dict) else "]")
