# SPDX-License-Identifier: MIT
"""Build analysis and synthesis transforms, float32. x: [B, C, H, W] in 0..1, H and W multiples of 64; y: [B, M, H/16, W/16].

There are two kinds. "elic": strided 5x5 convolutions, bottleneck residual blocks and attention (He et al. 2022, Fig. 2).
"patch": pixel shuffles around residual blocks, parallel to a linear 16x16 path initialised as a PCA of image patches;
it trains many times faster and decodes at about 10 kMAC per pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.text_adapter import Extractor, Injector


class ResidualBottleneck(nn.Module):
    """x + 1x1(3x3(1x1(x))) with half the channels inside (He et al. 2016; ELIC Fig. 2)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        h = c // 2
        self.branch = nn.Sequential(
            nn.Conv2d(c, h, 1), nn.ReLU(), nn.Conv2d(h, h, 3, padding=1), nn.ReLU(), nn.Conv2d(h, c, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.branch(x)
        return out


class ResidualPlain(nn.Module):
    """x + 3x3(3x3(x)) at full width: more multiplications than a bottleneck, but fewer kernel launches."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.branch(x)
        return out


class ResidualUnit(ResidualBottleneck):
    """A residual bottleneck followed by a ReLU, as in the attention of all public ELICs."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(super().forward(x))


class Attention(nn.Module):
    """Simplified attention (Cheng et al. 2020, Fig. 4): x + a(x) * sigmoid(b(x))."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.a = nn.Sequential(*(ResidualUnit(c) for _ in range(3)))
        self.b = nn.Sequential(*(ResidualUnit(c) for _ in range(3)), nn.Conv2d(c, c, 1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.a(x) * torch.sigmoid(self.b(x))
        return out


def _down(i: int, o: int) -> nn.Module:
    return nn.Conv2d(i, o, 5, stride=2, padding=2)


def _up(i: int, o: int) -> nn.Module:
    return nn.ConvTranspose2d(i, o, 5, stride=2, padding=2, output_padding=1)


def _blocks(c: int, bottleneck: int, plain: int = 0) -> list[nn.Module]:
    return [*(ResidualBottleneck(c) for _ in range(bottleneck)), *(ResidualPlain(c) for _ in range(plain))]


class ElicAnalysis(nn.Sequential):
    """Analysis of the "elic" kind. A text adapter also takes text float[B, tokens, text_width] (Lee et al. 2024, Fig. 4)."""

    def __init__(self, cfg: ElicConfig) -> None:
        n1, n2, n3 = cfg.widths
        text = cfg.text_width
        early = [Injector(n2, text)] if text else []
        late = [Extractor(n3, text), Injector(n3, text)] if text else []
        super().__init__(
            _down(cfg.channels, n1),
            *_blocks(n1, 3),
            _down(n1, n2),
            *_blocks(n2, 3),
            *early,
            Attention(n2),
            _down(n2, n3),
            *_blocks(n3, 3),
            *late,
            _down(n3, cfg.m),
            Attention(cfg.m),
        )
        self.turn = next((i for i, m in enumerate(self) if isinstance(m, Extractor)), 0)

    def forward(self, x: Tensor, text: Tensor | None = None) -> Tensor:  # type: ignore[override]
        if not self.turn:
            return self.walk(x, None)
        if text is None:
            raise ValueError("a text adapter needs text")
        features = self.walk(x, text, 0, self.turn)
        return self.walk(features, self.read(features, text), self.turn + 1)

    def walk(self, x: Tensor, text: Tensor | None, start: int = 0, stop: int | None = None) -> Tensor:
        """Apply the layers start … stop - 1, whose receptive field is local; only layer `turn` is global."""
        for m in list(self)[start:stop]:
            x = m(x, text) if isinstance(m, Injector) else m(x)
        return x

    def read(self, features: Tensor, text: Tensor) -> Tensor:
        """Return the text after layer `turn`, which attends to every site of the features."""
        out: Tensor = self[self.turn](text, features)
        return out


class ElicSynthesis(nn.Sequential):
    def __init__(self, cfg: ElicConfig) -> None:
        n1, n2, n3 = cfg.widths
        super().__init__(
            Attention(cfg.m),
            _up(cfg.m, n3),
            *_blocks(n3, 3),
            _up(n3, n2),
            Attention(n2),
            *_blocks(n2, 3),
            _up(n2, n1),
            *_blocks(n1, 3),
            _up(n1, cfg.channels),
        )


class PatchAnalysis(nn.Module):
    def __init__(self, cfg: ElicConfig) -> None:
        super().__init__()
        n1, n2, n3 = cfg.widths
        fine, middle, coarse = cfg.analysis_blocks
        self.net = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(16 * cfg.channels, n1, 3, padding=1),
            *_blocks(n1, *fine),
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * n1, n2, 1),
            *_blocks(n2, *middle),
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * n2, n3, 1),
            *_blocks(n3, *coarse),
            nn.Conv2d(n3, cfg.m, 1),
        )
        self.linear = nn.Conv2d(cfg.channels, cfg.m, 16, stride=16)

    def forward(self, x: Tensor) -> Tensor:
        x = x - 0.5
        with torch.autocast(x.device.type, enabled=False):  # the linear path carries most of the energy
            y = self.linear(x)
        out: Tensor = y + self.net(x).float()
        return out


class PatchSynthesis(nn.Module):
    def __init__(self, cfg: ElicConfig) -> None:
        super().__init__()
        n1, n2, n3 = cfg.synthesis_widths or cfg.widths
        fine, middle, coarse = cfg.synthesis_blocks
        self.net = nn.Sequential(
            nn.Conv2d(cfg.m, n3, 1),
            *_blocks(n3, *coarse),
            nn.Conv2d(n3, 4 * n2, 1),
            nn.PixelShuffle(2),
            *_blocks(n2, *middle),
            nn.Conv2d(n2, 4 * n1, 1),
            nn.PixelShuffle(2),
            *_blocks(n1, *fine),
            nn.Conv2d(n1, 16 * cfg.channels, 3, padding=1),
            nn.PixelShuffle(4),
        )
        self.linear = nn.ConvTranspose2d(cfg.m, cfg.channels, 16, stride=16)

    def forward(self, y: Tensor) -> Tensor:
        with torch.autocast(y.device.type, enabled=False):
            x = self.linear(y)
        out: Tensor = x + self.net(y).float() + 0.5
        return out


def transforms(cfg: ElicConfig) -> tuple[nn.Module, nn.Module]:
    """Return (g_a, g_s) of a configuration."""
    if cfg.transform == "elic":
        return ElicAnalysis(cfg), ElicSynthesis(cfg)
    return PatchAnalysis(cfg), PatchSynthesis(cfg)
