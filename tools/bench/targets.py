# SPDX-License-Identifier: MIT
"""Measure how close files come to their targets in bits per pixel, and what rates between those of the model cost.

    python -m tools.bench.targets FOLDER [--bpp 0.12,0.3,0.6] [--loss] [--json OUT]

Each picture of FOLDER is encoded with `--bpp`; the table holds the size of the whole file against the target. "out" marks
a size that is not in (-1 %, 0], "low" and "high" a target that the model does not reach for this picture: the file is the
smallest, or the largest. The exit status is 1 if a size is out.

--loss: the bytes of files between two rates of the model above those of the curve through its rates, at equal PSNR. Five
targets per gap, evenly spaced in log bytes; the curve is interpolated by PCHIP in log bytes over PSNR.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

import refcodec
from refcodec.assemble import EncodedFile
from refcodec.cli.bench.distortions import psnr
from refcodec.cli.bench.measure import Source, load
from refcodec.codec import encode_file
from refcodec.encode_settings import QUALITIES

STEPS = 5  # targets in each gap between two rates


@dataclass(frozen=True)
class Row:
    """One file. off: its size above the target, as a share; state: "", "out", "low" or "high"."""

    picture: str
    bpp: float
    file: int
    off: float
    state: str
    rate: int | None
    seconds: float


def row(source: Source, bpp: float) -> Row:
    """Return the row of one picture at one target."""
    start = time.perf_counter()
    made = encode_file(source.pixels, bpp=bpp)
    off = made.bpp / bpp - 1
    state = "" if -0.01 < off <= 0 else "out"
    if made.missed is not None:
        state = "low" if off > 0 else "high"
    return Row(source.name, bpp, len(made.data), off, state, made.rate, time.perf_counter() - start)


def table(rows: list[Row], targets: list[float]) -> str:
    """Return one line per picture: for each target the size above it in percent, and the state."""
    lines = [f"{'picture':16}" + "".join(f"{f'{bpp:g} bpp':>24}" for bpp in targets)]
    for name in dict.fromkeys(each.picture for each in rows):
        cells = [f"{each.state:>5} {each.file:8} {100 * each.off:+8.2f}%" for each in rows if each.picture == name]
        lines.append(f"{name:16}" + "".join(f"{cell:>24}" for cell in cells))
    count = {state: sum(each.state == state for each in rows) for state in ("out", "low", "high")}
    mean = sum(each.seconds for each in rows) / len(rows)
    lines.append(
        f"{len(rows)} files, {mean:.2f} s each: {count['out']} outside (-1 %, 0], out of reach: {count['low']} below the "
        f"smallest file, {count['high']} above the largest"
    )
    return "\n".join(lines)


def losses(source: Source) -> Iterator[tuple[int, float, float]]:
    """Yield (rate below, share of the gap in log bytes, bytes above the curve as a share) of targets between rates."""
    from scipy.interpolate import PchipInterpolator

    def measured(made: EncodedFile) -> tuple[float, float]:
        return math.log(len(made.data)), psnr(np.asarray(refcodec.decode(made.data)), source.pixels)

    points = [measured(encode_file(source.pixels, quality=quality)) for quality in range(1, QUALITIES + 1)]
    curve = PchipInterpolator([db for _, db in points], [size for size, _ in points])
    pixels = source.pixels.shape[0] * source.pixels.shape[1]
    for rate, ((low, _), (high, _)) in enumerate(pairwise(points)):
        for step in range(1, STEPS + 1):
            share = step / (STEPS + 1)
            size, db = measured(encode_file(source.pixels, bpp=8 * math.exp(low + share * (high - low)) / pixels))
            yield rate, share, math.exp(size - float(curve(db))) - 1


def loss_table(found: list[tuple[int, float, float]]) -> str:
    """Return the mean loss in percent of each gap and share over the pictures, and over all."""
    shares = sorted({share for _, share, _ in found})
    lines = [f"{'gap':8}" + "".join(f"{share:8.2f}" for share in shares)]
    for rate in sorted({rate for rate, _, _ in found}):
        means = [np.mean([loss for r, s, loss in found if (r, s) == (rate, share)]) for share in shares]
        lines.append(f"{rate + 1:2} to {rate + 2:2}" + "".join(f"{100 * mean:+7.1f}%" for mean in means))
    values = [loss for _, _, loss in found]
    lines.append(f"mean {100 * np.mean(values):+.2f} %, largest {100 * max(values):+.2f} %")
    return "\n".join(lines)


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("pictures", type=Path, nargs="+", help="pictures, or folders of them")
    ap.add_argument("--bpp", default="0.12,0.3,0.6", help="targets in bits per pixel, with commas between them")
    ap.add_argument("--loss", action="store_true", help="measure the loss between rates in place of the targets")
    ap.add_argument("--json", type=Path, help="write the rows to this file, too")
    args = ap.parse_args()
    targets = [float(part) for part in args.bpp.split(",")]
    sources = load(args.pictures)
    if args.loss:
        found = [each for source in sources for each in losses(source)]
        print(loss_table(found))
        return 0
    rows = [row(source, bpp) for source in sources for bpp in targets]
    print(table(rows, targets))
    if args.json is not None:
        args.json.write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n")
    return int(any(each.state == "out" for each in rows))


if __name__ == "__main__":
    sys.exit(main())
