# SPDX-License-Identifier: MIT
"""SPEC §5, the profile registry: the shipped `registry.json`, and rows of one's own beside it."""

from __future__ import annotations

from refcodec.registry.dim_classes import dim_class, dim_size
from refcodec.registry.rows import BINDING, ROW, Profile, Recommended, Registry, key

__all__ = ["BINDING", "ROW", "Profile", "Recommended", "Registry", "dim_class", "dim_size", "key"]
