# SPDX-License-Identifier: MIT
"""Reconstruct pictures from decoded symbols: run the method's generator, and describe the result (SPEC §14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from refcodec import __version__, spec
from refcodec.container import Container, write
from refcodec.container.key_value import decode as text_decode
from refcodec.decoder import DecodedFile
from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models, format_used_models
from refcodec.methods import find_method
from refcodec.methods.base import DecodeContext, Method
from refcodec.methods.generator_models import require_generator
from refcodec.progress import Progress, StepCallback

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

SYNTHESISED: Final = "synthesised from a .sem description"
PREVIEW: Final = "unverified preview of a .sem description"


@dataclass(frozen=True)
class Reconstruction:
    """Pictures uint8[H, W, 3] of one file: one per seed, or one without a seed. `models`: those used, by role.

    preview: the file is not yet decoded and verified.
    """

    pictures: tuple[NDArray[np.uint8], ...]
    seeds: tuple[int, ...]
    models: Mapping[str, str]
    notices: tuple[str, ...] = ()
    preview: bool = False

    @property
    def note(self) -> dict[str, str]:
        """The metadata of a picture, which state that it is synthesised, and by which models."""
        return {
            "Description": PREVIEW if self.preview else SYNTHESISED,
            "Software": f"refcodec {__version__}",
            "Model": format_used_models(self.models),
        }

    def image(self, metadata: Mapping[str, str] | None = None, number: int = 0) -> Image.Image:
        """Return a picture, in RGB, with its note and seed in `info`, and EXIF and XMP of the metadata of a file."""
        from PIL import Image

        from refcodec.images.metadata import info_of

        picture = Image.fromarray(self.pictures[number])
        picture.info.update(self.note)
        if self.seeds:
            picture.info["Seed"] = str(self.seeds[number])
        if metadata is not None:
            picture.info.update(info_of(metadata))
        return picture


def reconstruct(
    decoded: DecodedFile,
    progress: Progress | None = None,
    *,
    models: Any = None,
    overrides: Mapping[str, Any] | None = None,
    samples: int = 1,
    reflections: int | None = None,
    record: StepCallback | None = None,
    variant: Method | None = None,
) -> Reconstruction:
    """Return the pictures of decoded symbols.

    models: as for `Models.of`. overrides: render hints that override those of the file. samples: the number of pictures,
    each with its own seed. record: called with each step of a method that has steps. variant: of the file's method, for
    experiments.

    Raises ValueError for settings that the method does not support, Code.UNSUPPORTED_KIND for a file without payloads,
    ModelError for a model that cannot be used.
    """
    method, overrides = variant or find_method(decoded.container.profile.method_name), dict(overrides or {})
    if not isinstance(models, Models):
        models = Models.of(models, environment=decoded.environment)
    models.used.clear()
    method.check_sampler_settings(overrides, samples, reflections)
    if not decoded.values:
        raise SemError(
            Code.UNSUPPORTED_KIND,
            "the file has no payload",
            path="sections",
            hint="semtool payload shows its other sections",
        )
    from refcodec.networks import package_cache

    require_generator(method, decoded.container, models, "reconstructing a picture")
    context = decode_context(decoded, method, models, overrides)
    checked = models.limits.checked(progress)
    context = replace(context, samples=samples, reflections=reflections, progress=checked, record=record)
    with package_cache.neutral_torch():
        pictures = _pictures(method, context)
    embedded = decoded.folder is not None and models.used == {"painter": decoded.folder.name}  # has no seed
    seeds = () if embedded else tuple(context.seeds())
    return Reconstruction(pictures, seeds, dict(models.used), tuple(context.notices))


def _pictures(method: Method, context: DecodeContext) -> tuple[NDArray[np.uint8], ...]:
    """Return the pictures of a context. If the generator does not have the file's scheduler, it uses its own."""
    if "scheduler" not in context.hints or context.overrides.get("scheduler") is not None:
        return tuple(method.reconstruct(context))
    from refcodec.foundation.schedulers import SchedulerError

    steps = list[tuple[str, Any]]()  # reported, as notices are, once it is known that the generator has the scheduler
    attempt = replace(
        context, notices=list(context.notices), record=context.record and (lambda *step: steps.append(step))
    )
    try:
        pictures = tuple(method.reconstruct(attempt))
    except SchedulerError:  # the hint is the file's and not the user's, so it is not an error here
        hints = {key: value for key, value in context.hints.items() if key != "scheduler"}
        pictures = tuple(method.reconstruct(replace(context, hints=hints)))
        context.notices.append("the generator does not have the scheduler that the file asks for: its own is used")
        return pictures
    context.notices[:] = attempt.notices
    for step in steps:
        context.note(*step)
    return pictures


def decode_context(decoded: DecodedFile, method: Method, models: Models, overrides: Mapping[str, Any]) -> DecodeContext:
    """Return the symbols and settings of a reconstruction, without hints that this method cannot follow."""
    container, hints = decoded.container, dict[str, str]()
    for section in container.sections:
        if section.type == spec.HINTS and method.sampler_settings:
            hints = text_decode(section.body)
    header = container.header
    return DecodeContext(
        values={section_type & spec.NUMBER: value for section_type, value in decoded.values.items()},
        profile=container.profile,
        size=(header.width, header.height),
        models=models,
        hints=hints,
        overrides=overrides,
        bpp=8 * _bytes(container) / (header.width * header.height),
        folder=decoded.folder,
        container=container,
    ).followable()


def _bytes(container: Container) -> int:
    """Return the bytes of the file; of an incomplete file, those of its bodies."""
    if container.complete:
        return len(write(container, level=2))
    return sum(len(section.body) for section in container.sections)
