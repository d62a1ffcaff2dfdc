# SPDX-License-Identifier: MIT
"""Makes published rows and vectors part of a release, of which none goes or changes from then on (docs/releasing.md).

    python -m tools.release 1.1.0

What no release has so far becomes part of this one. Nothing is written where the name was given before, or where a row or a
vector is not as it was released.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tools import registry as rows
from tools.vectors import released as vectors

ROOT: Final = Path(__file__).resolve().parents[1]

Releases = dict[str, dict[str, Any]]  # release -> id -> what is kept of it


def added(
    released: Mapping[str, Mapping[str, Any]], name: str, faults: Iterable[str], now: Mapping[str, Any]
) -> Releases:
    """`released` and one release more. ValueError for a name that is none or was given, and for any fault."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", name):
        raise ValueError(f"{name!r} is no release: name it as 1.1.0")
    if name in released:
        raise ValueError(f"there is a release {name}")
    for fault in faults:
        raise ValueError(fault)
    known = {item for kept in released.values() for item in kept}
    return {
        **{release: dict(kept) for release, kept in released.items()},
        name: {i: kept for i, kept in now.items() if i not in known},
    }


def main(args: list[str]) -> int:
    if len(args) != 1:
        raise SystemExit(__doc__)
    (name,) = args
    before, now = json.loads(vectors.RELEASED.read_bytes()), vectors.vectors()
    try:
        of_rows = added(json.loads(rows.RELEASED.read_bytes()), name, rows.released(), rows.published())
        of_vectors = added(before, name, vectors.faults(before, now), now)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    rows.RELEASED.write_text(json.dumps(of_rows, indent=1) + "\n")
    vectors.RELEASED.write_text(json.dumps(of_vectors, indent=0) + "\n")
    print(f"{len(of_rows[name])} rows and {len(of_vectors[name])} vectors are part of release {name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
