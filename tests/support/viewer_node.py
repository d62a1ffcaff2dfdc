# SPDX-License-Identifier: MIT
"""The viewer's session in node (paint_server.mjs), one process for many files, and the distance of its pictures."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "refcodec" / "data" / "models"
SHIPPED = {name: MODELS / name for name in ("elic-small", "elic-small-2", "sketch-small", "vq-small", "vq-small-2")}

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Answers:
    """What a session answered to one job: the messages in order, and the bytes of its kernel's memory."""

    messages: list[dict[str, Any]]
    memory: int
    kernel: str

    @property
    def error(self) -> str | None:
        """Return the code of the error that ends the job, None if it ends with a picture."""
        last = self.messages[-1]
        assert ("error" in last) != ("picture" in last), last
        return last["error"]["code"] if "error" in last else None

    @property
    def picture(self) -> Pixels:
        """Return the picture that ends the job, uint8[H, W, 4]."""
        assert self.error is None, self.messages[-1]
        return pixels_of(self.messages[-1]["picture"])

    def previews(self) -> list[tuple[list[int], Pixels]]:
        """Return ([groups decoded, groups], picture) of each preview."""
        return [(m["preview"]["groups"], pixels_of(m["preview"])) for m in self.messages if "preview" in m]


def pixels_of(message: Mapping[str, Any]) -> Pixels:
    samples = np.frombuffer(Path(message["rgba"]).read_bytes(), np.uint8)
    return samples.reshape(message["height"], message["width"], 4)


class PaintServer:
    """A process of node. `folder` gets files and samples."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.numbers = folder, itertools.count()
        script = Path(__file__).with_name("paint_server.mjs")
        self.process = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def paint(self, data: bytes, packages: Mapping[str, Path] = SHIPPED, **options: Any) -> Answers:
        """Return the answers to a job."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        number = next(self.numbers)
        path = self.folder / f"{number}.sem"
        path.write_bytes(data)
        job = {"id": number, "file": str(path), "packages": {name: str(p) for name, p in packages.items()}}
        out = str(self.folder / str(number))
        self.process.stdin.write(json.dumps({**job, "out": out, **options}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert all(message["id"] == number for message in answer["answers"])
        return Answers(answer["answers"], answer["memory"], answer["kernel"])

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(60) == 0
        self.process.stdout.close()


def assert_near(pixels: Pixels, expected: Pixels, peak: int = 1, rms: float | None = None) -> None:
    """Check RGBA against RGB or grey pixels, by default with the tolerance of the suite (tools.vectors.pixel_tolerance)."""
    reference = np.broadcast_to(expected.reshape(*expected.shape[:2], -1), (*expected.shape[:2], 3))
    assert pixels.shape == (*reference.shape[:2], 4)
    assert (pixels[..., 3] == 255).all()
    difference = pixels[..., :3].astype(int) - reference
    limit = rms if rms is not None else max(0.05, math.sqrt(1 / expected.size)) + 0.0005
    assert np.abs(difference).max() <= peak
    assert math.sqrt((difference**2).mean()) <= limit
