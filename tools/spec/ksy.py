# SPDX-License-Identifier: MIT
"""Update the size tables of Appendix A in conformance/sem.ksy from dims.json; `--check` only compares.

python -m tools.spec.ksy [--check]
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GRAMMAR = ROOT / "conformance" / "sem.ksy"
DIMS = ROOT / "refcodec" / "registry" / "dims.json"
BLOCK = re.compile(r"(# begin dims\n).*?( *# end dims\n)", re.S)
COLUMNS = 26  # sizes per line; 156 sizes make six lines


def block() -> str:
    """Return the two instances of the grammar, lists of 156 widths and heights."""
    rows = json.loads(DIMS.read_text())["classes"]
    if [row["class"] for row in rows] != list(range(1, len(rows) + 1)):
        raise SystemExit("dims.json: class ids are not 1, 2, 3, … in order")
    lines = []
    for side in ("width", "height"):
        numbers = [str(row[side]) for row in rows]
        parts = [", ".join(numbers[i : i + COLUMNS]) for i in range(0, len(numbers), COLUMNS)]
        listed = "[" + f",\n{' ' * 11}".join(parts) + "]"
        lines += [f"      {side}s:", "        value: |", f"{' ' * 10}{listed}"]
    return "\n".join(lines) + "\n"


def render(text: str) -> str:
    """Return the grammar with the block regenerated."""
    text, count = BLOCK.subn(lambda match: match[1] + block() + match[2], text)
    if count != 1:
        raise SystemExit(f"{GRAMMAR.name} has {count} blocks of sizes, expected 1")
    return text


def main() -> None:
    old = GRAMMAR.read_text(encoding="utf-8")
    new = render(old)
    if "--check" not in sys.argv[1:]:
        GRAMMAR.write_text(new, encoding="utf-8")
    elif new != old:
        raise SystemExit(f"{GRAMMAR.name} does not match dims.json: run `python -m tools.spec.ksy`")


if __name__ == "__main__":
    main()
