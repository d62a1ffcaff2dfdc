# SPDX-License-Identifier: MIT
"""Check the model packages of a contributed folder: found, intact, of the row's shapes, and licensed (SPEC §12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from refcodec.errors import SemError, one_line
from refcodec.networks import package, package_search
from refcodec.payloads.kinds import check_model
from refcodec.registry import Profile

FOLDER: Final = "models"
README: Final = "README.md"
FILES: Final = (".json", ".md", ".safetensors", ".txt", "")  # suffixes of what a package may hold


def errors(folder: Path, rows: Sequence[Profile]) -> Iterator[str]:
    """Yield one line for each error of the packages of a contribution."""
    found = list(package_search.packages((folder / FOLDER,))) if (folder / FOLDER).is_dir() else []
    wanted = {row.model: row for row in rows if row.model is not None}
    for place in found:
        name = place.relative_to(folder)
        digest = package_search.folder_digest(place)
        if digest not in wanted:
            yield f"{name}: no row names it"
            continue
        yield from (f"{name}: {line}" for line in _package_errors(place, wanted[digest]))
    available = {package_search.folder_digest(place) for place in found}
    for digest, row in wanted.items():
        if digest not in available and digest not in _text(folder / README):
            yield f"profile {row.id}: its model {digest} is not in {FOLDER}, and {README} does not say where it can be had"


def _package_errors(place: Path, row: Profile) -> Iterator[str]:
    try:
        manifest = package.read_manifest(place)
        model = package.load_any(place, row.model)
        check_model(model, model.kind, row.parameters(model.kind))
        for part in ("painter", "encoder"):
            if part in manifest:
                package.load_part(place, manifest, part)
    except SemError as error:
        yield one_line(str(error))
        return
    for member, purpose in (("name", "the name of the model"), ("licence", "an SPDX identifier")):
        value = manifest.get(member)
        if not isinstance(value, str) or not value.strip():
            yield f"manifest.json has no {member}: {purpose}"
    for path in sorted(place.rglob("*")):
        if path.is_file() and path.suffix not in FILES:
            yield f"{path.name} is not a file of a package: a package holds data alone (SEM-R-113)"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
