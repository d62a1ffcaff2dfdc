# SPDX-License-Identifier: MIT
"""The role editor: edit a picture by an instruction (InstructPix2Pix: Brooks, Holynski and Efros, CVPR 2023)."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refcodec.foundation.device import generator
from refcodec.foundation.folder_kind import EDITORS
from refcodec.foundation.generated_pixels import generated_pixels
from refcodec.foundation.loaded_models import name_of, quiet_copy
from refcodec.foundation.loading import library_errors, loading, require_config, running
from refcodec.foundation.pipelines import check_tokenizers, load_pipeline, native_side, try_texts
from refcodec.foundation.resolve import Models
from refcodec.foundation.schedulers import progress_arguments, scheduler
from refcodec.progress import Progress

ROLE: Final = "editor"
STEPS: Final = 25  # if neither the user nor the file sets them

Pixels = NDArray[np.uint8]


class InstructionEditor:
    """Edit pictures by instructions."""

    ADOPTS: Final = "an InstructPix2Pix pipeline of diffusers"

    def __init__(self, pipeline: Any, name: str = "") -> None:
        self.pipeline, self.name = pipeline, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> InstructionEditor:
        """Load a local folder. Raises Code.MODEL_MALFORMED for another kind of pipeline."""
        config = require_config(ROLE, folder, "model_index.json", "_class_name", EDITORS)
        with loading(ROLE, folder):
            import diffusers

            kind = getattr(diffusers, config["_class_name"])
            return cls(load_pipeline(ROLE, kind, folder, models), folder.name)

    @classmethod
    def adopt(cls, pipeline: Any) -> InstructionEditor | None:
        """Return the editor of a loaded InstructPix2Pix pipeline of diffusers, None for another object."""
        with library_errors(ROLE, Path(type(pipeline).__name__)):
            from diffusers import DiffusionPipeline

            known = isinstance(pipeline, DiffusionPipeline) and type(pipeline).__name__ in EDITORS
            if known:
                check_tokenizers(ROLE, name_of(pipeline), pipeline)
        return cls(quiet_copy(pipeline), name_of(pipeline)) if known else None

    @property
    def native(self) -> int:
        """Side in pixels of the pictures that it was trained on."""
        return native_side(self.pipeline)

    def edit(
        self,
        pixels: Pixels,
        instruction: str,
        *,
        seed: int,
        kind: str = "cpu",
        steps: int | None = None,
        guidance: float | None = None,
        image_guidance: float | None = None,
        sampler: str | None = None,
        progress: Progress | None = None,
    ) -> Pixels:
        """Return uint8[H, W, 3]: the picture uint8[H, W, 3], with multiples of the VAE's factor as sides, after an edit.

        guidance: how closely the instruction is followed; image_guidance: how closely the picture is kept. None: the
        defaults of the pipeline. Raises SchedulerError for an unknown sampler.
        """
        own = inspect.signature(self.pipeline.__call__).parameters
        steps = steps or STEPS
        arguments = {
            "prompt": instruction,
            "image": Image.fromarray(pixels),
            "height": pixels.shape[0],
            "width": pixels.shape[1],
            "guidance_scale": guidance,
            "image_guidance_scale": image_guidance,
        }
        supported = {name: value for name, value in arguments.items() if value is not None and name in own}
        with running(ROLE, self.name, self.pipeline), scheduler(self.pipeline, sampler):
            try_texts(self.pipeline, instruction, "")
            output = self.pipeline(
                **supported,
                **progress_arguments(self.pipeline, steps, progress),
                num_inference_steps=steps,
                generator=generator(kind, seed),
                output_type="np",
            )
        return generated_pixels(ROLE, self.name, output)
