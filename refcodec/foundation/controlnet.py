# SPDX-License-Identifier: MIT
"""The role controlnet: condition Stable Diffusion on an edge map (Zhang et al., ICCV 2023)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from PIL import Image

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.device import device_of, dtype_of
from refcodec.foundation.loaded_models import name_of
from refcodec.foundation.loading import library_errors, load_pretrained, loading, require_config
from refcodec.foundation.prompt_tokens import EmbeddedPrompt, is_stable_diffusion
from refcodec.foundation.resolve import Models
from refcodec.foundation.text_to_image import Pixels, TextToImage, prompt_argument
from refcodec.progress import Progress

ROLE = "controlnet"
CLASSES = ("ControlNetModel",)


class ControlNet:
    """The network, without the pipeline that it conditions."""

    ADOPTS: Final = "a ControlNetModel of diffusers"

    def __init__(self, model: Any, name: str = "") -> None:
        self.model, self.name = model, name

    @classmethod
    def load(cls, folder: Path, models: Models) -> ControlNet:
        require_config(ROLE, folder, "config.json", "_class_name", CLASSES)
        with loading(ROLE, folder):
            from diffusers import ControlNetModel

            model = load_pretrained(ROLE, folder, ControlNetModel, dtype_of(models))
        return cls(model.to(device_of(models)), folder.name)

    @classmethod
    def adopt(cls, model: Any) -> ControlNet | None:
        """Return the role's model of a loaded ControlNetModel, None for another object."""
        with library_errors(ROLE, Path(type(model).__name__)):
            from diffusers import ControlNetModel

            return cls(model, name_of(model)) if isinstance(model, ControlNetModel) else None


class ControlNetTextToImage(TextToImage):
    """Generate pictures from a text and an edge map uint8[H, W, 3] of the same size; strength 0 ignores the map."""

    def __init__(self, painter: TextToImage, control: ControlNet, lines: Pixels, strength: float) -> None:
        """Raise Code.MODEL_MALFORMED for a pipeline that takes no ControlNet, or not this one."""
        base = getattr(painter, "pipeline", None)
        if base is None or not is_stable_diffusion(base):
            kind = type(painter if base is None else base).__name__
            what = f"painter: {shown(getattr(painter, 'name', '') or kind)} is {kind}, which follows no edge map"
            raise SemError(
                Code.MODEL_MALFORMED, what, path="painter", hint="name a folder of a StableDiffusionPipeline"
            )
        ours, theirs = (model.config.cross_attention_dim for model in (control.model, base.unet))
        if ours != theirs:
            what = f"{ROLE}: {shown(control.name)} is for text embeddings of width {ours}, those of {shown(painter.name)} have {theirs}"
            raise SemError(Code.MODEL_MALFORMED, what, path=ROLE, hint="name the ControlNet of this painter")
        from diffusers import StableDiffusionControlNetPipeline

        with library_errors(ROLE, Path(control.name)):
            pipeline = StableDiffusionControlNetPipeline(
                vae=base.vae,
                text_encoder=base.text_encoder,
                tokenizer=base.tokenizer,
                unet=base.unet,
                scheduler=base.scheduler,
                controlnet=control.model,
                safety_checker=base.safety_checker,
                feature_extractor=base.feature_extractor,
                requires_safety_checker=base.config.requires_safety_checker,
            )
        pipeline.set_progress_bar_config(disable=True)
        super().__init__(pipeline, painter.name)
        self.lines, self.strength = lines, float(strength)

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
        """Generate a picture as `TextToImage.paint` does, conditioned on the edge map."""
        arguments = {
            **prompt_argument(prompt),
            "width": size[0],
            "height": size[1],
            "image": Image.fromarray(self.lines),
            "controlnet_conditioning_scale": self.strength,
        }
        return self._run(self.pipeline, arguments, seed, kind, steps, 1.0, guidance, sampler, negative, progress)
