# SPDX-License-Identifier: MIT
"""Print sizes for every payload kind: body, ideal code length, published figure and complete file.

    python -m tools.bench.sizes [--captions CAPTIONS.tsv] [--json OUT]

Files have a 16-bit check and a size from the dim class table. *ideal* is the sum of log2(T / f) over the symbols, in
bytes. With CAPTIONS.tsv (image id TAB text), the text models are trained on nine tenths of its images, as tools/train
does it, and the captions of the others are measured; figures are means. Published figures come from the papers and their
code and are for the payload alone.
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
from typing import Any
from unittest.mock import patch

import numpy as np

from refcodec import entropy
from refcodec.assemble import EncodedFile
from refcodec.codec import encode_file
from refcodec.entropy import Encoder
from refcodec.payloads import consonant
from refcodec.payloads.caption import modes as caption
from refcodec.payloads.caption import ppm
from refcodec.table_files import TableFiles

HEADER = 7  # bytes of a compact header with a dim class and a 16-bit check
RNG = np.random.default_rng(1)


@dataclass(frozen=True)
class Row:
    """One line of the table; sizes in bytes, means for several texts. `ideal` is None if unknown, `bar` is the target."""

    kind: str
    what: str
    payload: float
    ideal: float | None
    published: str
    file: float
    bar: str = ""


class Counting(Encoder):
    """An encoder that sums the ideal code length of its symbols."""

    bits = 0.0

    def symbol(self, table: Sequence[int], value: int | None = None) -> int:
        assert value is not None
        Counting.bits += math.log2(table[len(table) - 1] / (table[value + 1] - table[value]))
        return super().symbol(table, value)

    def bit(self, value: int | None = None) -> int:
        Counting.bits += 1
        return super().bit(value)


@contextmanager
def counted() -> Iterator[Callable[[], float]]:
    """Count within this context; yield a function that returns the ideal code length so far, in bytes."""
    Counting.bits = 0.0
    with patch.object(entropy, "Encoder", Counting):
        yield lambda: Counting.bits / 8


def row(kind: str, what: str, published: str, bar: str = "", **options: Any) -> Row:
    """Encode precomputed symbols and measure the file."""
    with counted() as ideal:
        encoded: EncodedFile = encode_file(None, **options)
        bytes_ideal = ideal()
    return Row(kind, what, len(encoded.payloads[-1].body), bytes_ideal, published, len(encoded.data), bar)


# (h, w), number of codes, stride in pixels, published bytes, target
GRIDS = (
    ((8, 12), 256, 64, "96", "103"),
    ((8, 8), 256, 64, "64", ""),
    ((8, 8), 1024, 64, "80", ""),
    ((16, 16), 1024, 32, "320", ""),
    ((32, 32), 256, 16, "1024", ""),
    ((32, 32), 8196, 16, "1792", ""),
    ((64, 64), 64, 8, "3072", ""),
    ((64, 64), 256, 8, "4096", ""),
)


def rows() -> list[Row]:
    """Return the rows that need no caption file."""
    return [*consonant_rows(), *vector_rows(), *grid_rows()]


def consonant_rows() -> Iterator[Row]:
    """Yield the rows of consonant text, 25 characters."""
    text, size = "ndn trdtnl rch lt shd mnt", (1024, 1024)
    assert len(text) == 25
    fixed = encode_file(None, text=text, size=size, profile="consonant")
    body, file = len(fixed.payloads[0].body), len(fixed.data)
    yield Row("consonant", "25 characters, four bits each", body, 12.5, "12.5", file, "20")
    yield row("consonant", "the same, coded", "12.5", text=text, size=size, profile="consonant-coded")


def vector_rows() -> Iterator[Row]:
    """Yield the rows of token ids, embeddings and PQ codes, with random symbols."""
    tokens: dict[str, Any] = {"codes": RNG.integers(0, 49408, 16), "method": "pics", "size": (768, 512)}
    yield row("caption", "16 prompt token ids of 49408", "90 (zlib text)", "39", **tokens)
    vector = RNG.normal(size=768)
    for b, published in ((1, "96"), (2, "192"), (4, "384"), (8, "768"), (16, "1536")):
        clip: dict[str, Any] = {"vector": vector, "size": (768, 768), "profile": "clip" if b == 1 else f"clip-{b}"}
        yield row("clip", f"768 dimensions, {b} bit", published, "103" if b == 1 else "", **clip)
    yield row("pq", "16 codes of 1024", "20", codes=RNG.integers(0, 1024, 16), size=(512, 512))


def grid_rows() -> Iterator[Row]:
    """Yield the rows of VQ indices, with random indices."""
    for (h, w), v, stride, published, bar in GRIDS:
        size, grid = (w * stride, h * stride), RNG.integers(0, v, (h, w))
        what = f"{h}×{w} indices of {v}"
        yield row("vq", what, published, bar, indices=grid, size=size, profile=f"perco-{stride}-{v}")


def text_rows(path: Path) -> list[Row]:
    """Return the rows of text kinds, measured on captions of images that the models were not trained on."""
    from tools.train import caption as captions
    from tools.train import consonant as consonants

    pairs = captions.read(path)
    train = [text for image, text in pairs if not captions.is_held_out(image)]
    test = [text for image, text in pairs if captions.is_held_out(image)]
    model = ppm.CaptionModel(captions.build(train))
    raw = np.mean([len(text.encode()) for text in test])
    with counted() as ideal:
        bodies = [caption.static(text.encode(), model) for text in test]
        ideal_mean = ideal() / len(test)
    mean = float(np.mean([len(body) for body in bodies]))
    what = f"{len(test)} captions of {raw:.1f} bytes"
    out = [Row("caption", what, mean, ideal_mean, f"{_zlib(test):.1f} (zlib)", mean + HEADER, "10 / 17")]
    grid = 8 * 12
    file = HEADER + 1 + 2 * (1 + 1 + 2) - 2 + mean + grid
    out.append(
        Row("caption + vq", "the same with 8×12 indices of 256", mean + grid, ideal_mean + grid, "153", file, "130")
    )
    codes = consonants.codes(test)
    table = consonants.train([*consonants.codes(train), *consonants.codes(consonants.key_words(train))])
    with counted() as ideal, tempfile.TemporaryDirectory() as folder:
        Path(folder, consonant.TABLES.name).write_bytes(table)
        trained = replace(consonant.TABLES, sha256=hashlib.sha256(table).hexdigest())
        parameters, tables = {"code": "coded", "table": consonant.TABLE_SHA256}, TableFiles(Path(folder))
        with patch.object(consonant, "TABLES", trained):
            coded = [len(consonant.encode(c, parameters, tables=tables)) for c in codes]
        ideal_mean = ideal() / len(codes)
    fixed = float(np.mean([-(-len(c) // 2) for c in codes]))
    mean = float(np.mean(coded))
    out.append(
        Row("consonant", f"{len(codes)} skeletons, four bits per letter", fixed, fixed, f"{fixed:.1f}", fixed + HEADER)
    )
    what = f"the same, coded: {100 * (1 - mean / fixed):.1f} % shorter"
    out.append(Row("consonant", what, mean, ideal_mean, f"{fixed:.1f}", mean + HEADER, "-25 %"))
    return out


def _zlib(texts: Sequence[str]) -> float:
    import zlib

    return float(np.mean([len(zlib.compress(text.encode())) for text in texts]))


def table(measured: Sequence[Row]) -> str:
    """Format rows as a text table."""
    lines = [f"{'kind':13} {'what':44} {'payload':>8} {'ideal':>9} {'published':>15} {'file':>8}  bar"]
    for r in measured:
        ideal = "" if r.ideal is None else f"{r.ideal:9.2f}"
        lines.append(f"{r.kind:13} {r.what:44} {r.payload:8g} {ideal:>9} {r.published:>15} {r.file:8g}  {r.bar}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--captions", type=Path, help="caption file: image id TAB text per line")
    ap.add_argument("--json", type=Path)
    args = ap.parse_args(argv)
    measured = rows() + (text_rows(args.captions) if args.captions else [])
    print(table([Row(**{**asdict(r), "payload": round(r.payload, 2), "file": round(r.file, 2)}) for r in measured]))
    if args.json:
        args.json.write_text(json.dumps([asdict(r) for r in measured], indent=1) + "\n")


if __name__ == "__main__":
    main()
