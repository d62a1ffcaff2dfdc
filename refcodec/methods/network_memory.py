# SPDX-License-Identifier: MIT
"""Check the memory of the float networks of a package before they run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from refcodec.limits import Limits
from refcodec.networks import package_cache
from refcodec.transforms import memory


def network_bytes(folder: Path, part: Literal["encoder", "painter"], size: tuple[int, int]) -> int | None:
    """Return the bytes that a network of a package takes for a picture of (width, height); None if that is unknown."""
    entry = package_cache.manifest(folder).get(part)
    estimate = memory.analysis_bytes if part == "encoder" else memory.synthesis_bytes
    try:
        return estimate(entry["architecture"], size)  # type: ignore[index]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return None


def require_memory(limits: Limits, folder: Path, part: Literal["encoder", "painter"], size: tuple[int, int]) -> None:
    """Raise `MemoryLimitError` if a network of a package would exceed the memory for a picture of (width, height).

    A manifest without a known architecture passes: loading the network reports it.
    """
    predicted = network_bytes(folder, part, size)
    if predicted is None:
        return
    limits.check_memory(predicted, "analysing the picture" if part == "encoder" else "reconstructing the picture")
