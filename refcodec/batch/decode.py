# SPDX-License-Identifier: MIT
"""Decode many .sem files to pictures with the same options."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from refcodec.batch.outcome import Outcome
from refcodec.batch.task import ModelTask, Source
from refcodec.container.limits import level_bounds
from refcodec.limits import Limits

if TYPE_CHECKING:
    from refcodec.container import Container

OTHERS: Final = ("level", "keep_metadata", "reflections")


@dataclass(frozen=True)
class Decode(ModelTask):
    """Decode files to pictures. options: arguments of `refcodec.decode` but callbacks, samples, environment and limits.

    format: of the pictures, as a suffix without its dot.
    """

    format: str = "png"
    verb: ClassVar[str] = "decode"
    done: ClassVar[str] = "decoded"
    model_options: ClassVar[tuple[str, ...]] = ("models", "device", "dtype", "allow_download", "any_model")

    def prepare(self) -> None:
        """Find the models of the options. Raises as `refcodec.decode` does, whatever the file."""
        from refcodec.images.save import format_of

        format_of(self.format)
        self._models  # noqa: B018 - finds them
        self._overrides  # noqa: B018 - validates them

    def run(self, key: str, source: Source) -> Outcome:
        """Decode one file to a picture."""
        from refcodec.container import read
        from refcodec.decode_picture import reconstructed
        from refcodec.decode_settings import DecodeSettings
        from refcodec.file_input import contents

        limits = Limits.of(self._limits)
        models = replace(self._models, limits=limits)
        self._announced.clear()
        data = contents(source, level_bounds(self._level).file_bytes)
        container = read(data, level=self._level, environment=models.package_environment, limits=limits)
        settings = DecodeSettings(container, models, self._overrides, self.options.get("reflections"))
        done, state = reconstructed(settings, self._level, None, 1, None)
        metadata = container.metadata if self.options.get("keep_metadata", False) else {}
        width, height = container.header.width, container.header.height
        return Outcome(
            key,
            picture_file(done.pictures[0], self.format, done.note, metadata),
            width,
            height,
            container.profile.method_name,
            8 * len(data) / (width * height),
            state,
            notices=(*self._announced, *done.notices),
            detail=decoded_members(container, state, done.models),
        )

    def memory(self, source: Source) -> int:
        """Return the predicted bytes of decoding one file and writing its picture."""
        from refcodec.container import read
        from refcodec.decode_memory import PROCESS, predict
        from refcodec.errors import SemError

        environment = self._models.package_environment
        try:
            container = read(source, level=self._level, environment=environment)
            predicted = predict(container, environment, self._level)
        except SemError:
            return 0
        return max(0, (predicted.picture or predicted.symbols) - PROCESS)

    @property
    def _level(self) -> int:
        level: int = self.options.get("level", 1)
        return level

    @cached_property
    def _overrides(self) -> dict[str, Any]:
        from refcodec.decode_settings import RENDER_OPTIONS
        from refcodec.encode_settings import refuse_unknown
        from refcodec.methods.sampler import SamplerSettings, overrides_of

        hints = {name: value for name, value in self.options.items() if name not in (*self.model_options, *OTHERS)}
        refuse_unknown("decode", hints, RENDER_OPTIONS)
        overrides = overrides_of(hints)  # type: ignore[arg-type]
        SamplerSettings.of(overrides)
        return overrides


def decoded_members(container: Container, state: str, models: Mapping[str, str]) -> dict[str, Any]:
    """Return the members of the object of `semtool decode --json`, apart from the files that are written."""
    return {
        "width": container.header.width,
        "height": container.header.height,
        "check": state,
        "complete": container.complete,
        "what": "picture",
        "models": dict(models),
    }


def picture_file(pixels: Any, kind: str, note: Mapping[str, str], metadata: Mapping[str, str]) -> bytes:
    """Return a picture as the bytes of a file, with a note of its models. kind: a format or suffix."""
    from refcodec.images.save import save

    out = io.BytesIO()
    save(pixels, out, format=kind, note=note, metadata=metadata)
    return out.getvalue()
