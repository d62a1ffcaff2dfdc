# SPDX-License-Identifier: MIT
"""The pipeline that PerCo's training starts from, and the parts of its U-Net that are trained (Careil et al. 2024, §4.1)."""

from __future__ import annotations

import argparse
import math
from typing import Any

import torch
from torch import nn

from refcodec.foundation.loading import OWN_FILES, loading, require_config
from refcodec.foundation.perco_diffusion import CLASSES, ROLE


def add_input_channels(unet: Any, count: int) -> Any:
    """Append `count` input channels to the first convolution of a U-Net, with random weights of matching scale."""
    old = unet.conv_in
    new = nn.Conv2d(old.in_channels + count, old.out_channels, old.kernel_size, padding=old.padding)
    with torch.no_grad():
        new.weight[:, old.in_channels :] *= float(old.weight.std()) / float(new.weight.std()) / math.sqrt(count)
        new.weight[:, : old.in_channels] = old.weight
    new.bias = old.bias
    unet.conv_in = new
    unet.register_to_config(in_channels=new.in_channels)
    return unet


def trainable(unet: Any, latents: int) -> dict[str, nn.Parameter]:
    """Return the trained parameters by name: linear layers, and conv_in, masked to the inputs of local features."""
    unet.requires_grad_(False)
    parameters = {
        f"{name}.{k}": p
        for name, m in unet.named_modules()
        if isinstance(m, nn.Linear)
        for k, p in m.named_parameters()
    }
    parameters["conv_in.weight"] = unet.conv_in.weight
    for p in parameters.values():
        p.requires_grad_(True)
    mask = torch.ones_like(unet.conv_in.weight)
    mask[:, :latents] = 0
    unet.conv_in.weight.register_hook(lambda grad: grad * mask.to(grad))
    return parameters


def load_pipeline(args: argparse.Namespace) -> Any:
    """Return the pipeline to train; exit if its U-Net is already extended. Raises SemError."""
    require_config(ROLE, args.pipeline, "model_index.json", "_class_name", CLASSES[:1])
    with loading(ROLE, args.pipeline):
        from diffusers import StableDiffusionPipeline

        pipeline = StableDiffusionPipeline.from_pretrained(
            args.pipeline,
            **OWN_FILES,
            use_safetensors=True,
            safety_checker=None,
            requires_safety_checker=False,
        )
    if pipeline.unet.config.in_channels != pipeline.vae.config.latent_channels:
        raise SystemExit(
            f"error: the U-Net of {args.pipeline} has more inputs than its latents: name the original pipeline, before PerCo training"
        )
    return pipeline
