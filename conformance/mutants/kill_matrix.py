# SPDX-License-Identifier: MIT
"""Read and write the kill matrix, matrix.json and matrix.md: which vectors detect which mutant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mutants.catalogue import MUTANTS

MATRIX = Path(__file__).resolve().parent / "matrix.json"
KEPT = 3  # number of failing vectors listed in matrix.json


@dataclass(frozen=True)
class Row:
    """The result of one mutant."""

    name: str
    wrong: str
    failing: int  # vectors
    first: tuple[str, ...]  # ids of the first failing vectors, or the stage at which it failed; empty if it survives
    rules: tuple[str, ...] = ()  # of the first vector
    came: str = ""  # reason of the first failure


def read_matrix() -> dict[str, Row]:
    """Return the rows of matrix.json by name."""
    rows = json.loads(MATRIX.read_bytes())["mutants"] if MATRIX.is_file() else []
    return {
        row["name"]: Row(row["name"], row["wrong"], row["failing"], tuple(row["first"]), tuple(row["rules"]))
        for row in rows
    }


def write_matrix(rows: Sequence[Row]) -> None:
    """Write matrix.md and matrix.json; keep the rows of mutants that did not run."""
    both = read_matrix() | {row.name: row for row in rows}
    kept = [both[name] for name in MUTANTS if name in both]
    MATRIX.with_suffix(".md").write_text(markdown(kept), encoding="utf-8")
    document = {"mutants": [{name: value for name, value in asdict(row).items() if name != "came"} for row in kept]}
    MATRIX.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def markdown(rows: Sequence[Row]) -> str:
    """Return the text of matrix.md."""
    lines = [
        "# The kill matrix",
        "",
        "Written by `python conformance/selftest.py --all --write`: each row is the micro-decoder with one error,",
        "or refcodec with an error in the picture (`paint-…`, `painter-…`), in what it writes (`encoder-…`, `quantise-…`)",
        "or in how it edits (`editor-…`).",
        "",
        "| mutant | error | failing vectors | first | rules |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        wrong = row.wrong.replace("|", "\\|")
        first = row.first[0] if row.first else "**survives**"
        failing = f"{row.failing or ''}{'+' if row.failing == KEPT and MUTANTS[row.name].slow else ''}"
        lines.append(f"| {row.name} | {wrong} | {failing} | {first} | {' '.join(row.rules)} |")
    return "\n".join([*lines, ""])
