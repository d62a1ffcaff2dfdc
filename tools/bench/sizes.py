# SPDX-License-Identifier: MIT
"""Bytes of every kind: what a body takes, what its symbols are worth, what is published, and the whole file.

    python -m tools.bench.sizes [--captions CAPTIONS.tsv] [--json OUT]

Files have a 16-bit check and a size of the table of classes. *ideal* is the sum of log2(T / f) over the symbols, in
bytes. With CAPTIONS.tsv (image id TAB text) the text models are made anew from nine tenths of its images, as
tools/train does it, and captions of the others are measured: means over all of them. Published figures are those of
the papers and their code, for the payload alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np

from refcodec.assemble import Encoded
from refcodec.codec import encode_any
from refcodec.entropy import Encoder
from refcodec.payloads import clip_bits, consonant, pq_codes, vq_indices
from refcodec.payloads.caption import kind as caption
from refcodec.payloads.caption import ppm
from refcodec.table_files import TableFiles

HEADER = 7  # bytes of a compact header with a dim class and a check of 16 bits
RNG = np.random.default_rng(1)


@dataclass(frozen=True)
class Row:
    """One line of the table; bytes, means where there are several texts. None: not known, or not published."""

    kind: str
    what: str
    payload: float
    ideal: float | None
    published: str
    file: float
    bar: str = ""


class Counting(Encoder):
    """An encoder that knows what its symbols are worth."""

    bits = 0.0

    def symbol(self, table: Sequence[int], value: int | None = None) -> int:
        assert value is not None
        Counting.bits += math.log2(table[len(table) - 1] / (table[value + 1] - table[value]))
        return super().symbol(table, value)


@contextmanager
def counted(module: ModuleType) -> Iterator[Callable[[], float]]:
    """What a kind's symbols are worth while this lasts, in bytes."""
    Counting.bits = 0.0
    with patch.object(module, "Encoder", Counting):
        yield lambda: Counting.bits / 8


def row(kind: str, what: str, module: ModuleType, published: str, bar: str = "", **given: Any) -> Row:
    """A file of ready symbols, measured."""
    with counted(module) as ideal:
        made: Encoded = encode_any(None, **given)
        bytes_ideal = ideal()
    return Row(kind, what, len(made.payloads[-1].body), bytes_ideal, published, len(made.data), bar)


def rows() -> list[Row]:
    """What needs no texts."""
    text = "ndn trdtnl rch lt shd mnt"
    assert len(text) == 25
    fixed = encode_any(None, text=text, size=(1024, 1024), profile="consonant")
    out = [
        Row(
            "consonant",
            "25 characters, four bits each",
            len(fixed.payloads[0].body),
            12.5,
            "12.5",
            len(fixed.data),
            "20",
        )
    ]
    out.append(
        row("consonant", "the same, coded", consonant, "12.5", text=text, size=(1024, 1024), profile="consonant-coded")
    )
    ids = RNG.integers(0, 49408, 16)
    out.append(
        row(
            "caption",
            "16 prompt token ids of 49408",
            caption,
            "90 (zlib text)",
            "39",
            codes=ids,
            method="pics",
            size=(768, 512),
        )
    )
    vector = RNG.normal(size=768)
    for b, published in ((1, "96"), (2, "192"), (4, "384"), (8, "768"), (16, "1536")):
        name = "clip" if b == 1 else f"clip-{b}"
        bar = "103" if b == 1 else ""
        out.append(
            row(
                "clip",
                f"768 dimensions, {b} bit",
                clip_bits,
                published,
                bar,
                vector=vector,
                size=(768, 768),
                profile=name,
            )
        )
    out.append(row("pq", "16 codes of 1024", pq_codes, "20", codes=RNG.integers(0, 1024, 16), size=(512, 512)))
    for (h, w), v, stride, published, bar in (
        ((8, 12), 256, 64, "96", "103"),
        ((8, 8), 256, 64, "64", ""),
        ((8, 8), 1024, 64, "80", ""),
        ((16, 16), 1024, 32, "320", ""),
        ((32, 32), 256, 16, "1024", ""),
        ((32, 32), 8196, 16, "1792", ""),
        ((64, 64), 64, 8, "3072", ""),
        ((64, 64), 256, 8, "4096", ""),
    ):
        size, grid = (w * stride, h * stride), RNG.integers(0, v, (h, w))
        what = f"{h}×{w} indices of {v}"
        out.append(row("vq", what, vq_indices, published, bar, indices=grid, size=size, profile=f"perco-{stride}-{v}"))
    return out


