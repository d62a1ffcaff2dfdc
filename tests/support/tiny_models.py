# SPDX-License-Identifier: MIT
"""Tiny models of the real classes of transformers and diffusers: random weights by a fixed seed, saved as users have them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.foundation.loading import quiet

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"


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
        vocab_size=600,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        end_of_word_suffix="</w>",
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([WORDS] * 4, trainer)
    state = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(pair) if not isinstance(pair, str) else tuple(pair.split(" ")) for pair in state["merges"]]
    with quiet():
        made = CLIPTokenizer(vocab=state["vocab"], merges=merges, model_max_length=most)
        made.save_pretrained(folder)
    return made


def image_processor(folder: Path, side: int = 32) -> None:
    from transformers import CLIPImageProcessorPil

    CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side}).save_pretrained(
        folder
    )


def image_embedder(folder: Path, width: int = 768, side: int = 32) -> Path:
    """CLIPVisionModelWithProjection and its processor."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    seeded()
    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=side,
        patch_size=8,
        projection_dim=width,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    image_processor(folder, side)
    return folder


def vae(channels: int = 4, blocks: int = 2) -> Any:
    """AutoencoderKL with a factor of 2 ** (blocks - 1)."""
    from diffusers import AutoencoderKL

    seeded(1)
    return AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * blocks,
        up_block_types=["UpDecoderBlock2D"] * blocks,
        block_out_channels=[8] * blocks,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=32,
        layers_per_block=1,
    )


def unet(width: int, in_channels: int = 4, out_channels: int = 4, sample_size: int = 16, **more: Any) -> Any:
    """UNet2DConditionModel of two levels with cross-attention of this width."""
    from diffusers import UNet2DConditionModel

    seeded(2)
    return UNet2DConditionModel(
        sample_size=sample_size,
        in_channels=in_channels,
        out_channels=out_channels,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=width,
        attention_head_dim=4,
        norm_num_groups=4,
        **more,
    )


def text_model(
    width: int = 16, vocabulary: int = 1000, layers: int = 2, most: int = 77, projection: int | None = None
) -> Any:
    """CLIPTextModel, with a projection where asked for."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    seeded(3)
    config = CLIPTextConfig(
        hidden_size=width,
        intermediate_size=24,
        num_hidden_layers=layers,
        num_attention_heads=2,
        vocab_size=vocabulary,
        max_position_embeddings=most,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        **({} if projection is None else {"projection_dim": projection}),
    )
    return CLIPTextModel(config) if projection is None else CLIPTextModelWithProjection(config)


def text_to_image(folder: Path, width: int = 16) -> Path:
    """StableDiffusionPipeline with a VAE of factor 2."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    tokenizer = clip_tokenizer(folder / "scratch")
    with quiet():
        StableDiffusionPipeline(
            vae=vae(),
            unet=unet(width),
            text_encoder=text_model(width, len(tokenizer)),
            tokenizer=tokenizer,
            scheduler=DDIMScheduler(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder / "painter", safe_serialization=True)
    return folder / "painter"


def unclip(folder: Path, embedding: int = 768, width: int = 16) -> Path:
    """StableUnCLIPImg2ImgPipeline of an embedding of this width."""
    from diffusers import DDIMScheduler, DDPMScheduler, StableUnCLIPImg2ImgPipeline
    from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

    tokenizer = clip_tokenizer(folder / "scratch")
    seeded(4)
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
        projection_dim=embedding,
    )
    with quiet():
        StableUnCLIPImg2ImgPipeline(
            feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
            image_encoder=CLIPVisionModelWithProjection(vision),
            image_normalizer=StableUnCLIPImageNormalizer(embedding_dim=embedding),
            image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
            tokenizer=tokenizer,
            text_encoder=text_model(width, len(tokenizer)),
            unet=unet(
                width,
                sample_size=32,
                class_embed_type="projection",
                projection_class_embeddings_input_dim=2 * embedding,
            ),
            scheduler=DDIMScheduler(prediction_type="v_prediction"),
            vae=vae(),
        ).save_pretrained(folder / "painter", safe_serialization=True)
    return folder / "painter"


# --- Models that say something: language and vision-language models ---

SPECIAL = [
    "<unk>",
    "<s>",
    "</s>",
    "<pad>",
    "<image>",
    "<fake_token_around_image>",
    "<global-img>",
    "<end_of_utterance>",
]
CHAT = """{% for m in messages %}{{ '<s>' + m['role'] + ': ' }}{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for part in m['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}{{ '</s>' }}{% endfor %}{% if add_generation_prompt %}{{ '<s>assistant: ' }}{% endif %}"""


