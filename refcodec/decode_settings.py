# SPDX-License-Identifier: MIT
"""The arguments that `refcodec.decode` and `refcodec.decode_progressive` share, checked before any payload is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from refcodec.container import Container, read
from refcodec.encode_settings import whole_number
from refcodec.foundation.resolve import Models
from refcodec.limits import Limits
from refcodec.methods.sampler import RenderOptions, SamplerSettings, overrides_of
from refcodec.option_bounds import REFLECTIONS_MAX

if TYPE_CHECKING:
    from refcodec.environment import Environment
    from refcodec.file_input import FileInput
    from refcodec.progress import Notice

RENDER_OPTIONS: Final = frozenset(RenderOptions.__annotations__)  # names of the keywords that are render hints


@dataclass(frozen=True)
class DecodeSettings:
    """A file whose header and sections are read, and how a picture is made from it.

    models: those of the caller, with environment and limits of the call, whose time has begun. overrides: render hints by
    name, in place of those of the file. reflections: None for the default of the method.
    """

    container: Container
    models: Models
    overrides: dict[str, Any]
    reflections: int | None

    @classmethod
    def of(
        cls,
        data: FileInput,
        hints: RenderOptions,
        *,
        models: Any,
        device: str,
        dtype: str,
        allow_download: bool,
        level: int,
        environment: Environment | None,
        limits: Limits | None,
        reflections: int | None,
        notice: Notice | None,
        any_model: bool,
    ) -> DecodeSettings:
        """Return the settings of one call; the arguments are documented at `refcodec.decode`.

        Raises TypeError or ValueError for an invalid argument, and what `Models.of` and `refcodec.read` raise.
        """
        if reflections is not None:
            reflections = whole_number("reflections", reflections, 0, REFLECTIONS_MAX)
        chosen = Models.of(
            models,
            device=device,
            dtype=dtype,
            environment=environment,
            limits=Limits.of(limits),
            allow_download=allow_download,
            announce=notice,
            any_model=any_model,
        )
        overrides = overrides_of(hints)
        SamplerSettings.of(overrides)
        container = read(data, level=level, environment=chosen.package_environment, limits=chosen.limits)
        return cls(container, chosen, overrides, reflections)
