# SPDX-License-Identifier: MIT
"""Large photographs for `tools.bench.base`: the sample enlarged, and the same commands by another checkout in the same run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
Row = dict[str, float]
Rows = dict[str, Row]


class Large(NamedTuple):
    """A picture of (width, height), the level of its files, and the MB that each command may take."""

    name: str
    size: tuple[int, int]
    level: int
    peak_mb: dict[str, int]


LARGE: Final = Large("large", (6000, 4000), 1, {"encode": 900, "decode": 600, "verify": 400})
HUGE: Final = Large("huge", (12248, 8165), 2, {"encode": 3000, "decode": 3000})
SHARE: Final = 1 / 3  # of the seconds of release 1.0.0
COMMANDS: Final = ("encode", "decode", "verify")


def clean() -> dict[str, str]:
    """Return the variables of this process without those that change what python imports or how many threads run."""
    names = ("PYTHONPATH", "PYTHONHOME", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SEM_MODELS", "SEM_NO_NUMBA")
    return {name: value for name, value in os.environ.items() if name not in names}


class Program(NamedTuple):
    """One `semtool`: its name in the table, the command that starts it, and variables of its environment."""

    name: str
    command: list[str]
    variables: dict[str, str]


def programs(python: Path, other: Path | None) -> list[Program]:
    """Return this `semtool`, and another one: of a checkout, or of the environment of a Python.

    A checkout, and this one beside it, are run by the Python that runs the bench. Otherwise this one is the installed one.
    Raises ValueError for a path that is neither.
    """
    if other is None:
        return [_installed("this", python)]
    if other.is_file():
        return [_installed("this", python), _installed("other", other)]
    return [_checkout("this", ROOT), _checkout("other", other)]


def _installed(name: str, python: Path) -> Program:
    return Program(name, [str(python.with_name("semtool"))], {})


def _checkout(name: str, tree: Path) -> Program:
    """Return the `semtool` of a checkout; until release 1.0.0 it was in `tools`."""
    module, places = "refcodec.cli", [tree, tree / "conformance"]
    if (tree / "tools" / "semtool").is_dir():
        module, places = "semtool", [*places, tree / "tools"]
    elif not (tree / "refcodec" / "cli").is_dir():
        raise ValueError(f"{tree} is no checkout of this repository, and no Python")
    path = os.pathsep.join(map(str, places))
    return Program(name, [sys.executable, "-P", "-m", module], {"PYTHONPATH": path})


def commands(program: Program, png: Path, folder: Path, level: int) -> dict[str, list[str]]:
    """Return the commands by name, in an order in which each finds its input."""
    sem = str(folder / f"{program.name}.sem")
    more = [] if level == 1 else ["--level", str(level)]
    return {
        "encode": [*program.command, "encode", str(png), "-o", sem, *more],
        "decode": [*program.command, "decode", sem, "-o", str(folder / f"{program.name}.png"), *more],
        "verify": [*program.command, "verify", sem, *more],
    }


def compare(
    found: list[Program],
    large: Large,
    png: Path,
    runs: int,
    run: Callable[[list[str], dict[str, str]], Any],
    summary: Callable[[list[Any]], Row],
) -> tuple[dict[str, Rows], dict[str, int]]:
    """Return the figures of each command of each program, which take turns, and the MB that this program predicts.

    run: runs a command with variables of its environment; summary: the figures of several runs of one command.
    """
    taken: dict[str, dict[str, list[Any]]] = {each.name: {name: [] for name in COMMANDS} for each in found}
    with tempfile.TemporaryDirectory() as place:
        for _ in range(runs):
            for name in COMMANDS:
                for each in found:
                    command = commands(each, png, Path(place), large.level)[name]
                    if "-o" in command:
                        Path(command[command.index("-o") + 1]).unlink(missing_ok=True)  # 1.0.0 has no --force
                    taken[each.name][name].append(run(command, each.variables))
        predicted = predict(found[0], Path(place), large.level)
    return {each: {name: summary(rows) for name, rows in by_name.items()} for each, by_name in taken.items()}, predicted


def predict(program: Program, folder: Path, level: int) -> dict[str, int]:
    """Return the MB that `semtool inspect --memory` predicts for a file that `commands` has made."""
    command = [*program.command, "inspect", "--memory", "--json", "--level", str(level)]
    command.append(str(folder / f"{program.name}.sem"))
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=clean() | program.variables)
    found = json.loads(done.stdout)["memory"]
    return {"decode": round(found["picture"] / 1e6), "verify": round(found["symbols"] / 1e6)}


def ratios(rows: dict[str, Rows]) -> Rows:
    """Return what this program takes in shares of the other: seconds, seconds of the processor, and memory."""
    if "other" not in rows:
        return {}
    return {
        name: {unit: round(value / rows["other"][name][unit], 3) for unit, value in row.items()}
        for name, row in rows["this"].items()
    }


def table(large: Large, rows: dict[str, Rows], predicted: dict[str, int]) -> str:
    """Return the results of one picture as text, with the bounds that are exceeded."""
    width, height = large.size
    lines = [f"{large.name}, {width}x{height}, level {large.level}", "                      wall s   cpu s  peak MB"]
    for program, by_name in rows.items():
        for name, v in by_name.items():
            lines.append(f"  {program:7}{name:11}{v['wall_s']:8.2f}{v['cpu_s']:8.2f}{v['peak_mb']:9.0f}")
    for name, v in ratios(rows).items():
        lines.append(f"  share  {name:11}{v['wall_s']:8.3f}{v['cpu_s']:8.3f}{v['peak_mb']:9.3f}")
    for name, mb in predicted.items():
        error = mb / rows["this"][name]["peak_mb"] - 1
        lines.append(f"  predicted {name:8}{mb:25} ({100 * error:+.0f} %)")
    return "\n".join([*lines, *(f"  {text}" for text in exceeded(large, rows))])


def exceeded(large: Large, rows: dict[str, Rows]) -> list[str]:
    """Return one line for each bound that a command exceeds."""
    lines = [
        f"{name} takes {rows['this'][name]['peak_mb']:.0f} MB, more than {most}"
        for name, most in large.peak_mb.items()
        if rows["this"][name]["peak_mb"] > most
    ]
    for name, row in ratios(rows).items():
        for unit in ("wall_s", "cpu_s"):
            if row[unit] > SHARE:
                lines.append(f"{name}: {unit} is {row[unit]:.3f} of the other's, more than a third")
    return lines
