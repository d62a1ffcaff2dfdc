# SPDX-License-Identifier: MIT
"""The role painter of methods consonant and pics: any text-to-image pipeline of diffusers, and the same one editing."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from refcodec.foundation import endpoint
from refcodec.foundation.device import SettingError, generator
from refcodec.foundation.loading import loading, pipeline_of, require_config, running
from refcodec.foundation.resolve import Models
from refcodec.foundation.schedulers import scheduler, stepping
from refcodec.foundation.unclip import pixels_of
from refcodec.progress import Progress

ROLE = "painter"
NATIVE: Final = 1024  # side where a pipeline does not say what it was trained on
FLOW: Final = "FlowMatch"  # begins the names of samplers that those of diffusion cannot stand in for
CONDITIONED: Final = "Control"  # in the name of a class that paints from more than a text

Pixels = NDArray[np.uint8]


def classes() -> tuple[str, ...]:
    """The text-to-image pipelines that diffusers' AutoPipeline knows, but those that need a picture too."""
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING as KNOWN

    return tuple(cls.__name__ for cls in KNOWN.values() if CONDITIONED not in cls.__name__)


def painter(models: Models, recommended: Mapping[str, str]) -> TextToImage | endpoint.RemoteTextToImage:
    """What fills the role, a model here or an endpoint. SEM-E-801, 802, 803 and 805."""
    return models.load(ROLE, TextToImage.load, recommended, endpoint.RemoteTextToImage)


class TextToImage:
    """Pictures of a text."""

    def __init__(self, pipeline: Any, name: str = "") -> None:
        self.pipeline, self.name = pipeline, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> TextToImage:
        """SEM-E-803 for a folder of another pipeline."""
        with loading(ROLE, folder):
            require_config(ROLE, folder, "model_index.json", "_class_name", classes())
            from diffusers import AutoPipelineForText2Image

            return cls(pipeline_of(AutoPipelineForText2Image, folder, models), folder.name)

    @property
    def native(self) -> int:
        """Side of the pictures that it was trained on."""
        network = getattr(self.pipeline, "unet", None) or getattr(self.pipeline, "transformer", None)
        side = getattr(self.pipeline, "default_sample_size", None) or getattr(
            getattr(network, "config", None), "sample_size", None
        )
        factor = getattr(self.pipeline, "vae_scale_factor", 1)  # 1: a pipeline of pixels
        return int(side * factor) if isinstance(side, int) else NATIVE

    @cached_property
    def editor(self) -> Any:
        """The image-to-image pipeline of the same networks; None where diffusers has none for them."""
        from diffusers import AutoPipelineForImage2Image

        try:
            made = AutoPipelineForImage2Image.from_pipe(self.pipeline)
        except ValueError:
            return None
        made.set_progress_bar_config(disable=True)
        return made

    def paint(
        self,
        prompt: str | torch.Tensor,
        size: tuple[int, int],
        *,
        seed: int,
        kind: str = "cpu",
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        negative: str | None = None,
        progress: Progress | None = None,
    ) -> Pixels:
        """uint8[H, W, 3] of a text; size (width, height), multiples of the VAE's factor; None: the pipeline's own.

        prompt: or its embedding float[1, n, W] (`prompt.embedded`), for a pipeline that takes one. guidance and negative are of pipelines that have them. ValueError for a sampler that there is not.
        """
        return self._run(
            self.pipeline,
            {**worded(prompt), "width": size[0], "height": size[1]},
            seed,
            kind,
            steps,
            1.0,
            guidance,
            sampler,
            negative,
            progress,
        )

    def edit(
        self,
        pixels: Pixels,
        prompt: str,
        strength: float,
        *,
        seed: int,
        kind: str = "cpu",
        steps: int | None = None,
        guidance: float | None = None,
        sampler: str | None = None,
        negative: str | None = None,
        progress: Progress | None = None,
    ) -> Pixels:
        """A painted picture, painted over from the share `strength` (above 0, to 1) of the steps on: 1 leaves little of it.

        What has no image-to-image pipeline paints the prompt anew.
        """
        size = (pixels.shape[1], pixels.shape[0])
        with running(ROLE, self.name):
            editor = self.editor
        if editor is None:
            return self.paint(
                prompt,
                size,
                seed=seed,
                kind=kind,
                steps=steps,
                guidance=guidance,
                sampler=sampler,
                negative=negative,
                progress=progress,
            )
        steps = max(steps or _steps(editor), math.ceil(1 / strength))  # so that one step is left to do
        wanted = {
            "prompt": prompt,
            "image": Image.fromarray(pixels),
            "strength": strength,
            "width": size[0],
            "height": size[1],
        }
        return self._run(editor, wanted, seed, kind, steps, strength, guidance, sampler, negative, progress)

    def _run(
        self,
        pipeline: Any,
        wanted: Mapping[str, Any],
        seed: int,
        kind: str,
        steps: int | None,
        share: float,
        guidance: float | None,
        sampler: str | None,
        negative: str | None,
        progress: Progress | None,
    ) -> Pixels:
        """One picture, by this share of the steps.

        Of what is wanted, what the pipeline has a name for: not all have guidance, or take a size to edit.
        """
        own = inspect.signature(pipeline.__call__).parameters
        if sampler is not None and type(pipeline.scheduler).__name__.startswith(FLOW):
            raise SettingError(f"the painter {self.name} follows a flow, by its own sampler: leave the scheduler out")
        noise = generator(kind, seed)
        wanted = {**wanted, "num_inference_steps": steps, "guidance_scale": guidance, "negative_prompt": negative}
        given = {name: value for name, value in wanted.items() if value is not None and name in own}
        with running(ROLE, self.name), scheduler(pipeline, sampler):
            told = stepping(pipeline, max(1, int((steps or _steps(pipeline)) * share)), progress)
            made = pipeline(**given, **told, generator=noise, output_type="np").images[0]
        return pixels_of(made, self.name)


def worded(prompt: str | torch.Tensor) -> dict[str, Any]:
    """The argument of a pipeline that a prompt is."""
    return {"prompt": prompt} if isinstance(prompt, str) else {"prompt_embeds": prompt}


def _steps(pipeline: Any) -> int:
    """What the pipeline does where nobody says how many."""
    return int(inspect.signature(pipeline.__call__).parameters["num_inference_steps"].default)
