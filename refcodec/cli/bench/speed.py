# SPDX-License-Identifier: MIT
"""Running times: the cost of exactness, encoding and decoding after start-up, commands of `semtool` with start-up."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import refcodec
from refcodec.cli.bench.timing import Timing, interleaved, machine, timed
from refcodec.images.load import load as load_image
from refcodec.progress import Progress


@dataclass(frozen=True)
class Row:
    """One line of the report."""

    name: str
    timing: Timing
    ratio: float | None = None  # of its time to that of the line before
    note: str = ""

    def text(self) -> str:
        ratio = f"{self.ratio:5.2f} x" if self.ratio is not None else ""
        return f"{self.name:28} {1000 * self.timing.min_s:8.0f} ms  {ratio}{self.note}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "min_s": self.timing.min_s,
            "median_s": self.timing.median_s,
            "repeats": self.timing.repeats,
            "ratio": self.ratio,
        }


@dataclass(frozen=True)
class SpeedResult:
    """The lines of the report, and the machine they were measured on."""

    conditions: str
    rows: list[Row]

    def text(self) -> str:
        return "\n".join([self.conditions, *(row.text() for row in self.rows)])

    def to_dict(self) -> dict[str, Any]:
        return {"conditions": self.conditions, "rows": [row.to_dict() for row in self.rows]}


def measured(
    picture: Path | None,
    n: int,
    m: int,
    size: tuple[int, int],
    threads: int,
    repeats: int,
    progress: Progress | None = None,
) -> SpeedResult:
    """Time entropy networks of widths n and m, the embedded model on a picture of `size` (width, height), and commands."""
    report = progress or (lambda _: None)
    from refcodec.networks.openmp import threads_of_torch

    pixels = _pixels(picture, size)  # before the networks run for minutes
    with threads_of_torch(threads):
        conditions = f"{machine()}; {threads} threads; N = {n}, M = {m}, {size[0]}x{size[1]}, min of {repeats}"
        rows = _exactness(n, m, size, repeats)
        report(0.5)
        photo, codec_rows = _codec(pixels, repeats)
    report(0.7)
    rows += [*codec_rows, _started("inspect", "photo", photo, 3 * repeats)]
    for name, data in (
        ("caption", refcodec.encode(caption="A cat on a mat.", size=(768, 512))),
        ("consonants", refcodec.encode(text="old stone bridge", size=(1024, 1024))),
        ("CLIP", refcodec.encode(vector=np.random.default_rng(1).normal(size=768), size=(768, 768))),
    ):
        rows.append(_started("payload", name, data, 3 * repeats))
    report(1.0)
    return SpeedResult(conditions, rows)


def _exactness(n: int, m: int, size: tuple[int, int], repeats: int) -> list[Row]:
    from refcodec.cli.bench.entropy_pass import passes

    calls = passes(n, m, size)
    times = interleaved([call for _, call in calls], repeats, 1)
    ratios = [times[i].min_s / times[i - 1].min_s if i % 2 else None for i in range(len(times))]
    rows = [Row(name, time, ratio) for (name, _), time, ratio in zip(calls, times, ratios, strict=True)]
    fastest = min(row.timing.min_s for row in rows if row.ratio is None)
    rows[-1] = replace(rows[-1], note=f"  ({rows[-1].timing.min_s / fastest:.2f} x the quicker float32)")
    return rows


def _codec(pixels: NDArray[np.uint8], repeats: int) -> tuple[bytes, list[Row]]:
    """Return the file of a picture by the embedded model, and the times of encoding and decoding it."""
    data = refcodec.encode(pixels, quality=5)
    encode, decode = (
        timed(lambda: refcodec.encode(pixels, quality=5), repeats),
        timed(lambda: refcodec.decode(data), repeats),
    )
    return data, [
        Row("encode, embedded model", encode, note=f"({len(data)} bytes)"),
        Row("decode, embedded model", decode),
    ]


def _pixels(picture: Path | None, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the picture scaled to this size, or a synthetic one of smooth colours with noise."""
    from PIL import Image

    if picture is not None:
        return np.asarray(Image.fromarray(load_image(picture).pixels).resize(size, Image.Resampling.BICUBIC))
    rng = np.random.default_rng(1)
    small = Image.fromarray(rng.integers(0, 256, (9, 13, 3), dtype=np.uint8))
    smooth = np.asarray(small.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
    pixels: NDArray[np.uint8] = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    return pixels


def _started(command: str, name: str, data: bytes, repeats: int) -> Row:
    """Time `semtool COMMAND` on a file, from process start to exit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.sem"
        path.write_bytes(data)
        program = Path(sys.executable).parent / "semtool"
        words = [*([str(program)] if program.exists() else [sys.executable, "-m", "refcodec.cli"]), command, str(path)]
        timing = timed(lambda: subprocess.run(words, stdout=subprocess.DEVNULL, check=True), repeats)
    return Row(f"semtool {command}, {name}", timing, note=f"(median {1000 * timing.median_s:.0f} ms)")
