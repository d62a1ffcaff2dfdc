# SPDX-License-Identifier: MIT
"""TACO's text adapter: three cross-attentions between a caption and the features of g_a (Lee et al. 2024, §3.2).

Injector (CA1, CA3): every place of the picture asks the text. Extractor (CA2): every text token asks the picture. As in
eq. (5) of the paper what is added to is the *normalised* stream, so that an adapter whose gamma is 0 still normalises.
Only the encoder has it; symbols and painters know nothing of a text.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from refcodec.transforms.elic.config import TEXT_HEADS


class Injector(nn.Module):
    """x float[B, C, h, w] and text float[B, tokens, width] to LN(x) + gamma * attention(LN(x), LN(project(text)))."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, channels)
        self.image_norm, self.text_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, TEXT_HEADS, batch_first=True)
        self.gamma = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        tokens = self.text_norm(self.project(text))
        places = self.image_norm(x.flatten(2).transpose(1, 2))
        found, _ = self.attention(places, tokens, tokens, need_weights=False)
        out: Tensor = (places + self.gamma * found).transpose(1, 2).reshape(x.shape)
        return out


class Extractor(nn.Module):
    """text float[B, tokens, width] and x float[B, C, h, w] to LN(text) + attention(LN(text), LN(project(x)))."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, width)
        self.image_norm, self.text_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, TEXT_HEADS, batch_first=True)

    def forward(self, text: Tensor, x: Tensor) -> Tensor:
        places = self.image_norm(self.project(x.flatten(2).transpose(1, 2)))
        tokens = self.text_norm(text)
        found, _ = self.attention(tokens, places, places, need_weights=False)
        out: Tensor = tokens + found
        return out
