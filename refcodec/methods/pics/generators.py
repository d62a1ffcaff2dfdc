# SPDX-License-Identifier: MIT
"""How method `pics` paints (Lei et al. 2023, code; SPEC §14.4).

prompt, ", high quality" -> Stable Diffusion, along the sharpened sketch by a ControlNet -> picture
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.methods.base import DecodeContext
from refcodec.methods.pics.text_sketch_size import resize, sharpen, text_sketch_size
from refcodec.methods.picture_size import resize_to
from refcodec.payloads.caption.modes import Caption
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.foundation.controlnet import ControlNet
    from refcodec.foundation.resolve import Models
    from refcodec.foundation.text_to_image import TextToImage
    from refcodec.methods.picture_size import Pixels
    from refcodec.registry import Profile

SUFFIX: Final = "high quality"  # behind the prompt
NEGATIVE: Final = "disfigured, deformed, low quality, lowres, b&w, blurry, Photoshop, video game, bad art"
SAMPLERS: Final = ("dpm", "unipc")  # of PIC and of PICS with Stable Diffusion, where nobody names one


def reconstruct(context: DecodeContext) -> list[Pixels]:
    """Return a picture of each seed, of the prompt alone or along the sketch, in the size of `text_sketch_size`, resized to that of the file."""
    words, latents = context.value(spec.CAPTION), context.value(spec.SKETCH)
    if latents is None:
        words = context.need(spec.CAPTION)
    settings, size = context.sampler, text_sketch_size(context.size)
    painter, control = load_generators(context.models, context.profile, sketch=latents is not None)
    sampler = SAMPLERS[latents is not None] if _is_stable_diffusion(painter) else None
    if control is not None:
        painter = _with_controlnet(context, painter, control)
    asked, seeds, out = _prompt(context, words, painter), context.seeds(), []
    for i, seed in enumerate(seeds):
        made = painter.paint(
            asked,
            size,
            seed=seed,
            kind=settings.generator,
            steps=settings.steps,
            guidance=settings.guidance,
            sampler=settings.scheduler or sampler,
            negative=NEGATIVE,
            progress=part(context.progress, i / len(seeds), (i + 1) / len(seeds)),
        )
        out.append(resize_to(made, context.size))
    return out


def load_generators(models: Models, profile: Profile, *, sketch: bool) -> tuple[TextToImage, ControlNet | None]:
    """What paints files of a profile, with or without a sketch; SEM-E-801 to 805 for what is not there or not right."""
    from refcodec.foundation.controlnet import ControlNet
    from refcodec.foundation.text_to_image import TextToImage

    advice = profile.recommended.models
    return models.load("painter", TextToImage.load, advice), models.load(
        "controlnet", ControlNet.load, advice
    ) if sketch else None


def _is_stable_diffusion(painter: TextToImage) -> bool:
    from refcodec.foundation.prompt_tokens import takes_ids

    return takes_ids(painter.pipeline)


def _prompt(context: DecodeContext, words: Caption | None, painter: TextToImage) -> Any:
    """What the painter is asked: a text, or the embedding of the ids that the file holds."""
    if words is None or words.tokens is None:
        text = "" if words is None else words.text
        asked = f"{text}, {SUFFIX}" if text else SUFFIX
        context.note("prompt", asked)
        return asked
    from refcodec.foundation import prompt_tokens as ids

    tokenizer = ids.tokenizer_of(painter.pipeline, "painter", painter.name)
    ids.same_tokenizer(tokenizer, context.profile.parameters(spec.CAPTION)["tokenizer"], "painter", painter.name)
    text = f"{tokenizer.decode(list(words.tokens))}, {SUFFIX}"
    context.note("prompt", {"tokens": list(words.tokens), "text": text})
    if not _is_stable_diffusion(painter):
        return text
    return ids.embedded(painter.pipeline, words.tokens, f", {SUFFIX}", "painter", painter.name)


def _with_controlnet(context: DecodeContext, painter: TextToImage, control: ControlNet) -> TextToImage:
    """The painter that follows the decoded sketch."""
    from refcodec.foundation.controlnet import LinePainter
    from refcodec.methods import sketch
    from refcodec.networks import package_cache

    assert context.folder is not None
    with package_cache.torch_errors(context.folder, "painter"):
        grey = sketch.synthesise(context.value(spec.SKETCH), context.folder, context.size)
    lines = sharpen(resize(grey))
    context.note("sketch", lines)
    return LinePainter(painter, control, lines, context.sampler.strength)