def word_tokenizer(folder: Path, chat: bool = True) -> Any:
    """A byte-level BPE with the special tokens of a chat model, and a chat template where asked for."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        [WORDS] * 4,
        trainers.BpeTrainer(vocab_size=500, special_tokens=SPECIAL, show_progress=False, initial_alphabet=alphabet),
    )
    with quiet():
        made = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            unk_token="<unk>",
            bos_token="<s>",
            eos_token="</s>",
            pad_token="<pad>",
            extra_special_tokens=SPECIAL[4:],
        )
        if chat:
            made.chat_template = CHAT
        made.save_pretrained(folder)
    return made


def _llama(vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 3,
    }


def _vision(side: int) -> dict[str, Any]:
    return {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": side,
        "patch_size": 8,
    }


def lively(model: Any, factor: float, *parts: str) -> Any:
    """The model, its matrices (those of these parts alone) made larger, so that what it is given shows in what it says."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() >= 2 and (not parts or any(part in name for part in parts)):
                weight.mul_(factor)
    return model


def language_model(folder: Path, chat: bool = True) -> Path:
    """LlamaForCausalLM and its tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = word_tokenizer(folder, chat)
    seeded(5)
    LlamaForCausalLM(LlamaConfig(**_llama(len(tokenizer)))).save_pretrained(folder)
    return folder


def llava(folder: Path, side: int = 32) -> Path:
    """LlavaForConditionalGeneration, a vision-language model with a chat template."""
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = word_tokenizer(folder)
    seeded(6)
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**_vision(side), projection_dim=16),
        text_config=LlamaConfig(**_llama(len(tokenizer))),
        image_token_index=SPECIAL.index("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    with quiet():
        lively(LlavaForConditionalGeneration(config), 16).save_pretrained(folder)
        processor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        LlavaProcessor(
            processor,
            tokenizer,
            patch_size=8,
            vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
            chat_template=CHAT,
        ).save_pretrained(folder)
    return folder


def idefics3(folder: Path, side: int = 32) -> Path:
    """Idefics3ForConditionalGeneration: what SmolVLM is."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
        LlamaConfig,
    )

    tokenizer = word_tokenizer(folder)
    seeded(7)
    config = Idefics3Config(
        vision_config=_vision(side),
        text_config=LlamaConfig(**_llama(len(tokenizer))),
        scale_factor=2,
        image_token_id=SPECIAL.index("<image>"),
        pad_token_id=3,
    )
    with quiet():
        Idefics3ForConditionalGeneration(config).save_pretrained(folder)
        processor = Idefics3ImageProcessorPil(size={"longest_edge": side}, max_image_size={"longest_edge": side})
        Idefics3Processor(processor, tokenizer, image_seq_len=4, chat_template=CHAT).save_pretrained(folder)
    return folder


def blip(folder: Path, side: int = 32) -> Path:
    """BlipForConditionalGeneration, which captions and takes no instruction."""
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
    )

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(WORDS.split())]
    seeded(8)
    config = BlipConfig(
        text_config={
            "vocab_size": len(words),
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "encoder_hidden_size": 16,
            "bos_token_id": 2,
            "sep_token_id": 3,
            "eos_token_id": 3,
            "pad_token_id": 0,
            "max_position_embeddings": 128,
            "projection_dim": 16,
        },
        vision_config=_vision(side),
        projection_dim=16,
    )
    with quiet():
        lively(BlipForConditionalGeneration(config), 1000, "crossattention", "vision").save_pretrained(folder)
        tokenizer = BertTokenizer(vocab={word: i for i, word in enumerate(words)})
        BlipProcessor(BlipImageProcessorPil(size={"height": side, "width": side}), tokenizer).save_pretrained(folder)
    return folder


def blip2(folder: Path, side: int = 32) -> Path:
    """Blip2ForConditionalGeneration: a frozen vision model, a Q-Former and OPT."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor, BlipImageProcessorPil

    tokenizer = word_tokenizer(folder, chat=False)
    seeded(9)
    config = Blip2Config(
        vision_config=_vision(side),
        num_query_tokens=4,
        image_token_index=SPECIAL.index("<image>"),
        qformer_config={
            "vocab_size": 10,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "encoder_hidden_size": 16,
        },
        text_config={
            "model_type": "opt",
            "vocab_size": len(tokenizer),
            "hidden_size": 16,
            "ffn_dim": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "word_embed_proj_dim": 16,
            "max_position_embeddings": 128,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 3,
        },
    )
    with quiet():
        Blip2ForConditionalGeneration(config).save_pretrained(folder)
        Blip2Processor(
            BlipImageProcessorPil(size={"height": side, "width": side}), tokenizer, num_query_tokens=4
        ).save_pretrained(folder)
    return folder


def qwen2_vl(folder: Path) -> Path:
    """Qwen2VLForConditionalGeneration as it is published: its processor names a video processor, which needs torchvision."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil

    tokenizer = word_tokenizer(folder)
    own = ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"]
    tokenizer.add_tokens(own, special_tokens=True)
    tokenizer.chat_template = CHAT.replace("<image>", "<|vision_start|><|image_pad|><|vision_end|>")
    tokenizer.save_pretrained(folder)
    image, video, start, end = tokenizer.convert_tokens_to_ids(own)
    seeded(10)
    config = Qwen2VLConfig(
        text_config={
            **_llama(len(tokenizer)),
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0},
        },
        vision_config={
            "depth": 2,
            "embed_dim": 16,
            "hidden_size": 16,
            "num_heads": 2,
            "mlp_ratio": 2,
            "patch_size": 8,
            "spatial_merge_size": 2,
        },
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
    )
    with quiet():
        Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
        Qwen2VLImageProcessorPil(patch_size=8, min_pixels=256, max_pixels=1024).save_pretrained(folder)
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    settings |= {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def clip_model(folder: Path, side: int = 32, words: int = 77) -> Path:
    """CLIPModel of texts and pictures, with its tokenizer and processor; texts have at most `words` tokens."""
    from transformers import CLIPConfig, CLIPModel

    tokenizer = clip_tokenizer(folder)
    seeded(5)
    common = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": words,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    config = CLIPConfig(
        text_config=common | text, vision_config=common | {"image_size": side, "patch_size": 8}, projection_dim=12
    )
    CLIPModel(config).save_pretrained(folder)
    image_processor(folder, side)
    return folder


