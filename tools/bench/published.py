# SPDX-License-Identifier: MIT
"""Print payload, overhead and file size in bytes of every method in its published setting.

    python -m tools.bench.published [--json OUT]

DecodedFile are random, because their number alone determines the size; payloads of variable length are encoded from the demo
photograph. `overhead` is computed from SPEC §3, §4 and §6, while `file` is the length of a file that was written. The
exit status is 1 if payload + overhead differs from it.
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
from refcodec.assemble import EncodedFile
from refcodec.container import read
from refcodec.registry import dim_class

CAPTION = "A red cup of coffee on a wooden table."
RNG = np.random.default_rng(1)


@dataclass(frozen=True)
class Row:
    """One file. `overhead`: bytes besides the payloads, computed from SPEC."""

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
    """Return the length of a varint (SPEC §2)."""
    bound, size = 128, 1
    while value >= bound:
        bound, size = bound + 128 ** (size + 1), size + 1
    return size


def overhead(encoded: EncodedFile) -> int:
    """Return the bytes that SPEC §3, §4 and §6 require besides the bodies of this file."""
    container = read(encoded.data)
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


def row(setting: str, **options: Any) -> Row:
    """Encode a file and measure it."""
    encoded = codec.encode_file(options.pop("image", None), **options)
    payload = sum(len(section.body) for section in read(encoded.data).sections)
    size = f"{encoded.width}×{encoded.height}"
    return Row(encoded.method, setting, size, payload, overhead(encoded), len(encoded.data))


def photo() -> Any:
    """Return the demo photograph at the size of a Kodak picture, uint8[512, 768, 3]."""
    import skimage.data
    from PIL import Image

    pictures: Any = skimage.data
    return np.asarray(Image.fromarray(pictures.coffee()).resize((768, 512), Image.Resampling.LANCZOS))


def rows() -> Iterator[Row]:
    """Yield all rows in the order of the method ids."""
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
    numbered = {"profile": "pics-4", "hints": {"candidate": "2"}}
    yield row("PIC: the same, number 2 of 4 candidates", codes=ids, method="pics", size=(768, 512), **numbered)
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


def table(measured: list[Row]) -> str:
    """Format rows as a Markdown table."""
    lines = ["| method | setting | size | payload | overhead | file | bpp |", "|---|---|---|---:|---:|---:|---:|"]
    lines += [
        f"| {r.method} | {r.setting} | {r.size} | {r.payload} | {r.overhead} | {r.file} | {r.bpp:.5f} |"
        for r in measured
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--json", type=Path)
    args = ap.parse_args(argv)
    measured = list(rows())
    print(table(measured))
    if args.json:
        args.json.write_text(json.dumps([asdict(r) for r in measured], indent=1) + "\n")
    wrong = [r for r in measured if not r.agrees]
    for r in wrong:
        print(f"{r.method}, {r.setting}: {r.payload} + {r.overhead} bytes, but the file has {r.file}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
