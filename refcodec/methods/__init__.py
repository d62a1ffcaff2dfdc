# SPDX-License-Identifier: MIT
"""SPEC §14, the five methods: pictures to symbols, and symbols to pictures. Each is one `Method`, found here by its name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from refcodec.methods.base import Method

MODULES: Final = {
    "elic": "refcodec.methods.elic",
    "consonant": "refcodec.methods.consonant.method",
    "clip": "refcodec.methods.clip",
    "pics": "refcodec.methods.pics.method",
    "perco": "refcodec.methods.perco.method",
}  # the module of each, whose METHOD it is


def find_method(name: str) -> Method:
    """Return a method by its name, importing it on first use. Raises ValueError for another name."""
    if name not in MODULES:
        raise ValueError(f"method {name!r} is unknown: there are {', '.join(MODULES)}")
    method: Method = importlib.import_module(MODULES[name]).METHOD
    return method


def all_methods() -> tuple[Method, ...]:
    """Return every method, in the order of their numbers (SPEC §5)."""
    return tuple(map(find_method, MODULES))
