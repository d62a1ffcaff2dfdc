# SPDX-License-Identifier: MIT
"""Write the worked examples of the drafts' texts: python -m tools.drafts.examples [--check]

A block is enclosed by `<!-- begin NAME -->` and `<!-- end NAME -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from refcodec.decoder import decode_file
from refcodec.entropy.arithmetic import BOTTOM, MASK, RANGE, carry, tail
from refcodec.environment import Environment
from refcodec.inspection import inspect
from refcodec.payloads.drafts.grid_frequencies import part_tables, rest_table, weights
from refcodec.payloads.latents import STEP
from tools.drafts.suite import OUT

FOLDER: Final = OUT.parent


def environment() -> Environment:
    """Return the environment of the drafts' vectors."""
    return Environment().with_drafts(OUT / "registry.json").with_packages(OUT / "models")


def steps(symbols: Sequence[tuple[str, int, int, int]]) -> tuple[list[str], bytes]:
    """Return a table row for each symbol (name, c, f, T), with the coder's state behind it, and the body (SPEC §9)."""
    low, size, out, rows = 0, RANGE, bytearray(), [f"| start | | {0:08X} | {RANGE:08X} | |"]
    for name, c, f, total in symbols:
        a, b = size * c // total, size * (c + f) // total
        low, size = low + a, b - a
        if low > MASK:
            low &= MASK
            carry(out)
        while size < BOTTOM:
            out.append(low >> 24)
            low, size = low << 8 & MASK, size << 8
        rows.append(f"| {name} | {c} {f} {total} | {low:08X} | {size:08X} | {bytes(out).hex(' ').upper()} |")
    body = tail(low, size, out)
    return [*rows, f"| finish | | | | {body.hex(' ').upper()} |"], body


def tokens() -> str:
    """Return the example of drafts/tokens.md, symbol by symbol."""
    data = (OUT / "tokens" / "tokens-example.sem").read_bytes()
    codes = decode_file(data, environment=environment()).value(49).codes
    v, counts = 64_000, [2**i for i in range(9)]
    symbols = [(f"count {len(codes)}", counts.index(len(codes)), 1, len(counts))]
    rows, body = steps(symbols + [(f"token {code}", code, 1, v) for code in codes])
    assert data.endswith(body)
    head = ["| symbol | c f T of §9 | low after | range after | bytes written |", "|---|---|---|---|---|"]
    intro = (
        f"Row 241 (`v` 64000, `counts` 1, 2, 4 … 256), 256 × 256 pixels, no check, the tokens "
        f"{', '.join(map(str, codes))}: the file `{data.hex(' ').upper()}`, of which the last {len(body)} bytes are the body. "
        "S is " + " ".join(f"{code:04X}" for code in codes) + "."
    )
    return "\n".join([intro, "", *head, *rows])


def scheduled() -> str:
    """Return the example of drafts/scheduled.md: two files of one pixel."""
    lines = []
    for name, note in (
        ("scheduled-two-1x1", "One pixel has one site of y and of z in row 248 (two passes, `stride` 8, `ratio` 1): its class is 0, so that step 0 codes group 0 and step 1 group 1"),
        ("scheduled-four-1x1", "In row 247 (four passes, `stride` 64, `ratio` 4) it has one site of z and 4 × 4 of y"),
    ):  # fmt: skip
        data = (OUT / "scheduled" / f"{name}.sem").read_bytes()
        value = decode_file(data, environment=environment()).value(50)
        body = next(f for f in inspect(data, environment=environment()).fields if f.name == "body")
        y = ", ".join(map(str, value.y.ravel()[:8])) + (" …" if value.y.size > 8 else "")
        z = ", ".join(map(str, value.z.ravel()))
        lines.append(
            f"{note}. The file `{name}` of the vectors, `{data.hex(' ').upper()}`, with its body from byte {body.offset} on, "
            f"has ρ = {value.rate}, z = {z} and ŷ = {y}."
        )
        if value.y.shape[1:] == (1, 1):
            lines.append("\n".join(_passes(data)))
    return "\n\n".join(lines)


