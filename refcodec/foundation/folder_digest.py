# SPDX-License-Identifier: MIT
"""Compute the digest of a model folder, which `models.json` records to detect changed files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from refcodec.canonical_json import ascii_name, canonical_json
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.link_loops import is_loop

SUFFIXES: Final = (".safetensors", ".json", ".txt", ".model", ".jinja")  # weights, configurations, vocabularies
FILES_MAX, DEPTH_MAX = 4096, 6  # beyond this, a folder is not that of a model but, say, a home directory
_CHUNK: Final = 1 << 22


def folder_sha256(folder: Path, excluded: Sequence[str] = ()) -> str:
    """Return the SHA-256 of the canonical JSON of {relative path: SHA-256} over all files that a loader reads, hidden ones excluded.

    excluded: patterns of names that do not count. Raises Code.MODEL_UNAVAILABLE for a file that cannot be read,
    MODEL_MALFORMED for more files than a model has.
    """
    entries = {}
    for name, path in model_files(folder):
        if path.suffix.lower() in SUFFIXES and not any(fnmatch(name, pattern) for pattern in excluded):
            entries[ascii_name(name)] = file_sha256(path)
    return hashlib.sha256(canonical_json(entries)).hexdigest()


def model_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (relative path with slashes, path) of every regular file in a model folder, in order, without hidden ones.

    Links are followed, as loaders do, and broken ones left out. Raises Code.MODEL_UNAVAILABLE for a folder that cannot be
    read, MODEL_MALFORMED for one that contains itself, or more files than any model.
    """
    files: list[tuple[str, Path]] = []
    pending = [("", folder)]
    while pending:
        prefix, subfolder = pending.pop()
        try:
            entries = [
                entry for entry in os.scandir(subfolder) if not entry.name.startswith(".") and not is_loop(entry)
            ]
            pending += [(f"{prefix}{entry.name}/", Path(entry.path)) for entry in entries if entry.is_dir()]
            files += [(prefix + entry.name, Path(entry.path)) for entry in entries if entry.is_file()]
        except OSError as error:
            raise SemError(
                Code.MODEL_UNAVAILABLE,
                f"cannot read the folder {shown(str(subfolder))}: {error.strerror}",
                path=folder.name,
                hint="check its permissions",
            ) from error
        if prefix.count("/") > DEPTH_MAX or len(files) + len(pending) > FILES_MAX:
            raise SemError(
                Code.MODEL_MALFORMED,
                f"{shown(str(folder))} holds more than a model does",
                path=folder.name,
                hint="name the folder of the model itself",
            )
    yield from sorted(files)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file. Raises Code.MODEL_UNAVAILABLE if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise SemError(
            Code.MODEL_UNAVAILABLE, f"cannot read {path.name} in {path.parent.name}", path=path.name
        ) from error
    return digest.hexdigest()
