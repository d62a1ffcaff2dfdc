# SPDX-License-Identifier: MIT
"""Check that released vectors are still in test_vectors/, with the same bytes and verdicts.

    python -m tools.vectors.released     exit status 1 if one is gone or changed

A vector that proves wrong stays with an `until`, and another one replaces it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tools.vectors.entry import REVISION_OF_RELEASE

ROOT: Final = Path(__file__).resolve().parents[2]
VECTORS: Final = ROOT / "test_vectors"
RELEASED: Final = ROOT / "tools" / "vectors.released.json"  # release -> "list/id" -> digest of the vector
FREE: Final = ("features", "note", "rules", "since", "size", "stage", "until")  # may change: no part of the verdict
Digests = dict[str, str]


def digest(entry: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the input and the verdict: the members that are not free, and all files that they name."""
    members = {name: value for name, value in entry.items() if name not in FREE}
    files = {
        path.relative_to(VECTORS).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in named_files(members)
    }
    return hashlib.sha256(json.dumps([members, files], sort_keys=True).encode()).hexdigest()


def named_files(value: Any) -> Iterator[Path]:
    """Yield the files that an entry names, and all files of the folders that it names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            path = VECTORS / inner if isinstance(inner, str) and "/" in inner else None
            if name in ("file", "input", "trace", "folder") and path is not None:
                yield from (p for p in sorted(path.rglob("*")) if p.is_file()) if path.is_dir() else (path,)
            else:
                yield from named_files(inner)


def vectors() -> Digests:
    """Return the digests of all current vectors, by "list/id"."""
    manifest = json.loads((VECTORS / "manifest.json").read_bytes())
    digests = {
        f"{kind}/{e['id']}": digest(e)
        for kind, entries in manifest.items()
        if isinstance(entries, list)
        for e in entries
    }
    return dict(sorted(digests.items()))


def revisions() -> dict[str, int]:
    """Return the document revision that added each released vector, by "list/id"."""
    releases = json.loads(RELEASED.read_bytes())
    return {name: REVISION_OF_RELEASE[release] for release in reversed(list(releases)) for name in releases[release]}


def violations(released: Mapping[str, Digests], now: Digests) -> Iterator[str]:
    """Yield one line for each released vector that is gone or changed."""
    for release, digests in released.items():
        for name, before in digests.items():
            if name not in now:
                yield f"{name} is in release {release}, and is gone"
            elif now[name] != before:
                yield f"{name} is in release {release}, and changed"


def main() -> int:
    released = json.loads(RELEASED.read_bytes())
    lines = list(violations(released, vectors()))
    print(
        *lines,
        f"{sum(map(len, released.values()))} vectors in {len(released)} {'release' if len(released) == 1 else 'releases'}, {len(lines)} gone or changed",
        sep="\n",
    )
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