def _passes(data: bytes) -> list[str]:
    """Return a table of what each step of a file of one site codes."""
    seen: dict[str, list[int]] = {}
    decode_file(
        data, environment=environment(), trace=lambda name, values: seen.update({name: values.ravel().tolist()})
    )
    rows = ["| step | group | out of the head | μ | j | s | ŷ |", "|---|---|---|---|---|---|---|"]
    for name, mean in seen.items():
        if found := re.fullmatch(r"steps\[(\d+)\]\.group\[(\d+)\]\.mean", name):
            i, k = found.groups()
            index, y = seen[name.replace("mean", "index")], seen.get(name.replace("mean", "y"))
            if y is not None:
                s = [(value - mu) // STEP for value, mu in zip(y, mean, strict=True)]
                head = [seen[key] for key in seen if key.startswith(f"steps[{i}].head[")][-1]
                cells = (head, mean, index, s, y)
                rows.append(f"| {i} | {k} | " + " | ".join(", ".join(map(str, cell)) for cell in cells) + " |")
    return rows


def grids() -> str:
    """Return the example of drafts/grids.md: indices by given logits, and a file of one site."""
    logits, split, chosen = np.array([0, 64, 128, 100, -6400], np.int64), 2, (3, 0, 4)
    parts = part_tables(logits[None], split)[0].tolist()
    symbols = []
    for index in chosen:
        part, rest = divmod(index, split)
        inner = rest_table(logits, split, part).tolist()
        symbols.append((f"{index}: part {part}", parts[part], parts[part + 1] - parts[part], parts[-1]))
        symbols.append((f"{rest} of it", inner[rest], inner[rest + 1] - inner[rest], inner[-1]))
    rows, _ = steps(symbols)
    within = [np.diff(rest_table(logits, split, part)).tolist() for part in range(3)]
    shares = weights(logits)
    intro = (
        f"v = 5, split = 2, logits {_listed(logits)}. Against the largest the weights are {_listed(shares)}; of the parts "
        f"{shares[:2].sum()}, {shares[2:4].sum()} and {shares[4]}, with the frequencies {_listed(np.diff(parts))}: the floors "
        "leave 1, which goes to part 1. Within the parts, each with its own largest logit, the frequencies are "
        f"{'; '.join(map(_listed, within))}. The indices {_listed(chosen)}, all by these logits:"
    )
    head = ["| symbol | c f T of §9 | low after | range after | bytes written |", "|---|---|---|---|---|"]
    data = (OUT / "grids" / "grids-tiny-one.sem").read_bytes()
    index = decode_file(data, environment=environment()).value(48).grids[0].item()
    body = next(f for f in inspect(data, environment=environment()).fields if f.name == "body")
    last = (
        f"The file `grids-tiny-one` of the vectors, `{data.hex(' ').upper()}`, row 250, one pixel, no check, has its body from "
        f"byte {body.offset} on: one site, of pass 0, whose input is 0 and whose index is {index}."
    )
    return "\n".join([intro, "", *head, *rows, "", last])


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "grids-examples": grids,
    "tokens-examples": tokens,
    "scheduled-examples": scheduled,
}
TEXTS: Final = {"grids.md": "grids-examples", "tokens.md": "tokens-examples", "scheduled.md": "scheduled-examples"}


def synchronised(name: str, text: str) -> str:
    """Return the text of a draft with its examples as they are now."""
    block = TEXTS[name]
    pattern = rf"(<!-- begin {block} -->\n).*?(<!-- end {block} -->)"
    changed, count = re.subn(pattern, lambda m: f"{m[1]}{BLOCKS[block]()}\n{m[2]}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{name} has {count} blocks {block}")
    return changed


def main() -> int:
    stale = 0
    for name in TEXTS:
        path: Path = FOLDER / name
        text = path.read_text(encoding="utf-8")
        changed = synchronised(name, text)
        stale += changed != text
        if changed != text and "--check" not in sys.argv:
            path.write_text(changed, encoding="utf-8")
    print(f"{stale} texts {'differ' if '--check' in sys.argv else 'written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
