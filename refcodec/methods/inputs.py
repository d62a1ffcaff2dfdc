# SPDX-License-Identifier: MIT
"""What the user of a method may give in place of a picture: symbols that are ready, or what they are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from refcodec.assemble import Payload
from refcodec.environment import Environment
from refcodec.registry import Profile


@dataclass(frozen=True)
class Given:
    """Symbols as the options of `semtool encode` name them; None where they are not given."""

    text: str | None = None
    caption: str | None = None
    vector: Any = None  # real numbers [d]
    codes: Any = None  # integers, one row
    indices: Any = None  # integers [h, w]
    sketch: Any = None  # uint8[H, W]

    def __post_init__(self) -> None:
        """ValueError for a text that is none: UTF-8 has no room for half a surrogate pair."""
        for name in ("text", "caption"):
            value = getattr(self, name)
            if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
                raise ValueError(f"the {name} is not Unicode text: it holds a lone surrogate")

    def names(self) -> set[str]:
        return {field.name for field in fields(self) if getattr(self, field.name) is not None}


@dataclass(frozen=True)
class Job:
    """One file to be made by a method from `given`. `folder` and `digest`: of the symbol model, where there is one."""

    given: Given
    profile: Profile
    size: tuple[int, int]  # width, height
    environment: Environment
    mode: str | None = None  # of a caption; None: the shortest
    strict: bool = False  # texts are refused rather than changed
    folder: Path | None = None
    digest: str | None = None
    quality: int | None = 5  # of latents, 1 … 10; None: `most` decides
    most: int = 0  # bytes that the file may have
    length: Callable[[list[Payload]], int] = len  # bytes of the file of these payloads

    def parameters(self, kind: int) -> Mapping[str, Any]:
        """Of a kind that the profile allows; ValueError for another one."""
        from refcodec import spec

        if kind not in self.profile.kinds:
            raise ValueError(f"profile {self.profile.name} has no {spec.KINDS[kind]}")
        return self.profile.parameters(kind)


Made = tuple[list[Payload], list[str]]  # payloads, and what their maker would want to know


def row(values: Any, what: str) -> list[int]:
    """Integers in one row, as a list; ValueError for an array of anything else."""
    if hasattr(values, "dtype"):
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise ValueError(f"{what} are one row of integers, not {values.dtype}{list(values.shape)}")
        return [int(value) for value in values.tolist()]
    return list(values)
