# SPDX-License-Identifier: MIT
"""Encode many pictures with the same options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from refcodec.batch.outcome import Failure, Outcome
from refcodec.batch.task import ModelTask, Source

if TYPE_CHECKING:
    from refcodec.assemble import EncodedFile
    from refcodec.environment import Environment
    from refcodec.methods.plan import FilePlan

PIXEL_BYTES: Final = 16  # of a picture on its way into a network: Pillow's copies and the array


@dataclass(frozen=True)
class Encode(ModelTask):
    """Encode pictures. options: arguments of `refcodec.encode` but callbacks, environment and limits; models by name."""

    verb: ClassVar[str] = "encode"
    done: ClassVar[str] = "encoded"
    model_options: ClassVar[tuple[str, ...]] = ("models", "device", "dtype", "allow_download")

    def prepare(self) -> None:
        """Load the models of the options. Raises as `refcodec.encode` does, whatever the picture."""
        self._plans  # noqa: B018 - loads them

    def run(self, key: str, source: Source) -> Outcome:
        """Encode one picture."""
        from refcodec import codec

        models = self._models
        more = {"models": models, "environment": models.environment, "limits": self._limits}
        self._announced.clear()
        encoded = codec.encode_file(source, **{**self._arguments, **more})  # type: ignore[arg-type]
        return Outcome(
            key,
            encoded.data,
            encoded.width,
            encoded.height,
            encoded.method,
            encoded.bpp,
            "ok" if self.options.get("check", 16) else "absent",
            notices=(*self._announced, *encoded.notices),
            detail=encoded_members(encoded),
        )

    def memory(self, source: Source) -> int:
        """Return the predicted bytes of encoding one picture."""
        from refcodec.batch.picture_size import picture_size

        size = picture_size(source)
        if size is None:
            return 0
        return PIXEL_BYTES * size[0] * size[1] + self._network_bytes(size)

    def concerns_all(self, failure: Failure) -> bool:
        """Return whether a model or library is missing: the options name the same ones for each picture."""
        return bool(failure.members["family"] == "model")

    @property
    def package_environment(self) -> Environment:
        """Environment that searches the package of the options first, then the folders of the models."""
        folder = self._arguments.get("model")
        environment = super().package_environment
        return environment if folder is None else environment.with_packages(folder)

    def _network_bytes(self, size: tuple[int, int]) -> int:
        """Return what the analysis network takes, 0 for a model that is not of a package."""
        from refcodec.errors import SemError
        from refcodec.methods.network_memory import network_bytes

        plan = self._plans[0]
        if plan.profile.model is None and plan.settings.model is None:
            return 0
        try:
            folder, _ = plan.model()
        except SemError:
            return 0
        return network_bytes(folder, "encoder", size) or 0

    @cached_property
    def _arguments(self) -> dict[str, Any]:
        return {name: value for name, value in self.options.items() if name not in self.model_options}

    @cached_property
    def _plans(self) -> tuple[FilePlan, ...]:
        from refcodec import pack
        from refcodec.codec import OPTIONS
        from refcodec.encode_settings import EncodeSettings, refuse_unknown
        from refcodec.methods import find_method
        from refcodec.methods.inputs import SymbolInputs

        refuse_unknown("encode", self.options, OPTIONS)
        settings = EncodeSettings.of(self.options)
        method, models = find_method(settings.method or "elic"), self._models
        pack.check_picture(method, SymbolInputs.of(self.options), settings)
        if settings.model is not None:
            models = replace(models, folders=(settings.model, *models.folders))
        return pack.plan_picture(method, settings, models, None)[1]


def encoded_members(encoded: EncodedFile) -> dict[str, Any]:
    """Return the members of the object of `semtool encode --json`, apart from the name of the file."""
    return {
        "bytes": len(encoded.data),
        "bpp": encoded.bpp,
        "ubpp": encoded.bpp * 1e6,
        "method": encoded.method,
        "profile": encoded.profile.id,
        "width": encoded.width,
        "height": encoded.height,
        "rate": encoded.rate,
        "bpp_target": encoded.bpp_target,
        "reached": None if encoded.bpp_target is None else encoded.missed is None,
        "notices": list(encoded.notices),
    }
