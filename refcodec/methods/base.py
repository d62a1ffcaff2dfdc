# SPDX-License-Identifier: MIT
"""The interface of a method, `Method`, and the arguments of its encoder and decoder (SPEC §14).

picture -> analyse -> symbols -> pack -> payloads          payloads -> symbols -> reconstruct -> pictures
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refcodec.encode_settings import EncoderOptions, EncodeSettings
from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models
from refcodec.methods import candidates
from refcodec.methods.identity_check import (
    Filled,
    StatedIdentity,
    compare,
    compare_tokenizer,
    stated_by,
    tokenizer_file,
)
from refcodec.methods.inputs import Description, Packed, PackJob, SymbolInputs
from refcodec.methods.plan import FilePlan, pack_symbols
from refcodec.methods.sampler import SamplerSettings, check_user_settings, sanitise_hints, without_cuda_noise
from refcodec.option_bounds import REFLECTIONS_MAX, SAMPLES_MAX, SEEDS
from refcodec.progress import Progress, StepCallback
from refcodec.registry import Profile

if TYPE_CHECKING:
    from refcodec.container import Container
    from refcodec.methods.picture_size import Pixels
    from refcodec.payloads import Value

__all__ = ["DecodeContext", "EncodeRequest", "Method"]


@dataclass(frozen=True)
class EncodeRequest:
    """One picture for a method to analyse."""

    pixels: Pixels  # uint8[H, W, 3], sRGB
    symbols: SymbolInputs  # supplied by the user, instead of found by a model
    settings: EncodeSettings
    profile: Profile
    plans: tuple[FilePlan, ...]  # of one or more profiles; the smallest file is kept
    models: Models
    progress: Progress | None = None
    record: StepCallback | None = None

    def note(self, step: str, value: Any) -> None:
        """Pass a step of the analysis to the user's callback, if any."""
        if self.record is not None:
            self.record(step, value)

    def trial_job(self, size: tuple[int, int]) -> PackJob:
        """Return a job of the user's symbols, without a model: packing it refuses a text or codes that cannot be sent."""
        settings, environment = self.settings, self.plans[0].environment
        return PackJob(self.symbols, self.profile, size, environment, settings.mode, settings.strict)

    def size_of(self, pack: Callable[[PackJob], Packed], candidate: Description) -> int:
        """Return the size in bytes of the file of a candidate."""
        return len(pack_symbols(pack, candidate, self.plans).data)


@dataclass(frozen=True)
class DecodeContext:
    """The symbols of one file, and the settings to reconstruct pictures from them."""

    values: Mapping[int, Value]  # by kind
    profile: Profile
    size: tuple[int, int]  # width, height
    models: Models
    hints: Mapping[str, str]  # of the file
    overrides: Mapping[str, Any]  # of the user
    bpp: float  # of the entire file
    folder: Path | None = None  # of the model package that the symbols were read with
    container: Container | None = None  # of the file; None for symbols that are not yet in one
    samples: int = 1
    reflections: int | None = None  # None: depends on the rate
    progress: Progress | None = None
    record: StepCallback | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def sampler(self) -> SamplerSettings:
        """Settings of the first picture, whose seed counts the candidate; the others differ only in their seeds."""
        settings = SamplerSettings.of(self.profile.recommended.hints, self.hints, self.overrides)
        if self.overrides.get("seed") is not None:  # the user's seed is that of the noise
            return settings
        return replace(settings, seed=(settings.seed + candidates.number_of(self.values, self.hints)) % SEEDS)

    def value(self, kind: int) -> Any:
        """Return the symbols of a kind, None if absent."""
        return self.values.get(kind)

    def need(self, kind: int) -> Any:
        """Return the symbols of a kind. Raises Code.UNSUPPORTED_KIND if absent."""
        value = self.values.get(kind)
        if value is None:
            raise SemError(
                Code.UNSUPPORTED_KIND,
                f"the file holds no {self.profile.known.names[kind]}, which method {self.profile.method_name} paints from",
                path="sections",
                hint="semtool decode --symbols writes what it holds",
            )
        return value

    def seeds(self) -> list[int]:
        """Return one seed per sample, counting up from that of the settings."""
        seed = self.sampler.seed
        return [(seed + i) % SEEDS for i in range(self.samples)]

    @cached_property
    def stated(self) -> StatedIdentity:
        """What the file states about the models that give its symbols their meaning."""
        if self.container is None:
            return StatedIdentity({})
        return stated_by(self.container, self.models.package_environment, self.folder)

    def compare(self, *models: Filled) -> None:
        """Compare models that are loaded with what the file states for their roles, and add notices for the user.

        Raise Code.MODEL_DIGEST (SEM-E-802) for another model than stated, MODEL_UNAVAILABLE (SEM-E-801) where the file
        names an explicit model that is not installed, unless the user takes any model.
        """
        if self.container is not None:
            notices = compare(self.stated, models, any_model=self.models.any_model)
            self.notices.extend(notice for notice in notices if notice not in self.notices)

    def compare_tokenizer(self, tokenizer: Any, role: str, name: str) -> None:
        """Compare the tokenizer of a loaded model with the file that the row names for token ids, as `compare` does."""
        named = tokenizer_file(self.profile)
        self.notices.extend(compare_tokenizer(tokenizer, named, role, name, any_model=self.models.any_model))

    def note(self, step: str, value: Any) -> None:
        """Pass a step of the reconstruction to the user's callback, if any."""
        if self.record is not None:
            self.record(step, value)

    def notice(self, text: str) -> None:
        """Add a notice for the user, once."""
        if text not in self.notices:
            self.notices.append(text)

    def followable(self) -> DecodeContext:
        """Return the context without those hints of the file that cannot, or should not, be followed."""
        hints, notices = sanitise_hints(self.hints, self.overrides)
        recommended, has_cuda = self.profile.recommended.hints, self.models.has_cuda
        hints, cuda_notices = without_cuda_noise(hints, recommended, self.overrides, has_cuda)
        return replace(self, hints=hints, notices=[*self.notices, *notices, *cuda_notices])


