# SPDX-License-Identifier: MIT
"""The role painter of method perco: a latent diffusion model conditioned on local features.

Careil et al. 2024 §3.2 on diffusers' classes. The first convolution of the U-Net has latent channels + m inputs; each
feature is repeated to the resolution of the latent. Guidance applies to the text only (eq. 5).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from refcodec.errors import Code, SemError
from refcodec.foundation.device import device_of, dtype_of, generator
from refcodec.foundation.hyper_encoder import HyperEncoder
from refcodec.foundation.loading import (
    OWN_FILES,
    load_pretrained,
    loading,
    quiet,
    require_config,
    require_finite,
    running,
)
from refcodec.foundation.pipelines import limit_tokenizer
from refcodec.foundation.prompt_tokens import check_ids, id_row
from refcodec.foundation.required_files import check_pipeline_files
from refcodec.foundation.resolve import Models
from refcodec.foundation.schedulers import scheduler
from refcodec.foundation.tokenizer_probe import check_tokenizer
from refcodec.foundation.worker.phases import RUN, preparing, report
from refcodec.progress import Progress

ROLE: Final = "painter"
CLASSES: Final = ("StableDiffusionPipeline", "StableDiffusionPipelinePerco")
PARTS: Final = ("vae", "text_encoder", "tokenizer", "unet", "scheduler")
HINT: Final = "name a painter and a hyper_encoder that were trained together"
STEPS, GUIDANCE = 20, 3.0  # Careil et al. 2024, §3.2 and §4


def _part(kind: Any, folder: Path, name: str, dtype: torch.dtype) -> Any:
    """Return one network of a pipeline folder. Raises Code.MODEL_MALFORMED for missing weights."""
    return load_pretrained(ROLE, folder / name, kind, dtype)


class LatentCoder:
    """The autoencoder of the pipeline, the only part that an encoder needs."""

    def __init__(self, vae: Any, name: str = "") -> None:
        self.vae, self.name = vae, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> LatentCoder:
        """Load the autoencoder of a folder in float32, so that rounding does not decide between two codes."""
        require_config(ROLE, folder, "model_index.json", "_class_name", CLASSES)
        with loading(ROLE, folder):
            from diffusers import AutoencoderKL

            check_pipeline_files(ROLE, folder, ("vae",))
            return cls(_part(AutoencoderKL, folder, "vae", torch.float32).to(device_of(models)), folder.name)

    @property
    def factor(self) -> int:
        """Pixels per side of a latent site."""
        return 1 << (len(self.vae.config.block_out_channels) - 1)

    @property
    def latents(self) -> int:
        """Number of latent channels."""
        return int(self.vae.config.latent_channels)

    def check_hyper_encoder(self, hyper: HyperEncoder) -> None:
        """Raise Code.MODEL_MALFORMED if the hyper-encoder was made for another autoencoder."""
        cfg = hyper.cfg
        if (cfg.factor, cfg.latent_channels) != (self.factor, self.latents):
            what = f"{ROLE}: its latents have {self.latents} channels at 1/{self.factor}, the hyper-encoder is for {cfg.latent_channels} at 1/{cfg.factor}"
            raise SemError(Code.MODEL_MALFORMED, what, path=ROLE, hint=HINT)

    def encode(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return latents float[1, C, H / factor, W / factor] of uint8[H, W, 3], sides multiples of the factor.

        They are the mode of the posterior, so that encoding is repeatable; PerCo (SD) draws a sample.
        """
        x = torch.tensor(np.ascontiguousarray(pixels), device="cpu").permute(2, 0, 1)[None]
        with running(ROLE, self.name, self.vae):
            x = x.to(self.vae.device, self.vae.dtype) / 127.5 - 1
            latent: Tensor = self.vae.encode(x).latent_dist.mode() * self.vae.config.scaling_factor
            return latent

    def decode(self, latent: Tensor) -> NDArray[np.uint8]:
        """Return pixels uint8[H, W, 3], rounded as in SPEC §14."""
        x = self.vae.decode(latent.to(self.vae.dtype) / self.vae.config.scaling_factor).sample[0].float()
        require_finite(ROLE, self.name, bool(x.isfinite().all()))
        samples = ((x / 2 + 0.5).clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)
        return np.ascontiguousarray(samples.permute(1, 2, 0).cpu().numpy())


def indices_of(pixels: NDArray[np.uint8], coder: LatentCoder, hyper: HyperEncoder) -> NDArray[np.int64]:
    """Return indices int64[h, w] of a picture uint8[H, W, 3], padded to the stride by repeating its last column and row."""
    coder.check_hyper_encoder(hyper)
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % hyper.cfg.stride), (0, -width % hyper.cfg.stride), (0, 0)), mode="edge")
    latent = coder.encode(padded)
    with running("hyper_encoder", hyper.name, hyper):
        indices: NDArray[np.int64] = hyper.indices(latent.float())[0].cpu().numpy()
    return indices


