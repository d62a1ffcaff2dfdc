# SPDX-License-Identifier: MIT
"""Weights of metric networks for tests: random ones under the public names, and tiny models of the classes beside them."""

from __future__ import annotations

from pathlib import Path

import tiny_models
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from refcodec.cli.bench.metric_networks import weights
from refcodec.cli.bench.metric_networks.dists import Dists
from refcodec.cli.bench.metric_networks.inception import Inception
from refcodec.cli.bench.metric_networks.lpips import NETS, Lpips


def random_state(net: nn.Module, seed: int = 1) -> dict[str, Tensor]:
    """Weights that keep activations of about one size, none of them negative where a checkpoint has none."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in weights.expected(net).items():
        drawn = torch.randn(shape, generator=generator)
        if name.startswith("lin") or name.endswith(("running_var", "alpha", "beta")):
            drawn = drawn.abs() + 0.01
        elif len(shape) == 4:
            drawn *= (2 / drawn[0].numel()) ** 0.5
        elif name.endswith(".bn.weight"):
            drawn = 1 + 0.1 * drawn
        else:
            drawn *= 0.05
        state[name] = drawn.contiguous()
    return state


def write_networks(folder: Path) -> None:
    """Metric networks of random weights."""
    folder.mkdir(exist_ok=True)
    with torch.device("meta"):
        nets: dict[str, nn.Module] = {f"lpips-{net}": Lpips(net) for net in NETS} | {
            "dists": Dists(),
            "inception": Inception(),
        }
    for kind, net in nets.items():
        save_file(random_state(net), folder / f"{kind}.safetensors")


def write_clip(folder: Path) -> None:
    """A tiny CLIPModel."""
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    vocabulary = len(tiny_models.clip_tokenizer(folder))
    small = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": 12,
    }
    text = CLIPTextConfig(
        vocab_size=vocabulary, max_position_embeddings=20, bos_token_id=0, eos_token_id=1, pad_token_id=1, **small
    )
    vision = CLIPVisionConfig(image_size=32, patch_size=8, **small)
    tiny_models.seeded(5)
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).save_pretrained(folder)
    tiny_models.image_processor(folder)


def write_segmenter(folder: Path) -> None:
    """A tiny SegFormer of five classes."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessorPil

    tiny_models.seeded(6)
    config = SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 8],
        patch_sizes=[3, 3],
        strides=[2, 2],
        num_attention_heads=[1, 1],
        mlp_ratios=[1, 1],
        decoder_hidden_size=8,
        num_labels=5,
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    SegformerImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)


def public(kind: str, state: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The checkpoints that the public has, with what the metric does not need."""
    if kind == "inception":
        counters = {
            f"{name.removesuffix('.weight')}.num_batches_tracked": torch.tensor(7)
            for name in state
            if name.endswith("bn.weight")
        }
        return [state | counters | {"fc.weight": torch.zeros(8, 4), "fc.bias": torch.zeros(8)}]
    backbone = {name: t for name, t in state.items() if name.startswith("features")}
    return [
        backbone | {"classifier.1.weight": torch.zeros(4, 4)},
        {name: t for name, t in state.items() if name not in backbone},
    ]
