# SPDX-License-Identifier: MIT
"""Small, untrained ELIC networks of every layout, quantised, and packages of them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from refcodec.convert import quantise
from refcodec.convert.calibrate import calibrate
from refcodec.networks import package
from refcodec.networks.symbol_model import SymbolModel
from refcodec.transforms.elic import config
from refcodec.transforms.elic.config import ElicConfig
from refcodec.transforms.elic.network import Elic
from tools.train import pack

VARIANTS = ("taco", "compressai", "chandelier")
QUANTISED = (*VARIANTS, "embedded", "linear")
GROUPS = (1, 1, 2, 4, 6)


def small(variant: str) -> ElicConfig:
    if variant == "embedded":
        cfg = ElicConfig(
            m=14,
            hyper=6,
            groups=GROUPS,
            widths=(8, 8, 8),
            spatial_width=5,
            aggregation=(9, 8),
            channel_context=((3, 7),),
            hyper_analysis=(("conv", 1, 1, 8), ("conv", 3, 2, 8), ("conv", 3, 2, 6)),
            hyper_synthesis=(("deconv", 5, 2, 8), ("deconv", 5, 2, 9)),
        )
    else:
        cfg = getattr(config, "taco" if variant == "linear" else variant)(8, 14, GROUPS)
        cfg = replace(cfg, scale_head="linear" if variant == "linear" else "log")
    return ElicConfig.from_dict({**cfg.to_dict(), "lambdas": [0.002, 0.02]})


@lru_cache
def network(variant: str) -> Elic:
    """Untrained, with latents and scales spread enough that every table is used."""
    torch.manual_seed(3)
    net = Elic(small(variant)).eval()
    with torch.no_grad():
        net.log_gain.add_(2.5)
        net.log_gain_z.add_(2)
        heads: list[Any] = [*net.entropy.head, *net.entropy.anchor_head]
        for head in heads:
            head[-1].bias += torch.randn_like(head[-1].bias)
            if variant == "linear":  # sigma itself, which gains of about 12 and 40 multiply
                scales = head[-1].bias[: len(head[-1].bias) // 2]
                scales.copy_((1.5 * torch.randn_like(scales) - 1).exp())
    return net


def pictures(count: int, height: int = 128, width: int = 128) -> list[Any]:
    torch.manual_seed(4)
    return [torch.rand(1, 3, height, width) * torch.linspace(0, 1, width) for _ in range(count)]


@lru_cache
def quantised(variant: str) -> tuple[SymbolModel, Any, Any]:
    net = network(variant)
    shown = pictures(2)
    with torch.no_grad():
        latents = [(y[0].numpy(), net.entropy.h_a(y)[0].numpy()) for y in map(net.g_a, shown)]
    symbols, tensors = quantise.symbol_model(net, calibrate(net, shown), pack.z_counts(net, latents))
    return package.build(symbols, tensors), symbols, tensors


def write_package(variant: str, folder: Path) -> Path:
    """Write the quantised network of a variant as a model package."""
    args = argparse.Namespace(out=folder, name=variant, licence="CC0-1.0", notes="", command="")
    state = {"step": 1, "seconds": 2.0, "seed": 3, "data": "0" * 64}
    pack.write(network(variant), state, *quantised(variant)[1:], args)
    return folder
