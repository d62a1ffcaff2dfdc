# SPDX-License-Identifier: MIT
"""Holds test_vectors/ to what releases contain: a vector that was released stays, with its bytes and its verdict.

    python -m tools.vectors.released     exit status 1 where one is gone or changed

A vector that turned out to be wrong gets an `until` and stays, and another takes its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
VECTORS: Final = ROOT / "test_vectors"
RELEASED: Final = ROOT / "tools" / "vectors.released.json"  # release -> "list/id" -> digest of the vector
FREE: Final = ("features", "note", "rules", "since", "size", "stage", "until")  # that explain, and bear on no verdict
Kept = dict[str, str]


def digest(entry: Mapping[str, Any]) -> str:
    """SHA-256 of what a decoder is given and must answer: the members that count, and all files that they name."""
    said = {name: value for name, value in entry.items() if name not in FREE}
    files = {
        path.relative_to(VECTORS).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in named(said)
    }
    return hashlib.sha256(json.dumps([said, files], sort_keys=True).encode()).hexdigest()


def named(value: Any) -> Iterator[Path]:
    """The files, and those of the folders, that an entry names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            path = VECTORS / inner if isinstance(inner, str) and "/" in inner else None
            if name in ("file", "input", "trace", "folder") and path is not None:
                yield from (p for p in sorted(path.rglob("*")) if p.is_file()) if path.is_dir() else (path,)
            else:
                yield from named(inner)


def vectors() -> Kept:
    """ "list/id" -> digest of every vector that is there."""
    manifest = json.loads((VECTORS / "manifest.json").read_bytes())
    found = {
        f"{kind}/{e['id']}": digest(e)
        for kind, entries in manifest.items()
        if isinstance(entries, list)
        for e in entries
    }
    return dict(sorted(found.items()))


def faults(released: Mapping[str, Kept], now: Kept) -> Iterator[str]:
    """What was released and is not as it was."""
    for release, kept in released.items():
        for name, before in kept.items():
            if name not in now:
                yield f"{name} is in release {release}, and is gone"
            elif now[name] != before:
                yield f"{name} is in release {release}, and changed"


def main() -> int:
    released = json.loads(RELEASED.read_bytes())
    found = list(faults(released, vectors()))
    print(
        *found,
        f"{sum(map(len, released.values()))} vectors of {len(released)} releases, {len(found)} not as they were",
        sep="\n",
    )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
