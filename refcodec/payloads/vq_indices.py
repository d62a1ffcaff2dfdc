# SPDX-License-Identifier: MIT
"""SPEC §13.5 VQ indices (kind 5; van den Oord et al. 2017, PerCo): one index of V for each place of a grid.

The grid has a place for stride × stride pixels of the picture, extended to the right and below to whole places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from refcodec.entropy import Coder, Decoder, Encoder, cumulative, uniform
from refcodec.payloads import SHOWN_SYMBOLS, checked, u16


@dataclass(frozen=True)
class VqIndices:
    """indices, each 0 … V - 1, in raster order of a grid of h rows and w columns."""

    indices: tuple[int, ...]
    h: int
    w: int
    canonical = True

    @property
    def shape(self) -> list[list[int]]:
        return [[self.h, self.w]]

    def serialise(self) -> bytes:
        return u16(self.indices)

    def shown(self) -> Any:
        """Row by row."""
        if len(self.indices) > SHOWN_SYMBOLS:
            return None
        return [list(self.indices[r * self.w : (r + 1) * self.w]) for r in range(self.h)]


def grid(size: tuple[int, int], parameters: Mapping[str, Any]) -> tuple[int, int]:
    """(h, w) for a picture of size (width, height)."""
    stride = int(parameters["stride"])
    return -(-size[1] // stride), -(-size[0] // stride)


def _walk(
    coder: Coder,
    parameters: Mapping[str, Any],
    size: tuple[int, int],
    usage: Sequence[int] | None,
    indices: Sequence[int] | None = None,
) -> VqIndices:
    h, w = grid(size, parameters)
    table = uniform(int(parameters["v"])) if usage is None else cumulative(usage)
    out = tuple(coder.symbol(table, None if indices is None else indices[i]) for i in range(h * w))
    return VqIndices(out, h, w)


def decode(
    body: bytes, parameters: Mapping[str, Any], size: tuple[int, int], usage: Sequence[int] | None = None
) -> VqIndices:
    """The indices of a body for a picture of size (width, height); SemError 401, 402. usage: frequencies of 2^16."""
    coder = Decoder(body)
    value = _walk(coder, parameters, size, usage)
    coder.finish()
    return value


def encode(
    indices: Sequence[int], parameters: Mapping[str, Any], size: tuple[int, int], usage: Sequence[int] | None = None
) -> bytes:
    """The body of h · w indices in raster order; ValueError where they are not so many, or one is not 0 … V - 1."""
    values = checked(indices, int(parameters["v"]), "indices")
    h, w = grid(size, parameters)
    if len(values) != h * w:
        raise ValueError(f"a picture of {size[0]}x{size[1]} has {h} rows of {w} indices, not {len(values)} indices")
    coder = Encoder()
    _walk(coder, parameters, size, usage, values)
    return coder.finish()
