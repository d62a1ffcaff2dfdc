# SPDX-License-Identifier: MIT
"""Learning rates as factors of the peak rate, and the settings of TACO's training (Lee et al. 2024, §4.1)."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

# One network for each of these in the paper: rate + lambda * 255² * MSE + ..., MSE on 0..1
TACO_LAMBDAS: Final = (4e-4, 8e-4, 16e-4, 40e-4, 90e-4, 150e-4)
TACO: Final[dict[str, Any]] = {
    "config": "taco-text",
    "lambdas": TACO_LAMBDAS,
    "epochs": 50.0,
    "decay_at": (45.0, 48.0),
    "batch": 4,
    "crop": 256,
    "final_crop": 256,
    "rate": 1e-4,
    "structure": 0.0,
    "augment": "none",
    "clip_norm": 1.0,  # of the authors' code
    "loss_scale": "none",
    "precision": "float32",
    "perceptual": 3.5,
    "joint": 0.0025,
    "beta": 40.0,
}
RECIPES: Final = {"taco": TACO}


@dataclass(frozen=True)
class Cosine:
    """Warm-up, constant until 30 % of the schedule, then cosine decay to 2 %."""

    warm_up: int = 200  # steps

    def factor(self, step: int, done: float) -> float:
        """Return the factor for a step, at the completed share of the schedule."""
        decay = 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, (done - 0.3) / 0.7))))
        return min(1.0, (step + 1) / self.warm_up) * (0.02 + 0.98 * decay)


@dataclass(frozen=True)
class Steps:
    """Constant, a tenth of it from the first share of the schedule on, a hundredth from the second, and so on."""

    shares: tuple[float, ...]

    def factor(self, _step: int, done: float) -> float:
        """Return the factor at the completed share of the schedule."""
        return float(0.1 ** sum(done >= share for share in self.shares))


def schedule(args: argparse.Namespace) -> Cosine | Steps:
    """Return the schedule of `--decay-at`, epochs of `--epochs`, or the cosine one without it."""
    if not args.decay_at:
        return Cosine()
    return Steps(tuple(epoch / args.epochs for epoch in args.decay_at))


def numbers(text: str) -> tuple[float, ...]:
    """Parse an option: positive numbers in ascending order, such as 45,48. Raises ArgumentTypeError."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not values or min(values) <= 0 or not all(map(math.isfinite, values)) or list(values) != sorted(set(values)):
        raise argparse.ArgumentTypeError("expected positive numbers in ascending order, such as 45,48")
    return values


def with_recipe(ap: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse arguments; the settings of `--recipe` are the defaults of all others."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--recipe", choices=sorted(RECIPES))
    known, _ = first.parse_known_args(argv)
    if known.recipe is not None:
        ap.set_defaults(**RECIPES[known.recipe])
    return ap.parse_args(argv)
