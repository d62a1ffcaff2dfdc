# SPDX-License-Identifier: MIT
"""Describe the architecture of the autoencoder around a codebook as data. Imports no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

PATCH = 4  # pixels that the first and last layer fold into channels


@dataclass(frozen=True)
class VqConfig:
    """Architecture of a network; widths and blocks from the finest scale (1/4) to the coarsest (1/stride)."""

    v: int = 1024
    dim: int = 32
    encoder_widths: tuple[int, ...] = (48, 96, 160)
    encoder_blocks: tuple[int, ...] = (1, 2, 3)
    decoder_widths: tuple[int, ...] = (64, 128, 256)
    decoder_blocks: tuple[int, ...] = (3, 4, 8)

    def __post_init__(self) -> None:
        """Raise ValueError if no network can be built: manifests are not trusted."""
        scales = self.encoder_widths, self.encoder_blocks, self.decoder_widths, self.decoder_blocks
        if not all(isinstance(row, tuple) and len(row) == len(self.encoder_widths) for row in scales):
            raise ValueError("widths and blocks are lists of the same length")
        if not 1 <= len(self.encoder_widths) <= 5:
            raise ValueError("an architecture has 1 to 5 scales")
        for values, low, high in (
            ((self.v,), 2, 65536),
            ((self.dim,), 1, 1024),
            (self.encoder_widths + self.decoder_widths, 2, 1024),
            (self.encoder_blocks + self.decoder_blocks, 0, 32),
        ):
            if not all(type(n) is int and low <= n <= high for n in values):
                raise ValueError(f"{values} are not integers from {low} to {high}")

    @property
    def stride(self) -> int:
        """Pixels per side of the block that one code covers."""
        return PATCH << (len(self.encoder_widths) - 1)

    def largest_map(self, widths: tuple[int, ...]) -> int:
        """Return the values of the largest map of a half with these widths, for one code."""
        maps = (width << 2 * (len(widths) - 1 - i) for i, width in enumerate(widths))
        return max(*maps, self.dim, 3 * self.stride**2)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> VqConfig:
        """Parse an architecture. Raises ValueError if it is invalid."""
        if not isinstance(data, dict):
            raise ValueError("an architecture is an object")
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        try:
            return cls(**fields)
        except TypeError as e:
            raise ValueError(str(e)) from e
