# SPDX-License-Identifier: MIT
"""The digest of a folder of a foundation model: what `models.json` records, so that a changed file is noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from refcodec.canonical import canonical_json
from refcodec.errors import SemError

SUFFIXES: Final = (".safetensors", ".json", ".txt", ".model", ".jinja")  # weights, configurations, vocabularies
_CHUNK: Final = 1 << 22


def folder_sha256(folder: Path) -> str:
    """SHA-256 of the canonical JSON of {relative path: SHA-256} over every file that a loader reads, but no hidden one.

    SEM-E-801 for a file that cannot be read.
    """
    entries = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.suffix in SUFFIXES and not any(part.startswith(".") for part in name.split("/")):
            entries[name.encode("ascii", "backslashreplace").decode()] = file_sha256(path)
    return hashlib.sha256(canonical_json(entries)).hexdigest()


def file_sha256(path: Path) -> str:
    """SEM-E-801 for a file that cannot be read."""
    whole = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                whole.update(chunk)
    except OSError as error:
        raise SemError(801, f"cannot read {path.name} in {path.parent.name}", path=path.name) from error
    return whole.hexdigest()
