# SPDX-License-Identifier: MIT
"""SPEC §14, the five methods: pictures to symbols, and symbols to pictures."""

from __future__ import annotations

import importlib
from typing import Any, Final

MODULES: Final = {
    "elic": "refcodec.methods.elic",
    "consonant": "refcodec.methods.consonant.method",
    "clip": "refcodec.methods.clip",
    "pics": "refcodec.methods.pics.method",
    "perco": "refcodec.methods.perco.method",
}


def module(name: str) -> Any:
    """Return the module of a method, importing it on first use."""
    return importlib.import_module(MODULES[name])
