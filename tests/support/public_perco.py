# SPDX-License-Identifier: MIT
"""A published PerCo (SD) checkpoint for tests: random weights under its names, and the networks that they are of."""

from __future__ import annotations

from typing import Any

import torch

from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.hyper_encoder import HyperEncoder


def published(downs: int = 1) -> tuple[HyperEncoder, dict[str, Any], Any]:
    """(hyper-encoder, a state dict of it and of a U-Net as PerCo (SD) has them, the U-Net)."""
    from diffusers import UNet2DConditionModel

    torch.manual_seed(1)
    ours = HyperEncoder(HyperConfig(v=16, stride=8 << downs, factor=8, n=8, m=12, dim=4, null_text=None)).eval()
    state: dict[str, Any] = {}
    for name, t in ours.state_dict().items():
        if name.startswith("project_"):
            name = f"quantizer.{name}"
        attention = name.split(".")[1] in ("8", "14")
        name = name.replace(".branch.", ".conv." if attention else ".layers.")
        if attention:
            name = name.replace(".a.", ".conv_a.").replace(".b.", ".conv_b.")
        if not name.startswith("quantiser."):
            state[name] = t.half() if downs == 3 else t
    books = ours.quantiser.codes[None]
    state |= {
        "quantizer._codebook.embed": books,
        "quantizer._codebook.embed_avg": books,
        "quantizer._codebook.initted": torch.tensor([True]),
    }
    state["quantizer._codebook.cluster_size"] = torch.ones(1, 16)
    unet = UNet2DConditionModel(
        in_channels=16,
        block_out_channels=(32, 64),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=[1, 1],
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        use_linear_projection=True,
    ).eval()
    theirs = {k.replace("conv_in.", "conv_in_extended."): t for k, t in unet.state_dict().items()}
    theirs |= {"conv_in.weight": torch.randn(32, 4, 3, 3), "conv_in.bias": torch.randn(32)}
    return ours, state | theirs, unet
