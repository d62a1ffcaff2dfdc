# SPDX-License-Identifier: MIT
"""Mutation test: remove each rejection of refcodec in turn; some test vector must fail.

    python -m tools.mutate                     all mutants but those of bounds
    python -m tools.mutate --bounds            also move each bound by one, up and down
    python -m tools.mutate '*caption.py*'      only mutants whose id matches
    python -m tools.mutate --list              list the mutants

Vectors with the rules and the error of the site run first. No file is changed. Exit status 1 if a mutant survives that
conformance/mutants/survivors.json does not explain, or if a mutant explained there is killed. Surviving bounds are only
listed, since many belong to models that no row can have. Exit status 2 if unchanged refcodec fails a vector.
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
        "networks/layer_reader.py",
        "networks/manifest_values.py",
        "networks/layers.py",
        "networks/package.py",
        "networks/context_model.py",
        "networks/table_model.py",
        "networks/package_cache.py",
        "networks/package_files.py",
        "networks/safetensors_layout.py",
        "networks/tensors.py",
        "registry/row_schema.py",
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
# Files in which ValueError rejects a registry or manifest
VALUE_ERRORS: Final = (
    "refcodec/registry/row_schema.py",
    "refcodec/registry/rows.py",
    "refcodec/canonical_json.py",
    "refcodec/networks/safetensors_layout.py",
)
PREDICATES: Final = ("refcodec/registry/binding_schema.py", "refcodec/registry/hints.py")
BOUND: Final = "bound"


@dataclass(frozen=True)
class Row:
    """The result of one mutant."""

    site: Site
    killed_by: str  # id of the failing vector, "" if the mutant survives
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON."""
        s = self.site
        location = {"id": s.id, "file": s.file, "line": s.line, "kind": s.kind, "codes": sorted(s.codes)}
        return location | {"killed_by": self.killed_by or None, "why": self.reason}


def sites_of(groups: Sequence[str] = tuple(GROUPS)) -> list[Site]:
    """Return all sites of these groups, bounds included."""
    paths = [path for group in groups for glob in GROUPS[group] for path in sorted((ROOT / "refcodec").glob(glob))]
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    return find(sources, VALUE_ERRORS, PREDICATES)


def by_relevance(site: Site, cases: Sequence[Case], seconds: dict[str, float]) -> list[Case]:
    """Sort vectors: those with the error and rules of the site first, fast before slow."""

    def priority(case: Case) -> tuple[bool, bool, bool, float]:
        error = int(case.error[-3:]) if case.error else 0
        rules = not site.rules.isdisjoint(case.rules)
        return error not in site.codes, not rules, case.accepted, seconds.get(case.id, 0.0)

    return sorted(cases, key=priority)


def trials(sites: Sequence[Site], suite: Suite) -> Iterator[Row]:
    """Yield the result of each site; exit with status 2 if unchanged refcodec fails a vector."""
    cases = [case for case in suite.cases if case.tier_for(trial.HIGHEST) is not None]
    with tempfile.TemporaryDirectory(prefix="sem-mutate-") as scratch:
        registry, data = gather([suite.folder, *NORMATIVE], Path(scratch))
        trial.warm(cases, registry, data)
        baseline = trial.run(None, cases, registry, data)
        if baseline.killed_by:
            print(f"unchanged refcodec fails {baseline.killed_by}: {baseline.reason}", file=sys.stderr)
            raise SystemExit(2)
        print(f"{baseline.tried} vectors pass, {sum(baseline.seconds.values()):.1f} s", flush=True)
        for site in sites:
            outcome = trial.run(site, by_relevance(site, cases, baseline.seconds), registry, data)
            yield Row(site, outcome.killed_by, outcome.reason)


def explained() -> dict[str, str]:
    """Return the explained survivors: id of a mutant, or file and function of several -> reason."""
    return {item["of"]: item["why"] for item in json.loads(EXPLAINED.read_bytes())["survivors"]}


def explanation_key(site: Site, explanations: dict[str, str]) -> str | None:
    """Return the key that explains a site, its id or its file and function; None if it is not explained."""
    return next((name for name in (site.id, f"{site.file} {site.function}") if name in explanations), None)


def main() -> int:
    """Run the mutants and report."""
    os.environ["SEM_NO_NUMBA"] = "1"  # the mutants change the Python loops
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", metavar="GLOB", help="run only mutants whose id matches")
    parser.add_argument("--group", choices=tuple(GROUPS), action="append", help="group of files (default: all)")
    parser.add_argument("--bounds", action="store_true", help="include bounds")
    parser.add_argument("--suite", type=Path, default=ROOT / "test_vectors", metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results to this file")
    parser.add_argument("--list", action="store_true", help="list the mutants and exit")
    options = parser.parse_args()
    sites = [site for site in sites_of(options.group or tuple(GROUPS)) if options.bounds or site.kind != BOUND]
    sites = [site for site in sites if not options.only or any(fnmatchcase(site.id, glob) for glob in options.only)]
    if options.list:
        for site in sites:
            print(f"{site.file}:{site.line}", "/".join(map(str, sorted(site.codes))) or "-", site.id)
        return 0
    begin, explanations, rows = time.monotonic(), explained(), list[Row]()
    for row in trials(sites, load(options.suite)):
        rows.append(row)
        result = row.killed_by or ("survives, explained" if explanation_key(row.site, explanations) else "SURVIVES")
        print(
            f"{row.site.file}:{row.site.line:<4} {'/'.join(map(str, sorted(row.site.codes))) or '-':8} {result:40} {row.site.kind}: {row.site.text}",
            flush=True,
        )
        if options.json is not None:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(
                json.dumps({"mutants": [row.to_dict() for row in rows]}, indent=1, ensure_ascii=False) + "\n",
                encoding="utf-8",
            )
    return report(rows, explanations, time.monotonic() - begin)


def report(rows: Sequence[Row], explanations: dict[str, str], seconds: float) -> int:
    """Print the summary; return the exit status."""
    alive = [row.site for row in rows if not row.killed_by]
    kinds = Counter(row.site.kind for row in rows)
    killed = Counter(row.site.kind for row in rows if row.killed_by)
    print(", ".join(f"{killed[kind]} of {count} {kind}" for kind, count in sorted(kinds.items())))
    print(f"{len(rows) - len(alive)} of {len(rows)} mutants are killed, {len(alive)} survive, {seconds:.0f} s")
    unexplained = [site for site in alive if site.kind != BOUND and explanation_key(site, explanations) is None]
    used = {explanation_key(site, explanations) for site in alive}
    stale = sorted({name for row in rows if (name := explanation_key(row.site, explanations)) is not None} - used)
    for site in (*unexplained, *(site for site in alive if site.kind == BOUND)):
        print(f"SURVIVES {site.id}")
    for name in stale:
        print(f"explained, but killed: {name}")
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main())
