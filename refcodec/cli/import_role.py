# SPDX-License-Identifier: MIT
"""semtool models import, of a folder or a hub id that fills a role of a set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from refcodec.fileio import shown
from refcodec.progress import part

Progress = Callable[[float], None]


def result(kind: str, folder: Path, **more: Any) -> dict[str, Any]:
    """Return what `semtool models import --json` prints, with the members in `more`."""
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
    """Fill a role of a set with a folder or a hub id."""
    from refcodec.foundation.download import resolve_folder, source_sha256
    from refcodec.foundation.model_set import own_set, refuse_taken_role, relative_to
    from refcodec.foundation.roles import ModelSource, source_of

    folder = own_set() if output is None else Path(output)
    refuse_taken_role(folder, role, replace=replace)
    found, notices = source_of(role, place), []
    if found.is_endpoint:
        raise ValueError("an endpoint has no files: name it with --model where it is used")
    if not os.path.isdir(found.place):
        if os.path.lexists(found.place):
            raise ValueError(f"{shown(place)} is a file: name the folder of the model")
        if no_fetch:
            moves = "" if found.revision else ", and without a revision, so that it may change"
            notices.append(
                f"{found.name} is recorded without a digest{moves}: nothing can tell whether it is the same model later"
            )
            _record(folder, found)
            return result(role, folder, set=str(folder), roles=[_entry(found)], notices=notices)
        found, here = _fetched(found)
        if here is None:
            return _copied(Path(found.place), role, folder, replace, update, found.revision)
        found = ModelSource(role, found.place, found.revision, source_sha256(found, here))
    elif relative_to(folder, Path(found.place)) is None or _needs_conversion(Path(found.place)):
        return _copied(Path(found.place), role, folder, replace, update)
    else:
        found = ModelSource(role, found.place, None, source_sha256(found, resolve_folder(found)))
    _record(folder, found)
    return result(role, folder, set=str(folder), roles=[_entry(found)], notices=notices)


def _fetched(found: Any) -> tuple[Any, Path | None]:
    """Download a model of the hub; return its source with the revision, and its folder.

    If it has pickled weights only, the source is the folder itself, and the second None.
    """
    from refcodec.foundation.download import WEIGHTS, download
    from refcodec.foundation.folder_digest import model_files
    from refcodec.foundation.roles import ModelSource

    here = download(found)
    revision = here.name if here.parent.name == "snapshots" else found.revision
    if any(path.suffix == WEIGHTS for _, path in model_files(here)):
        return ModelSource(found.role, found.place, revision), here
    return ModelSource(found.role, str(download(found, pickled=True)), revision), None


def _needs_conversion(folder: Path) -> bool:
    from refcodec.convert.copy_folder import pickled_weights

    return bool(pickled_weights(folder))


def _copied(
    source: Path, role: str, folder: Path, replace: bool, update: Progress, revision: str | None = None
) -> dict[str, Any]:
    """Copy a folder into a set."""
    from refcodec.convert.copy_folder import copy
    from refcodec.foundation.model_set import refuse_existing, temporary_dir

    target = folder / role
    if os.path.realpath(target) == os.path.realpath(source):
        raise ValueError(
            f"{shown(str(source))} has pickled weights, and their conversion would take its place: move it, or name another -o"
        )
    if os.path.realpath(target).startswith(os.path.join(os.path.realpath(source), "")):
        raise ValueError(
            f"the set lies inside {shown(str(source))}, which would be copied into itself: name another -o"
        )
    refuse_existing(target, replace=replace)
    with temporary_dir(folder) as place:
        (place / role).mkdir()
        converted = copy(source, place / role, progress=part(update, 0, 0.9))
        entry = place_role(place / role, role, folder, revision)
    return result(role, target, set=str(folder), roles=[entry], converted=converted)


def place_role(made: Path, role: str, folder: Path, revision: str | None = None) -> dict[str, Any]:
    """Move the folder of a role to its place in the set, and record it; return its entry."""
    from refcodec.foundation.download import resolve_folder, source_sha256
    from refcodec.foundation.model_set import record_role, replace_atomically
    from refcodec.foundation.roles import ModelSource

    found = ModelSource(role, str(made))
    found = ModelSource(role, str(folder / role), revision, source_sha256(found, resolve_folder(found)))
    replace_atomically(made, folder / role)
    record_role(folder, found)
    return _entry(found)


def _record(folder: Path, found: Any) -> None:
    from refcodec.foundation.model_set import record_role, write_errors

    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    record_role(folder, found)


def _entry(found: Any) -> dict[str, Any]:
    return {"role": found.role, "source": found.place, "revision": found.revision, "sha256": found.sha256}
