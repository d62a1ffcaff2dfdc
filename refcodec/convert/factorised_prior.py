# SPDX-License-Identifier: MIT
"""Compute z tables from the factorised prior of public checkpoints (Ballé et al. 2018, appendix 6.1).

The cumulative distribution of each channel is a monotone network of widths 3, 3, 3, 3, 1: softplus of a matrix, a bias,
and x + tanh(factor) tanh(x) after all layers but the last, then a sigmoid. A symbol s represents the value s + median.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from refcodec.convert.z_tables import counted_tables
from refcodec.errors import Code, SemError

Array = NDArray[Any]
WIDTHS = (1, 3, 3, 3, 3, 1)
LAYERS = len(WIDTHS) - 1
REACH = 2048  # largest symbol with its own table entry
TAIL = 5e-6  # mass on each side that is left to the escape
_OLD = {"matrices": "_matrix", "biases": "_bias", "factors": "_factor"}
_BUFFERS = re.compile(r"target|_offset|_quantized_cdf|_cdf_length|likelihood_lower_bound\..*")


class Prior:
    """Density of z from the keys of a state dict with this prefix. Raises Code.MODEL_MALFORMED if it is incomplete.

    used: the keys that belong to it, including redundant ones.
    """

    def __init__(self, state: Mapping[str, Tensor], prefix: str, channels: int) -> None:
        self.used = {key for key in state if key.startswith(prefix) and _BUFFERS.fullmatch(key.removeprefix(prefix))}

        def take(name: str, i: int, *shape: int) -> Tensor:
            key = f"{prefix}{_OLD[name]}{i}"
            if key not in state:
                key = f"{prefix}{name}.{i}"
            return self._take(state, key, (channels, *shape))

        self.matrices = [F.softplus(take("matrices", i, o, n)) for i, (n, o) in enumerate(pairwise(WIDTHS))]
        self.biases = [take("biases", i, o, 1) for i, o in enumerate(WIDTHS[1:])]
        self.factors = [torch.tanh(take("factors", i, o, 1)) for i, o in enumerate(WIDTHS[1:-1])]
        self.medians = self._take(state, f"{prefix}quantiles", (channels, 1, 3))[:, 0, 1]

    def _take(self, state: Mapping[str, Tensor], key: str, shape: tuple[int, ...]) -> Tensor:
        tensor = state.get(key)
        if tensor is None:
            raise SemError(Code.MODEL_MALFORMED, f"the checkpoint has no {key}", path=key)
        if tensor.shape != shape or not bool(tensor.isfinite().all()):
            raise SemError(
                Code.MODEL_MALFORMED, f"{key} is {list(tensor.shape)}, not finite numbers of {list(shape)}", path=key
            )
        self.used.add(key)
        return tensor.double()

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits of the cumulative distribution at x float64[C, 1, n]."""
        for i in range(LAYERS):
            x = self.matrices[i] @ x + self.biases[i]
            if i < LAYERS - 1:
                x = x + self.factors[i] * torch.tanh(x)
        return x

    @torch.no_grad()
    def tables(self) -> dict[str, Array]:
        """Return the tables `z.offset`, `z.size` and `z.freq` of one rate."""
        steps = torch.arange(-REACH, REACH + 2, dtype=torch.float64) - 0.5
        logits = self.logits(steps + self.medians[:, None, None])[:, 0]
        below, above = torch.sigmoid(logits), torch.sigmoid(-logits)  # both, since 1 - p loses precision in the tail
        mass = torch.where(logits[:, :-1] > 0, above[:, :-1] - above[:, 1:], below[:, 1:] - below[:, :-1])
        lowest = (below[:, 1:] <= TAIL).sum(1).clamp(max=2 * REACH)
        highest = (2 * REACH - (above[:, :-1] <= TAIL).sum(1)).clamp(min=0)

        def one(c: int) -> tuple[int, Array]:
            lo, hi = sorted((int(lowest[c]), int(highest[c])))
            return lo - REACH, mass[c, lo : hi + 1].numpy() + 1e-12

        return counted_tables((one(c) for c in range(len(mass))), (1, len(mass)))
