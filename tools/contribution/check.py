# SPDX-License-Identifier: MIT
"""Check a contributed folder: one line for each error, in the order rows, packages, papers, vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.contribution import packages, rows, suite

PAPERS: Final = {
    "README.md": "who proposes the row, what it is for, where its model comes from",
    "LICENSE": "that of the vectors, CC0 1.0",
}


def errors(folder: Path, decoders: Sequence[str] = ()) -> list[str]:
    """Return one line for each error of a contributed folder, [] if it can be proposed.

    decoders: commands of other decoders, to which the vectors are given as well.
    """
    if not folder.is_dir():
        return [f"{folder} is not a folder"]
    own, lines = rows.read(folder)
    lines += packages.errors(folder, own)
    lines += [
        f"{name} is absent or empty: {purpose}"
        for name, purpose in PAPERS.items()
        if not (folder / name).is_file() or not (folder / name).read_bytes().strip()
    ]
    return [*lines, *suite.errors(folder, own, decoders)]
