# SPDX-License-Identifier: MIT
"""Write sets of models: each folder appears complete or not at all, and models.json records which one fills each role."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from refcodec.errors import Code, SemError
from refcodec.fileio import shown, write_atomic
from refcodec.foundation.models_json import FORMAT, FORMAT_VERSION, LISTING, read_models_json, roles_in_folder
from refcodec.foundation.roles import ModelSource
from refcodec.networks import package_search
from refcodec.temporary_files import OLD, create_folder, remove_folders, remove_stale


def own_set() -> Path:
    """Return the folder of the user's own set, which is searched by default."""
    return package_search.own() / "roles"


def record_role(folder: Path, source: ModelSource) -> None:
    """Record the source of a role in the models.json of a set, replacing any earlier one; other roles are kept.

    A folder inside the set is recorded by its relative path. Raises ValueError for a folder outside it,
    Code.MODEL_MALFORMED for an invalid models.json, CANNOT_WRITE if it cannot be written.
    """
    if os.path.lexists(folder / LISTING):
        document = read_models_json(folder)
    else:  # subfolders named for roles keep filling them
        roles = {role: {"source": role, "revision": None, "sha256": None} for role in roles_in_folder(folder)}
        document = {"format": FORMAT, "format_version": FORMAT_VERSION, "roles": roles}
    place = source.place
    if os.path.isdir(place):
        relative = relative_to(folder, Path(place))
        if relative is None:
            raise ValueError(f"{place} is not a folder of the set {folder}")
        place = relative
    document["roles"][source.role] = {"source": place, "revision": source.revision, "sha256": source.sha256}
    write_atomic(folder / LISTING, (json.dumps(document, indent=2, sort_keys=True) + "\n").encode("ascii"))


def relative_to(folder: Path, place: Path) -> str | None:
    """Return the path of `place` from the set `folder`, with slashes; None if it is not inside."""
    try:
        path = Path(os.path.abspath(place)).relative_to(os.path.abspath(folder)).as_posix()
    except ValueError:
        return None
    return path if path != "." else None


def refuse_existing(target: Path, *, replace: bool = False) -> None:
    """Raise ValueError if `target` exists and may not be replaced. Call before slow work."""
    if os.path.lexists(target) and not replace:
        raise ValueError(f"{shown(str(target))} is there already")


def refuse_existing_unless_package(target: Path, sources: Iterable[Path] = (), *, replace: bool = False) -> None:
    """Raise ValueError if a package may not be written to `target`. Call before slow work.

    With `replace`, a package or an empty folder may be replaced: not another folder, a file, or one that holds a source.
    """
    refuse_existing(target, replace=replace)
    if not os.path.lexists(target):
        return
    name = shown(str(target))
    if not (os.path.isfile(target / package_search.MANIFEST) or (target.is_dir() and not any(target.iterdir()))):
        raise ValueError(f"{name} is not a model package, and is not replaced: name another folder")
    if any(source.resolve().is_relative_to(target.resolve()) for source in sources):
        raise ValueError(f"{name} holds a source, and is not replaced: name another folder")


def refuse_taken_role(folder: Path, role: str, *, replace: bool = False) -> None:
    """Raise ValueError if the folder is a model itself, or the set fills the role already.

    Raises Code.MODEL_MALFORMED for an invalid models.json.
    """
    if any(os.path.isfile(folder / name) for name in (package_search.MANIFEST, "model_index.json", "config.json")):
        raise ValueError(f"{shown(str(folder))} is a model, not a set of models")
    if os.path.lexists(folder / LISTING) and role in read_models_json(folder)["roles"] and not replace:
        raise ValueError(f"the role {role} of the set {shown(str(folder))} is filled already")


@contextmanager
def temporary_dir(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder inside `folder`, which is created if necessary; removed at the end, also after Ctrl-C.

    What a killed process left there is removed first, and what it had moved aside is moved back. Raises
    Code.CANNOT_WRITE.
    """
    made: list[str] = []
    lock, created = None, not os.path.lexists(folder)
    try:
        try:
            with write_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                remove_stale(str(folder))
                lock, temporary = create_folder(str(folder), made)
            yield Path(temporary)
        finally:
            remove_folders(made)
    finally:
        remove_folders(made)  # again, since a signal may have ended the first removal
        if lock is not None:
            os.close(lock)
        if created:
            with suppress(OSError):  # not empty: the result is in it
                folder.rmdir()


def replace_atomically(made: Path, target: Path) -> None:
    """Move `made`, from a `temporary_dir`, to `target`, replacing what is there: completely or not at all.

    Raises Code.CANNOT_WRITE.
    """
    old = made.with_name(f"{made.name}{OLD}")
    with write_errors(target):
        if os.path.lexists(target):
            os.rename(target, old)
        try:
            os.rename(made, target)
        except BaseException:
            with suppress(OSError):
                os.rename(old, target)
            raise


@contextmanager
def write_errors(target: Path) -> Iterator[None]:
    """Convert errors of the file system to Code.CANNOT_WRITE."""
    try:
        yield
    except OSError as error:
        raise SemError(Code.CANNOT_WRITE, f"{shown(str(target))}: {error.strerror or error}") from error
