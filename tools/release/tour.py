# SPDX-License-Identifier: MIT
"""Run the tour of README.md word for word, in an empty folder, with an installed `semtool`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.release.build import ROOT
from tools.release.environments import TrialError, python_of, run

HEADING: Final = "## A tour"
_BLOCK: Final = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SIZE: Final = re.compile(r"\s#.*?\b(\d+) bytes")
_OUTPUT: Final = re.compile(r"\s-o (\S+\.sem)\b")


@dataclass(frozen=True)
class Step:
    """A command of the shell or a program in Python, and the output that README.md shows below it."""

    language: str
    code: str
    shown: str


def steps(readme: str) -> list[Step]:
    """Return the steps of the tour, in their order. Raises ValueError if README.md has none."""
    tour = readme.partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    found: list[Step] = []
    for language, text in _BLOCK.findall(tour):
        if language == "python":
            found.append(Step(language, text, ""))
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            code, _, shown = part.partition("\n")
            found.append(Step(language, code, shown))
    if not found:
        raise ValueError(f"README.md has no steps below {HEADING!r}")
    return found


def follow(environment: Path, folder: Path) -> int:
    """Take every step of the tour in an empty folder; return their number.

    Output that README.md shows must come, and files have the sizes that comments state. Raises TrialError.
    """
    folder.mkdir()
    tour = steps((ROOT / "README.md").read_text(encoding="utf-8"))
    for step in tour:
        if step.language == "python":
            run([str(python_of(environment)), "-c", step.code], environment, folder)
            continue
        output = run(["sh", "-c", step.code], environment, folder)
        if step.shown and output != step.shown:
            raise TrialError(f"`{step.code}` prints {output!r} where README.md shows {step.shown!r}")
        size, name = _SIZE.search(step.code), _OUTPUT.search(step.code)
        if size and name and (folder / name[1]).stat().st_size != int(size[1]):
            raise TrialError(f"`{step.code}`: the file has {(folder / name[1]).stat().st_size} bytes")
    return len(tour)
