# SPDX-License-Identifier: MIT
"""Convert the published weights of PerCo (SD), and derive their configuration from tensor names and shapes.

In that project the hyper-encoder has the prefixes `backbone` and `quantizer` (vector-quantize-pytorch, one codebook with
cosine similarity). Its U-Net is Stable Diffusion's with an extended first convolution, `conv_in_extended`, which becomes
`conv_in` of diffusers' class. The empty text stands for no text; no embedding is learned for it.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.hyper_config import HyperConfig
from refcodec.foundation.hyper_encoder import HyperEncoder

FACTOR: Final = 8  # pixels per side of a latent site of Stable Diffusion
HEAD: Final = 64  # channels of an attention head in Stable Diffusion 2
_PREFIX: Final = re.compile(r"^(module\.)?(hyper_enc\.|hyper_encoder\.|unet\.)?(module\.)?")
_HYPER: Final = ("backbone.", "quantizer.")
_DOWN_BLOCK: Final = re.compile(r"down_blocks\.([0-9]{1,3})\.")
_CODEBOOK: Final = "quantizer._codebook."


class Part(NamedTuple):
    """Contents of a folder with safetensors and config.json."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]


def convert(state: dict[str, Tensor]) -> tuple[Part | None, Part | None]:
    """Return (hyper-encoder, U-Net) of a published state dict; None for the one that it does not hold.

    Raises Code.MODEL_MALFORMED for other states, including `hyper_encoder_v2`, a different network.
    """
    bare = {_PREFIX.sub("", name): tensor for name, tensor in state.items()}
    hyper = {name: t for name, t in bare.items() if name.startswith(_HYPER)}
    unet = {name: t for name, t in bare.items() if not name.startswith(_HYPER)}
    if unet and "conv_in_extended.weight" not in unet:
        raise _malformed(
            "a U-Net without the input for local features (conv_in_extended)"
            if "conv_in.weight" in unet
            else f"it has {sorted(unet)[0]}"
        )
    if not bare:
        raise _malformed("it is empty")
    return _convert_hyper_encoder(hyper) if hyper else None, _convert_unet(unet) if unet else None


def _malformed(what: str) -> SemError:
    return SemError(
        Code.MODEL_MALFORMED,
        f"not weights of PerCo (SD): {what}",
        path="hyper_encoder",
        hint="name the hyper_enc and unet of a PerCo (SD) checkpoint",
    )


def _shape(tensors: dict[str, Tensor], name: str, dims: int) -> tuple[int, ...]:
    """Return the shape of a tensor, whose sizes are 1 or more. Raises Code.MODEL_MALFORMED for another."""
    if name not in tensors or tensors[name].dim() != dims or not tensors[name].numel():
        raise _malformed(f"no {name} of {dims} dimensions with values")
    return tuple(tensors[name].shape)


def _level(name: str) -> int:
    """Return the number of the down block that a tensor of the U-Net belongs to."""
    found = _DOWN_BLOCK.match(name)
    if found is None:
        raise _malformed(f"it has {shown(name)}")
    return int(found[1])


def _convert_hyper_encoder(state: dict[str, Tensor]) -> Part:
    """Return our hyper-encoder from the tensors of the public one."""
    n, latent, *_ = _shape(state, "backbone.0.weight", 4)
    m, v, dim = _shape(state, "backbone.13.weight", 4)[0], *_shape(state, f"{_CODEBOOK}embed", 3)[1:]
    downs = sum(_shape(state, f"backbone.{i}.weight", 4)[2] == 5 for i in (0, 4, 9))
    codes = state[f"{_CODEBOOK}embed"][0].float()
    if bool(((codes.norm(dim=-1) - 1).abs() > 1e-2).any()):
        raise _malformed("its codes are not of length 1: it was trained before PerCo (SD) used cosine similarity")
    cfg = HyperConfig(int(v), FACTOR << downs, FACTOR, latent, n, m, int(dim), None)
    tensors = {_renamed(k): t.float() for k, t in state.items() if not k.startswith(_CODEBOOK)}
    tensors["quantiser.codes"] = torch.nn.functional.normalize(codes, dim=-1)
    try:
        HyperEncoder(cfg).fill(tensors)
    except ValueError as error:
        raise _malformed(str(error)) from error
    return Part(tensors, cfg.to_dict())


def _renamed(name: str) -> str:
    """Return our name of a tensor of the public hyper-encoder: attention as in CompressAI, blocks as in that project."""
    name = name.removeprefix("quantizer.")
    name = re.sub(r"\.conv_([ab])\.", r".\1.", name)
    return re.sub(r"\.(conv|layers)\.(?=\d)", ".branch.", name)


def _convert_unet(state: dict[str, Tensor]) -> Part:
    """Return tensors and configuration of diffusers' UNet2DConditionModel."""
    tensors = {k: t for k, t in state.items() if not k.startswith(("conv_in.", "conv_in_extended."))}
    tensors |= {
        f"conv_in.{k}": state[f"conv_in_extended.{k}"] for k in ("weight", "bias") if f"conv_in_extended.{k}" in state
    }
    inputs = _shape(tensors, "conv_in.weight", 4)[1]
    levels = 1 + max((_level(k) for k in state if k.startswith("down_blocks.")), default=-1)
    channels = [_shape(state, f"down_blocks.{i}.resnets.0.conv2.weight", 4)[0] for i in range(levels)]
    attends = [f"down_blocks.{i}.attentions.0.proj_in.weight" in state for i in range(levels)]
    level = next((i for i, has in enumerate(attends) if has), None)
    if level is None:
        raise _malformed("a U-Net without attention")
    at = f"down_blocks.{level}.attentions.0."
    linear = state[f"{at}proj_in.weight"].dim() == 2
    kinds = ["CrossAttn" if has else "" for has in attends]
    return Part(
        tensors,
        {
            "_class_name": "UNet2DConditionModel",
            "in_channels": inputs,
            "out_channels": _shape(state, "conv_out.weight", 4)[0],
            "sample_size": 64,
            "block_out_channels": channels,
            "cross_attention_dim": _shape(state, f"{at}transformer_blocks.0.attn2.to_k.weight", 2)[1],
            "layers_per_block": len({k.split(".")[3] for k in state if k.startswith("down_blocks.0.resnets.")}),
            "down_block_types": [f"{kind}DownBlock2D" for kind in kinds],
            "up_block_types": [f"{kind}UpBlock2D" for kind in kinds[::-1]],
            "attention_head_dim": [max(1, c // HEAD) for c in channels] if linear else 8,
            "use_linear_projection": linear,
        },
    )
