# SPDX-License-Identifier: MIT
"""Vector quantisation by cosine similarity, with a codebook learned as moving averages.

van den Oord et al. 2017 (codebook, commitment, straight-through gradient; appendix A.1: moving averages), Yu et al. 2022
§3.2 (few dimensions, vectors and codes of length 1), Careil et al. 2024 §3.2 (unused codes are replaced, as in Zeghidour
et al. 2021).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS = 1 << 16  # vectors compared with the codebook at a time, which bounds memory


class Quantised(NamedTuple):
    """codes: like the input, of length 1, with the straight-through gradient. indices: int64, one per
    vector. commitment: mean squared distance of the normalised input from its code."""

    codes: Tensor
    indices: Tensor
    commitment: Tensor


class Exchange(Protocol):
    """The other processes of a training run."""

    def sum_(self, tensor: Tensor) -> None:
        """Replace a tensor by the sum over all processes."""
        ...

    def first_(self, tensor: Tensor) -> None:
        """Replace a tensor by that of the first process."""
        ...


class VectorQuantizer(nn.Module):
    """v codes of length 1 in `dim` dimensions. Vectors are in the last axis; their length is ignored."""

    codes: Tensor
    count: Tensor
    total: Tensor
    exchange: Exchange | None = None  # in training by several processes, which share one codebook

    def __init__(self, v: int, dim: int, decay: float = 0.99, dead: float = 0.03) -> None:
        """decay: of the moving averages. dead: share of the mean use below which a code is replaced."""
        super().__init__()
        self.decay, self.dead = decay, dead
        self.register_buffer("codes", F.normalize(torch.randn(v, dim), dim=-1))
        self.register_buffer("count", torch.ones(v))
        self.register_buffer("total", self.codes.clone())

    def nearest(self, x: Tensor) -> Tensor:
        """Return the index of the code at the smallest angle, int64; the first of equals."""
        flat = x.reshape(-1, x.shape[-1]).float()
        parts = [(F.normalize(rows, dim=-1) @ self.codes.T).argmax(-1) for rows in torch.split(flat, ROWS)]
        return torch.cat(parts).view(x.shape[:-1])

    def lookup(self, indices: Tensor) -> Tensor:
        """Return the codes of indices, in the last axis."""
        return F.embedding(indices, self.codes)

    def forward(self, x: Tensor) -> Quantised:
        unit = F.normalize(x.float(), dim=-1)
        indices = self.nearest(unit.detach())
        codes = self.lookup(indices)
        if self.training:
            self._learn(unit.detach().flatten(0, -2), indices.flatten())
        commitment = ((unit - codes) ** 2).sum(-1).mean()
        return Quantised(unit + (codes - unit).detach(), indices, commitment)

    @torch.no_grad()
    def _learn(self, unit: Tensor, indices: Tensor) -> None:
        """Move each code towards the mean of its vectors; replace rarely used codes by random vectors."""
        seen = torch.bincount(indices, minlength=len(self.codes)).to(unit.dtype)
        sums = torch.zeros_like(self.total).index_add_(0, indices, unit)
        if self.exchange is not None:
            self.exchange.sum_(seen)
            self.exchange.sum_(sums)
        self.count.lerp_(seen, 1 - self.decay)
        self.total.lerp_(sums, 1 - self.decay)
        mean = self.count.mean()
        gone = (self.count < self.dead * mean).nonzero()[:, 0]
        if len(gone):
            drawn = unit[torch.randint(len(unit), (len(gone),), device="cpu").to(unit.device)]
            if self.exchange is not None:
                self.exchange.first_(drawn)
            self.count[gone] = mean
            self.total[gone] = drawn * mean
        self.codes.copy_(F.normalize(self.total, dim=-1))

    @torch.no_grad()
    def start(self, x: Tensor, rounds: int = 20) -> None:
        """Initialise the codes by spherical k-means over the vectors x [n, dim], n >= v."""
        unit = F.normalize(x.float(), dim=-1)
        if len(unit) < len(self.codes):
            raise ValueError(f"{len(self.codes)} codes need at least as many vectors, not {len(unit)}")
        self.codes.copy_(unit[torch.randperm(len(unit))[: len(self.codes)].to(unit.device)])
        for _ in range(rounds):
            indices = self.nearest(unit)
            sums = torch.zeros_like(self.codes).index_add_(0, indices, unit)
            taken = torch.bincount(indices, minlength=len(self.codes)) > 0
            self.codes[taken] = F.normalize(sums[taken], dim=-1)
        self.count.fill_(1.0)
        self.total.copy_(self.codes)
