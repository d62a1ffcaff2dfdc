# SPDX-License-Identifier: MIT
"""Shared parts of the training programs: checkpoints, log, interruption, learning rate and batches."""

from __future__ import annotations

import argparse
import json
import math
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tools.train.data import Source
from tools.train.devices import Devices
from tools.train.stream import positions

CHECKPOINT_EVERY, VALIDATE_EVERY = 120.0, 300.0  # seconds
T = TypeVar("T")


class Run(Protocol):
    """The progress of a training run."""

    seconds: float
    step: int

    def done(self, args: argparse.Namespace) -> float:
        """Return the completed share of the schedule, 0 at the start and 1 at the end."""
        ...


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Replace `checkpoint.pt` atomically."""
    tmp = folder / "checkpoint.pt.part"
    torch.save(state, tmp)
    os.replace(tmp, folder / "checkpoint.pt")


def load_checkpoint(args: argparse.Namespace, parse: Callable[[dict[str, Any]], T]) -> tuple[dict[str, Any], T] | None:
    """Return the state in `checkpoint.pt` and what `parse` makes of it, None if there is no checkpoint.

    Exits if the file is not a checkpoint of the program, or if `parse` fails on it.
    """
    path = args.out / "checkpoint.pt"
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=args.device)
        return state, parse(state)
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as e:
        raise SystemExit(
            f"error: {path} is not a checkpoint of this program ({e}); remove it or choose another --out"
        ) from e


class Log:
    """Writes rows to `log.jsonl` and the terminal, in the first process only."""

    def __init__(self, args: argparse.Namespace, rank: int, run: Run) -> None:
        self.args, self.run, self.path = args, run, args.out / "log.jsonl" if rank == 0 else None
        if self.path is not None and self.path.exists():  # a killed run may have logged steps after its last checkpoint
            rows = [line for line in self.path.read_text().splitlines() if step_of(line) <= run.step]
            self.path.write_text("".join(f"{line}\n" for line in rows))

    def __call__(self, **row: Any) -> None:
        if self.path is None:
            return
        row = {"step": self.run.step, "seconds": round(self.run.seconds, 1), **row}
        print(f"{100 * min(1.0, self.run.done(self.args)):5.1f} %  {json.dumps(row)}", flush=True)
        with self.path.open("a") as f:
            f.write(json.dumps(row) + "\n")


def step_of(line: str) -> float:
    """Return the step of a log line, infinity for an incomplete one."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):  # incomplete last line of a killed run
        return math.inf


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Catch SIGINT and SIGTERM; yield a function that returns whether one has arrived."""
    received: list[int] = []
    before = {s: signal.signal(s, lambda number, _: received.append(number)) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(received)
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def agree(devices: Devices, run: Run, stop: bool, source: Source) -> tuple[bool, dict[str, Any]]:
    """Return whether any process is to stop, and the position of all; set the seconds of the run to those of the slowest.

    Every process must call it before each step, so that all follow one schedule.
    """
    world, rank = devices.world, devices.rank
    values = torch.zeros(2 + 2 * world, dtype=torch.float64)
    values[0], values[1] = run.seconds, float(stop)
    values[2 + rank], values[2 + world + rank] = source.taken, source.broken
    shared = values.to(devices.device) if world > 1 else values
    devices.maximum_(shared)
    run.seconds, stopped, *counts = shared.tolist()
    taken, broken = ([int(n) for n in part] for part in (counts[:world], counts[world:]))
    return stopped > 0, positions(source.start, taken, broken)


def tensor(batch: NDArray[np.uint8], device: str) -> Tensor:
    """Convert pictures uint8[B, H, W, C] to float32[B, C, H, W] in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(batch)).to(device).permute(0, 3, 1, 2).float() / 255