def text_rows(path: Path) -> list[Row]:
    """Captions of images that the models have not seen."""
    from tools.train import caption as captions
    from tools.train import consonant as consonants

    pairs = captions.read(path)
    seen = [text for image, text in pairs if not captions.is_held_out(image)]
    rest = [text for image, text in pairs if captions.is_held_out(image)]
    model = ppm.CaptionModel(captions.build(seen))
    raw = np.mean([len(text.encode()) for text in rest])
    with counted(caption) as ideal:
        bodies = [caption.static(text.encode(), model) for text in rest]
        worth = ideal() / len(rest)
    mean = float(np.mean([len(body) for body in bodies]))
    what = f"{len(rest)} captions of {raw:.1f} bytes"
    out = [Row("caption", what, mean, worth, f"{_zlib(rest):.1f} (zlib)", mean + HEADER, "10 / 17")]
    grid = 8 * 12
    file = HEADER + 1 + 2 * (1 + 1 + 2) - 2 + mean + grid
    out.append(
        Row("caption + vq", "the same beside 8×12 indices of 256", mean + grid, worth + grid, "153", file, "130")
    )
    codes = consonants.codes(rest)
    table = consonants.train([*consonants.codes(seen), *consonants.codes(consonants.key_words(seen))])
    with counted(consonant) as ideal, tempfile.TemporaryDirectory() as folder:
        Path(folder, consonant.TABLES.name).write_bytes(table)
        trained = replace(consonant.TABLES, sha256=hashlib.sha256(table).hexdigest())
        parameters, tables = {"code": "coded", "table": consonant.TABLE_SHA256}, TableFiles(Path(folder))
        with patch.object(consonant, "TABLES", trained):
            coded = [len(consonant.encode(c, parameters, tables=tables)) for c in codes]
        worth = ideal() / len(codes)
    fixed = float(np.mean([-(-len(c) // 2) for c in codes]))
    mean = float(np.mean(coded))
    out.append(
        Row("consonant", f"{len(codes)} skeletons, four bits a letter", fixed, fixed, f"{fixed:.1f}", fixed + HEADER)
    )
    what = f"the same, coded: {100 * (1 - mean / fixed):.1f} % shorter"
    out.append(Row("consonant", what, mean, worth, f"{fixed:.1f}", mean + HEADER, "-25 %"))
    return out


def _zlib(texts: Sequence[str]) -> float:
    import zlib

    return float(np.mean([len(zlib.compress(text.encode())) for text in texts]))


def table(found: Sequence[Row]) -> str:
    lines = [f"{'kind':13} {'what':44} {'payload':>8} {'ideal':>9} {'published':>15} {'file':>8}  bar"]
    for r in found:
        ideal = "" if r.ideal is None else f"{r.ideal:9.2f}"
        lines.append(f"{r.kind:13} {r.what:44} {r.payload:8g} {ideal:>9} {r.published:>15} {r.file:8g}  {r.bar}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--captions", type=Path, help="image id TAB text, a caption a line")
    ap.add_argument("--json", type=Path)
    args = ap.parse_args(argv)
    found = rows() + (text_rows(args.captions) if args.captions else [])
    print(table([Row(**{**asdict(r), "payload": round(r.payload, 2), "file": round(r.file, 2)}) for r in found]))
    if args.json:
        args.json.write_text(json.dumps([asdict(r) for r in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
