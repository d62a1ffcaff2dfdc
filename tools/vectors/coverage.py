# SPDX-License-Identifier: MIT
"""Whether test_vectors/ shows all of SPEC.md: rules both ways, pairs of rule and error, categories of faults, grease.

python -m tools.vectors.coverage            one line of counts, and what is missing; exit status 1 if anything is
python -m tools.vectors.coverage --table    rule by rule, how many vectors show it and with which errors
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
SPEC: Final = ROOT / "SPEC.md"
FOLDER: Final = ROOT / "test_vectors"
PAIRS_LEAST: Final = 60
GREASED: Final = (
    "consonant",
    "caption",
    "clip",
    "pq",
    "vq",
    "sketch",
    "elic",
)  # payloads beside which unknown sections stand

Manifest = Mapping[str, Any]
# Of each category of facts about decoders that fail, an example or more. `*` at the end: that many ids begin so.
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


def rules_of(spec: str) -> dict[int, bool]:
    """Rule -> whether it says MUST."""
    found = re.findall(r"^\*\*SEM-R-(\d{3})\*\*(.*)$", spec, re.MULTILINE)
    return {int(number): bool(re.search(r"\bMUST\b", said)) for number, said in found}


def entries(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    for member in manifest.values():
        if isinstance(member, list):
            yield from member


def shown(manifest: Manifest) -> dict[int, list[Mapping[str, Any]]]:
    """Rule -> the entries that name it."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    for entry in entries(manifest):
        for rule in entry["rules"]:
            found.setdefault(int(rule[-3:]), []).append(entry)
    return found


def pairs(manifest: Manifest) -> set[tuple[str, str]]:
    return {(rule, entry["error"]) for entry in entries(manifest) if "error" in entry for rule in entry["rules"]}


def greased(manifest: Manifest) -> set[str]:
    """Kinds beside which an unknown section stands in a file that is decoded."""
    said = [
        entry["expected"]["sections"] for entry in manifest["vectors"] if "expected" in entry and entry["tier"] != "H"
    ]
    return {
        s["kind"]
        for sections in said
        if any(t["kind"] is None for t in sections)
        for s in sections
        if s["type"] >= 0x80
    }


def faults(manifest: Manifest) -> list[str]:
    """What is missing."""
    rules, found = rules_of(SPEC.read_text(encoding="utf-8")), shown(manifest)
    ids = [entry["id"] for entry in entries(manifest)]
    wrong = [
        f"SEM-R-{rule:03} says MUST, and no vector shows it"
        for rule, must in rules.items()
        if must and rule not in found
    ]
    wrong += [
        f"{entry['id']} shows SEM-R-{rule:03}, which SPEC.md does not have"
        for rule in found.keys() - rules
        for entry in found[rule]
    ]
    if (count := len(pairs(manifest))) < PAIRS_LEAST:
        wrong.append(f"{count} pairs of rule and error, fewer than {PAIRS_LEAST}")
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, examples in CATEGORIES.items():
        for example in examples:
            if not any(one == example or (example[-1] == "*" and one.startswith(example[:-1])) for one in ids):
                wrong.append(f"category {name}: there is no {example}")
        if line(name) not in readme:
            wrong.append(f"test_vectors/README.md lacks the line of a category: {line(name)}")
    wrong += [
        f"no unknown section stands beside a payload of kind {kind}"
        for kind in GREASED
        if kind not in greased(manifest)
    ]
    return wrong


def line(name: str) -> str:
    """Of the table in README.md."""
    return f"| {name} | {', '.join(f'`{example}`' for example in CATEGORIES[name])} |"


def table(manifest: Manifest) -> Iterator[str]:
    found = shown(manifest)
    for rule, must in sorted(rules_of(SPEC.read_text(encoding="utf-8")).items()):
        those = found.get(rule, [])
        errors = sorted({entry["error"] for entry in those if "error" in entry})
        yield f"SEM-R-{rule:03}  {'MUST' if must else '    '}  {len(those):4} vectors  {' '.join(errors)}".rstrip()
    yield from map(line, CATEGORIES)


def summary(manifest: Manifest) -> str:
    rules, found = rules_of(SPEC.read_text(encoding="utf-8")), shown(manifest)
    errors = {error for _, error in pairs(manifest)}
    return (
        f"{len(rules)} rules, {sum(rules.values())} of MUST, {len(rules.keys() & found.keys())} shown; {len(list(entries(manifest)))} entries, "
        f"{len(pairs(manifest))} pairs of rule and error, {len(errors)} errors, {len(CATEGORIES)} categories"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="every rule and category")
    asked = parser.parse_args()
    manifest = json.loads((FOLDER / "manifest.json").read_bytes())
    for text in (*(table(manifest) if asked.table else ()), summary(manifest), *(missing := faults(manifest))):
        print(text)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
