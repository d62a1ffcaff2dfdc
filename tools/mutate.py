# SPDX-License-Identifier: MIT
"""Does any one rejection of refcodec matter? Each is taken away, one at a time, until a vector says otherwise.

    python -m tools.mutate                     container, payloads, range coder; models and the registry
    python -m tools.mutate --bounds            their bounds, too, each one more and one less
    python -m tools.mutate '*caption.py*'      only those with such an id
    python -m tools.mutate --list              what would be taken away

Vectors that are likely to notice are asked first: those with the rules and the error of the place. No file is changed.
Exit status 1 where a mutant survives that conformance/mutants/survivors.json does not explain, or one is explained
there that does not survive (bounds are only listed: many are of models that no row could have); 2 where refcodec as it is fails a vector.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from semrunner.settings import gather
from semrunner.suite import Case, Suite, load
from tools.mutation import trial
from tools.mutation.sites import Site, find

ROOT: Final = Path(__file__).resolve().parents[1]
os.environ["SEM_NO_NUMBA"] = "1"  # Python's loops are those that are changed


EXPLAINED: Final = ROOT / "conformance" / "mutants" / "survivors.json"
NORMATIVE: Final = [ROOT / "refcodec" / part for part in ("registry", "payloads/data", "entropy/data")]
GROUPS: Final = {
    "container": (
        "container/*.py",
        "payloads/*.py",
        "payloads/caption/*.py",
        "entropy/coder.py",
        "entropy/rangecoder.py",
        "entropy/tables.py",
    ),
    "models": (
        "networks/symbol_model.py",
        "networks/layers.py",
        "networks/package.py",
        "networks/context_model.py",
        "networks/table_model.py",
        "networks/package_cache.py",
        "networks/tensors.py",
        "registry/rows.py",
        "registry/binding_schema.py",
        "registry/hints.py",
        "networks/package_search.py",
        "environment.py",
        "table_files.py",
        "decoder.py",
        "canonical_json.py",
    ),
}
VALUE_ERRORS: Final = ("refcodec/registry/rows.py", "refcodec/canonical_json.py")  # of a registry, of a manifest
PREDICATES: Final = ("refcodec/registry/binding_schema.py", "refcodec/registry/hints.py")
BOUND: Final = "bound"


@dataclass(frozen=True)
class Row:
    """What became of one mutant."""

    site: Site
    by: str  # the vector that noticed, "" where none did
    why: str

    def to_dict(self) -> dict[str, Any]:
        s = self.site
        place = {"id": s.id, "file": s.file, "line": s.line, "kind": s.kind, "codes": sorted(s.codes)}
        return place | {"killed_by": self.by or None, "why": self.why}


def sites_of(groups: Sequence[str] = tuple(GROUPS)) -> list[Site]:
    """All sites, bounds among them."""
    paths = [path for group in groups for glob in GROUPS[group] for path in sorted((ROOT / "refcodec").glob(glob))]
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    return find(sources, VALUE_ERRORS, PREDICATES)


def in_order(site: Site, cases: Sequence[Case], seconds: dict[str, float]) -> list[Case]:
    """Those that should notice first, then others, quick ones before slow ones."""

    def place(case: Case) -> tuple[bool, bool, bool, float]:
        error = int(case.error[-3:]) if case.error else 0
        rules = not site.rules.isdisjoint(case.rules)
        return error not in site.codes, not rules, case.accepted, seconds.get(case.id, 0.0)

    return sorted(cases, key=place)


def trials(sites: Sequence[Site], suite: Suite) -> Iterator[Row]:
    """Each site until a vector notices. SystemExit where refcodec as it is does not pass."""
    cases = [case for case in suite.cases if case.tier_for(trial.HIGHEST) is not None]
    with tempfile.TemporaryDirectory(prefix="sem-mutate-") as scratch:
        registry, data = gather([suite.folder, *NORMATIVE], Path(scratch))
        trial.warm(cases, registry, data)
        sound = trial.run(None, cases, registry, data)
        if sound.by:
            print(f"refcodec as it is fails {sound.by}: {sound.why}", file=sys.stderr)
            raise SystemExit(2)
        print(f"{sound.asked} vectors pass, {sum(sound.seconds.values()):.1f} s", flush=True)
        for site in sites:
            outcome = trial.run(site, in_order(site, cases, sound.seconds), registry, data)
            yield Row(site, outcome.by, outcome.why)


def explained() -> dict[str, str]:
    """Id of a mutant, or file and function of many -> why no vector notices."""
    return {item["of"]: item["why"] for item in json.loads(EXPLAINED.read_bytes())["survivors"]}


def reason_for(site: Site, why: dict[str, str]) -> str | None:
    """What is explained of it: its id, or its function with all that is in there."""
    return next((name for name in (site.id, f"{site.file} {site.where}") if name in why), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", metavar="GLOB", help="only mutants with such an id")
    parser.add_argument("--group", choices=tuple(GROUPS), action="append", help="files (default: all)")
    parser.add_argument("--bounds", action="store_true", help="bounds, too")
    parser.add_argument("--suite", type=Path, default=ROOT / "test_vectors", metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rows")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    given = parser.parse_args()
    sites = [site for site in sites_of(given.group or tuple(GROUPS)) if given.bounds or site.kind != BOUND]
    sites = [site for site in sites if not given.only or any(fnmatchcase(site.id, glob) for glob in given.only)]
    if given.list:
        for site in sites:
            print(f"{site.file}:{site.line}", "/".join(map(str, sorted(site.codes))) or "-", site.id)
        return 0
    begin, why, rows = time.monotonic(), explained(), list[Row]()
    for row in trials(sites, load(given.suite)):
        rows.append(row)
        fate = row.by or ("survives, explained" if reason_for(row.site, why) else "SURVIVES")
        print(
            f"{row.site.file}:{row.site.line:<4} {'/'.join(map(str, sorted(row.site.codes))) or '-':8} {fate:40} {row.site.kind}: {row.site.text}",
            flush=True,
        )
        if given.json is not None:
            given.json.parent.mkdir(parents=True, exist_ok=True)
            given.json.write_text(
                json.dumps({"mutants": [row.to_dict() for row in rows]}, indent=1, ensure_ascii=False) + "\n",
                encoding="utf-8",
            )
    return report(rows, why, time.monotonic() - begin)


def report(rows: Sequence[Row], why: dict[str, str], seconds: float) -> int:
    """The summary, and the exit status."""
    alive = [row.site for row in rows if not row.by]
    kinds = Counter(row.site.kind for row in rows)
    killed = Counter(row.site.kind for row in rows if row.by)
    print(", ".join(f"{killed[kind]} of {count} {kind}" for kind, count in sorted(kinds.items())))
    print(f"{len(rows) - len(alive)} of {len(rows)} mutants are killed, {len(alive)} survive, {seconds:.0f} s")
    unexplained = [site for site in alive if site.kind != BOUND and reason_for(site, why) is None]
    needed = {reason_for(site, why) for site in alive}
    stale = sorted({name for row in rows if (name := reason_for(row.site, why)) is not None} - needed)
    for site in (*unexplained, *(site for site in alive if site.kind == BOUND)):
        print(f"SURVIVES {site.id}")
    for name in stale:
        print(f"explained, and killed: {name}")
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main())
