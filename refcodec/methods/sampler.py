# SPDX-License-Identifier: MIT
"""Settings of a generator: from the user, else the render hints of the file, else the profile (SPEC §6, §B)."""

from __future__ import annotations

import numbers
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from refcodec.registry import hints as hint_forms

DEFAULTS: Final = {"generator": "cpu", "seed": "0", "noise-level": "0", "norm-scale": "1", "strength": "1"}
NORM_SCALES: Final = (0.75, 1.5)  # outside this range the meaning of a vector is lost (Bachard & Maugey 2024, §V)
# Most steps that a file can request. More is for the user to decide: a hint of a few bytes could cost days.
STEPS_MAX: Final = 250
SCALE_MAX: Final = 999_999


class RenderHints(TypedDict, total=False):
    """Render hints as keyword arguments of `refcodec.decode`, which documents them."""

    seed: int | None
    generator: str | None
    steps: int | None
    guidance: float | None
    scheduler: str | None
    strength: float | None
    noise_level: int | None
    norm_scale: float | None


class RenderOptions(RenderHints, total=False):
    """Settings of a reconstruction as keyword arguments of `refcodec.decode`: hints, and what only the user sets."""

    prompts: str | os.PathLike[str] | None
    expand: bool | None
    image_guidance: float | None


def check_user_settings(overrides: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError for a setting that is no hint of files and has another form than `RenderOptions`."""
    prompts, expand, scale = (overrides.get(name) for name in ("prompts", "expand", "image-guidance"))
    if not isinstance(prompts, str | os.PathLike | None):
        raise TypeError(f"prompts is default, paper or a path, not {prompts!r}")
    if not isinstance(expand, bool | None):
        raise TypeError(f"expand is True or False, not {expand!r}")
    if isinstance(scale, bool) or not isinstance(scale, numbers.Real | None):
        raise TypeError(f"image_guidance is a number, not {scale!r}")
    if scale is not None and not 0 <= float(scale) <= SCALE_MAX:
        raise ValueError(f"image_guidance is 0 to {SCALE_MAX}, not {scale}")


def overrides_of(hints: RenderOptions) -> dict[str, Any]:
    """Return keyword arguments under their names in files and profiles, without those that are None."""
    return {name.replace("_", "-"): value for name, value in hints.items() if value is not None}


@dataclass(frozen=True)
class SamplerSettings:
    """Settings for generating one picture. None: the default of the method or the model."""

    seed: int = 0
    generator: str = "cpu"
    steps: int | None = None
    guidance: float | None = None
    scheduler: str | None = None
    strength: float = 1.0  # of the sketch
    noise_level: int = 0
    norm_scale: float = 1.0

    @classmethod
    def of(cls, *layers: Mapping[str, Any]) -> SamplerSettings:
        """Return the settings in layers of hints as in SPEC §6; later layers take precedence.

        Raises ValueError for a value that does not have the form of its hint.
        """
        values: dict[str, str] = dict(DEFAULTS)
        for layer in layers:
            for key, value in layer.items():
                if key in hint_forms.HINTS and value is not None:
                    values[key] = _form(key, value)
        scale = float(values["norm-scale"])
        if not NORM_SCALES[0] <= scale <= NORM_SCALES[1]:
            raise ValueError(f"norm-scale is {NORM_SCALES[0]} to {NORM_SCALES[1]}, not {scale:g}")
        return cls(
            int(values["seed"]),
            values["generator"],
            _optional(int, values.get("steps")),
            _optional(float, values.get("guidance")),
            values.get("scheduler"),
            float(values["strength"]),
            int(values["noise-level"]),
            scale,
        )


def _optional(kind: Callable[[str], Any], text: str | None) -> Any:
    return None if text is None else kind(text)


def _form(key: str, value: Any) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if re.fullmatch(hint_forms.HINTS[key], text) is None:
        raise ValueError(f"{text!r} is no {key} (SPEC §6)")
    return text


def sanitise_hints(hints: Mapping[str, str], overrides: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Return the hints of a file without those that cannot, or should not, be followed, and a notice for each.

    A file with such hints is valid. overrides: the hints that the user sets; one that is None is not set.
    """
    from refcodec.foundation.schedulers import SCHEDULERS

    chosen = {name for name, value in overrides.items() if value is not None}
    kept, notices = dict(hints), list[str]()
    if "steps" not in chosen and int(kept.get("steps", 0)) > STEPS_MAX:
        notices.append(f"the file asks for {kept['steps']} steps: {STEPS_MAX} are made, unless the user says otherwise")
        kept["steps"] = str(STEPS_MAX)
    low, high = NORM_SCALES
    if not low <= float(kept.get("norm-scale", 1)) <= high:
        scale = kept.pop("norm-scale")
        if "norm-scale" not in chosen:
            notices.append(f"the file asks for the norm-scale {scale}, which is left out: it is {low} to {high}")
    if kept.get("scheduler") not in (None, *SCHEDULERS):
        scheduler = kept.pop("scheduler")
        if "scheduler" not in chosen:
            notices.append(
                f"the file asks for the scheduler {scheduler}, which is not known here: this picture may differ"
            )
    return kept, notices


def without_cuda_noise(
    hints: Mapping[str, str], recommended: Mapping[str, str], overrides: Mapping[str, Any], has_cuda: Callable[[], bool]
) -> tuple[dict[str, str], list[str]]:
    """Replace cuda noise by CPU noise if there is no cuda device; return the hints and a notice for the change."""
    wanted = SamplerSettings.of(recommended, hints, overrides).generator
    if wanted != "cuda" or overrides.get("generator") is not None or has_cuda():
        return dict(hints), []
    text = "the picture was chosen with the noise of a cuda device, which is not here: this one will differ"
    return {**hints, "generator": "cpu"}, [text]
