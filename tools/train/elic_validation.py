# SPDX-License-Identifier: MIT
"""Validation of an ELIC network in training, on the held-out pictures."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from refcodec.transforms.elic.network import Elic
from refcodec.transforms.elic.torch_transforms import extended
from tools.train import photos
from tools.train.data import Data
from tools.train.joint import Guide


@torch.no_grad()
def validate(net: Elic, weights: dict[str, Tensor], data: Data, guide: Guide) -> list[dict[str, float]]:
    """Return estimated bpp and PSNR with rounded symbols, on 384x384 centres of the held-out pictures, at three rates.

    Each picture is encoded with its first caption, if any. weights: the averaged ones, which are measured.
    """
    live = {k: v.clone() for k, v in net.state_dict().items()}
    device = next(iter(live.values())).device
    net.load_state_dict(weights)
    net.eval()
    rows = []
    for rate in (1, net.cfg.rates // 2, net.cfg.rates - 2) if net.cfg.rates > 3 else range(net.cfg.rates):
        bpp, psnr = [], []
        for pic, caption in zip(data.held, data.held_captions, strict=True):
            part = photos.centre(pic, 384)
            h, w = part.shape[:2]
            x = extended(part).to(device)
            out = net(x, torch.tensor([rate], device=device), guide.states([caption]))
            bpp.append(float((out.y_bits + out.z_bits)[0]) / (h * w))
            psnr.append(-10 * math.log10(float(((out.x.clamp(0, 1) - x)[:, :, :h, :w] ** 2).mean()) + 1e-12))
        rows.append({"rate": rate, "bpp": round(float(np.mean(bpp)), 4), "psnr": round(float(np.mean(psnr)), 3)})
    net.train()
    net.load_state_dict(live)
    return rows
