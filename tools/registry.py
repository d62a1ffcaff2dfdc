# SPDX-License-Identifier: MIT
"""Maintain the registry: write digests into draft rows, and check that published rows do not change.

python -m tools.registry pin ID FOLDER      write the digest of a model package into a draft row
python -m tools.registry tables             write the digests of the text tables into all draft rows
python -m tools.registry check OLD NEW      check that NEW may follow OLD (SEM-R-030, 031); exit status 1 if not
python -m tools.registry released           check the registry against every release in registry.released.json
python -m tools.registry check FOLDER [COMMAND…]   check a contributed folder (docs/registry.md), also with other decoders
python -m tools.registry manifest FOLDER    write the manifest of its vectors from its cases.json
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from refcodec.errors import SemError, one_line
from refcodec.fileio import write_atomic
from refcodec.networks.package import IdentityModel, TableModel, load_any
from tools import program

ROOT = Path(__file__).resolve().parents[1]

PATH = ROOT / "refcodec/registry/registry.json"
RELEASED = ROOT / "tools/registry.released.json"  # release -> id of a published row -> digests by member, see `kept`
FREE = ("status", "notes", "recommended")  # members that may change in a published row
TABLES = ROOT / "refcodec/payloads/data"


def pin(row_id: int, folder: Path) -> None:
    """Write the digest and parameters of a model package into a draft row; exit for a published row."""
    rows = json.loads(PATH.read_text())
    row = next(r for r in rows["profiles"] if r["id"] == row_id)
    if row["status"] != "draft":
        raise SystemExit(f"profile {row_id} is {row['status']}: its binding never changes")
    model = load_any(folder)
    if isinstance(model, IdentityModel):
        raise SystemExit(f"{folder} holds an identity alone, which is the model of no row: write it into `identity`")
    row["binding"]["model"] = model.digest
    parameters = row["binding"]["parameters"].setdefault(str(model.kind), {})
    if isinstance(model, TableModel):
        parameters |= {name: value for name, value in model.numbers.items() if name in parameters}
    else:
        parameters |= model.numbers
    write(rows)
    print(f"profile {row_id}: model {model.digest}")


def tables() -> None:
    """Write the digests of consonant.bin, caption.bin and caption.zdict into all draft rows that use them."""
    rows = json.loads(PATH.read_text())
    named = {("1", "table"): "consonant.bin", ("2", "static"): "caption.bin", ("2", "dictionary"): "caption.zdict"}
    for row in rows["profiles"]:
        for (kind, member), name in named.items():
            parameters = row["binding"]["parameters"].get(kind, {})
            if row["status"] == "draft" and member in parameters:
                parameters[member] = hashlib.sha256((TABLES / name).read_bytes()).hexdigest()
    write(rows)


def rows_of(path: Path) -> dict[int, dict[str, Any]]:
    """Return id -> row of a registry file; exit if it is not a valid registry."""
    try:
        rows = json.loads(path.read_bytes())["profiles"]
        by_id = {int(row["id"]): dict(row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(f"{path} is not a registry: {error}") from error
    if len(by_id) != len(rows):
        raise SystemExit(f"{path} has two rows with the same id")
    return by_id


def kept(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of the members of a row that must not change after publication."""
    members = {name: value for name, value in row.items() if name not in FREE}
    return {
        name: hashlib.sha256(json.dumps(v, sort_keys=True).encode()).hexdigest() for name, v in sorted(members.items())
    }


def changed(published: Mapping[int, Mapping[str, str]], after: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a message for each published row that `after` removes or changes. published: id -> `kept` of the row."""
    for profile_id, before in sorted(published.items()):
        if profile_id not in after:
            yield f"SEM-R-030: profile {profile_id} was published, and is gone"
            continue
        now = kept(after[profile_id])
        differing = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        if {"name", "binding"} <= set(differing):
            yield f"SEM-R-031: profile {profile_id} was published, and its id is given to another row"
        elif differing:
            yield f"SEM-R-030: profile {profile_id} was published, and its {', '.join(differing)} changed"


def check(old: Path, new: Path) -> list[str]:
    """Return the reasons why registry `new` may not follow `old`; [] if it may."""
    before, after = rows_of(old), rows_of(new)
    published = {profile_id: kept(row) for profile_id, row in before.items() if row["status"] != "draft"}
    names = {before[profile_id]["name"]: profile_id for profile_id in published}
    return [*changed(published, after), *renamed(names, after)]


def renamed(names: Mapping[str, int], after: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a message for each row of `after` that has the name of another published row. names: name -> its id."""
    for profile_id, row in sorted(after.items()):
        owner = names.get(row["name"], profile_id)
        if owner != profile_id:
            yield f"SEM-R-039: {row['name']} is the name of profile {owner}, and is given to profile {profile_id}"


def released() -> list[str]:
    """Return the differences between the registry of this repository and every release that are not allowed."""
    after, problems = rows_of(PATH), []
    for release, rows in json.loads(RELEASED.read_bytes()).items():
        published_rows = {int(i): row for i, row in rows.items()}
        problems += [f"{release}: {problem}" for problem in changed(published_rows, after)]
    return problems


def published() -> dict[str, dict[str, str]]:
    """Return id -> `kept` of every published row."""
    return {str(i): kept(row) for i, row in sorted(rows_of(PATH).items()) if row["status"] == "published"}


def report(problems: list[str]) -> int:
    """Print the problems; return the exit status."""
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def write(rows: object) -> None:
    """Write the registry file."""
    write_atomic(PATH, (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode())


def contribution(action: str, folder: Path, decoders: list[str]) -> int:
    """Check a contributed folder, or write the manifest of its vectors; return the exit status."""
    from tools.contribution import check as checks
    from tools.contribution import manifest

    if action == "manifest":
        try:
            print(f"{manifest.write(folder)} vectors")
        except (SemError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else one_line(str(error))
            print(f"{folder}: cannot write the manifest of {manifest.CASES}: {reason}")
            return 1
        return 0
    return report(checks.errors(folder, decoders))


def main(arguments: list[str]) -> int:
    """Run one command; SystemExit with the usage for any other."""
    match arguments:
        case ["tables"]:
            tables()
            return 0
        case ["released"]:
            return report(released())
        case ["pin", row_id, folder]:
            pin(int(row_id), Path(folder))
            return 0
        case ["check", old, new] if not Path(old).is_dir():
            return report(check(Path(old), Path(new)))
        case ["check", folder, *decoders]:
            return contribution("check", Path(folder), decoders)
        case ["manifest", folder]:
            return contribution("manifest", Path(folder), [])
    raise SystemExit(__doc__)


if __name__ == "__main__":
    raise SystemExit(program.run(lambda: main(sys.argv[1:])))
