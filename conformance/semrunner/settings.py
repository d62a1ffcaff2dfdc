# SPDX-License-Identifier: MIT
"""The decoder command with its limits, and the normative data passed to it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semrunner.manifest import SuiteError

DATA = ("consonant.bin", "caption.bin", "caption.zdict", "gaussian.bin")
REGISTRY = "registry.json"


@dataclass(frozen=True)
class Settings:
    """How to run a decoder."""

    command: tuple[str, ...]
    registry: Path
    data: Path  # folder with exactly the files DATA
    timeout: float = 60.0  # seconds per answer
    memory: int | None = None  # bytes; None: unlimited
    environment: Mapping[str, str] | None = None  # None: that of the runner, without SEM_…
    scratch: Path | None = None  # where each process gets an empty folder to run in; None: in the runner's folder
    cwd: Path | None = None  # a folder to run in, in place of an empty one
    role: str = "decoder"  # or `encoder`, `editor`


def gather(folders: Sequence[Path], target: Path) -> tuple[Path, Path]:
    """Copy registry.json and DATA, each from the first folder that has it; return the registry and the data folder.

    SuiteError if a file is in none of the folders.
    """
    data = target / "data"
    data.mkdir()
    for name in (REGISTRY, *DATA):
        source = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if source is None:
            searched = ", ".join(map(str, folders)) or "no folder"
            raise SuiteError(f"{name} not found (searched {searched}); pass its folder with --data")
        shutil.copyfile(source, (target if name == REGISTRY else data) / name)
    return target / REGISTRY, data
