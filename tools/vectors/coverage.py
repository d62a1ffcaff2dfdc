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
MIN_PAIRS: Final = 60  # of rule and error
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
# Examples for each category of defects on which decoders are known to fail; `*` stands for any end of an id.
CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "nothing, a byte, the magic alone, cut in every field": (
        "empty", "one-byte", "cut-before-descriptor", "cut-in-model-hash", "cut-in-check", "cut-in-body",
    ),
    "another magic, mangled by transport": (
        "magic-swapped", "magic-seven-bits", "magic-as-utf-8", "magic-after-bom", "mangled-crlf", "mangled-seven-bits", "mangled-nul",
    ),
    "versions": ("version-0", "version-4", "version-7", "version-7-of-another-layout"),
    "reserved bits and codes": ("reserved-bit", "check-code-1", "hash-code-4", "caption-first-byte-fb", "base-profile-254"),
    "profiles: unknown, withdrawn, private, extended": (
        "profile-unlisted", "row-withdrawn", "row-private", "profile-private", "row-extended-last", "profile-base",
    ),
    "rows that are not understood": ("registry-binding-member-unknown", "registry-parameters-b-17", "registry-two-kinds-use-the-model"),
    "sizes: above limits, products that overflow, the longer form": (
        "limit-side-exceeded", "limit-pixels-exceeded", "size-65536-squared", "bomb", "size-has-class", "dim-class-157",
    ),
    "varints: too long, too large, cut, one too many": (
        "width-five-bytes", "size-largest", "cut-in-width", "length-five-bytes", "key-length-five-bytes", "size-2-bytes",
    ),
    "sections: unknown critical, twice, in another order, beyond the file, empty, nested beyond": (
        "critical-number-8", "payload-twice", "ancillary-descending", "length-beyond-file", "grease", "key-length-beyond",
        "length-swallows-next",
    ),
    "bytes behind the end, concatenated files": ("trailing-byte", "tail-garbage", "two-files", "two-files-sectioned"),
    "checks: wrong, of another row or model, of other symbols, over bytes, colliding": (
        "check-bit", "pq-profile-changed", "base-check-of-null", "residual-changed", "check-over-body", "collision",
    ),
    "payloads: cut, a bit flipped, out of range, not canonical": (
        "body-cut-by-one", "body-bit-first", "body-bit-middle", "body-bit-last", "z-above", "y-above", "tail-zero", "stream-ffffffff",
    ),
    "meaning: indices, counts, UTF-8, controls, bidirectional text": (
        "refuse-vq-index-6", "vq-row-too-many", "caption-raw-overlong", "caption-raw-controls", "caption-raw-bidi",
    ),
    "bombs of size, time and text": (
        "bomb", "length-bomb-of-text", "caption-zlib-bomb", "caption-zstd-declared", "limit-coded-exceeded", "hints-largest",
    ),
    "models: missing, other, malformed, beyond bounds, hostile": (
        "model-nowhere", "tensor-digest", "product", "clip-twin-ambiguous", "tensors-pickled", "vq-foreign", "painter-elsewhere",
    ),
    "polyglots": ("polyglot-png", "polyglot-zip", "polyglot-pdf", "thumbnail-alone"),
    "exactly at a bound, and one beyond": (
        "edge-rate-63", "edge-layers", "edge-channels", "edge-parts", "conv-input-by-1", "sum-by-1", "limit-pixels-exceeded-by-1",
    ),
    "valid, but odd": (
        "consonant-fixed-nothing", "limit-pixels", "sections-all", "grease-alone", "zero-body", "dims-*", "variant-*", "collision",
    ),
    "pictures": ("paint-1x1", "paint-sketch-noise", "paint-check-bit", "painter-three-channels"),
    "editors, encoders, registries one after another": (
        "edit-to-strip-caption", "refuse-map-turned", "encode-example", "history-binding",
    ),
}  # fmt: skip


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
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, examples in CATEGORIES.items():
        for example in examples:
            if not any(i == example or (example[-1] == "*" and i.startswith(example[:-1])) for i in ids):
                lines.append(f"category {name}: no vector {example}")
        if readme_line(name) not in readme:
            lines.append(f"test_vectors/README.md lacks the line of a category: {readme_line(name)}")
    lines += [
        f"no unknown section beside a payload of kind {kind}" for kind in GREASED if kind not in greased(manifest)
    ]
    return lines


def readme_line(name: str) -> str:
    """Return the line of a category in the table of README.md."""
    return f"| {name} | {', '.join(f'`{example}`' for example in CATEGORIES[name])} |"


def table(manifest: Manifest) -> Iterator[str]:
    """Yield the lines of --table."""
    by_rule = entries_by_rule(manifest)
    for rule, must in sorted(rules_of(SPEC.read_text(encoding="utf-8")).items()):
        those = by_rule.get(rule, [])
        errors = sorted({entry["error"] for entry in those if "error" in entry})
        yield f"SEM-R-{rule:03}  {'MUST' if must else '    '}  {len(those):4} vectors  {' '.join(errors)}".rstrip()
    yield from map(readme_line, CATEGORIES)


def summary(manifest: Manifest) -> str:
    """Return the line of counts."""
    rules, by_rule = rules_of(SPEC.read_text(encoding="utf-8")), entries_by_rule(manifest)
    errors = {error for _, error in pairs(manifest)}
    return (
        f"{len(rules)} rules, {sum(rules.values())} with MUST, {len(rules.keys() & by_rule.keys())} tested; "
        f"{len(list(entries(manifest)))} entries, "
        f"{len(pairs(manifest))} pairs of rule and error, {len(errors)} errors, {len(CATEGORIES)} categories"
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
