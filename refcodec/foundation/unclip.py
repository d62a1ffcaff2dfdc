# SPDX-License-Identifier: MIT
"""The role painter of method clip: stable unCLIP (Ramesh et al. 2022; diffusers' StableUnCLIPImg2ImgPipeline)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.foundation.device import SettingError, generator
from refcodec.foundation.loading import loading, pipeline_of, require_config, require_finite, running
from refcodec.foundation.resolve import Models
from refcodec.foundation.schedulers import scheduler, stepping
from refcodec.progress import Progress

ROLE = "painter"
CLASSES = ("StableUnCLIPImg2ImgPipeline",)


class UnclipGenerator:
    """Pictures of an image embedding."""

    def __init__(self, pipeline: Any, name: str = "") -> None:
        self.pipeline, self.name = pipeline, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> UnclipGenerator:
        require_config(ROLE, folder, "model_index.json", "_class_name", CLASSES)
        with loading(ROLE, folder):
            from diffusers import StableUnCLIPImg2ImgPipeline

            return cls(pipeline_of(StableUnCLIPImg2ImgPipeline, folder, models), folder.name)

    @property
    def width(self) -> int:
        """Dimensions of the embedding that it paints from."""
        return int(self.pipeline.image_normalizer.config.embedding_dim)

    @property
    def native(self) -> int:
        """Side of the pictures that it was trained on."""
        return int(self.pipeline.unet.config.sample_size * self.pipeline.vae_scale_factor)

    def paint(
        self,
        vector: NDArray[np.float32],
        size: tuple[int, int],
        *,
        seed: int,
        kind: str = "cpu",
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        noise_level: int = 0,
        progress: Progress | None = None,
    ) -> NDArray[np.uint8]:
        """uint8[H, W, 3] of a vector float32[D]; size (width, height), multiples of the VAE's factor.

        noise_level: 0 to the last step of the model's noising schedule, added to the embedding (Ramesh et al. 2022, §2.1).
        """
        last = int(self.pipeline.image_noising_scheduler.config.num_train_timesteps) - 1
        if noise_level > last:
            raise SettingError(f"noise-level is at most {last} for this painter, not {noise_level}")
        with running(ROLE, self.name), scheduler(self.pipeline, sampler):
            embeds = torch.from_numpy(vector)[None].to(self.pipeline.device, self.pipeline.unet.dtype)
            steps = steps or 20
            made = self.pipeline(
                image_embeds=embeds,
                prompt="",
                width=size[0],
                height=size[1],
                num_inference_steps=steps,
                guidance_scale=10.0 if guidance is None else guidance,
                noise_level=noise_level,
                generator=generator(kind, seed),
                output_type="np",
                **stepping(self.pipeline, steps, progress),
            ).images[0]
        return pixels_of(made, self.name)


def pixels_of(made: Any, name: str) -> NDArray[np.uint8]:
    """uint8[H, W, 3] of float[H, W, 3] in 0..1 that a painter gave, rounded as SPEC §14 does. SEM-E-803 for what are no numbers."""
    values = np.asarray(made, np.float32)
    require_finite(ROLE, name, bool(np.isfinite(values).all()))
    out: NDArray[np.uint8] = np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    return out
