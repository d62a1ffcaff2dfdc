# SPDX-License-Identifier: MIT
"""Find model packages (SPEC §12) by the digest of their symbol model. Opens no tensors.

Each place to search is a model package or a folder of packages; `Environment` lists the places.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from refcodec.canonical_json import canonical_json, parse_json
from refcodec.errors import Code, SemError
from refcodec.networks.package_files import read_bounded
from refcodec.unpacked import unpacked

MANIFEST: Final = "manifest.json"
MANIFEST_BYTES_MAX: Final = 1 << 24  # far more than any manifest has
DIGEST_DIGITS: Final = 64
PREFIX_DIGITS_MIN: Final = 8  # the shortest model_hash (§4)
SHIPPED: Final = Path(__file__).parents[1] / "data" / "models"  # the packages of this library


def find(digest: str, places: Iterable[Path]) -> Path | None:
    """Return the folder of the model whose digest is, or begins with, `digest` (8 to 64 hexadecimal digits).

    Returns the first such folder, None if there is no such model. Raises Code.MODEL_UNAVAILABLE (SEM-E-801) if a prefix
    matches models of different digests, ValueError for an invalid digest.
    """
    if not PREFIX_DIGITS_MIN <= len(digest) <= DIGEST_DIGITS or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"{digest!r} is no digest: 8 to 64 lower-case hexadecimal digits")
    found: dict[str, Path] = {}
    for folder in packages(places):
        known = folder_digest(folder)
        if known == digest:
            return folder
        if known is not None and known.startswith(digest):
            found.setdefault(known, folder)
    if len(found) > 1:
        names = ", ".join(str(folder) for folder in found.values())
        raise SemError(Code.MODEL_UNAVAILABLE, f"several models begin with {digest}: {names}", path="model_hash")
    return next(iter(found.values()), None)


def folder_digest(folder: Path) -> str | None:
    """Return the digest of the symbol model in this folder, None without a valid manifest."""
    described = describe(folder)
    return None if described is None else described[0]


def describe(folder: Path) -> tuple[str, str | None] | None:
    """Return (digest, name) of the model package in this folder, None if it is not a model package."""
    try:
        status = (folder / MANIFEST).stat()
        return _describe(folder / MANIFEST, status.st_mtime_ns, status.st_size)
    except (OSError, SemError):
        return None


def state_of(folder: Path) -> tuple[int, int]:
    """Return (time of the last change, bytes) of the manifest, which names the digests of all other files; zeros if absent.

    What is loaded from a package is cached by folder and state, since another package may take its place.
    """
    try:
        status = (folder / MANIFEST).stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def packages(places: Iterable[Path]) -> Iterator[Path]:
    """Yield every folder with a manifest, in search order."""
    for place in places:
        if place == SHIPPED and not os.path.isdir(place):  # in a zip archive
            place = unpacked("refcodec", "data", "models")
        if os.path.isfile(place / MANIFEST):
            yield place
            continue
        try:
            children = sorted(place.iterdir())
        except OSError:
            continue
        yield from (child for child in children if os.path.isfile(child / MANIFEST))


def own() -> Path:
    """Return the user's folder of model packages, $XDG_DATA_HOME/sem/models.

    A relative XDG_DATA_HOME is ignored, as its specification demands. For a user without a home, it is a folder that can
    neither be there nor be created.
    """
    data = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(data):
        data = os.path.expanduser("~/.local/share")
    return Path(data if os.path.isabs(data) else os.devnull) / "sem" / "models"


@lru_cache(maxsize=256)
def _describe(manifest: Path, _mtime_ns: int, _size: int) -> tuple[str, str | None] | None:
    try:
        document: Any = parse_json(read_bounded(manifest, MANIFEST_BYTES_MAX))
        if not isinstance(document, dict) or not isinstance(document.get("symbols"), dict):
            return None
        digest = hashlib.sha256(canonical_json(document["symbols"])).hexdigest()
    except ValueError:
        return None
    name = document.get("name")
    return digest, name if isinstance(name, str) else None