class PercoGenerator(LatentCoder):
    """The complete pipeline."""

    def __init__(self, vae: Any, text_encoder: Any, tokenizer: Any, unet: Any, scheduler: Any, name: str = "") -> None:
        super().__init__(vae, name)
        self.text_encoder, self.tokenizer, self.unet, self.scheduler = text_encoder, tokenizer, unet, scheduler

    @classmethod
    def load(cls, folder: Path, models: Models) -> PercoGenerator:
        """Load a pipeline with text encoder, U-Net and scheduler. Raises Code.MODEL_MALFORMED for any other folder."""
        require_config(ROLE, folder, "model_index.json", "_class_name", CLASSES)
        device, dtype = device_of(models), dtype_of(models)
        with loading(ROLE, folder):
            from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
            from transformers import CLIPTextModel, CLIPTokenizer

            check_pipeline_files(ROLE, folder, PARTS)
            vae, unet = _part(AutoencoderKL, folder, "vae", dtype), _part(UNet2DConditionModel, folder, "unet", dtype)
            text_encoder = _part(CLIPTextModel, folder, "text_encoder", dtype)
            tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", **OWN_FILES)
            limit_tokenizer(tokenizer, text_encoder)
            check_tokenizer(ROLE, folder.name, tokenizer, text_encoder, padded=True)
            steps = DDIMScheduler.from_config(DDIMScheduler.load_config(folder / "scheduler", local_files_only=True))
        return cls(vae.to(device), text_encoder.to(device), tokenizer, unet.to(device), steps, folder.name)

    @property
    def width(self) -> int:
        """Width of the cross-attention context."""
        return int(self.unet.config.cross_attention_dim)

    def check_hyper_encoder(self, hyper: HyperEncoder) -> None:
        """Raise Code.MODEL_MALFORMED also if the U-Net was extended for another hyper-encoder, or not at all."""
        super().check_hyper_encoder(hyper)
        has, expected = int(self.unet.config.in_channels), hyper.cfg.latent_channels + hyper.cfg.m
        if has != expected:
            raise SemError(
                Code.MODEL_MALFORMED,
                f"{ROLE}: its U-Net takes {has} channels, not the {expected} of latents and local features",
                path=ROLE,
                hint=HINT,
            )

    def text(self, caption: str | list[int]) -> Tensor:
        """Return the states [1, tokens, width] of a caption, or of its token ids without start and end."""
        with running(ROLE, self.name, self.text_encoder), quiet():
            if isinstance(caption, str):
                limit = int(self.tokenizer.model_max_length)
                with preparing():
                    ids = self.tokenizer(caption, padding="max_length", max_length=limit, truncation=True).input_ids
            else:
                check_ids(self.text_encoder, caption, ROLE, self.name)
                ids, _ = id_row(self.tokenizer, self.text_encoder, caption)
            states: Tensor = self.text_encoder(torch.tensor([ids], device=self.text_encoder.device))[0]
        return self._attended(states)

    def image(self, embedding: NDArray[np.float32]) -> Tensor:
        """Return an image embedding as the only token, [1, 1, width]. Raises Code.MODEL_MALFORMED for another width."""
        return self._attended(torch.from_numpy(np.ascontiguousarray(embedding))[None, None])

    def _attended(self, context: Tensor) -> Tensor:
        if context.shape[-1] != self.width:
            what = f"{ROLE}: its U-Net attends to {self.width} dimensions, the context has {context.shape[-1]}"
            raise SemError(Code.MODEL_MALFORMED, what, path=ROLE, hint="name a painter of that width")
        return context.to(self.unet.device, self.unet.dtype)

    def null(self, hyper: HyperEncoder, learning: bool = False) -> Tensor:
        """Return the context [1, tokens, width] without text: learned with the hyper-encoder, or of the empty text."""
        if hyper.null_text is None:
            return self.text("")
        return self._attended((hyper.null_text if learning else hyper.null_text.detach())[None])

    def paint(
        self,
        features: Tensor,
        scale: int,
        context: Tensor | None,
        null: Tensor,
        *,
        seed: int,
        kind: str = "cpu",
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        progress: Progress | None = None,
        guide_features: bool = False,
    ) -> NDArray[np.uint8]:
        """Return uint8[H, W, 3] for features [1, m, h, w], one per scale x scale latent sites. context: as from `text`.

        guide_features: the estimate without conditioning has features of zero, too; else guidance applies to the text only.
        """
        steps, guidance = STEPS if steps is None else steps, GUIDANCE if guidance is None else guidance
        with running(ROLE, self.name, self.unet), scheduler(self, sampler):
            device, dtype, rule = self.unet.device, self.unet.dtype, self.scheduler
            local = features.to(device, dtype).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
            shape = (1, self.latents, *local.shape[2:])
            x = torch.randn(shape, generator=generator(kind, seed), device=kind).to(device, dtype)
            rule.set_timesteps(steps, device=device)
            x = x * rule.init_noise_sigma
            more = (
                {"generator": generator(kind, seed + 1)}
                if "generator" in inspect.signature(rule.step).parameters
                else {}
            )
            for i, t in enumerate(rule.timesteps):
                scaled = rule.scale_model_input(x, t)
                seen = self._predict(torch.cat([scaled, local], 1), t)
                unseen = self._predict(torch.cat([scaled, 0 * local], 1), t) if guide_features else None
                report(RUN)
                x = rule.step(guided(seen, context, null, guidance, unseen), t, x, **more).prev_sample
                if progress is not None:
                    progress((i + 1) / len(rule.timesteps))
            return self.decode(x)

    def _predict(self, seen: Tensor, t: Tensor) -> Callable[[Tensor], Tensor]:
        def of(context: Tensor) -> Tensor:
            out: Tensor = self.unet(seen, t, encoder_hidden_states=context).sample
            return out

        return of


def guided(
    predict: Callable[[Tensor], Tensor],
    context: Tensor | None,
    null: Tensor,
    guidance: float,
    unconditional: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return the guided noise estimate, e(z_l, no text) + guidance (e(z_l, text) - e(z_l, no text)) (eq. 5).

    unconditional: the estimate that replaces e(z_l, no text), without z_l.
    """
    if context is None and unconditional is None:
        return predict(null)
    full = null if context is None else context
    if guidance == 1:
        return predict(full)
    without = (unconditional or predict)(null)
    return without + guidance * (predict(full) - without)
