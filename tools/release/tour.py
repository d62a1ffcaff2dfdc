# SPDX-License-Identifier: MIT
"""Run the tour of README.md word for word, in an empty folder, with an installed `semtool`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

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


def provide(step: Step, folder: Path) -> None:
    """Write what the reader of the tour brings, where a step names it and no earlier one wrote it."""
    makers = {"photo.jpg": _photo, "clip.npy": _vector, "grid.npy": _indices}
    command = step.code if step.language == "python" else step.code.partition(" # ")[0]
    for name, make in makers.items():
        if re.search(rf"(?<![\w.-]){re.escape(name)}", command) and not (folder / name).exists():
            make(folder / name)


def _photo(path: Path) -> None:
    rows, cols = np.mgrid[0:256, 0:384]
    planes = [128 + 90 * np.sin(cols / 31 + rows / 23), 128 + 80 * np.cos(rows / 29), 90 + cols / 4]
    noise = np.random.default_rng(0).normal(0, 3, (256, 384, 3))
    Image.fromarray((np.stack(planes, -1) + noise).clip(0, 255).astype(np.uint8)).save(path, quality=92)


def _vector(path: Path) -> None:
    np.save(path, np.random.default_rng(1).standard_normal(768).astype(np.float32))


def _indices(path: Path) -> None:
    np.save(path, np.random.default_rng(2).integers(0, 256, (8, 12)).astype(np.uint16))


def follow(environment: Path, folder: Path) -> int:
    """Take every step of the tour in an empty folder; return their number.

    Output that README.md shows must come, and files have the sizes that comments state. Raises TrialError.
    """
    folder.mkdir()
    tour = steps((ROOT / "README.md").read_text(encoding="utf-8"))
    for step in tour:
        provide(step, folder)
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
