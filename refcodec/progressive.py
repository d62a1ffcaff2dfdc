# SPDX-License-Identifier: MIT
"""Implements `refcodec.decode_progressive`: pictures of a file while its channel groups are decoded (SPEC §13.7).

A preview costs no bytes: z and the groups that are decoded predict those to come, and the synthesis network runs on both.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

from refcodec.container import Container
from refcodec.decode_settings import RENDER_OPTIONS, DecodeSettings
from refcodec.decoder import DecodedFile, decode_in_stages
from refcodec.encode_settings import check_callbacks, refuse_unknown
from refcodec.foundation.resolve import Models
from refcodec.methods import find_method
from refcodec.methods.sampler import RenderOptions
from refcodec.progress import Notice, Progress, announce, part
from refcodec.reconstruct import Reconstruction, reconstruct

if TYPE_CHECKING:
    from PIL import Image

    from refcodec.environment import Environment
    from refcodec.file_input import FileInput
    from refcodec.limits import Limits


@dataclass(frozen=True, eq=False)
class Preview:
    """A picture of a file that is being decoded.

    stage: counts from 1. final: whether everything is decoded and verified; the picture is then that of `decode`.
    """

    image: Image.Image
    stage: int
    final: bool


def decode_progressive(
    data: FileInput,
    *,
    models: Any = None,
    device: str = "auto",
    dtype: str = "auto",
    allow_download: bool = False,
    level: int = 1,
    progress: Progress | None = None,
    environment: Environment | None = None,
    limits: Limits | None = None,
    keep_metadata: bool = False,
    reflections: int | None = None,
    notice: Notice | None = None,
    any_model: bool = False,
    **hints: Unpack[RenderOptions],
) -> Iterator[Preview]:
    """Yield pictures of a `.sem` file in RGB, each better than the one before, the last as `decode` returns it.

    Latents (method "elic") have a stage for the hyper-latents alone and one for each channel group; other files have one
    stage. Previews are not verified: an error of the file may follow them, and then there is no final picture. Arguments
    and errors are those of `decode`, without samples and record; arguments are checked before the first picture is
    asked for, and the time limit counts from then, whatever the caller does between two pictures.

    Example:
        >>> for preview in refcodec.decode_progressive("photo.sem"):
        ...     show(preview.image)
    """
    refuse_unknown("decode_progressive", hints, RENDER_OPTIONS)
    check_callbacks(progress=progress, notice=notice)
    settings = DecodeSettings.of(
        data,
        hints,
        models=models,
        device=device,
        dtype=dtype,
        allow_download=allow_download,
        level=level,
        environment=environment,
        limits=limits,
        reflections=reflections,
        notice=notice,
        any_model=any_model,
    )
    container, overrides = settings.container, settings.overrides
    find_method(container.profile.method_name).check_sampler_settings(overrides, 1, settings.reflections)
    metadata = container.metadata if keep_metadata else None
    stages = reconstruct_in_stages(container, settings.models, level, progress, overrides, settings.reflections)
    return _previews(stages, metadata, notice)


def _previews(
    stages: Iterable[tuple[DecodedFile, Reconstruction, bool]],
    metadata: Mapping[str, str] | None,
    notice: Notice | None,
) -> Iterator[Preview]:
    for stage, (_, reconstruction, final) in enumerate(stages, 1):
        if final:
            announce(reconstruction.notices, notice)
        yield Preview(reconstruction.image(metadata), stage, final)


def reconstruct_in_stages(
    container: Container,
    models: Models,
    level: int = 1,
    progress: Progress | None = None,
    overrides: dict[str, Any] | None = None,
    reflections: int | None = None,
) -> Generator[tuple[DecodedFile, Reconstruction, bool], None, None]:
    """Yield (symbols, picture, whether they are complete and verified) of each stage of a container.

    Raises as `decode_container` and `reconstruct` do.
    """
    environment, limits = models.package_environment, models.limits
    stages = decode_in_stages(container, environment, level=level, progress=part(progress, 0, 0.5), limits=limits)
    while True:
        try:
            decoded = next(stages)
        except StopIteration as end:
            decoded = end.value
            break
        reconstruction = reconstruct(decoded, models=models, overrides=overrides, reflections=reflections)
        yield decoded, replace(reconstruction, preview=True), False
    rest = part(progress, 0.5, 1)
    yield decoded, reconstruct(decoded, rest, models=models, overrides=overrides, reflections=reflections), True
