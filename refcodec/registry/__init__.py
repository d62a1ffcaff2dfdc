# SPDX-License-Identifier: MIT
"""The profile registry (SPEC §5): the shipped `registry.json`, and private rows that extend it."""

from __future__ import annotations

from refcodec.registry.dim_classes import dim_class, dim_size
from refcodec.registry.row_schema import BINDING, ROW
from refcodec.registry.rows import Profile, Recommended, Registry, key

__all__ = ["BINDING", "ROW", "Profile", "Recommended", "Registry", "dim_class", "dim_size", "key"]
