# SPDX-License-Identifier: MIT
"""The settings that `semtool bench vary` varies: render hints, and changes of a decoder that the papers experiment with.

vector-scale    the vector of method clip times lambda (Bachard & Maugey 2024, §V-A, fig. 6)
vector-noise    the vector plus Gaussian noise of the variance sigma in each dimension, scaled to its norm again (§VI-C, eq. 10)
guidance-on     of method perco: none, text, or all, also the local features (Careil et al. 2024, §4.3, table 1)
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from refcodec.cli.bench.coders import Variant
from refcodec.methods import find_method
from refcodec.methods.base import Method

Vector = NDArray[np.float32]
MAX_VALUES: Final = 1000
NOT_VARIED: Final = ("seed", "generator")


@dataclass(frozen=True)
class Step:
    """One value of a setting: render hints, or a changed decoder."""

    value: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    variant: Variant | None = None


@dataclass(frozen=True)
class Experiment:
    """A setting and the values that it takes."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class _Change:
    """A change of a decoder: the method that has it, its values in the paper, and how it is made."""

    method: str
    values: str
    make: Callable[[Method, str], Step]


def _scaled(method: Method, value: str) -> Step:
    factor = _number("vector-scale", value)
    return _changed(method, f"vector-scale={value}", value, lambda vector, _: (vector * factor).astype(np.float32))


def _noisy(method: Method, value: str) -> Step:
    return _changed(
        method, f"vector-noise={value}", value, partial(with_noise, variance=_number("vector-noise", value))
    )


def _guided(method: Method, value: str) -> Step:
    if value not in ("none", "text", "all"):
        raise ValueError(f"guidance-on is none, text or all, not {value}")
    if value == "all":
        return _changed(method, "guidance-on=all", value, True)
    return Step(value, {"guidance": "1"} if value == "none" else {})


CHANGES: Final = {
    "vector-scale": _Change("clip", "0.1,0.25,0.5,0.75,1,1.25,1.5,2,2.5,4", _scaled),
    "vector-noise": _Change("clip", "0:2.5:0.1", _noisy),
    "guidance-on": _Change("perco", "none,text,all", _guided),
}
VALUES: Final = {"guidance": "1,2,3,4,5,7.5"}  # of render hints, where none are named


def with_noise(vector: Vector, seed: int, variance: float) -> Vector:
    """Return a vector with Gaussian noise of a variance in each dimension, scaled to the norm that it had.

    The noise depends on the vector and the seed, and grows with the variance in one direction.
    """
    rng = np.random.default_rng((seed, zlib.crc32(np.ascontiguousarray(vector).tobytes())))
    noisy = vector.astype(np.float64) + math.sqrt(variance) * rng.standard_normal(vector.shape)
    norm = float(np.linalg.norm(noisy))
    scaled: Vector = (noisy * (float(np.linalg.norm(vector.astype(np.float64))) / norm)).astype(np.float32)
    return scaled


def _changed(method: Method, name: str, value: str, change: Any) -> Step:
    """Return a step whose decoder gets a second argument."""
    decoder = method.reconstruct
    return Step(value, variant=Variant(name, replace(method, reconstruct=lambda context: decoder(context, change))))  # type: ignore[call-arg]


def experiment(method_name: str, text: str) -> Experiment:
    """Parse NAME or NAME=VALUES. Raises ValueError for a setting that the method does not have, or without values."""
    name, _, values = text.partition("=")
    method, change = find_method(method_name), CHANGES.get(name)
    if change is not None and change.method == method_name:
        return Experiment(name, tuple(change.make(method, value) for value in values_of(name, values or change.values)))
    known = sorted(set(method.sampler_settings) - set(NOT_VARIED))
    if name not in known:
        known += sorted(key for key, each in CHANGES.items() if each.method == method_name)
        raise ValueError(f"method {method_name} has no {name} to vary; it has {', '.join(known) or 'no settings'}")
    return Experiment(
        name, tuple(Step(value, {name: value}) for value in values_of(name, values or VALUES.get(name, "")))
    )


def values_of(name: str, text: str) -> list[str]:
    """Return the values of a list such as 0.5,1,2, or of a range such as 0:2.5:0.1, its end included.

    Raises ValueError for none, too many, or one twice.
    """
    values = [value for part in text.split(",") for value in _range(part.strip())] if text else []
    if not values:
        raise ValueError(f"name the values of {name}, such as {name}=1,2,3")
    if len(set(values)) != len(values) or len(values) > MAX_VALUES:
        raise ValueError(f"{name} has a value twice, or more than {MAX_VALUES}")
    return values


def _range(text: str) -> list[str]:
    ends = re.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", text)
    if ends is None:
        return [text] if text else []
    first, last, step = map(Decimal, ends.groups())
    if not step or (last - first) / step > MAX_VALUES:
        raise ValueError(f"{text} is not a range of at most {MAX_VALUES} values")
    count = int((last - first) / step) + 1
    return [format((first + step * i).normalize(), "f") for i in range(count)]


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and 0 <= value <= 1000):
        raise ValueError(f"{name} is a number from 0 to 1000, not {text}")
    return value
