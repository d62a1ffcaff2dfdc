# SPDX-License-Identifier: MIT
"""The autoencoder around the codebook. x: [B, 3, H, W] in 0..1, H and W multiples of the stride; z: [B, dim, h, w].

Pixel shuffles around bottleneck residual blocks, as in the "patch" transform of transforms/elic. The decoder has most of
its blocks at the resolution of the codes, where they cover about ten neighbours on each side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refcodec.transforms.elic.blocks import ResidualBottleneck
from refcodec.transforms.vq.config import PATCH, VqConfig
from refcodec.transforms.vq.quantiser import VectorQuantizer


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
