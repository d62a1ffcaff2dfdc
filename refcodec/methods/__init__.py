# SPDX-License-Identifier: MIT
"""The five methods of SPEC §14, from pictures to symbols and back. `find_method` returns one by its name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from refcodec.methods.base import Method

MODULES: Final = {
    "elic": "refcodec.methods.elic",
    "consonant": "refcodec.methods.consonant.consonant_method",
    "clip": "refcodec.methods.clip",
    "pics": "refcodec.methods.pics.pics_method",
    "perco": "refcodec.methods.perco.perco_method",
}  # name -> the module that defines METHOD


def find_method(name: str) -> Method:
    """Return a method by its name, importing it on first use. Raises ValueError for another name."""
    if name not in MODULES:
        raise ValueError(f"method {name!r} is unknown: there are {', '.join(MODULES)}")
    method: Method = importlib.import_module(MODULES[name]).METHOD
    return method


def all_methods() -> tuple[Method, ...]:
    """Return every method, in the order of their numbers (SPEC §5)."""
    return tuple(map(find_method, MODULES))
