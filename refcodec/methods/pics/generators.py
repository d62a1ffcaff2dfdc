# SPDX-License-Identifier: MIT
"""Generate the pictures of method `pics` (Lei et al. 2023, code; SPEC §B.4).

prompt, ", high quality" -> Stable Diffusion, along the sharpened sketch by a ControlNet -> picture
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.foundation.required_roles import require_roles
from refcodec.foundation.worker.proxy import call
from refcodec.methods.base import DecodeContext
from refcodec.methods.identity_check import Filled
from refcodec.methods.network_memory import require_memory
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

SUFFIX: Final = "high quality"  # appended to the prompt
NEGATIVE: Final = "disfigured, deformed, low quality, lowres, b&w, blurry, Photoshop, video game, bad art"
SAMPLERS: Final = ("dpm", "unipc")  # defaults of PIC and PICS with Stable Diffusion


def reconstruct(context: DecodeContext) -> list[Pixels]:
    """Return one picture per seed, from the prompt and the sketch if there is one.

    Pictures are generated in the size of `text_sketch_size` and resized to that of the file.
    """
    caption, latents = context.value(spec.CAPTION), context.value(spec.SKETCH)
    if latents is None:
        caption = context.need(spec.CAPTION)
    settings, size = context.sampler, text_sketch_size(context.size)
    base, control = load_generators(context.models, context.profile, sketch=latents is not None)
    if caption is not None and caption.tokens is not None:
        context.compare(*(Filled.by(role, context.models, "painter") for role in ("tokenizer", "text_encoder")))
    sampler = SAMPLERS[latents is not None] if _has("is_stable_diffusion", base) else None
    painter = base if control is None else _with_controlnet(context, base, control)
    prompt, seeds, out = _prompt(context, caption, base), context.seeds(), []
    for i, seed in enumerate(seeds):
        pixels = painter.paint(
            prompt,
            size,
            seed=seed,
            kind=settings.generator,
            steps=settings.steps,
            guidance=settings.guidance,
            sampler=settings.scheduler or sampler,
            negative=NEGATIVE,
            progress=part(context.progress, i / len(seeds), (i + 1) / len(seeds)),
        )
        out.append(resize_to(pixels, context.size))
    return out


def load_generators(models: Models, profile: Profile, *, sketch: bool) -> tuple[TextToImage, ControlNet | None]:
    """Return the generator of a profile, and its ControlNet if there is a sketch. Raises ModelError."""
    advice = profile.recommended.models
    require_roles(models, ("painter", "controlnet") if sketch else ("painter",), advice)
    painter: TextToImage = models.load("painter", "text_to_image:TextToImage.load", advice)
    return painter, models.load("controlnet", "controlnet:ControlNet.load", advice) if sketch else None


def _has(trait: str, painter: TextToImage) -> bool:
    """Return whether the pipeline of a painter has a trait of `prompt_tokens`. The caller's own class may have no pipeline."""
    pipeline = getattr(painter, "pipeline", None)
    return pipeline is not None and bool(call(f"prompt_tokens:{trait}", pipeline))


def _prompt(context: DecodeContext, caption: Caption | None, painter: TextToImage) -> Any:
    """Return the prompt for a generator, with a ControlNet or without: a text, or the token ids of the file, embedded.

    A generator that takes no ids reads their text, and a notice says so.
    """
    if caption is None or caption.tokens is None:
        text = "" if caption is None else caption.text
        prompt = f"{text}, {SUFFIX}" if text else SUFFIX
        context.note("prompt", prompt)
        return prompt
    pipeline, name = getattr(painter, "pipeline", None), getattr(painter, "name", "") or type(painter).__name__
    tokenizer = call("prompt_tokens:tokenizer_of", pipeline, "painter", name)
    context.compare_tokenizer(tokenizer, "painter", name)
    text = f"{tokenizer.decode(list(caption.tokens))}, {SUFFIX}"
    context.note("prompt", {"tokens": list(caption.tokens), "text": text})
    if _has("takes_ids", painter):
        return call("prompt_tokens:embed", pipeline, caption.tokens, f", {SUFFIX}", "painter", name)
    context.notice(f"painter: {name} takes no token ids: it reads their text, which may stand for other ids")
    return text


def _with_controlnet(context: DecodeContext, painter: TextToImage, control: ControlNet) -> TextToImage:
    """Return a generator that follows the decoded sketch."""
    from refcodec.methods import sketch

    assert context.folder is not None
    require_memory(context.models.limits, context.folder, "painter", context.size)
    grey = sketch.synthesise(
        context.value(spec.SKETCH), context.folder, context.size, context.models.limits.checked(None)
    )
    lines = sharpen(resize(grey))
    context.note("sketch", lines)
    controlled: TextToImage = call(
        "controlnet:ControlNetTextToImage", painter, control, lines, context.sampler.strength
    )
    return controlled
