# SPDX-License-Identifier: MIT
"""What a method makes symbols of (`Request`), and what it paints from (`Scene`), with the settings of both (SPEC §14).

How a picture is painted is told by the user, else by the file's render hints, else by the profile's `recommended`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from refcodec import spec
from refcodec.errors import Code, SemError
from refcodec.foundation.resolve import Models
from refcodec.methods.inputs import Given
from refcodec.progress import Progress
from refcodec.registry import Profile
from refcodec.registry import hints as hintforms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from refcodec.payloads import Value

    Pixels = NDArray[np.uint8]

DEFAULTS: Final = {"generator": "cpu", "seed": "0", "noise-level": "0", "norm-scale": "1", "strength": "1"}
NORM_SCALES: Final = (0.75, 1.5)  # Bachard & Maugey 2024, §V: outside, the meaning of a vector is lost
Record = Callable[[str, Any], None]  # name of a step, its text or its picture


@dataclass(frozen=True)
class Painting:
    """How one picture is painted. None: the method's or the model's own."""

    seed: int = 0
    generator: str = "cpu"
    steps: int | None = None
    guidance: float | None = None
    scheduler: str | None = None
    strength: float = 1.0  # of the sketch
    noise_level: int = 0
    norm_scale: float = 1.0

    @classmethod
    def of(cls, *layers: Mapping[str, Any]) -> Painting:
        """Of hints in the forms of SPEC §6, a later mapping over an earlier one. ValueError for one without its form."""
        values: dict[str, str] = dict(DEFAULTS)
        for layer in layers:
            for key, value in layer.items():
                if key in hintforms.HINTS and value is not None:
                    values[key] = _form(key, value)
        scale = float(values["norm-scale"])
        if not NORM_SCALES[0] <= scale <= NORM_SCALES[1]:
            raise ValueError(f"norm-scale is {NORM_SCALES[0]} to {NORM_SCALES[1]}, not {scale:g}")
        return cls(
            int(values["seed"]),
            values["generator"],
            _maybe(int, values.get("steps")),
            _maybe(float, values.get("guidance")),
            values.get("scheduler"),
            float(values["strength"]),
            int(values["noise-level"]),
            scale,
        )


def _maybe(kind: Callable[[str], Any], text: str | None) -> Any:
    return None if text is None else kind(text)


def _form(key: str, value: Any) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if re.fullmatch(hintforms.HINTS[key], text) is None:
        raise ValueError(f"{text!r} is no {key} (SPEC §6)")
    return text


@dataclass(frozen=True)
class Options:
    """What the user may ask of a method's encoder beyond symbols and rate; a method reads what concerns it."""

    candidates: int = 1  # pictures painted at the encoder, of which the best names its seed
    iterations: int = 3000  # of the prompt inversion
    prompt_tokens: int = 16
    words: int | None = None  # of a consonant text; None: as many as the rate allows
    edges: str = (
        "auto"  # contours: the embedded detector; hed: the role edge_detector; auto: hed where it is filled; none
    )

    def asked(self) -> set[str]:
        """The names of those that are not as they are by themselves."""
        return {each.name for each in fields(self) if getattr(self, each.name) != each.default}


@dataclass(frozen=True)
class Request:
    """One picture to be described. `given`: what the user says instead of a model."""

    pixels: Pixels  # uint8[H, W, 3]
    given: Given
    profile: Profile
    models: Models
    wish: Mapping[str, Any]  # hints that the user asks for
    options: Options
    length: Callable[[Described], int]  # bytes of the file of a description
    scene: Callable[[Described], Scene]  # what a decoder of that file paints from
    bpp: float | None = None  # that the file may have; None: nobody said
    quality: int | None = None  # 1 … 10; None: nobody said
    progress: Progress | None = None
    record: Record | None = None


@dataclass(frozen=True)
class Described:
    """The symbols of a picture. `size` (width, height) of what they describe; `hints`: what the file must say of it."""

    given: Given
    size: tuple[int, int]
    hints: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """One file to be painted."""

    values: Mapping[int, Value]  # by kind
    profile: Profile
    size: tuple[int, int]  # width, height
    models: Models
    hints: Mapping[str, str]  # of the file
    wish: Mapping[str, Any]  # of the user
    bpp: float  # of the whole file
    folder: Path | None = None  # of the model package that the symbols were read with
    samples: int = 1
    reflections: int | None = None  # None: as many as the rate is worth
    progress: Progress | None = None
    record: Record | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def painting(self) -> Painting:
        """The settings of the first picture; the others differ in the seed alone."""
        return Painting.of(self.profile.recommended.hints, self.hints, self.wish)

    def value(self, kind: int) -> Any:
        """The symbols of a kind, None where the file has none."""
        return self.values.get(kind)

    def need(self, kind: int) -> Any:
        """SEM-E-704 for a file that has none."""
        found = self.values.get(kind)
        if found is None:
            raise SemError(
                Code.UNSUPPORTED_KIND,
                f"the file holds no {spec.KINDS[kind]}, which method {self.profile.method_name} paints from",
                path="sections",
            )
        return found

    def seeds(self) -> list[int]:
        """One seed a sample, from that of the settings on."""
        first = self.painting.seed
        return [(first + i) % (10**19) for i in range(self.samples)]


def canvas(size: tuple[int, int], native: int, multiple: int = 64) -> tuple[int, int]:
    """(width, height), multiples of `multiple`, of the shape of `size` and about native² pixels: what a painter fills.

    Of a shape so long that the shorter side would be less than `multiple`, at most twice as many, and not of that shape.
    """
    width, height = size
    scale, longest = native / (width * height) ** 0.5, max(1, 2 * native**2 // multiple**2) * multiple
    return tuple(min(longest, max(multiple, round(side * scale / multiple) * multiple)) for side in (width, height))  # type: ignore[return-value]


def fitted(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """uint8[H, W, 3] of this size (width, height): a painter's picture, which may have another one."""
    import numpy as np
    from PIL import Image

    if (pixels.shape[1], pixels.shape[0]) == tuple(size):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def centre_square(pixels: Pixels) -> tuple[Pixels, tuple[str, ...]]:
    """The middle of a picture as a square, and the word for it where something was cut off."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    if height == width:
        return pixels, ()
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side], (f"described and painted is the middle square, {side}x{side}",)
