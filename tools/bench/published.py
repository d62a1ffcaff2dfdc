# SPDX-License-Identifier: MIT
"""A file of every method in its published setting: payload, overhead, file, in bytes.

    python -m tools.bench.published [--json OUT]

The symbols are ready (random, or of the demo photograph where a payload has a length of its own), since their number
alone decides the size. The overhead is computed from SPEC §3, §4 and §6, not measured: `file` is the length of a file
that was written, and the program ends with 1 where the two do not agree.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refcodec import codec
from refcodec.assemble import Encoded
from refcodec.container import read
from refcodec.registry import dim_class

CAPTION = "A red cup of coffee on a wooden table."
RNG = np.random.default_rng(1)


@dataclass(frozen=True)
class Row:
    """One file. `overhead`: what SPEC says that a file of these payloads needs beside them."""

    method: str
    setting: str
    size: str
    payload: int
    overhead: int
    file: int

    @property
    def agrees(self) -> bool:
        return self.payload + self.overhead == self.file

    @property
    def bpp(self) -> float:
        width, height = map(int, self.size.split("×"))
        return 8 * self.file / (width * height)


def varint_bytes(value: int) -> int:
    """SPEC §2."""
    bound, size = 128, 1
    while value >= bound:
        bound, size = bound + 128 ** (size + 1), size + 1
    return size


def overhead(made: Encoded) -> int:
    """Bytes that SPEC §3, §4 and §6 ask for beside the bodies of this file."""
    container = read(made.data)
    header, check = container.header, container.header.check_bits // 8
    total = 2 + 1 + 1 + 1  # magic, descriptor, profile, dim class
    if header.model_hash is not None:
        total += 2 + len(header.model_hash)
    if dim_class(header.width, header.height) is None:
        total += varint_bytes(header.width - 1) + varint_bytes(header.height - 1)
    if not header.sectioned:
        return total + check
    return (
        total
        + varint_bytes(len(container.sections) - 1)
        + sum(1 + varint_bytes(len(s.body)) + check for s in container.sections)
    )


def row(setting: str, **given: Any) -> Row:
    made = codec.encode_any(given.pop("image", None), **given)
    payload = sum(len(section.body) for section in read(made.data).sections)
    return Row(made.method, setting, f"{made.width}×{made.height}", payload, overhead(made), len(made.data))


def photo() -> Any:
    """The demo photograph at the size of a Kodak picture."""
    import skimage.data
    from PIL import Image

    pictures: Any = skimage.data
    return np.asarray(Image.fromarray(pictures.coffee()).resize((768, 512), Image.Resampling.LANCZOS))


def rows() -> Iterator[Row]:
    """In the order of the methods' ids."""
    yield row("elic-small, quality 5", image=photo(), quality=5)
    text = "ndn trdtnl rch lt shd mnt"
    for check, name in ((0, "without check"), (16, "check 16")):
        yield row(f"25 characters at four bits, {name}", text=text, size=(1024, 1024), profile="consonant", check=check)
    yield row("the same, range-coded", text=text, size=(1024, 1024), profile="consonant-coded")
    vector = RNG.normal(size=768)
    for b in (1, 2, 4, 8, 16):
        yield row(
            f"768 dimensions, {b} bit{'s' if b > 1 else ''}",
            vector=vector,
            size=(768, 768),
            profile="clip" if b == 1 else f"clip-{b}",
        )
    ids = RNG.integers(0, 49408, 16)
    yield row("PIC: 16 prompt tokens", codes=ids, method="pics", size=(768, 512))
    for bpp in (0.015, 0.025):
        from refcodec.images.edge_detector import contours

        sketch = contours(photo())
        yield row(f"PICS: the same and a sketch, at most {bpp} bpp", codes=ids, sketch=sketch, method="pics", bpp=bpp)
    for v, stride, target in (
        (256, 64, 0.0019),
        (1024, 64, 0.0024),
        (1024, 32, 0.0098),
        (256, 16, 0.0313),
        (8192, 16, 0.0507),
        (8196, 16, 0.0507),
        (64, 8, 0.0937),
        (256, 8, 0.125),
    ):
        side = 512 // stride
        grid = RNG.integers(0, v, (side, side))
        yield row(
            f"{side}×{side} of {v} ({target:g} bpp)", indices=grid, size=(512, 512), profile=f"perco-{stride}-{v}"
        )
    grid, codes = RNG.integers(0, 256, (8, 12)), RNG.integers(0, 1024, 16)
    yield row("8×12 of 256 on Kodak", indices=grid, size=(768, 512), profile="perco-64-256")
    yield row(
        f"the same and a caption of {len(CAPTION)} characters",
        indices=grid,
        caption=CAPTION,
        size=(768, 512),
        profile="perco-64-256",
    )
    yield row(
        "the same and 16 PQ codes of 1024 instead", indices=grid, codes=codes, size=(768, 512), profile="perco-64-256"
    )


def table(found: list[Row]) -> str:
    """Markdown."""
    lines = ["| method | setting | size | payload | overhead | file | bpp |", "|---|---|---|---:|---:|---:|---:|"]
    lines += [
        f"| {r.method} | {r.setting} | {r.size} | {r.payload} | {r.overhead} | {r.file} | {r.bpp:.5f} |" for r in found
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--json", type=Path)
    args = ap.parse_args(argv)
    found = list(rows())
    print(table(found))
    if args.json:
        args.json.write_text(json.dumps([asdict(r) for r in found], indent=1) + "\n")
    wrong = [r for r in found if not r.agrees]
    for r in wrong:
        print(f"{r.method}, {r.setting}: {r.payload} + {r.overhead} is not {r.file}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
