# SPDX-License-Identifier: MIT
"""Check the memory of the float networks of a package before they run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from refcodec.limits import Limits
from refcodec.networks import package
from refcodec.transforms import memory


def require_memory(limits: Limits, folder: Path, part: Literal["encoder", "painter"], size: tuple[int, int]) -> None:
    """Raise `MemoryLimitError` if a network of a package would exceed the memory for a picture of (width, height).

    A manifest without a known architecture passes: loading the network reports it.
    """
    entry = package.read_manifest(folder).get(part)
    estimate = memory.analysis_bytes if part == "encoder" else memory.synthesis_bytes
    try:
        predicted = estimate(entry["architecture"], size)  # type: ignore[index]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return
    limits.check_memory(predicted, "analysing the picture" if part == "encoder" else "reconstructing the picture")
