# SPDX-License-Identifier: MIT
"""From decoded symbols to pictures: the method's painter, its settings, and what a picture file says of it (SPEC §14)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import __version__, spec
from refcodec.container import Container, write
from refcodec.container.text import decode as text_decode
from refcodec.errors import SemError
from refcodec.methods.scene import Painting, Record, Scene
from refcodec.models.sources import Models
from refcodec.progress import Progress
from refcodec.symbols import Symbols

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        names = ", ".join(f"{role} {name}" for role, name in sorted(self.models.items()))
        return {"Description": SYNTHESISED, "Software": f"refcodec {__version__}", "Model": names}


def paint(
    symbols: Symbols, progress: Progress | None = None, *, models: Any = None, wish: Mapping[str, Any] | None = None,
    samples: int = 1, reflections: int | None = None, record: Record | None = None,
) -> Painted:  # fmt: skip
    """The pictures of decoded symbols. models: as `Models.of` takes them. wish: render hints over those of the file.

    samples: pictures of as many seeds. record: is told the steps of a method that has some.
    ValueError for settings that make no sense, SemError for what is wrong with a model.
    """
    header, method = symbols.container.header, symbols.container.profile.method_name
    models = Models.of(models)
    if samples < 1:
        raise ValueError("samples is at least 1")
    if not symbols.values:
        raise SemError(704, "the file holds no payload", path="sections", hint="semtool payload shows its other sections")
    from refcodec.models import store

    store.need_torch("painting a picture")
    if method == "elic":
        if samples > 1:
            raise ValueError("method elic paints one picture: it has no seed")
        from refcodec.methods import elic

        latents, folder = symbols.elic, symbols.folder
        assert folder is not None
        with store.running(folder, "painter"):
            pixels = elic.paint(latents, folder, (header.width, header.height), progress, device=models.torch_device())
        return Painted((pixels,), (), {"painter": folder.name})
    scene = scene_of(symbols, models, dict(wish or {}), progress)
    scene = replace(scene, samples=samples, reflections=reflections, record=record)
    pictures = importlib.import_module(f"refcodec.methods.{method}").paint(scene)
    return Painted(tuple(pictures), tuple(scene.seeds()), dict(models.used), tuple(scene.notices))


def scene_of(symbols: Symbols, models: Models, wish: dict[str, Any], progress: Progress | None) -> Scene:
    """Everything to paint from, its settings judged."""
    container = symbols.container
    hints: dict[str, str] = {}
    for section in container.sections:
        if section.type == spec.HINTS:
            hints = text_decode(section.body)
    header, notices = container.header, []
    recommended = container.profile.recommended.hints
    if Painting.of(recommended, hints, wish).generator == "cuda" and "generator" not in wish and not models.has_cuda():
        wish["generator"] = "cpu"
        notices.append("the picture was chosen with the noise of a cuda device, which is not here: this one will differ")
    return Scene(
        {section_type & spec.NUMBER: value for section_type, value in symbols.values.items()}, container.profile,
        (header.width, header.height), models, hints, wish, 8 * _bytes(container) / (header.width * header.height),
        symbols.folder, progress=progress, notices=notices,
    )  # fmt: skip


def _bytes(container: Container) -> int:
    """Of the file; of an incomplete one, those of its bodies."""
    return len(write(container, level=2)) if container.complete else sum(len(section.body) for section in container.sections)
