# SPDX-License-Identifier: MIT
"""Record published rows and vectors as part of a release, after which they never change (docs/releasing.md).

Rows and vectors that no earlier release contains become part of this one. Nothing is written if the release exists, or if
a released row or vector has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tools import registry as rows
from tools.vectors import released as vectors

Releases = dict[str, dict[str, Any]]  # release -> id -> digests


def added(
    released: Mapping[str, Mapping[str, Any]], name: str, problems: Iterable[str], now: Mapping[str, Any]
) -> Releases:
    """Return `released` with a new release added. Raises ValueError for an invalid or existing name, or for any problem."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", name):
        raise ValueError(f"{name!r} is not a release name such as 1.1.0")
    if name in released:
        raise ValueError(f"release {name} exists")
    for problem in problems:
        raise ValueError(problem)
    known = {item for kept in released.values() for item in kept}
    return {
        **{release: dict(kept) for release, kept in released.items()},
        name: {i: kept for i, kept in now.items() if i not in known},
    }


def record(name: str) -> str:
    """Record a release in both lists, or in neither; return a line that reports it. Raises ValueError as `added` does."""
    before, now = json.loads(vectors.RELEASED.read_bytes()), vectors.vectors()
    of_rows = added(json.loads(rows.RELEASED.read_bytes()), name, rows.released(), rows.published())
    of_vectors = added(before, name, vectors.violations(before, now), now)
    rows.RELEASED.write_text(json.dumps(of_rows, indent=1) + "\n")
    vectors.RELEASED.write_text(json.dumps(of_vectors, indent=0) + "\n")
    return f"{len(of_rows[name])} rows and {len(of_vectors[name])} vectors are part of release {name}"
