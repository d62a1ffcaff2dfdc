# SPDX-License-Identifier: MIT
"""Measure `semtool batch`: what is done after a kill, and how many photographs workers encode.

    python -m tools.bench.batch [--pictures 2000] [--broken 20] [--workers 2] [--json OUT]
    python -m tools.bench.batch --photos FOLDER [--count 100] [--workers 1,2] [--price 0.045] [--json OUT]

The first form generates small pictures, some of them cut short, encodes them in a process that is killed (SIGKILL) when
about half of them are done, and resumes: the exit status is 1 unless each picture has one row, each that can be read one
valid file, and nothing was done twice.

The second form encodes photographs with each number of workers. Times are from the first block of rows to the last, without
the start of Ray; seconds of processors are what the workers' processes took, and vary less with other load. The cost is for
a million photographs at --price dollars for an hour of one processor.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from refcodec.batch.encode import Encode
from refcodec.batch.outcome import Outcome
from refcodec.batch.ray_batch import Batch, Cluster, run
from refcodec.batch.task import Source
from refcodec.images.suffixes import PICTURE_SUFFIXES
from tools import program

POLL_S = 0.2


@dataclass(frozen=True)
class Kill:
    """What a batch that was killed and resumed has left. before: files at the kill; twice: made again although intact."""

    pictures: int
    broken: int
    before: int
    files: int
    error_rows: int
    rows: int
    twice: int
    seconds: float
    resumed_seconds: float
    kept: int
    done: int

    @property
    def is_right(self) -> bool:
        """Whether every picture has one row, every readable one a file, and nothing was done twice."""
        good = self.pictures - self.broken
        return (self.files, self.rows, self.error_rows) == (good, self.pictures, self.broken) and self.twice == 0


@dataclass(frozen=True)
class Rate:
    """Photographs encoded by a number of workers. megapixels, cpu_seconds: of one photograph, on average."""

    workers: int
    photographs: int
    failed: int
    megapixels: float
    first_row_seconds: float
    per_second: float
    cpu_seconds: float
    bytes: float


@dataclass(frozen=True)
class TimedEncode(Encode):
    """Encode, and note the seconds of processors that it took."""

    def run(self, key: str, source: Source) -> Outcome:
        started = time.process_time()
        outcome = super().run(key, source)
        return replace(outcome, notices=(f"{time.process_time() - started:.4f}",))


def generate(folder: Path, pictures: int, broken: int) -> None:
    """Write small PNG pictures of patterns and noise, `broken` of them cut short."""
    chosen = set(random.Random(0).sample(range(pictures), broken))
    noise = np.random.default_rng(0)
    for number in range(pictures):
        width, height = 48 + 16 * (number % 4), 48 + 16 * (number % 3)
        rows, columns = np.mgrid[:height, :width]
        pixels = np.stack([columns * (number % 5 + 1), rows * (number % 7 + 1), rows + columns + number], axis=-1)
        pixels = (pixels + noise.integers(0, 24, pixels.shape)).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        path = folder / f"{number // 100:03d}" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stream.getvalue()[: len(stream.getvalue()) // (2 if number in chosen else 1)])


def kill_and_resume(pictures: int, broken: int, workers: int) -> Kill:
    """Encode generated pictures in a process that is killed when half of them are done, and resume."""
    with tempfile.TemporaryDirectory() as top:
        source, output = Path(top, "in"), Path(top, "out")
        generate(source, pictures, broken)
        call = [sys.executable, "-m", "refcodec.cli", "batch", "encode", str(source), "-o", str(output)]
        call += ["--workers", str(workers), "--json"]
        started = time.monotonic()
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(_files(output)) < pictures // 2:
            time.sleep(POLL_S)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seconds = time.monotonic() - started
        time.sleep(2)  # until the processes of Ray have noticed
        before = {path: path.stat().st_mtime_ns for path in _files(output)}
        started = time.monotonic()
        done = subprocess.run([*call, "--resume"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        resumed = time.monotonic() - started
        twice = sum(path.stat().st_mtime_ns != time_ns for path, time_ns in before.items())
        keys, errors = _rows(output)
        summary = json.loads(done.stdout)["summary"]
        return Kill(
            pictures,
            broken,
            len(before),
            len(_files(output)),
            errors,
            len(keys) if len(keys) == len(set(keys)) else -1,
            twice,
            seconds,
            resumed,
            summary["kept"],
            summary["done"],
        )


def _files(output: Path) -> list[Path]:
    return list(output.rglob("*.sem"))


def _rows(output: Path) -> tuple[list[str], int]:
    """Return the keys of all rows, and the number of errors."""
    import pyarrow.parquet as pq

    rows = pq.read_table(output / "_rows", columns=["key", "error"]).to_pylist()
    return [row["key"] for row in rows], sum(row["error"] is not None for row in rows)


def rate(folder: Path, count: int, workers: int) -> Rate:
    """Encode photographs with a number of workers, the same ones each time."""
    photographs = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)[:count]
    with tempfile.TemporaryDirectory() as top:
        task = TimedEncode({"quality": 5})
        batch = Batch(task, tuple(map(str, photographs)), PICTURE_SUFFIXES, top, suffix=".sem")
        started = time.monotonic()
        times, rows = [], []
        for row in run(batch, Cluster(workers=workers)):
            times.append(time.monotonic() - started)
            rows.append(row)
    made = [row for row in rows if row.state == "done"]
    pixels = sum(row.columns["width"] * row.columns["height"] for row in made)
    first = sum(each < times[0] + 0.05 for each in times)  # rows of the first block come together
    return Rate(
        workers,
        len(made),
        len(rows) - len(made),
        pixels / len(made) / 1e6,
        times[0],
        (len(times) - first) / (times[-1] - times[0]),
        sum(float(row.notices[0]) for row in made) / len(made),
        sum(row.bytes for row in made) / len(made),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--broken", type=int, default=20)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--workers")
    parser.add_argument("--price", type=float, default=0.045)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results: list[Any] = []
    if options.photos is None:
        kill = kill_and_resume(options.pictures, options.broken, int(options.workers or 2))
        results.append(asdict(kill))
        print(_kill_text(kill))
        status = 0 if kill.is_right else 1
    else:
        for workers in map(int, (options.workers or "1,2").split(",")):
            measured = rate(options.photos, options.count, workers)
            results.append(asdict(measured))
            print(_rate_text(measured, options.price), flush=True)
        status = 0
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return status


def _kill_text(kill: Kill) -> str:
    return (
        f"{kill.pictures} pictures, {kill.broken} of them broken: killed after {kill.seconds:.0f} s with {kill.before} files; "
        f"resumed in {kill.resumed_seconds:.0f} s: {kill.done} encoded, {kill.kept} kept, {kill.twice} done twice; "
        f"{kill.files} files, {kill.rows} rows, {kill.error_rows} of them errors"
    )


def _rate_text(measured: Rate, price: float) -> str:
    hours = measured.cpu_seconds * 1e6 / 3600
    return (
        f"{measured.workers} workers: {measured.per_second:.2f} photographs/s after {measured.first_row_seconds:.0f} s, "
        f"{measured.cpu_seconds:.3f} s of a processor for one of {measured.megapixels:.2f} megapixels "
        f"({measured.bytes:.0f} bytes); a million: {hours:.0f} h of a processor, ${hours * price:.2f}"
    )


if __name__ == "__main__":
    sys.exit(program.run(main))
