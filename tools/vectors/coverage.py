# SPDX-License-Identifier: MIT
"""Check that test_vectors/ covers SPEC.md: rules, pairs of rule and error, categories of defects, unknown sections.

python -m tools.vectors.coverage            counts, and what is missing; exit status 1 if anything is
python -m tools.vectors.coverage --table    the number of vectors and the errors for each rule
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from refcodec import spec

ROOT: Final = Path(__file__).resolve().parents[2]
SPEC: Final = ROOT / "SPEC.md"
FOLDER: Final = ROOT / "test_vectors"
README: Final = FOLDER / "README.md"
MIN_PAIRS: Final = 60  # of rule and error
MIN_CATEGORIES: Final = 20
GREASED: Final = (
    "consonant",
    "caption",
    "clip",
    "pq",
    "vq",
    "sketch",
    "elic",
)  # kinds that must also occur beside unknown sections

Manifest = Mapping[str, Any]


def categories(readme: str) -> dict[str, tuple[str, ...]]:
    """Return the examples of each category in the table "Defects" of README.md; `*` stands for any end of an id."""
    rows = re.findall(r"^\| ([^|]+) \| (`[^|]+`) \|$", readme.partition("\n## Defects\n")[2], re.MULTILINE)
    return {name: tuple(re.findall(r"`([^`]+)`", examples)) for name, examples in rows}


def rules_of(text: str) -> dict[int, bool]:
    """Return for each rule whether it contains MUST."""
    rules = re.findall(r"^\*\*SEM-R-(\d{3})\*\*(.*)$", text, re.MULTILINE)
    return {int(number): bool(re.search(r"\bMUST\b", rule)) for number, rule in rules}


def entries(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of all lists."""
    for member in manifest.values():
        if isinstance(member, list):
            yield from member


def entries_by_rule(manifest: Manifest) -> dict[int, list[Mapping[str, Any]]]:
    """Return the entries that name each rule."""
    by_rule: dict[int, list[Mapping[str, Any]]] = {}
    for entry in entries(manifest):
        for rule in entry["rules"]:
            by_rule.setdefault(int(rule[-3:]), []).append(entry)
    return by_rule


def pairs(manifest: Manifest) -> set[tuple[str, str]]:
    """Return the pairs of rule and error that rejected files show."""
    return {(rule, entry["error"]) for entry in entries(manifest) if "error" in entry for rule in entry["rules"]}


def greased(manifest: Manifest) -> set[str]:
    """Return the payload kinds that a decoded file has beside an unknown section."""
    kinds = set()
    for entry in manifest["vectors"]:
        if "expected" in entry and entry["tier"] != "H":
            sections = entry["expected"]["sections"]
            if any(section["kind"] is None for section in sections):
                kinds |= {section["kind"] for section in sections if section["type"] >= spec.CRITICAL}
    return kinds


def missing(manifest: Manifest) -> list[str]:
    """Return one line for each thing that the vectors do not cover."""
    rules, by_rule = rules_of(SPEC.read_text(encoding="utf-8")), entries_by_rule(manifest)
    ids = [entry["id"] for entry in entries(manifest)]
    lines = [
        f"SEM-R-{rule:03} contains MUST, but no vector tests it"
        for rule, must in rules.items()
        if must and rule not in by_rule
    ]
    lines += [
        f"{entry['id']} names SEM-R-{rule:03}, which SPEC.md does not contain"
        for rule in by_rule.keys() - rules
        for entry in by_rule[rule]
    ]
    if (count := len(pairs(manifest))) < MIN_PAIRS:
        lines.append(f"{count} pairs of rule and error, fewer than {MIN_PAIRS}")
    table_of_defects = categories(README.read_text(encoding="utf-8"))
    if len(table_of_defects) < MIN_CATEGORIES:
        lines.append(f"{len(table_of_defects)} categories, fewer than {MIN_CATEGORIES}")
    for name, examples in table_of_defects.items():
        for example in examples:
            if not any(i == example or (example[-1] == "*" and i.startswith(example[:-1])) for i in ids):
                lines.append(f"category {name}: no vector {example}")
    lines += [
        f"no unknown section beside a payload of kind {kind}" for kind in GREASED if kind not in greased(manifest)
    ]
    return lines


def table(manifest: Manifest) -> Iterator[str]:
    """Yield the lines of --table."""
    by_rule = entries_by_rule(manifest)
    for rule, must in sorted(rules_of(SPEC.read_text(encoding="utf-8")).items()):
        those = by_rule.get(rule, [])
        errors = sorted({entry["error"] for entry in those if "error" in entry})
        yield f"SEM-R-{rule:03}  {'MUST' if must else '    '}  {len(those):4} vectors  {' '.join(errors)}".rstrip()
    for name, examples in categories(README.read_text(encoding="utf-8")).items():
        yield f"{name}: {', '.join(examples)}"


def summary(manifest: Manifest) -> str:
    """Return the line of counts."""
    rules, by_rule = rules_of(SPEC.read_text(encoding="utf-8")), entries_by_rule(manifest)
    errors = {error for _, error in pairs(manifest)}
    count = len(categories(README.read_text(encoding="utf-8")))
    return (
        f"{len(rules)} rules, {sum(rules.values())} with MUST, {len(rules.keys() & by_rule.keys())} tested; "
        f"{len(list(entries(manifest)))} entries, "
        f"{len(pairs(manifest))} pairs of rule and error, {len(errors)} errors, {count} categories"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="every rule and category")
    args = parser.parse_args()
    manifest = json.loads((FOLDER / "manifest.json").read_bytes())
    for text in (*(table(manifest) if args.table else ()), summary(manifest), *(gaps := missing(manifest))):
        print(text)
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
