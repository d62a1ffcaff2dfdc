# SPDX-License-Identifier: MIT
"""What the kit contains, and where: files of the repository, mostly at the same place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from tools.release.build import ROOT
from tools.release.check import files_of_git

WHOLE: Final = (  # files, and folders with everything in them
    "SPEC.md",
    "ERRATA.md",
    "LICENSE",
    "LICENSES",
    "NOTICE",
    "conformance/PROTOCOL.md",
    "conformance/README.md",
    "conformance/adapters/__init__.py",
    "conformance/adapters/micro.py",
    "conformance/adapters/micro_writer.py",
    "conformance/adapters/protocol_server.py",
    "conformance/adapters/writer_server.py",
    "conformance/decoders",
    "conformance/diff_fuzz",
    "conformance/differ.py",
    "conformance/run.py",
    "conformance/schema",
    "conformance/sem.ksy",
    "conformance/semrunner",
    "docs/implementing.md",
    "docs/integer-widths.md",
    "test_vectors",
)
MOVED: Final = {  # folders of the repository, and theirs in the kit
    "refcodec/registry": "data",
    "refcodec/payloads/data": "data",
    "refcodec/entropy/data": "data",
}
DATA: Final = (
    "refcodec/registry/registry.json",
    "refcodec/registry/registry.schema.json",
    "refcodec/registry/dims.json",
    "refcodec/payloads/data/consonant.bin",
    "refcodec/payloads/data/caption.bin",
    "refcodec/payloads/data/caption.zdict",
    "refcodec/entropy/data/gaussian.bin",
)
LEFT_OUT: Final = {"conformance/decoders/js/index.html"}  # it leads to the viewer
OPTIONAL: Final = {"docs/integer-widths.md", "refcodec/registry/registry.schema.json"}


def places() -> dict[str, str]:
    """Return the place in the kit of each file of the repository that it contains, by path in the repository.

    Raises ValueError if a file is missing.
    """
    present = files_of_git(new_ones=True)
    names = set(_walked()) if present is None else present
    found = {name: name for name in sorted(names) if _belongs(name)}
    found |= {name: f"{MOVED[str(PurePosixPath(name).parent)]}/{Path(name).name}" for name in DATA if name in names}
    for name in (*WHOLE, *DATA):
        if name not in OPTIONAL and name not in found and not any(other.startswith(f"{name}/") for other in found):
            raise ValueError(f"the repository has no {name}, which the kit contains")
    return found


def place_of(target: str, found: dict[str, str]) -> str | None:
    """Return the place in the kit of a file or folder of the repository; None if the kit does not contain it."""
    if target in found:
        return found[target]
    if target in MOVED:
        return MOVED[target]
    return target if any(place.startswith(f"{target}/") for place in found.values()) else None


def _belongs(name: str) -> bool:
    return name not in LEFT_OUT and any(name == entry or name.startswith(f"{entry}/") for entry in WHOLE)


def _walked() -> Iterator[str]:
    """Yield the files below the entries of the kit, for a folder without git."""
    for entry in (*WHOLE, *DATA):
        path = ROOT / entry
        if path.is_file():
            yield entry
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
            for name in files:
                yield (Path(folder) / name).relative_to(ROOT).as_posix()
