# SPDX-License-Identifier: MIT
"""The digest of a folder of a foundation model: what `models.json` records, so that a changed file is noticed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from refcodec.canonical_json import canonical_json
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

SUFFIXES: Final = (".safetensors", ".json", ".txt", ".model", ".jinja")  # weights, configurations, vocabularies
FILES_MAX, DEPTH_MAX = 4096, 6  # more is no folder of a model but, say, somebody's home
_CHUNK: Final = 1 << 22


def folder_sha256(folder: Path, left_out: Sequence[str] = ()) -> str:
    """SHA-256 of the canonical JSON of {relative path: SHA-256} over every file that a loader reads, but no hidden one.

    left_out: patterns of names that do not count. SEM-E-801 for what cannot be read, 803 for more than a model has.
    """
    entries = {}
    for name, path in model_files(folder):
        if path.suffix.lower() in SUFFIXES and not any(fnmatch(name, pattern) for pattern in left_out):
            # no two names become one: a backslash is doubled before others stand for characters
            entries[name.replace("\\", "\\\\").encode("ascii", "backslashreplace").decode()] = file_sha256(path)
    return hashlib.sha256(canonical_json(entries)).hexdigest()


def model_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(relative path with slashes, path) of every regular file in a folder of a model, hidden ones left out, in order.

    Links are followed, as loaders do. SEM-E-801 for a folder that cannot be read; 803 for one that holds itself, or more
    than any model does.
    """
    found: list[tuple[str, Path]] = []
    inside = [("", folder)]
    while inside:
        prefix, place = inside.pop()
        try:
            entries = [entry for entry in os.scandir(place) if not entry.name.startswith(".")]
            inside += [(f"{prefix}{entry.name}/", Path(entry.path)) for entry in entries if entry.is_dir()]
            found += [(prefix + entry.name, Path(entry.path)) for entry in entries if entry.is_file()]
        except OSError as error:
            raise SemError(
                Code.MODEL_UNAVAILABLE,
                f"cannot read the folder {shown(str(place))}: {error.strerror}",
                path=folder.name,
            ) from error
        if prefix.count("/") > DEPTH_MAX or len(found) + len(inside) > FILES_MAX:
            raise SemError(
                Code.MODEL_MALFORMED,
                f"{shown(str(folder))} holds more than a model does",
                path=folder.name,
                hint="name the folder of the model itself",
            )
    yield from sorted(found)


def file_sha256(path: Path) -> str:
    """SEM-E-801 for a file that cannot be read."""
    whole = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                whole.update(chunk)
    except OSError as error:
        raise SemError(
            Code.MODEL_UNAVAILABLE, f"cannot read {path.name} in {path.parent.name}", path=path.name
        ) from error
    return whole.hexdigest()
