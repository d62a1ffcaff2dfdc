# SPDX-License-Identifier: MIT
"""Tiny models of the real classes of transformers and diffusers: random weights by a fixed seed, saved as users have them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.models.roles.load import quiet

WORDS = """a the on in of and with is red green blue grey black white big small old stone bridge river cat dog mat house tree sky
man woman picture photo left right top bottom more less make change it nothing high quality coffee cup table"""


def photo(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """A real photograph (CC0, comes with scikit-image), shrunk."""
    from PIL import Image
    from skimage import data

    return np.asarray(Image.fromarray(data.coffee()).resize((width, height), Image.Resampling.LANCZOS))


def seeded(seed: int = 0) -> None:
    torch.manual_seed(seed)


def clip_tokenizer(folder: Path, most: int = 77) -> Any:
    """A byte-level BPE with CLIP's special tokens and word ends."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>", show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator([WORDS] * 4, trainer)
    state = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(pair) if not isinstance(pair, str) else tuple(pair.split(" ")) for pair in state["merges"]]
    with quiet():
        made = CLIPTokenizer(vocab=state["vocab"], merges=merges, model_max_length=most)
        made.save_pretrained(folder)
    return made


def image_processor(folder: Path, side: int = 32) -> None:
    from transformers import CLIPImageProcessorPil

    CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side}).save_pretrained(folder)


def image_embedder(folder: Path, width: int = 768, side: int = 32) -> Path:
    """CLIPVisionModelWithProjection and its processor."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    seeded()
    config = CLIPVisionConfig(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=side, patch_size=8, projection_dim=width)
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    image_processor(folder, side)
    return folder


def vae(channels: int = 4, blocks: int = 2) -> Any:
    """AutoencoderKL with a factor of 2 ** (blocks - 1)."""
    from diffusers import AutoencoderKL

    seeded(1)
    return AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * blocks, up_block_types=["UpDecoderBlock2D"] * blocks, block_out_channels=[8] * blocks,
        latent_channels=channels, norm_num_groups=4, sample_size=32, layers_per_block=1,
    )  # fmt: skip


def unet(width: int, in_channels: int = 4, out_channels: int = 4, sample_size: int = 16, **more: Any) -> Any:
    """UNet2DConditionModel of two levels with cross-attention of this width."""
    from diffusers import UNet2DConditionModel

    seeded(2)
    return UNet2DConditionModel(
        sample_size=sample_size, in_channels=in_channels, out_channels=out_channels, layers_per_block=1, block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width, attention_head_dim=4, norm_num_groups=4, **more,
    )  # fmt: skip


def text_model(width: int = 16, vocabulary: int = 1000, layers: int = 2, most: int = 77, projection: int | None = None) -> Any:
    """CLIPTextModel, with a projection where asked for."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    seeded(3)
    config = CLIPTextConfig(
        hidden_size=width, intermediate_size=24, num_hidden_layers=layers, num_attention_heads=2, vocab_size=vocabulary,
        max_position_embeddings=most, bos_token_id=0, eos_token_id=1, pad_token_id=1, **({} if projection is None else {"projection_dim": projection}),
    )  # fmt: skip
    return CLIPTextModel(config) if projection is None else CLIPTextModelWithProjection(config)


def text_to_image(folder: Path, width: int = 16) -> Path:
    """StableDiffusionPipeline with a VAE of factor 2."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    tokenizer = clip_tokenizer(folder / "scratch")
    with quiet():
        StableDiffusionPipeline(
            vae=vae(), unet=unet(width), text_encoder=text_model(width, len(tokenizer)), tokenizer=tokenizer, scheduler=DDIMScheduler(),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        ).save_pretrained(folder / "painter", safe_serialization=True)  # fmt: skip
    return folder / "painter"


def unclip(folder: Path, embedding: int = 768, width: int = 16) -> Path:
    """StableUnCLIPImg2ImgPipeline of an embedding of this width."""
    from diffusers import DDIMScheduler, DDPMScheduler, StableUnCLIPImg2ImgPipeline
    from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

    tokenizer = clip_tokenizer(folder / "scratch")
    seeded(4)
    vision = CLIPVisionConfig(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8, projection_dim=embedding)
    with quiet():
        StableUnCLIPImg2ImgPipeline(
            feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
            image_encoder=CLIPVisionModelWithProjection(vision),
            image_normalizer=StableUnCLIPImageNormalizer(embedding_dim=embedding),
            image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
            tokenizer=tokenizer, text_encoder=text_model(width, len(tokenizer)),
            unet=unet(width, sample_size=32, class_embed_type="projection", projection_class_embeddings_input_dim=2 * embedding),
            scheduler=DDIMScheduler(prediction_type="v_prediction"), vae=vae(),
        ).save_pretrained(folder / "painter", safe_serialization=True)  # fmt: skip
    return folder / "painter"
