# SPDX-License-Identifier: MIT
"""What the micro-decoder has to know of a draft kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """One draft kind. `micro` is the micro-decoder, the module of conformance/decoders/micro."""

    number: int
    name: str
    valid: Callable[[Any, Parameters], bool]  # (micro, parameters of a row); may raise KeyError or TypeError if not
    uses_model: Callable[[Parameters], bool]
    symbols: Callable[[Parameters, int, int], int]  # the number of them for a picture of (width, height), at most
    # (micro, section, header, package or None, run) -> Payload
    decode: Callable[[Any, Any, Any, Any, Any], Any]


def ascending(values: Any, least: int, most: int, longest: int) -> bool:
    """Whether a JSON value is a list of 1 to `longest` strictly ascending integers."""
    if not isinstance(values, list) or not 1 <= len(values) <= longest:
        return False
    whole = all(type(value) is int and least <= value <= most for value in values)
    return whole and all(a < b for a, b in pairwise(values))
