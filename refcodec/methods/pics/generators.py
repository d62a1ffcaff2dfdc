# SPDX-License-Identifier: MIT
"""How method `pics` paints (Lei et al. 2023, code; SPEC §14.4).

prompt, ", high quality" -> Stable Diffusion, along the sharpened sketch by a ControlNet -> picture
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.methods.base import Scene, fitted
from refcodec.methods.pics.text_sketch_size import resized, sharpened, sized
from refcodec.payloads.caption.kind import Caption
from refcodec.progress import part

if TYPE_CHECKING:
    from refcodec.foundation.controlnet import ControlNet
    from refcodec.foundation.resolve import Models
    from refcodec.foundation.text_to_image import TextToImage
    from refcodec.methods.base import Pixels
    from refcodec.registry import Profile

SUFFIX: Final = "high quality"  # behind the prompt
NEGATIVE: Final = "disfigured, deformed, low quality, lowres, b&w, blurry, Photoshop, video game, bad art"
SAMPLERS: Final = ("dpm", "unipc")  # of PIC and of PICS with Stable Diffusion, where nobody names one


def paint(scene: Scene) -> list[Pixels]:
    """A picture of each seed, of the prompt alone or along the sketch, in the size of `sized` and fitted to that of the file."""
    words, latents = scene.value(spec.CAPTION), scene.value(spec.SKETCH)
    if latents is None:
        words = scene.need(spec.CAPTION)
    painting, size = scene.painting, sized(scene.size)
    painter, control = painters(scene.models, scene.profile, sketch=latents is not None)
    sampler = SAMPLERS[latents is not None] if _is_stable_diffusion(painter) else None
    if control is not None:
        painter = _along(scene, painter, control)
    asked, seeds, out = _prompt(scene, words, painter), scene.seeds(), []
    for i, seed in enumerate(seeds):
        made = painter.paint(
            asked,
            size,
            seed=seed,
            kind=painting.generator,
            steps=painting.steps,
            guidance=painting.guidance,
            sampler=painting.scheduler or sampler,
            negative=NEGATIVE,
            progress=part(scene.progress, i / len(seeds), (i + 1) / len(seeds)),
        )
        out.append(fitted(made, scene.size))
    return out


def painters(models: Models, profile: Profile, *, sketch: bool) -> tuple[TextToImage, ControlNet | None]:
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


def _prompt(scene: Scene, words: Caption | None, painter: TextToImage) -> Any:
    """What the painter is asked: a text, or the embedding of the ids that the file holds."""
    if words is None or words.tokens is None:
        text = "" if words is None else words.text
        asked = f"{text}, {SUFFIX}" if text else SUFFIX
        if scene.record is not None:
            scene.record("prompt", asked)
        return asked
    from refcodec.foundation import prompt_tokens as ids

    tokenizer = ids.tokenizer_of(painter.pipeline, "painter", painter.name)
    ids.same_tokenizer(tokenizer, scene.profile.parameters(spec.CAPTION)["tokenizer"], "painter", painter.name)
    text = f"{tokenizer.decode(list(words.tokens))}, {SUFFIX}"
    if scene.record is not None:
        scene.record("prompt", {"tokens": list(words.tokens), "text": text})
    if not _is_stable_diffusion(painter):
        return text
    return ids.embedded(painter.pipeline, words.tokens, f", {SUFFIX}", "painter", painter.name)


def _along(scene: Scene, painter: TextToImage, control: ControlNet) -> TextToImage:
    """The painter that follows the decoded sketch."""
    from refcodec.foundation.controlnet import LinePainter
    from refcodec.methods import sketch
    from refcodec.networks import package_cache

    assert scene.folder is not None
    with package_cache.running(scene.folder, "painter"):
        grey = sketch.paint(scene.value(spec.SKETCH), scene.folder, scene.size)
    lines = sharpened(resized(grey))
    if scene.record is not None:
        scene.record("sketch", lines)
    return LinePainter(painter, control, lines, scene.painting.strength)
