# SPDX-License-Identifier: MIT
"""Time the viewer's painting of a picture in node, and compare its pixels with those of refcodec.

    python -m tools.bench.viewer PICTURE [--rounds 5]

A row for each shipped model: seconds of a processor of the first round, which loads the packages, and of the fastest of
the others, by decoding and painting; with a preview of every channel group; in plain JavaScript, without WebAssembly; the
seconds by the clock of the fastest round; the largest difference of a sample, and how many differ.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

import refcodec

SCRIPT: Final = Path(__file__).parents[1] / "viewer" / "paint_time.mjs"
COLUMNS: Final = "| model | bytes | first | decode | paint | with previews | plain | clock | max | differ |"


def encoded(name: str, image: Image.Image) -> bytes:
    """Return the file of a picture by one of the shipped models."""
    if name == "sketch-small":
        return refcodec.encode(sketch=image, caption="a sketch", method="pics")
    if name == "vq-small":
        return refcodec.encode(image, method="perco", profile="perco-small")
    return refcodec.encode(image)


def reference(name: str, data: bytes) -> Any:
    """Return the pixels of refcodec, RGB."""
    if name == "sketch-small":
        picture = Image.open(io.BytesIO(refcodec.symbol_files(data)["sketch"].make(".png")))
        return np.asarray(picture.convert("RGB"))
    return np.asarray(refcodec.decode(data))


def times(path: Path, rounds: int, preview: bool, kernel: str) -> list[dict[str, Any]]:
    """Return what paint_time.mjs prints of a file, by round."""
    command = ["node", str(SCRIPT), str(rounds), str(int(preview)), kernel, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for one in found:
        if one["error"] is not None:
            raise RuntimeError(f"{path.name}: {one['error']}")
    return found


def _cpu(one: dict[str, Any]) -> float:
    return float(one["decodeCpu"] + one["paintCpu"])


def row(name: str, image: Image.Image, folder: Path, rounds: int) -> str:
    """Return a row of the table."""
    path = folder / f"{name}.sem"
    data = encoded(name, image)
    path.write_bytes(data)
    previews = min(map(_cpu, times(path, rounds, True, "wasm")[1:]))
    plain = min(map(_cpu, times(path, 2, False, "plain")[1:]))
    first, *others = times(path, rounds, False, "wasm")
    best, clock = min(others, key=_cpu), min(one["seconds"] for one in others)
    expected = reference(name, data)
    pixels = np.fromfile(f"{path}.rgba", np.uint8).reshape(*expected.shape[:2], 4)[..., :3]
    difference = np.abs(pixels.astype(int) - expected)
    seconds = [_cpu(first), best["decodeCpu"], best["paintCpu"], previews, plain, clock]
    cells = [name, str(len(data)), *(f"{s:.2f}" for s in seconds)]
    return "| " + " | ".join([*cells, str(difference.max()), f"{(difference > 0).sum()} of {difference.size}"]) + " |"


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    image = Image.open(arguments.picture).convert("RGB")
    print(f"{image.width} × {image.height}, seconds\n\n{COLUMNS}\n|---|{'---:|' * 9}")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("elic-small", "sketch-small", "vq-small"):
            print(row(name, image, Path(folder), max(2, arguments.rounds)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
