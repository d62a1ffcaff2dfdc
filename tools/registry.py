# SPDX-License-Identifier: MIT
"""Keeps the registry: digests of models and text tables in draft rows, and what was published as it was.

python -m tools.registry pin 1 refcodec/data/models/elic-small
python -m tools.registry tables
python -m tools.registry check OLD NEW      whether NEW may follow OLD (SEM-R-030, 031); exit status 1 if not
python -m tools.registry released           the same of the registry and every release in registry.released.json
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from refcodec.networks.package import SmallModel, load_any

ROOT = Path(__file__).resolve().parents[1]

PATH = ROOT / "refcodec/registry/registry.json"
RELEASED = ROOT / "tools/registry.released.json"  # of each release: id of a published row -> what SEM-R-030 keeps of it
FREE = ("status", "notes", "recommended")  # members that may change in a published row
TABLES = ROOT / "refcodec/payloads/data"


def pin(row_id: int, folder: Path) -> None:
    """Refuses published rows: they never change."""
    rows = json.loads(PATH.read_text())
    row = next(r for r in rows["profiles"] if r["id"] == row_id)
    if row["status"] != "draft":
        raise SystemExit(f"profile {row_id} is {row['status']}: its binding never changes")
    model = load_any(folder)
    row["binding"]["model"] = model.digest
    parameters = row["binding"]["parameters"].setdefault(str(model.kind), {})
    if isinstance(model, SmallModel):
        parameters |= {name: value for name, value in model.numbers.items() if name in parameters}
    else:
        parameters |= {
            "groups": list(model.groups),
            "hyper": model.hyper,
            "m": model.m,
            "parity": model.parity,
            "rates": model.rates,
        }
    write(rows)
    print(f"profile {row_id}: model {model.digest}")


def tables() -> None:
    """The digests of consonant.bin, caption.bin and caption.zdict in all draft rows that use them."""
    rows = json.loads(PATH.read_text())
    named = {("1", "table"): "consonant.bin", ("2", "static"): "caption.bin", ("2", "dictionary"): "caption.zdict"}
    for row in rows["profiles"]:
        for (kind, member), name in named.items():
            parameters = row["binding"]["parameters"].get(kind, {})
            if row["status"] == "draft" and member in parameters:
                parameters[member] = hashlib.sha256((TABLES / name).read_bytes()).hexdigest()
    write(rows)


def rows_of(path: Path) -> dict[int, dict[str, Any]]:
    """id -> row of a registry. SystemExit for a file that is none."""
    try:
        rows = json.loads(path.read_bytes())["profiles"]
        found = {int(row["id"]): dict(row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(f"{path} is no registry: {error}") from error
    if len(found) != len(rows):
        raise SystemExit(f"{path} gives an id twice")
    return found


def kept(row: Mapping[str, Any]) -> dict[str, str]:
    """Digests of the members of a row that may not change once it was published."""
    members = {name: value for name, value in row.items() if name not in FREE}
    return {
        name: hashlib.sha256(json.dumps(v, sort_keys=True).encode()).hexdigest() for name, v in sorted(members.items())
    }


def changed(published: Mapping[int, Mapping[str, str]], after: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """What `after` does to published rows that it may not. published: id -> `kept` of the row."""
    for profile_id, before in sorted(published.items()):
        if profile_id not in after:
            yield f"SEM-R-030: profile {profile_id} was published, and is gone"
            continue
        now = kept(after[profile_id])
        other = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        if {"name", "binding"} <= set(other):
            yield f"SEM-R-031: profile {profile_id} was published, and its id is given to another row"
        elif other:
            yield f"SEM-R-030: profile {profile_id} was published, and its {', '.join(other)} changed"


def check(old: Path, new: Path) -> list[str]:
    """Why a registry may not follow another; nothing where it may."""
    before, after = rows_of(old), rows_of(new)
    published = {profile_id: kept(row) for profile_id, row in before.items() if row["status"] != "draft"}
    return list(changed(published, after))


def released() -> list[str]:
    """The same of the registry of this repository and every release."""
    after, faults = rows_of(PATH), []
    for release, rows in json.loads(RELEASED.read_bytes()).items():
        faults += [f"{release}: {fault}" for fault in changed({int(i): row for i, row in rows.items()}, after)]
    return faults


def published() -> dict[str, dict[str, str]]:
    """id -> `kept` of every row that is published."""
    return {str(i): kept(row) for i, row in sorted(rows_of(PATH).items()) if row["status"] == "published"}


def report(faults: list[str]) -> int:
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def write(rows: object) -> None:
    PATH.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["tables"]:
        tables()
    elif len(sys.argv) == 4 and sys.argv[1] == "check":
        raise SystemExit(report(check(Path(sys.argv[2]), Path(sys.argv[3]))))
    elif sys.argv[1:] == ["released"]:
        raise SystemExit(report(released()))
    elif len(sys.argv) == 4 and sys.argv[1] == "pin":
        pin(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        raise SystemExit(__doc__)
