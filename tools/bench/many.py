# SPDX-License-Identifier: MIT
"""Measure one command for many photographs beside one command for each, in turns, as entire processes.

    python -m tools.bench.many [FOLDER] [--files N] [--jobs N] [-o many.json]

Encodes N photographs of FOLDER, or N generated pictures of 768x512, by one `semtool encode PHOTO ... -o OUT/`, and by N
calls for one each, half of them before it and half after it, so that other work of the machine slows both. Checks that both
made the same bytes. Prints seconds, seconds of the processors, and how many times as fast the one command is; the exit
status is 1 below five times.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from refcodec.images.suffixes import PICTURE_SUFFIXES

SIZE: Final = (768, 512)
SEMTOOL: Final = (sys.executable, "-m", "refcodec.cli", "encode")
WANTED: Final = 5.0  # times as fast as single calls


def generate(folder: Path, files: int) -> None:
    """Write pictures of smooth colours with noise, as JPEG."""
    for i in range(files):
        draw = np.random.default_rng(i)
        coarse = Image.fromarray(draw.integers(0, 256, (8, 12, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC)) + draw.normal(0, 8, (*SIZE[::-1], 1))
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{i:04}.jpg", quality=90)


def measured(commands: Iterable[Sequence[str]]) -> tuple[float, float]:
    """Run commands one after another; return seconds, and seconds of the processors."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, processors


def compare(photos: list[Path], place: Path, jobs: int | None) -> dict[str, Any]:
    """Return what encoding the photographs takes by one command and by single calls."""
    one, single = place / "one", place / "single"
    single.mkdir()
    calls = [[*SEMTOOL, str(photo), "-o", str(single / f"{photo.stem}.sem")] for photo in photos]
    options = [] if jobs is None else ["--jobs", str(jobs)]
    half = len(calls) // 2
    first = measured(calls[:half])
    together = measured([[*SEMTOOL, *map(str, photos), "-o", f"{one}/", *options]])
    second = measured(calls[half:])
    apart = (first[0] + second[0], first[1] + second[1])
    for photo in photos:
        if (one / f"{photo.stem}.sem").read_bytes() != (single / f"{photo.stem}.sem").read_bytes():
            raise SystemExit(f"{photo}: one command and a single call made different files")
    return {
        "files": len(photos),
        "single calls": {"s": round(apart[0], 1), "processor s": round(apart[1], 1)},
        "one command": {"s": round(together[0], 1), "processor s": round(together[1], 1)},
        "times as fast": round(apart[0] / together[0], 2),
        "times less of the processors": round(apart[1] / together[1], 2),
    }


def main(args: Sequence[str] | None = None) -> int:
    """Print and write the comparison; return 1 if one command is not fast enough."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.many", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="photographs; without it, pictures are generated")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args(args)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        photos = place / "photos"
        photos.mkdir()
        if given.folder is None:
            generate(photos, given.files)
        else:
            found = (path for path in sorted(given.folder.rglob("*")) if path.suffix.lower() in PICTURE_SUFFIXES)
            for i, path in zip(range(given.files), found, strict=False):
                shutil.copy(path, photos / f"{i:04}{path.suffix.lower()}")
        result = compare(sorted(photos.iterdir()), place, given.jobs)
    result["load"] = [round(value, 1) for value in os.getloadavg()]
    text = json.dumps(result, indent=1)
    print(text)
    if given.output is not None:
        given.output.write_text(text + "\n", encoding="utf-8")
    return int(result["times as fast"] < WANTED)


if __name__ == "__main__":
    sys.exit(main())
