# SPDX-License-Identifier: MIT
"""Writes the sizes of Appendix A into conformance/sem.ksy from dims.json; `--check` only compares.

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
COLUMNS = 26  # sizes a line: 156 are six lines


def block() -> str:
    """Two instances, each a list of 156 sides."""
    rows = json.loads(DIMS.read_text())["classes"]
    if [row["class"] for row in rows] != list(range(1, len(rows) + 1)):
        raise SystemExit("dims.json: its classes do not count from 1")
    lines = []
    for side in ("width", "height"):
        numbers = [str(row[side]) for row in rows]
        parts = [", ".join(numbers[i : i + COLUMNS]) for i in range(0, len(numbers), COLUMNS)]
        listed = "[" + f",\n{' ' * 11}".join(parts) + "]"
        lines += [f"      {side}s:", "        value: |", f"{' ' * 10}{listed}"]
    return "\n".join(lines) + "\n"


def render(text: str) -> str:
    """The grammar with the block made anew."""
    text, found = BLOCK.subn(lambda match: match[1] + block() + match[2], text)
    if found != 1:
        raise SystemExit(f"{GRAMMAR.name} has {found} blocks of sizes")
    return text


def main() -> None:
    old = GRAMMAR.read_text(encoding="utf-8")
    new = render(old)
    if "--check" not in sys.argv[1:]:
        GRAMMAR.write_text(new, encoding="utf-8")
    elif new != old:
        raise SystemExit(f"{GRAMMAR.name} is out of step with dims.json: run tools/spec/ksy.py")


if __name__ == "__main__":
    main()
