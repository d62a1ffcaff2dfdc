# SPDX-License-Identifier: MIT
"""Which of several pictures was chosen: the number that captions of some rows hold (SPEC §13.2, §B.4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from refcodec import spec
from refcodec.encode_settings import EncodeSettings
from refcodec.registry import Profile

HINT: Final = "candidate"  # names the picture in files of other rows


def count(profile: Profile) -> int | None:
    """Return how many candidates the captions of a row tell apart, None if they hold no number."""
    number: int | None = profile.parameters(spec.CAPTION).get("candidates")
    return number


def check(profile: Profile, settings: EncodeSettings) -> None:
    """Raise ValueError for candidates that the row cannot name, or one that the user has already chosen."""
    wanted, most = settings.options.candidates, count(profile)
    if most is not None and wanted > most:
        raise ValueError(f"profile {profile.name} has {most} candidates, not {wanted}")
    if wanted > 1 and HINT in settings.hints:
        raise ValueError("the encoder chooses the candidate: leave out candidates, or the hint `candidate`")


def number_in_caption(profile: Profile, inputs: Collection[str], hints: Mapping[str, str]) -> int | None:
    """Return the hint `candidate` as the number that a caption made of these inputs holds, None if there is no caption."""
    caption = profile.known.get(spec.CAPTION).inputs & set(inputs)
    return int(hints.get(HINT, 0)) if caption and count(profile) is not None else None


def number_of(values: Mapping[int, Any], hints: Mapping[str, str]) -> int:
    """Return the number of the picture that a file names: that of its caption, else the hint, else 0 (SEM-R-188)."""
    number = getattr(values.get(spec.CAPTION), "candidate", None)
    return int(hints.get(HINT, 0)) if number is None else int(number)
