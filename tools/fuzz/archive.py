# SPDX-License-Identifier: MIT
"""Pack several files into the bytes of one input, so that a folder can be fuzzed as bytes, and write them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")


def pack(parts: Sequence[bytes]) -> bytes:
    """Return the parts in one: each but the last after its length, u32."""
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts[:-1]) + b"".join(parts[-1:])


def unpack(data: bytes, count: int) -> list[bytes]:
    """Return `count` parts of any bytes; lengths beyond the end mean all that is left."""
    parts = []
    for _ in range(count - 1):
        size = int.from_bytes(data[:4], "little")
        parts.append(data[4 : 4 + size])
        data = data[4 + size :]
    return [*parts, data]


def scratch_folder() -> Path:
    """Return a new folder, in memory where the system has such a place. The caller removes it."""
    return Path(tempfile.mkdtemp(prefix="sem-fuzz-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))


class Scratch:
    """A scratch folder for all inputs of a target, created when it is first used."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def folder(self) -> Path:
        if self._folder is None:
            self._folder = scratch_folder()
        return self._folder

    def remove(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a folder over those that it had."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
