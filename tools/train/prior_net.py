# SPDX-License-Identifier: MIT
"""The float network of a prior of indices, which `tools.train.prior_package` turns into integers.

A pass of the schedule sees the indices of earlier passes through an embedding, on the sites of its step only: a context
network of plain convolutions gives `width` numbers a site, and a head of low rank gives the logits of all V indices.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

COARSEST = 16  # sites from one site of the first pass to the next


def schedule(coarsest: int = COARSEST) -> tuple[NDArray[np.int64], list[int]]:
    """Return (the number of the pass of each site of a period, the step of each pass), from coarse to fine.

    The first pass has the sites whose row and column are multiples of `coarsest`, a power of two. Each halving of the
    step adds three passes: the sites between four diagonal neighbours, then those between two in their row, then those
    between two in their column.
    """
    numbers = np.zeros((coarsest, coarsest), np.int64)
    steps, step = [coarsest], coarsest // 2
    while step:
        for top, left in ((step, step), (0, step), (step, 0)):
            numbers[top :: 2 * step, left :: 2 * step] = len(steps)
            steps.append(step)
        step //= 2
    return numbers, steps


@dataclass(frozen=True)
class PriorConfig:
    """Architecture: V code words, embedding channels, channels of the convolutions, rank of the head, coarsest step."""

    v: int
    embedding: int = 33
    wide: int = 96
    narrow: int = 48
    rank: int = 64
    coarsest: int = COARSEST

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class PriorNet(nn.Module):
    """Embedding, three context networks (coarse passes, first pass of the finest step, its other passes) and one head."""

    numbers: Tensor

    def __init__(self, cfg: PriorConfig, codes: Tensor | None = None) -> None:
        """codes: code words float32[v, n], n < `embedding` and n <= `rank`, where embedding and head begin."""
        super().__init__()
        self.cfg = cfg
        numbers, self.steps = schedule(cfg.coarsest)
        self.register_buffer("numbers", torch.from_numpy(numbers))
        self.embedding = nn.Parameter(0.5 * torch.randn(cfg.v, cfg.embedding))
        self.contexts = nn.ModuleList(_context(cfg) for _ in range(3))
        self.head = nn.Conv2d(cfg.rank, cfg.v, 1)
        nn.init.normal_(self.head.weight, std=0.02 if codes is not None else cfg.rank**-0.5)
        with torch.no_grad():
            self.head.bias = nn.Parameter(torch.zeros(cfg.v))
            self.embedding[:, -1] = 1.0  # tells a known site from an unknown one
            if codes is not None:
                self.embedding[:, : codes.shape[1]] = codes
                self.head.weight[:, : codes.shape[1], 0, 0] = codes

    def context_of(self, number: int) -> int:
        """Return the number of the context network of a pass."""
        return 0 if self.steps[number] > 1 else 1 if self.steps[number - 1] > 1 else 2

    def used(self) -> list[int]:
        """Return the numbers of the context networks that some pass uses."""
        return sorted({self.context_of(number) for number in range(len(self.steps))})

    def inputs(self, grids: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Return (embedded float[B, embedding, h, w], sites bool[h, w]) of pass `number`, on the sites of its step.

        grids: int64[B, h, w]. Indices of this pass and later ones do not bear on the first result.
        """
        step = self.steps[number]
        h, w = grids.shape[-2:]
        period = len(self.numbers)
        numbers = self.numbers.repeat(-(-h // period), -(-w // period))[:h:step, :w:step]
        known = (numbers < number).to(self.embedding.dtype)
        x = F.embedding(grids[:, ::step, ::step], self.embedding).permute(0, 3, 1, 2) * known
        return x, numbers == number

    def forward(self, grids: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """Return (logits float[n, v], indices int64[n]) of the sites of pass `number`, picture after picture."""
        x, sites = self.inputs(grids, number)
        features = self.contexts[self.context_of(number)](x)[:, :, sites]  # [B, rank, n]
        logits = F.linear(features.transpose(1, 2), self.head.weight[:, :, 0, 0], self.head.bias)
        step = self.steps[number]
        return logits.flatten(0, 1), grids[:, ::step, ::step][:, sites].flatten()


def _context(cfg: PriorConfig) -> nn.Sequential:
    """Return six convolutions: those of 3x3 sites from few channels to many, those of 1x1 from many to few."""
    layers: list[nn.Module] = [nn.Conv2d(cfg.embedding, cfg.wide, 3, padding=1), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Conv2d(cfg.wide, cfg.narrow, 1), nn.ReLU()]
        layers += [nn.Conv2d(cfg.narrow, cfg.wide, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(cfg.wide, cfg.rank, 1))