def stable_diffusion(folder: Path, width: int = 16) -> Path:
    """StableDiffusionPipeline with a VAE of factor 32, quick on large pictures, and a ControlNet that does something."""
    from diffusers import ControlNetModel, DDIMScheduler, StableDiffusionPipeline

    tokenizer = clip_tokenizer(folder / "scratch")
    network = unet(width)
    seeded(6)
    control = ControlNetModel.from_unet(
        network, conditioning_embedding_out_channels=(4, 4, 4, 4, 4, 8), load_weights_from_unet=False
    )
    for parameter in control.parameters():  # its last layers begin as zeros
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.5)
    control.save_pretrained(folder / "controlnet")
    with quiet():
        StableDiffusionPipeline(
            vae=vae(blocks=6),
            unet=network,
            text_encoder=text_model(width, len(tokenizer)),
            tokenizer=tokenizer,
            scheduler=DDIMScheduler(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder / "painter", safe_serialization=True)
    return folder


def edge_detector(folder: Path) -> Path:
    """HED in the layout of the public weights, which are converted from there."""
    from safetensors.torch import save_file

    from refcodec.foundation import hed

    seeded(7)
    folder.mkdir()
    save_file(hed.convert(hed.Hed().state_dict()), folder / hed.WEIGHTS)
    (folder / "config.json").write_text(json.dumps(hed.CONFIG))
    return folder


# --- Other painters of texts ---


def text_to_image_xl(folder: Path) -> Path:
    """StableDiffusionXLPipeline: two text encoders."""
    from diffusers import StableDiffusionXLPipeline

    return _save_xl(StableDiffusionXLPipeline, folder, "painter")


def _save_xl(pipeline: Any, folder: Path, role: str, **network_options: Any) -> Path:
    """Save a pipeline class of XL into the folder of a role, and return that folder."""
    from diffusers import EulerDiscreteScheduler

    tokenizer = clip_tokenizer(folder / "scratch")
    network = unet(
        32,
        **network_options,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=16 + 6 * 8,
        use_linear_projection=True,
    )
    with quiet():
        pipeline(
            vae=vae(),
            unet=network,
            text_encoder=text_model(16, len(tokenizer)),
            text_encoder_2=text_model(16, len(tokenizer), projection=16),
            tokenizer=tokenizer,
            tokenizer_2=tokenizer,
            scheduler=EulerDiscreteScheduler(),
        ).save_pretrained(folder / role, safe_serialization=True)
    return folder / role


def flux(folder: Path) -> Path:
    """FluxPipeline: a transformer that follows a flow."""
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    tokenizer, words = clip_tokenizer(folder / "scratch"), word_tokenizer(folder / "words", chat=False)
    seeded(11)
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=16,
        axes_dims_rope=(2, 2, 4),
    )
    autoencoder = AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        block_out_channels=[8] * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.1,
        scaling_factor=1.0,
    )
    with quiet():
        FluxPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(),
            vae=autoencoder,
            text_encoder=text_model(16, len(tokenizer)),
            tokenizer=tokenizer,
            text_encoder_2=T5EncoderModel(
                T5Config(vocab_size=len(words), d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2)
            ),
            tokenizer_2=words,
            transformer=transformer,
        ).save_pretrained(folder / "painter", safe_serialization=True)
    return folder / "painter"


# --- Editors by instruction ---


def instruct_pix2pix(folder: Path) -> Path:
    """StableDiffusionInstructPix2PixPipeline: a network of the noise and of the latents of the picture to edit."""
    from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionInstructPix2PixPipeline

    tokenizer = clip_tokenizer(folder / "scratch")
    with quiet():
        StableDiffusionInstructPix2PixPipeline(
            vae=vae(),
            unet=unet(16, in_channels=8),
            text_encoder=text_model(16, len(tokenizer)),
            tokenizer=tokenizer,
            scheduler=EulerAncestralDiscreteScheduler(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        ).save_pretrained(folder / "editor", safe_serialization=True)
    return folder / "editor"


def instruct_pix2pix_xl(folder: Path) -> Path:
    """StableDiffusionXLInstructPix2PixPipeline: two text encoders."""
    from diffusers import StableDiffusionXLInstructPix2PixPipeline

    return _save_xl(StableDiffusionXLInstructPix2PixPipeline, folder, "editor", in_channels=8)
