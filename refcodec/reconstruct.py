# SPDX-License-Identifier: MIT
"""From decoded symbols to pictures: the method's painter, its settings, and what a picture file says of it (SPEC §14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import __version__, methods, spec
from refcodec.container import Container, write
from refcodec.container.key_value import decode as text_decode
from refcodec.decoder import Symbols
from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models, format_used_models
from refcodec.methods.base import NORM_SCALES, Painting, Record, Scene
from refcodec.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STEPS_MAX: Final = 250  # that a file can ask for: more is a user's to say, since a hint of a few bytes can cost days
SYNTHESISED: Final = "synthesised from a .sem description"


@dataclass(frozen=True)
class Painted:
    """Pictures uint8[H, W, 3] of one file, one a seed; of a method that has no seed, one. `models`: what painted, by role."""

    pictures: tuple[NDArray[np.uint8], ...]
    seeds: tuple[int, ...]
    models: Mapping[str, str]
    notices: tuple[str, ...] = ()

    @property
    def note(self) -> dict[str, str]:
        """What a picture file of it says: that it was painted, and by what."""
        return {
            "Description": SYNTHESISED,
            "Software": f"refcodec {__version__}",
            "Model": format_used_models(self.models),
        }


def paint(
    symbols: Symbols,
    progress: Progress | None = None,
    *,
    models: Any = None,
    wish: Mapping[str, Any] | None = None,
    samples: int = 1,
    reflections: int | None = None,
    record: Record | None = None,
) -> Painted:
    """The pictures of decoded symbols. models: as `Models.of` takes them. wish: render hints over those of the file.

    samples: pictures of as many seeds. record: is told the steps of a method that has some.
    ValueError for settings that make no sense, SemError for what is wrong with a model.
    """
    header, method = symbols.container.header, symbols.container.profile.method_name
    models = Models.of(models, environment=symbols.environment)
    models.used.clear()
    module = methods.module(method)
    _sensible(method, module.SETTINGS, wish or {}, samples, reflections)
    if not symbols.values:
        raise SemError(
            Code.UNSUPPORTED_KIND,
            "the file holds no payload",
            path="sections",
            hint="semtool payload shows its other sections",
        )
    from refcodec.networks import package_cache

    package_cache.need_torch("painting a picture", method)
    if method == "elic":
        latents, folder = symbols.elic, symbols.folder
        assert folder is not None
        with package_cache.running(folder, "painter"):
            pixels = module.paint(
                latents, folder, (header.width, header.height), progress, device=models.torch_device()
            )
        return Painted((pixels,), (), {"painter": folder.name})
    scene = scene_of(symbols, models, dict(wish or {}), progress)
    scene = replace(scene, samples=samples, reflections=reflections, record=record)
    try:
        pictures = tuple(module.paint(scene))
    except ValueError:
        if "scheduler" not in scene.hints or scene.wish.get("scheduler") is not None:
            raise
        scene = replace(scene, hints={key: value for key, value in scene.hints.items() if key != "scheduler"})
        pictures = tuple(module.paint(scene))  # the user cannot take a hint out of a stranger's file
        scene.notices.append("the painter has not the scheduler that the file asks for: its own is taken")
    if symbols.folder is not None and models.used == {
        "painter": symbols.folder.name
    }:  # a package's own painter has no seed
        return Painted(pictures, (), dict(models.used), tuple(scene.notices))
    return Painted(pictures, tuple(scene.seeds()), dict(models.used), tuple(scene.notices))


def _sensible(
    method: str, settings: frozenset[str], wish: Mapping[str, Any], samples: int, reflections: int | None
) -> None:
    """ValueError for settings that the method does not read: a wish that changes nothing should not look granted."""
    if samples < 1:
        raise ValueError("samples is at least 1")
    asked = {name for name, value in wish.items() if value is not None} | (
        {"reflections"} if reflections is not None else set()
    )
    if odd := sorted(asked - settings):
        raise ValueError(
            f"method {method} has no {odd[0]}; its painter reads {', '.join(sorted(settings)) or 'no settings'}"
        )
    if samples > 1 and "seed" not in settings:
        raise ValueError(f"method {method} paints one picture: it has no seed")


def scene_of(symbols: Symbols, models: Models, wish: dict[str, Any], progress: Progress | None) -> Scene:
    """Everything to paint from, its settings judged."""
    container = symbols.container
    hints: dict[str, str] = {}
    for section in container.sections:
        if section.type == spec.HINTS:
            hints = text_decode(section.body)
    header = container.header
    notices = _judged(hints, wish)
    recommended = container.profile.recommended.hints
    if Painting.of(recommended, hints, wish).generator == "cuda" and "generator" not in wish and not models.has_cuda():
        hints["generator"] = "cpu"
        notices.append(
            "the picture was chosen with the noise of a cuda device, which is not here: this one will differ"
        )
    return Scene(
        {section_type & spec.NUMBER: value for section_type, value in symbols.values.items()},
        container.profile,
        (header.width, header.height),
        models,
        hints,
        wish,
        8 * _bytes(container) / (header.width * header.height),
        symbols.folder,
        progress=progress,
        notices=notices,
    )


def _judged(hints: dict[str, str], wish: Mapping[str, Any]) -> list[str]:
    """Hints of a file that no painter here can follow, or should, are changed or left out; what is to be said of it.

    A file with them is a valid one, and its reader cannot take them out.
    """
    from refcodec.foundation.schedulers import SCHEDULERS

    notices = []
    if "steps" not in wish and int(hints.get("steps", 0)) > STEPS_MAX:
        notices.append(
            f"the file asks for {hints['steps']} steps: {STEPS_MAX} are made, unless the user says otherwise"
        )
        hints["steps"] = str(STEPS_MAX)
    low, high = NORM_SCALES
    if not low <= float(hints.get("norm-scale", 1)) <= high:
        scale = hints.pop("norm-scale")
        if "norm-scale" not in wish:
            notices.append(f"the file asks for the norm-scale {scale}, which is left out: it is {low} to {high}")
    if hints.get("scheduler") not in (None, *SCHEDULERS):
        sampler = hints.pop("scheduler")
        if "scheduler" not in wish:
            notices.append(
                f"the file asks for the scheduler {sampler}, which is not known here: this picture may differ"
            )
    return notices


def _bytes(container: Container) -> int:
    """Of the file; of an incomplete one, those of its bodies."""
    return (
        len(write(container, level=2))
        if container.complete
        else sum(len(section.body) for section in container.sections)
    )
