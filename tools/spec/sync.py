# SPDX-License-Identifier: MIT
"""Update the generated blocks of SPEC.md from their source data; `--check` only compares.

    python -m tools.spec.sync [--check]

A block is enclosed by `<!-- begin NAME -->` and `<!-- end NAME -->`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from refcodec.errors import CODES, FAMILIES
from tools.spec.network import network
from tools.spec.row_keys import row_keys

ROOT = Path(__file__).resolve().parents[2]


def errors() -> str:
    """Return the table of error codes."""
    lines = ["| code | name | family | status |", "|---|---|---|---|"]
    for code, (name, _) in CODES.items():
        family = FAMILIES[code // 100]
        lines.append(f"| SEM-E-{code} | {name} | {family.name} | {family.status} |")
    return "\n".join(lines)


def dim_classes() -> str:
    """Return the table of dim classes, six columns wide."""
    rows = json.loads((ROOT / "refcodec/registry/dims.json").read_text())["classes"]
    cells = [f"{r['class']}: {r['width']}×{r['height']}" for r in rows]
    columns = 6
    lines = ["|" + " |" * columns, "|" + "---|" * columns]
    for i in range(0, len(cells), columns):
        row = cells[i : i + columns]
        lines.append("| " + " | ".join(row + [""] * (columns - len(row))) + " |")
    return "\n".join(lines)


def digest_of(path: str) -> Callable[[], str]:
    """Return the generator of a block with size and SHA-256 of a normative data file."""

    def block() -> str:
        data = (ROOT / path).read_bytes()
        return f"Its {len(data)} bytes have the SHA-256 `{hashlib.sha256(data).hexdigest()}`."

    return block


def dump() -> str:
    """Return the dump of the example file."""
    text = (ROOT / "test_vectors/example.txt").read_text().rstrip("\n")
    return f"```\n{text}\n```"


def sketch_dump() -> str:
    """Return the dump of a one-pixel sketch, without the first line, which explains the vector."""
    text = (ROOT / "test_vectors/sketch/sketch-1x1.txt").read_text().partition("\n\n")[2].rstrip("\n")
    return f"```\n{text}\n```"


BLOCKS: dict[str, Callable[[], str]] = {
    "errors": errors,
    "dim-classes": dim_classes,
    "gaussian-digest": digest_of("refcodec/entropy/data/gaussian.bin"),
    "consonant-digest": digest_of("refcodec/payloads/data/consonant.bin"),
    "caption-digest": digest_of("refcodec/payloads/data/caption.bin"),
    "dictionary-digest": digest_of("refcodec/payloads/data/caption.zdict"),
    "dump": dump,
    "sketch-dump": sketch_dump,
    "network": network,
    "row-keys": row_keys,
}


def render(text: str) -> str:
    """Return SPEC.md with every generated block updated."""
    for name, make in BLOCKS.items():
        pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.S)
        text, n = pattern.subn(lambda m, make=make: f"{m[1]}{make()}\n{m[2]}", text)  # type: ignore[misc]
        if n != 1:
            raise SystemExit(f"SPEC.md has {n} blocks named {name}, expected 1")
    return text


def main() -> None:
    path = ROOT / "SPEC.md"
    old = path.read_text()
    new = render(old)
    if "--check" in sys.argv[1:]:
        if new != old:
            raise SystemExit("SPEC.md does not match its source data: run `python -m tools.spec.sync`")
    else:
        path.write_text(new)


if __name__ == "__main__":
    main()