def _no_roles(_: Set[int]) -> tuple[str, ...]:
    return ()


def _no_default_profile(_: Models) -> str | None:
    return None


@dataclass(frozen=True)
class Method:
    """One method of SPEC §14: its inputs and settings, and its three steps.

    analyse: picture -> symbols, render hints and notices. pack: symbols -> coded payloads. reconstruct: symbols ->
    pictures uint8[H, W, 3], one per sample.
    """

    name: str
    accepts: frozenset[str]  # fields of `SymbolInputs` that the user may give
    analyse: Callable[[EncodeRequest], Description]
    pack: Callable[[PackJob], Packed]
    reconstruct: Callable[[DecodeContext], list[Pixels]]
    options: frozenset[str] = frozenset()  # of `EncoderOptions` that `analyse` reads
    sampler_settings: frozenset[str] = frozenset()  # that `reconstruct` reads, in the names of render hints
    compact: int | None = None  # the kind that every profile of the method must have as its compact form
    needs_picture: bool = False  # symbols alone cannot become a file
    chooses_rate: bool = False  # `analyse` reads quality and bpp
    smallest_profile: bool = False  # all published profiles are tried unless the user names one
    generator_roles: Callable[[Set[int]], tuple[str, ...]] = (
        _no_roles  # for payloads of these kinds, without embedded models
    )
    default_profile: Callable[[Models], str | None] = _no_default_profile  # None: the first of the registry

    def check_inputs(self, names: set[str]) -> None:
        """Raise ValueError for inputs that the method does not accept."""
        odd = sorted(names - self.accepts)
        if odd and self.needs_picture:
            raise ValueError(f"method {self.name!r} sends a picture alone, without {' or '.join(odd)}")
        if odd:
            raise ValueError(
                f"method {self.name!r} has no {' or '.join(odd)}; it takes {', '.join(sorted(self.accepts))}"
            )

    def check_options(self, options: EncoderOptions) -> None:
        """Raise ValueError for options that the method does not read."""
        if unread := options.non_defaults() - self.options:
            raise ValueError(f"method {self.name} has no {min(unread).replace('_', '-')}")

    def check_sampler_settings(self, overrides: Mapping[str, Any], samples: int, reflections: int | None) -> None:
        """Raise ValueError for settings that the method does not read, since they would have no effect.

        Raises TypeError or ValueError for values that are invalid for every method.
        """
        check_user_settings(overrides)
        if not 1 <= samples <= SAMPLES_MAX:
            raise ValueError(f"samples is a whole number from 1 to {SAMPLES_MAX}, not {samples}")
        if reflections is not None and not 0 <= reflections <= REFLECTIONS_MAX:
            raise ValueError(f"reflections is a whole number from 0 to {REFLECTIONS_MAX}, not {reflections}")
        requested = {name for name, value in overrides.items() if value is not None}
        requested |= {"reflections"} if reflections is not None else set()
        if odd := sorted(requested - self.sampler_settings):
            known = ", ".join(sorted(self.sampler_settings)) or "no settings"
            raise ValueError(f"method {self.name} has no {odd[0]}; its painter reads {known}")
        if samples > 1 and "seed" not in self.sampler_settings:
            raise ValueError(f"method {self.name} paints one picture: it has no seed")
