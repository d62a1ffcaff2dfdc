# SPDX-License-Identifier: MIT
"""Symbols on their way to payloads: `SymbolInputs`, the `Description` of a picture, and the `PackJob` of a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from refcodec.assemble import CodedPayload, FileTemplate
from refcodec.efforts import FASTEST
from refcodec.environment import Environment
from refcodec.rate_target import RateTarget
from refcodec.registry import Profile

if TYPE_CHECKING:
    from refcodec.methods.latent_coding import LatentEncoder
    from refcodec.networks.context_model import Trace

Packed: TypeAlias = tuple[list[CodedPayload], list[str]]  # payloads, and notices for the user

INPUT_NAMES: Final = ("text", "caption", "vector", "codes", "indices", "sketch")  # arguments of `refcodec.encode`


@dataclass(frozen=True)
class SymbolInputs:
    """Symbols, or the values from which a method derives them; None if absent.

    The first six have the names of the options of `semtool encode` and the arguments of `refcodec.encode`.
    """

    text: str | None = None
    caption: str | None = None
    vector: Any = None  # real numbers [d]
    codes: Any = None  # integers, one row
    indices: Any = None  # integers [h, w]
    sketch: Any = None  # uint8[H, W]
    latents: LatentEncoder | None = None  # of a picture after analysis

    def __post_init__(self) -> None:
        """Raise TypeError for a text of another type, ValueError for a lone surrogate in it, which UTF-8 cannot encode."""
        for name in ("text", "caption"):
            value = getattr(self, name)
            if not isinstance(value, str | None):
                raise TypeError(f"the {name} is a str, not {type(value).__name__}")
            if value is not None and any("\ud800" <= letter <= "\udfff" for letter in value):
                raise ValueError(f"the {name} is not Unicode text: it holds a lone surrogate")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> SymbolInputs:
        """Return the symbols among the arguments of `refcodec.encode`. Raises as the constructor does."""
        return cls(**{name: options.get(name) for name in INPUT_NAMES})

    def names(self) -> set[str]:
        """Return the names of the inputs that are present."""
        return {field.name for field in fields(self) if getattr(self, field.name) is not None}


@dataclass(frozen=True)
class Description:
    """The result of a method's analysis of a picture: symbols, render hints, notices and provenance."""

    symbols: SymbolInputs
    size: tuple[int, int]  # width, height of the picture that the symbols describe
    hints: Mapping[str, str] = field(default_factory=dict)  # render hints of the file
    notices: tuple[str, ...] = ()  # for the user
    provenance: Mapping[str, str] | None = None  # None: the method and the models used
    model: tuple[Path, str] | None = None  # folder and digest of the symbol model; None: from the settings or the row
    sources: Mapping[str, str] = field(default_factory=dict)  # further entries of the provenance


@dataclass(frozen=True)
class PackJob:
    """The symbols of one file, to be coded by a method."""

    symbols: SymbolInputs
    profile: Profile
    size: tuple[int, int]  # width, height
    environment: Environment
    mode: str | None = None  # of a caption; None: the shortest
    strict: bool = False  # refuse texts rather than change them
    folder: Path | None = None  # of the symbol model, if one is used
    digest: str | None = None  # of the symbol model
    quality: float | None = 5  # of latents, 1 … 10; None: `bpp` decides
    bpp: float = 0.0  # bits per pixel allowed
    strict_bpp: bool = False  # refuse a `bpp` that is out of reach
    effort: int = FASTEST
    file: FileTemplate | None = None  # around the payloads, where their number of bytes decides
    trace: Trace | None = None
    candidate: int | None = None  # number of the chosen picture, in a row whose captions have candidates

    @property
    def target(self) -> RateTarget:
        """The size that `bpp` asks for."""
        return RateTarget(self.bpp, self.size, self.strict_bpp)

    def parameters(self, kind: int) -> Mapping[str, Any]:
        """Return the parameters of a payload kind. Raises ValueError if the profile does not allow it."""
        if kind not in self.profile.kinds:
            raise ValueError(f"profile {self.profile.name} has no {self.profile.known.names[kind]}")
        return self.profile.parameters(kind)


def int_list(values: Any, what: str) -> list[int]:
    """Return one row of integers as a list. Raises ValueError for an array of another shape or type."""
    if hasattr(values, "dtype"):
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise ValueError(f"{what} are one row of integers, not {values.dtype}{list(values.shape)}")
        return [int(value) for value in values.tolist()]
    return list(values)
