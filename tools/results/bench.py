# SPDX-License-Identifier: MIT
"""A bench of docs/results.md: the command that measures, what is kept of its JSON, and the rows of the page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Figures = dict[str, Any]  # what docs/results.json keeps of a bench
Inputs = Mapping[str, Path]  # placeholder of a command -> path
Row = tuple[str, str]  # what was measured, its figure

PLACES: Final = ("KODAK", "PHOTOS", "CAPTIONS", "HELD-OUT", "OUT")  # in commands
SPEED, EXACT, DESCRIPTIONS = "Seconds and memory", "Exactness", "Text, sketches, indices"  # headings with a table


class BenchError(Exception):
    """A bench could not run or its output could not be read, in one line."""


@dataclass(frozen=True)
class Bench:
    """One command. `shown` stands on the page; `writes` makes it write JSON to OUT; `runs` replaces `shown` if it differs.

    read: returns the figures of that JSON, with the paths of `places`, and raises KeyError, TypeError or ValueError if it has another form. rows:
    of the table under `heading`; benches without one have a block of their own on the page.
    """

    name: str
    shown: str
    read: Callable[[Any, Inputs], Figures]
    writes: str = "--json OUT"
    runs: str = ""
    heading: str = ""
    rows: Callable[[Figures], list[Row]] = lambda _: []

    @property
    def words(self) -> list[str]:
        """Return the words of the command that is run, with placeholders."""
        return shlex.split(f"{self.runs or self.shown} {self.writes}")

    @property
    def places(self) -> set[str]:
        """Return the placeholders of its inputs."""
        return {name for word in self.words for name in PLACES if name != "OUT" and _has(word, name)}

    @property
    def needs(self) -> list[str]:
        """Return what the caller must name: for the held-out photographs those of the training."""
        return sorted("PHOTOS" if name == "HELD-OUT" else name for name in self.places)


def _has(word: str, name: str) -> bool:
    return re.fullmatch(rf"{name}(/.*)?", word) is not None


def filled(words: list[str], inputs: Inputs) -> list[str]:
    """Return the words with paths in place of placeholders."""
    result = []
    for word in words:
        name = next((name for name in PLACES if _has(word, name)), None)
        result.append(word if name is None else str(inputs[name]) + word[len(name) :])
    return result
