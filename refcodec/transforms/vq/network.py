# SPDX-License-Identifier: MIT
"""The autoencoder around the codebook. x: [B, 3, H, W] in 0..1, H and W multiples of the stride; z: [B, dim, h, w].

Pixel shuffles around bottleneck residual blocks, as in the "patch" transform of transforms/elic. The decoder has most of
its blocks at the resolution of the codes, where they cover about ten neighbours on each side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from refcodec.transforms.elic.blocks import ResidualBottleneck
from refcodec.transforms.vq.quantiser import VectorQuantizer

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

    def reach(self, blocks: tuple[int, ...]) -> int:
        """Return the codes on each side that affect a result, for a half with these blocks."""
        return 2 + sum(blocks)

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


def _blocks(c: int, n: int) -> list[nn.Module]:
    return [ResidualBottleneck(c) for _ in range(n)]


def encoder(cfg: VqConfig) -> nn.Sequential:
    """Return the network from x - 1/2 to z."""
    widths = cfg.encoder_widths
    layers: list[nn.Module] = [nn.PixelUnshuffle(PATCH), nn.Conv2d(3 * PATCH**2, widths[0], 3, padding=1)]
    layers += _blocks(widths[0], cfg.encoder_blocks[0])
    for before, width, blocks in zip(widths, widths[1:], cfg.encoder_blocks[1:], strict=False):
        layers += [nn.PixelUnshuffle(2), nn.Conv2d(4 * before, width, 1), *_blocks(width, blocks)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], cfg.dim, 1))


def decoder(cfg: VqConfig) -> nn.Sequential:
    """Return the network from codes to x - 1/2."""
    widths = cfg.decoder_widths[::-1]
    layers: list[nn.Module] = [nn.Conv2d(cfg.dim, widths[0], 3, padding=1), *_blocks(widths[0], cfg.decoder_blocks[-1])]
    for before, width, blocks in zip(widths, widths[1:], cfg.decoder_blocks[-2::-1], strict=False):
        layers += [nn.Conv2d(before, 4 * width, 1), nn.PixelShuffle(2), *_blocks(width, blocks)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 3 * PATCH**2, 3, padding=1), nn.PixelShuffle(PATCH))


class VqNet(nn.Module):
    """Encoder, codebook and decoder."""

    def __init__(self, cfg: VqConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.encoder, self.decoder = encoder(cfg), decoder(cfg)
        self.quantiser = VectorQuantizer(cfg.v, cfg.dim)

    def latent(self, x: Tensor) -> Tensor:
        """Return z as float32[B, h, w, dim]."""
        out: Tensor = self.encoder(x - 0.5).float().permute(0, 2, 3, 1)
        return out

    def indices(self, x: Tensor) -> Tensor:
        """Return the indices int64[B, h, w] of the nearest codes."""
        return self.quantiser.nearest(self.latent(x))

    def paint(self, codes: Tensor) -> Tensor:
        """Return float32[B, 3, H, W], about 0..1, for codes [B, h, w, dim]."""
        out: Tensor = self.decoder(codes.permute(0, 3, 1, 2)).float() + 0.5
        return out

    def forward(self, x: Tensor, quantise: bool = True) -> tuple[Tensor, Tensor]:
        """Return (picture, commitment). quantise False: a plain autoencoder, for the start of training."""
        z = self.latent(x)
        if not quantise:
            return self.paint(nn.functional.normalize(z, dim=-1)), torch.zeros((), device=x.device)
        quantised = self.quantiser(z)
        return self.paint(quantised.codes), quantised.commitment
