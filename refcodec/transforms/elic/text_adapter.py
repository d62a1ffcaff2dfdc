# SPDX-License-Identifier: MIT
"""TACO's text adapter: three cross-attentions between a caption and the features of g_a (Lee et al. 2024, §3.2).

Injector (CA1, CA3): the queries are sites of the picture. Extractor (CA2): the queries are text tokens. As in eq. (5) of
the paper the residual is added to the *normalised* stream, so that an adapter with gamma 0 still normalises. Only the
encoder has an adapter; symbols and synthesis do not depend on the text.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refcodec.transforms.elic.config import TEXT_HEADS


class Injector(nn.Module):
    """Map x float[B, C, h, w] and text float[B, tokens, width] to LN(x) + gamma * attention(LN(x), LN(project(text)))."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, channels)
        self.image_norm, self.text_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, TEXT_HEADS, batch_first=True)
        self.gamma = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        tokens = self.text_norm(self.project(text))
        sites = self.image_norm(x.flatten(2).transpose(1, 2))
        attended, _ = self.attention(sites, tokens, tokens, need_weights=False)
        out: Tensor = (sites + self.gamma * attended).transpose(1, 2).reshape(x.shape)
        return out


class Extractor(nn.Module):
    """Map text float[B, tokens, width] and x float[B, C, h, w] to LN(text) + attention(LN(text), LN(project(x)))."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, width)
        self.image_norm, self.text_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, TEXT_HEADS, batch_first=True)

    def forward(self, text: Tensor, x: Tensor) -> Tensor:
        sites = self.image_norm(self.project(x.flatten(2).transpose(1, 2)))
        tokens = self.text_norm(text)
        attended, _ = self.attention(tokens, sites, sites, need_weights=False)
        out: Tensor = tokens + attended
        return out
