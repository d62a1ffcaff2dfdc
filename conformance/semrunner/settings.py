# SPDX-License-Identifier: MIT
"""How a decoder is run, and the normative data that it is given."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semrunner.manifest import SuiteError

DATA = ("consonant.bin", "caption.bin", "caption.zdict", "gaussian.bin")
REGISTRY = "registry.json"


@dataclass(frozen=True)
class Settings:
    command: tuple[str, ...]
    registry: Path
    data: Path  # a folder that holds DATA and nothing else
    timeout: float = 60.0  # seconds for an answer
    memory: int | None = None  # bytes


def gather(places: Sequence[Path], into: Path) -> tuple[Path, Path]:
    """Copies registry.json and DATA, each from the first place that has it, and gives the registry and the folder."""
    data = into / "data"
    data.mkdir()
    for name in (REGISTRY, *DATA):
        source = next((place / name for place in places if (place / name).is_file()), None)
        if source is None:
            raise SuiteError(f"{name} is in none of {', '.join(map(str, places)) or 'no folder'}: name one with --data")
        shutil.copyfile(source, (into if name == REGISTRY else data) / name)
    return into / REGISTRY, data
