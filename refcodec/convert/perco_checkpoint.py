# SPDX-License-Identifier: MIT
"""The published weights of PerCo (SD) as ours: names, shapes and what can be told from them.

Facts of that project: its hyper-encoder stands under `backbone` and `quantizer` (vector-quantize-pytorch, one codebook of
cosine similarity); its U-Net is Stable Diffusion's with a second first convolution, `conv_in_extended`, in whose place
diffusers' own class has `conv_in`. No text is the empty text there: nothing is learned for it.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from refcodec.errors import Code, SemError
from refcodec.foundation.hyper_encoder import HyperConfig, HyperEncoder

FACTOR: Final = 8  # pixels of a side of Stable Diffusion's latents
HEAD: Final = 64  # channels of an attention head in Stable Diffusion 2
_PREFIX: Final = re.compile(r"^(module\.)?(hyper_enc\.|hyper_encoder\.|unet\.)?(module\.)?")
_HYPER: Final = ("backbone.", "quantizer.")
_CODEBOOK: Final = "quantizer._codebook."


class Part(NamedTuple):
    """What a folder of safetensors and config.json holds."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]


def convert(state: dict[str, Tensor]) -> tuple[Part | None, Part | None]:
    """(hyper-encoder, U-Net) of a published state dict, which may hold one of them; None for the other.

    SEM-E-803 for what is neither, or is `hyper_encoder_v2`, another network.
    """
    bare = {_PREFIX.sub("", name): tensor for name, tensor in state.items()}
    hyper = {name: t for name, t in bare.items() if name.startswith(_HYPER)}
    unet = {name: t for name, t in bare.items() if not name.startswith(_HYPER)}
    if unet and "conv_in_extended.weight" not in unet:
        raise _odd(
            "a U-Net without the input for local features (conv_in_extended)"
            if "conv_in.weight" in unet
            else f"it has {sorted(unet)[0]}"
        )
    if not bare:
        raise _odd("it is empty")
    return hyper_encoder(hyper) if hyper else None, unet_of(unet) if unet else None


def _odd(what: str) -> SemError:
    return SemError(
        Code.MODEL_MALFORMED,
        f"no weights of PerCo (SD): {what}",
        path="hyper_encoder",
        hint="name the hyper_enc and unet of a PerCo (SD) checkpoint",
    )


def _shape(tensors: dict[str, Tensor], name: str, dims: int) -> tuple[int, ...]:
    if name not in tensors or tensors[name].dim() != dims:
        raise _odd(f"no {name} of {dims} dimensions")
    return tuple(tensors[name].shape)


def hyper_encoder(state: dict[str, Tensor]) -> Part:
    """Ours, of the public one's tensors."""
    n, latent, *_ = _shape(state, "backbone.0.weight", 4)
    m, v, dim = _shape(state, "backbone.13.weight", 4)[0], *_shape(state, f"{_CODEBOOK}embed", 3)[1:]
    downs = sum(_shape(state, f"backbone.{i}.weight", 4)[2] == 5 for i in (0, 4, 9))
    codes = state[f"{_CODEBOOK}embed"][0].float()
    if bool(((codes.norm(dim=-1) - 1).abs() > 1e-2).any()):
        raise _odd("its codes are not of length 1: it was trained before PerCo (SD) took to cosine similarity")
    cfg = HyperConfig(int(v), FACTOR << downs, FACTOR, latent, n, m, int(dim), None)
    tensors = {_renamed(k): t.float() for k, t in state.items() if not k.startswith(_CODEBOOK)}
    tensors["quantiser.codes"] = torch.nn.functional.normalize(codes, dim=-1)
    try:
        HyperEncoder(cfg).fill(tensors)
    except ValueError as error:
        raise _odd(str(error)) from error
    return Part(tensors, cfg.to_dict())


def _renamed(name: str) -> str:
    """A key of the public hyper-encoder in ours: attention as CompressAI names it, blocks as that project does."""
    name = name.removeprefix("quantizer.")
    name = re.sub(r"\.conv_([ab])\.", r".\1.", name)
    return re.sub(r"\.(conv|layers)\.(?=\d)", ".branch.", name)


def unet_of(state: dict[str, Tensor]) -> Part:
    """Tensors and configuration of diffusers' UNet2DConditionModel."""
    tensors = {k: t for k, t in state.items() if not k.startswith(("conv_in.", "conv_in_extended."))}
    tensors |= {
        f"conv_in.{k}": state[f"conv_in_extended.{k}"] for k in ("weight", "bias") if f"conv_in_extended.{k}" in state
    }
    inputs = _shape(tensors, "conv_in.weight", 4)[1]
    levels = 1 + max((int(k.split(".")[1]) for k in state if k.startswith("down_blocks.")), default=-1)
    channels = [_shape(state, f"down_blocks.{i}.resnets.0.conv2.weight", 4)[0] for i in range(levels)]
    attends = [f"down_blocks.{i}.attentions.0.proj_in.weight" in state for i in range(levels)]
    first = next((i for i, has in enumerate(attends) if has), None)
    if first is None:
        raise _odd("a U-Net that attends to nothing")
    at = f"down_blocks.{first}.attentions.0."
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
