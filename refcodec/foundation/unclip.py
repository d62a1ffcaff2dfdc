# SPDX-License-Identifier: MIT
"""The role painter of method clip: stable unCLIP (Ramesh et al. 2022; diffusers' StableUnCLIPImg2ImgPipeline)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from refcodec.foundation.device import SettingError, generator
from refcodec.foundation.generated_pixels import generated_pixels
from refcodec.foundation.loaded_models import name_of, quiet_copy
from refcodec.foundation.loading import library_errors, loading, require_config, running
from refcodec.foundation.pipelines import check_tokenizers, load_pipeline, native_side, try_texts
from refcodec.foundation.resolve import Models
from refcodec.foundation.schedulers import progress_arguments, scheduler
from refcodec.progress import Progress

ROLE = "painter"
CLASSES = ("StableUnCLIPImg2ImgPipeline",)


class UnclipGenerator:
    """Generate pictures from an image embedding."""

    ADOPTS: Final = "a StableUnCLIPImg2ImgPipeline of diffusers"

    def __init__(self, pipeline: Any, name: str = "") -> None:
        self.pipeline, self.name = pipeline, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> UnclipGenerator:
        require_config(ROLE, folder, "model_index.json", "_class_name", CLASSES)
        with loading(ROLE, folder):
            from diffusers import StableUnCLIPImg2ImgPipeline

            return cls(load_pipeline(ROLE, StableUnCLIPImg2ImgPipeline, folder, models), folder.name)

    @classmethod
    def adopt(cls, pipeline: Any) -> UnclipGenerator | None:
        """Return the generator of a loaded pipeline of stable unCLIP, None for another object."""
        with library_errors(ROLE, Path(type(pipeline).__name__)):
            from diffusers import StableUnCLIPImg2ImgPipeline

            known = isinstance(pipeline, StableUnCLIPImg2ImgPipeline)
            if known:
                check_tokenizers(ROLE, name_of(pipeline), pipeline)
        return cls(quiet_copy(pipeline), name_of(pipeline)) if known else None

    @property
    def width(self) -> int:
        """Width of the embedding."""
        return int(self.pipeline.image_normalizer.config.embedding_dim)

    @property
    def native(self) -> int:
        """Side in pixels of the pictures that it was trained on."""
        return native_side(self.pipeline)

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
        """Return uint8[H, W, 3] for a vector float32[D]. size: (width, height), multiples of the VAE's factor.

        noise_level: noise added to the embedding, 0 to the last step of the model's schedule (Ramesh et al. 2022, §2.1).
        """
        last = int(self.pipeline.image_noising_scheduler.config.num_train_timesteps) - 1
        if noise_level > last:
            raise SettingError(f"noise-level is at most {last} for this painter, not {noise_level}")
        with running(ROLE, self.name, self.pipeline), scheduler(self.pipeline, sampler):
            embeds = torch.from_numpy(vector)[None].to(self.pipeline.device, self.pipeline.unet.dtype)
            steps = steps or 20
            try_texts(self.pipeline, "")
            output = self.pipeline(
                image_embeds=embeds,
                prompt="",
                width=size[0],
                height=size[1],
                num_inference_steps=steps,
                guidance_scale=10.0 if guidance is None else guidance,
                noise_level=noise_level,
                generator=generator(kind, seed),
                output_type="np",
                **progress_arguments(self.pipeline, steps, progress),
            )
        return generated_pixels(ROLE, self.name, output)
