# SPDX-License-Identifier: MIT
"""semtool models import for roles: fill a role of a set with a folder or a hub id."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from refcodec.cli.output_probe import probe_folder
from refcodec.fileio import shown
from refcodec.progress import Progress, part


def result(kind: str, folder: Path, **more: Any) -> dict[str, Any]:
    """Return the object that `semtool models import --json` prints, with the members in `more`."""
    return {
        "as": kind,
        "folder": str(folder),
        "set": None,
        "roles": [],
        "digest": None,
        "converted": [],
        "notices": [],
    } | more


def import_role(
    place: str, role: str, output: str | None, replace: bool, no_fetch: bool, update: Progress
) -> dict[str, Any]:
    """Fill a role of a set with `place`, a folder or a hub id; return the result that --json prints.

    no_fetch: record a hub id without downloading it. Raises ValueError for a place that cannot fill a role.
    """
    from refcodec.foundation.download import resolve_folder, source_sha256
    from refcodec.foundation.model_place import snapshot_of
    from refcodec.foundation.model_set import own_set, refuse_taken_role, relative_to
    from refcodec.foundation.place_text import shown_place
    from refcodec.foundation.roles import ModelSource, source_of

    folder = own_set() if output is None else Path(output)
    probe_folder(str(folder))
    refuse_taken_role(folder, role, replace=replace)
    source, notices = source_of(role, place), []
    if source.is_endpoint:
        raise ValueError("an endpoint has no files: name it with --model where it is used")
    if os.path.isdir(source.place):
        source = ModelSource(role, str(snapshot_of(role, Path(source.place))))
    if not os.path.isdir(source.place):
        if os.path.lexists(source.place):
            raise ValueError(f"{shown_place(place)} is a file: name the folder of the model")
        if no_fetch:
            unpinned = "" if source.revision else " and without a revision"
            notices.append(
                f"{source.name} is recorded without a digest{unpinned}: later changes cannot be detected, and using it needs --allow-download"
            )
            _record(folder, source)
            return result(role, folder, set=str(folder), roles=[_entry(source)], notices=notices)
        source, download_folder = _fetch(source)
        if download_folder is None:
            return _copy_into_set(Path(source.place), role, folder, replace, update, source.revision)
        source = ModelSource(role, source.place, source.revision, source_sha256(source, download_folder))
    elif relative_to(folder, Path(source.place)) is None or _needs_conversion(Path(source.place)):
        return _copy_into_set(Path(source.place), role, folder, replace, update)
    else:
        source = ModelSource(role, source.place, None, source_sha256(source, resolve_folder(source)))
    _record(folder, source)
    return result(role, folder, set=str(folder), roles=[_entry(source)], notices=notices)


def _fetch(source: Any) -> tuple[Any, Path | None]:
    """Download a model from the hub; return its source with the revision, and its folder.

    If it only has pickled weights, returns the downloaded folder as the source, and None.
    """
    from refcodec.foundation.download import WEIGHTS, download
    from refcodec.foundation.folder_digest import model_files
    from refcodec.foundation.roles import ModelSource

    folder = download(source)
    revision = folder.name if folder.parent.name == "snapshots" else source.revision
    if any(path.suffix == WEIGHTS for _, path in model_files(folder)):
        return ModelSource(source.role, source.place, revision), folder
    return ModelSource(source.role, str(download(source, pickled=True)), revision), None


def _needs_conversion(folder: Path) -> bool:
    """Return whether a folder has pickled weights."""
    from refcodec.convert.copy_folder import pickled_weights

    return bool(pickled_weights(folder))


def _copy_into_set(
    source: Path, role: str, folder: Path, replace: bool, update: Progress, revision: str | None = None
) -> dict[str, Any]:
    """Copy the folder of a model into a set, with pickled weights converted, and record it; return the result."""
    from refcodec.convert.copy_folder import copy
    from refcodec.foundation.model_set import refuse_existing, temporary_dir

    target = folder / role
    if os.path.realpath(target) == os.path.realpath(source):
        raise ValueError(
            f"{shown(str(source))} has pickled weights, and their conversion would replace it: move it, or name another -o"
        )
    if os.path.realpath(target).startswith(os.path.join(os.path.realpath(source), "")):
        raise ValueError(
            f"the set lies inside {shown(str(source))}, which would be copied into itself: name another -o"
        )
    refuse_existing(target, replace=replace)
    with temporary_dir(folder) as scratch:
        (scratch / role).mkdir()
        converted = copy(source, scratch / role, progress=part(update, 0, 0.9))
        entry = place_role(scratch / role, role, folder, revision)
    return result(role, target, set=str(folder), roles=[entry], converted=converted)


def place_role(source: Path, role: str, folder: Path, revision: str | None = None) -> dict[str, Any]:
    """Move the folder `source` of a role into the set `folder`, and record it; return its entry."""
    from refcodec.foundation.download import resolve_folder, source_sha256
    from refcodec.foundation.model_set import record_role, replace_atomically
    from refcodec.foundation.roles import ModelSource

    unplaced = ModelSource(role, str(source))
    placed = ModelSource(role, str(folder / role), revision, source_sha256(unplaced, resolve_folder(unplaced)))
    replace_atomically(source, folder / role)
    record_role(folder, placed)
    return _entry(placed)


def _record(folder: Path, source: Any) -> None:
    """Write a source into models.json of the set `folder`, which is created if it is missing."""
    from refcodec.foundation.model_set import record_role, write_errors

    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    record_role(folder, source)


def _entry(source: Any) -> dict[str, Any]:
    """Return the object of a role in the result."""
    return {"role": source.role, "source": source.place, "revision": source.revision, "sha256": source.sha256}
