# SPDX-License-Identifier: MIT
"""The role painter of methods consonant and pics: generate and edit pictures by any text-to-image pipeline of diffusers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.foundation.device import generator
from refcodec.foundation.generated_pixels import generated_pixels
from refcodec.foundation.loaded_models import name_of, quiet_copy
from refcodec.foundation.loading import library_errors, loading, require_config, running
from refcodec.foundation.pipelines import check_tokenizers, load_pipeline, try_texts
from refcodec.foundation.prompt_tokens import EmbeddedPrompt
from refcodec.foundation.resolve import Models
from refcodec.foundation.schedulers import SchedulerError, progress_arguments, scheduler
from refcodec.foundation.text_lengths import PROMPT_WORDS_MAX
from refcodec.progress import Progress

ROLE = "painter"
NATIVE: Final = 1024  # side, if a pipeline does not state its native size
FLOW: Final = "FlowMatch"  # prefix of samplers that diffusion samplers cannot replace
CONDITIONED: Final = "Control"  # in the name of a class that requires more than a text

Pixels = NDArray[np.uint8]


def classes() -> tuple[str, ...]:
    """Return the text-to-image pipelines known to diffusers' AutoPipeline that need no picture."""
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING as KNOWN

    return tuple(cls.__name__ for cls in KNOWN.values() if CONDITIONED not in cls.__name__)


class TextToImage:
    """Generate pictures from text."""

    ADOPTS: Final = "a text-to-image pipeline of diffusers"

    def __init__(self, pipeline: Any, name: str = "") -> None:
        self.pipeline, self.name = pipeline, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> TextToImage:
        """Load a local folder. Raises Code.MODEL_MALFORMED for another kind of pipeline."""
        with loading(ROLE, folder):
            require_config(ROLE, folder, "model_index.json", "_class_name", classes())
            from diffusers import AutoPipelineForText2Image

            return cls(load_pipeline(ROLE, AutoPipelineForText2Image, folder, models), folder.name)

    @classmethod
    def adopt(cls, pipeline: Any) -> TextToImage | None:
        """Return the generator of a loaded text-to-image pipeline of diffusers, None for another object."""
        with library_errors(ROLE, Path(type(pipeline).__name__)):
            from diffusers import DiffusionPipeline

            known = isinstance(pipeline, DiffusionPipeline) and type(pipeline).__name__ in classes()
            if known:
                check_tokenizers(ROLE, name_of(pipeline), pipeline)
        return cls(quiet_copy(pipeline), name_of(pipeline)) if known else None

    @property
    def native(self) -> int:
        """Side in pixels of the pictures that it was trained on."""
        network = getattr(self.pipeline, "unet", None) or getattr(self.pipeline, "transformer", None)
        side = getattr(self.pipeline, "default_sample_size", None) or getattr(
            getattr(network, "config", None), "sample_size", None
        )
        factor = getattr(self.pipeline, "vae_scale_factor", 1)  # 1: a pipeline of pixels
        return int(side * factor) if isinstance(side, int) else NATIVE

    @property
    def prompt_words(self) -> int:
        """About the number of words of a prompt that it reads: two for three tokens, but at most PROMPT_WORDS_MAX."""
        tokenizers = [
            part for name, part in self.pipeline.components.items() if "tokenizer" in name and part is not None
        ]
        tokens = max((int(tokenizer.model_max_length) for tokenizer in tokenizers), default=PROMPT_WORDS_MAX)
        return max(1, min(PROMPT_WORDS_MAX, 2 * (tokens - 2) // 3))

    @property
    def edits_pictures(self) -> bool:
        """Whether `edit` starts from the picture, and does not generate the prompt from scratch."""
        with running(ROLE, self.name):
            return self.editor is not None

    @cached_property
    def editor(self) -> Any:
        """Image-to-image pipeline of the same networks, or None if diffusers has none."""
        from diffusers import AutoPipelineForImage2Image

        try:
            pipeline = AutoPipelineForImage2Image.from_pipe(self.pipeline)
        except ValueError:
            return None
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def paint(
        self,
        prompt: str | EmbeddedPrompt,
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
        """Return uint8[H, W, 3] for a prompt. size: (width, height), multiples of the VAE's factor.

        prompt: a text, or token ids as `prompt_tokens.embed` returns them for this pipeline. steps, guidance and sampler
        None: the defaults of the pipeline. guidance and negative are ignored by pipelines without them.
        Raises SchedulerError for a sampler that it does not have.
        """
        return self._run(
            self.pipeline,
            {**prompt_argument(prompt), "width": size[0], "height": size[1]},
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
        """Return the picture edited by the last `strength` (above 0, at most 1) of the steps; 1 keeps little of it.

        Without an image-to-image pipeline the prompt is generated from scratch.
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
        steps = max(steps or _steps(editor), math.ceil(1 / strength))  # leave at least one step
        arguments = {
            "prompt": prompt,
            "image": Image.fromarray(pixels),
            "strength": strength,
            "width": size[0],
            "height": size[1],
        }
        return self._run(editor, arguments, seed, kind, steps, strength, guidance, sampler, negative, progress)

    def _run(
        self,
        pipeline: Any,
        arguments: Mapping[str, Any],
        seed: int,
        kind: str,
        steps: int | None,
        share: float,
        guidance: float | None,
        sampler: str | None,
        negative: str | None,
        progress: Progress | None,
    ) -> Pixels:
        """Return one picture. share: the part of the steps that is run.

        Arguments that the pipeline does not have are dropped: not all have guidance, or take a size when editing.
        """
        own = inspect.signature(pipeline.__call__).parameters
        if sampler is not None and type(pipeline.scheduler).__name__.startswith(FLOW):
            raise SchedulerError(
                f"the painter {self.name} is a flow-matching model with its own sampler: leave the scheduler out"
            )
        noise = generator(kind, seed)
        arguments = {**arguments, "num_inference_steps": steps, "guidance_scale": guidance, "negative_prompt": negative}
        supported = {name: value for name, value in arguments.items() if value is not None and name in own}
        with running(ROLE, self.name, pipeline), scheduler(pipeline, sampler):
            try_texts(pipeline, supported.get("prompt"), supported.get("negative_prompt"), "")
            reporting = progress_arguments(pipeline, max(1, int((steps or _steps(pipeline)) * share)), progress)
            output = pipeline(**supported, **reporting, generator=noise, output_type="np")
        return generated_pixels(ROLE, self.name, output)


def prompt_argument(prompt: str | EmbeddedPrompt) -> dict[str, Any]:
    """Return a prompt as the argument of a pipeline."""
    return {"prompt": prompt} if isinstance(prompt, str) else dict(prompt.arguments())


def _steps(pipeline: Any) -> int:
    """Return the default number of steps of a pipeline."""
    return int(inspect.signature(pipeline.__call__).parameters["num_inference_steps"].default)
