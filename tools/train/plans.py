# SPDX-License-Identifier: MIT
"""A plan of a long training run: architecture and stages, as a JSON file.

Each stage is warm-up, constant rate, decay, and ends in weights that can ship; the next goes on from there (Wen et al. 2024,
arXiv 2410.05192: re-using the decay, WSD-S, beats decay branches at equal steps). Everything follows the number of the step.
The last stage is repeated for as long as the run goes on.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from refcodec.transforms.elic.config import ElicConfig

WARM_UP = 200  # steps, from the rate at which the stage before ended
FLOOR = 0.02  # of the peak rate, at the end of a stage


class Crops(NamedTuple):
    """From a share of a stage on: side and number of the crops of a step."""

    since: float
    side: int
    number: int


@dataclass(frozen=True)
class Stage:
    steps: int
    rate: float
    decay: float = 0.25  # share of the steps
    crops: tuple[Crops, ...] = ()  # () for those of the plan


@dataclass(frozen=True)
class Plan:
    architecture: dict[str, Any]  # fields of ElicConfig that differ from those of the package that the run starts from
    stages: tuple[Stage, ...]
    crops: tuple[Crops, ...] = (Crops(0, 128, 16),)
    structure: float = 0.25  # share of MS-SSIM in the distortion
    linear: float = 0.05  # factor on the rate of the linear path
    ema: float = 0.9995
    seed: int = 1

    @classmethod
    def read(cls, path: Path) -> Plan:
        data = json.loads(path.read_text())
        for part in (data, *data["stages"]):
            if "crops" in part:
                part["crops"] = tuple(Crops(*c) for c in part["crops"])
        data["stages"] = tuple(Stage(**s) for s in data["stages"])
        return cls(**data)

    def config(self, base: ElicConfig) -> ElicConfig:
        """What the run trains, where the package that it starts from is of `base`."""
        return ElicConfig.from_dict({**base.to_dict(), **self.architecture})

    def stage(self, step: int) -> tuple[int, Stage, int]:
        """(number from 0, stage, step within it) of a step."""
        number = 0
        while True:
            stage = self.stages[min(number, len(self.stages) - 1)]
            if step < stage.steps:
                return number, stage, step
            step -= stage.steps
            number += 1

    def rate(self, step: int) -> float:
        """Learning rate: 1 - sqrt decay (Hägele et al. 2024, arXiv 2405.18392, fig. 5)."""
        number, stage, at = self.stage(step)
        start = self.stages[min(number - 1, len(self.stages) - 1)].rate * FLOOR if number else 0.0
        if at < WARM_UP:
            return start + (stage.rate - start) * (at + 1) / WARM_UP
        done = (at + 1) / stage.steps
        share = max(0.0, (done - 1 + stage.decay) / stage.decay) if stage.decay else 0.0
        return stage.rate * (FLOOR + (1 - FLOOR) * (1 - math.sqrt(share)))

    def crop(self, step: int) -> Crops:
        _, stage, at = self.stage(step)
        return [c for c in stage.crops or self.crops if c.since <= at / stage.steps][-1]
