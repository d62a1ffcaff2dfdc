# SPDX-License-Identifier: MIT
"""Short words for what public functions use where a test names no environment."""

from __future__ import annotations

from refcodec import table_files
from refcodec.environment import Environment
from refcodec.registry import Registry

TABLES = table_files.SHIPPED


def default_rows() -> Registry:
    """The registry of the default environment as SEM_REGISTRY is now."""
    return Environment.default().registry
