# SPDX-License-Identifier: MIT
"""Bits of relaxed symbols: under the discrete Gaussians of SPEC §10, and under the tables of z."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec.entropy import TableBank
from refcodec.transforms.elic.network import LOG_MIN, LOG_STEP

_LEAST: Final = 2.0**-24  # probability below which the cost stays


def gaussian_bits(s: Tensor, index: Tensor) -> Tensor:
    """Return the bits of symbols s under tables `index`, both of any real value; 0 below half an index (table 0 codes none)."""
    scale = math.sqrt(0.5) * torch.exp(-(LOG_MIN + LOG_STEP * index))
    v = s.abs()
    p = 0.5 * (torch.erfc((v - 0.5) * scale) - torch.erfc((v + 0.5) * scale))
    return torch.where(index < 0.5, torch.zeros_like(p), -torch.log2(p.clamp_min(_LEAST)))


class ZCosts:
    """Bits of z, linear between integers. Symbols beyond `REACH` cost what those at its end do."""

    REACH = 64

    def __init__(self, bank: TableBank, rate: int, channels: int, device: torch.device) -> None:
        values = np.arange(-self.REACH, self.REACH + 1)
        rows = [_bits(bank, rate * channels + c, values) for c in range(channels)]
        self.table = torch.tensor(np.stack(rows), dtype=torch.float32, device=device)

    def __call__(self, z: Tensor) -> Tensor:
        """Return the sum of the bits of z[hyper, h, w]."""
        floor = z.detach().floor().clamp(-self.REACH, self.REACH - 1)
        at = (floor + self.REACH).long().flatten(1)
        low, high = self.table.gather(1, at), self.table.gather(1, at + 1)
        return torch.lerp(low, high, (z - floor).flatten(1).clamp(0, 1)).sum()


def _bits(bank: TableBank, number: int, values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the bits of integers under a table of a bank."""
    flat = bank.flat
    start, n = int(flat.start[number]), int(flat.size[number])
    bits = 16 - np.log2(np.diff(flat.cumulative[start : start + n + 1].astype(np.int64)))
    k = values - int(flat.offset[number])
    coded = (k >= 0) & (k < n - 1)
    escape = bits[-1] + 2 + 2 * np.floor(np.log2(np.maximum(np.where(k < 0, -k, k - n + 2), 1)))
    return np.asarray(np.where(coded, bits[np.clip(k, 0, n - 1)], escape))
