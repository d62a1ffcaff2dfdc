# SPDX-License-Identifier: MIT
"""The processes of a training run: one; several of `accelerate launch`, each on a device of its own; or forked ones on a CPU.

Every process computes the gradient of its own crops; they are averaged, so that n processes with batches of b take the
steps of one process with batches of n x b. The process of rank 0 alone writes files.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

# Its default arguments hold the process group of the moment of its import. Optimisers import it late: gloo's threads would
# then outlive `close`, and abort a process that ends while they free a tensor.
import torch.distributed.nn.functional
from torch import Tensor, nn


@dataclass(frozen=True)
class Devices:
    """One process of a run. The collective functions change tensors of its device in place."""

    device: str = "cpu"
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    def sum_(self, tensor: Tensor) -> None:
        """Replace a tensor by the sum over all processes."""
        if self.world > 1:
            dist.all_reduce(tensor)

    def maximum_(self, tensor: Tensor) -> None:
        """Replace a tensor by the largest value of all processes, element by element."""
        if self.world > 1:
            dist.all_reduce(tensor, op=dist.ReduceOp.MAX)

    def first_(self, tensor: Tensor) -> None:
        """Replace a tensor by that of the first process."""
        if self.world > 1:
            dist.broadcast(tensor, 0)

    def seeds(self, seed: int, step: int) -> tuple[int, ...]:
        """Return the seed of a stream of random numbers of this process, from a step on."""
        return (seed, step) if self.rank == 0 else (seed, step, self.rank)

    def close(self) -> None:
        """Wait for the other processes, and leave them."""
        if self.world > 1:
            dist.barrier()
            dist.destroy_process_group()


def launched(device: str) -> Devices:
    """Return the process that `accelerate launch` or torchrun has started, or the only one of a run."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Devices(device)
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise SystemExit(
            "error: several processes need accelerate, which is not installed: pip install 'refcodec[models]'"
        ) from error
    state = PartialState(cpu=device == "cpu")
    chosen = "cpu" if state.device.type == "cpu" else str(state.device)
    return Devices(chosen, state.process_index, state.num_processes)


def forked(rank: int, world: int, rendezvous: Path) -> Devices:
    """Return one of several processes on a CPU, which meet in a file."""
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{rendezvous.resolve()}", rank=rank, world_size=world)
    return Devices("cpu", rank, world)


def average_gradients(params: list[nn.Parameter], devices: Devices, limit: float) -> float:
    """Average the gradients over all processes and clip them to a norm; return the norm before clipping."""
    flat = torch.cat([p.grad.view(-1) if p.grad is not None else p.data.new_zeros(p.numel()) for p in params])
    if devices.world > 1:
        devices.sum_(flat)
        flat /= devices.world
    norm = float(flat.norm())
    flat *= min(1.0, limit / (norm + 1e-9))
    at = 0
    for p in params:
        p.grad = flat[at : at + p.numel()].view_as(p)
        at += p.numel()
    return norm


def share_weights(tensors: Iterable[Tensor], devices: Devices) -> None:
    """Give every process the weights of the first."""
    for tensor in tensors:
        devices.first_(tensor)


def epochs_to_steps(args: argparse.Namespace, pictures: int, processes: int) -> int:
    """Return the number of steps of `--epochs` passes over the pictures."""
    return math.ceil(float(args.epochs) * pictures / (int(args.batch) * processes))
