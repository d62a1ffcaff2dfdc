# SPDX-License-Identifier: MIT
"""Memory of the commands for a picture of 6 megapixels, as entire processes, and its prediction."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from PIL import Image

ROOT: Final = Path(__file__).resolve().parents[2]
SIZE: Final = (3000, 2000)
PIXELS: Final = SIZE[0] * SIZE[1]
# bytes: of a process, and for each pixel; 24 megapixels may take 900, 600 and 400 MB
MOST: Final = {"encode": (150e6, 30), "decode": (110e6, 20), "verify": (100e6, 12)}
MEASURE: Final = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def semtool(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-P", "-m", "refcodec.cli", *map(str, arguments)]


def peak(*arguments: str | Path) -> int:
    """Run a command of semtool; return the bytes of its largest resident set, started by a small process."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MEASURE, *semtool(*arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    status, found = map(int, done.stdout.split())
    assert status == 0, done.stderr
    return found * (1 if sys.platform == "darwin" else 1024)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (50, 75, 3)).astype(np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)).astype(np.int16)
    pixels += rng.normal(0, 3, pixels.shape).astype(np.int16)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "x.png", compress_level=1)
    return folder


def test_memory_of_a_large_picture(folder: Path) -> None:
    source, sem = folder / "x.png", folder / "x.sem"
    found = {
        "encode": peak("encode", source, "-o", sem, "--quality", "5"),
        "decode": peak("decode", sem, "-o", folder / "y.png"),
        "verify": peak("verify", sem),
    }
    for name, (process, pixel) in MOST.items():
        assert found[name] <= process + pixel * PIXELS, found
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = semtool("inspect", "--memory", "--json", sem)
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    predicted = json.loads(shown)["memory"]
    assert abs(predicted["symbols"] / found["verify"] - 1) <= 0.2, (predicted, found)
    assert abs(predicted["picture"] / found["decode"] - 1) <= 0.2, (predicted, found)
    with Image.open(folder / "y.png") as picture:
        assert picture.size == SIZE
