# SPDX-License-Identifier: MIT
"""Write a package that has an identity (SPEC §12): alone, or beside the symbol model of another package."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.foundation.model_set import (
    refuse_existing_unless_package,
    replace_atomically,
    temporary_dir,
    write_errors,
)
from refcodec.networks import identity, package, package_search


def write(
    target: Path,
    roles: Mapping[str, str],
    *,
    name: str,
    base: Path | None = None,
    replace: bool = False,
    sources: Iterable[Path] = (),
) -> str:
    """Write a package of this identity, role -> digest, completely or not at all; return its digest.

    base: a package whose symbol model and float parts the new one also has; its other roles stay. sources: folders that
    are not replaced. Raises ValueError if the target exists and may not be replaced, ModelError for an invalid base,
    Code.CANNOT_WRITE (SEM-E-102) if it cannot be written.
    """
    refuse_existing_unless_package(target, sources, replace=replace)
    manifest: dict[str, Any] = {"format": package.FORMAT, "name": name, "licence": "", "notes": ""}
    symbols: dict[str, Any] = {"kind": identity.KIND}
    if base is not None:
        package.load_any(base)
        manifest = package.read_manifest(base)
        symbols = manifest["symbols"]
    merged = {**symbols.get(identity.MEMBER, {}), **roles}
    manifest |= {"format_version": package.IDENTITY_VERSION, "symbols": symbols | {identity.MEMBER: merged}}
    identity.check_version(manifest["symbols"], package.IDENTITY_VERSION)
    with temporary_dir(target.parent) as scratch:
        made = scratch / target.name
        with write_errors(target):
            made.mkdir()
            for file in () if base is None else _files(base, manifest):
                shutil.copyfile(file, made / file.name)
            text = json.dumps(manifest, indent=1, ensure_ascii=True) + "\n"
            (made / package_search.MANIFEST).write_bytes(text.encode("ascii"))
        package.load_any(made)
        replace_atomically(made, target)
    return package.symbol_digest(manifest["symbols"])


def _files(base: Path, manifest: dict[str, Any]) -> list[Path]:
    """Return the files of a package that its manifest names and that are there, without others."""
    parts = [manifest[part]["file"] for part in ("painter", "encoder") if isinstance(manifest.get(part), dict)]
    names = ["symbols.safetensors", *parts]
    if any(not isinstance(name, str) or Path(name).name != name for name in names):
        what = f"{shown(str(base))}: a file of its parts is not a plain name"
        raise SemError(Code.MODEL_MALFORMED, what, path="file")
    return [base / name for name in names if (base / name).is_file()]
