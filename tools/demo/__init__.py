# SPDX-License-Identifier: MIT
"""The demonstration of `make demo`, and the photographs of demonstration and benchmarks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from tools import program

program.begin()

ROOT: Final = Path(__file__).resolve().parents[2]
PHOTO: Final = ROOT / "refcodec/data/examples/photo.jpg"  # "coffee" (CC0, Rachel Michetti), 600x400


def sample() -> Path:
    """Return the photograph of the benchmarks: "coffee" as PNG, from the sample pictures of scikit-image."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("no sample photo: install scikit-image, or name a photo")
    return Path(spec.origin).parent / "data/coffee.png"
