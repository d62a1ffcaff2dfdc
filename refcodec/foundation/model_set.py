# SPDX-License-Identifier: MIT
"""Writes sets of models (`sources`): folders come in whole or not at all, and models.json records what fills which role."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from refcodec.errors import Code, SemError
from refcodec.fileio import shown, write_atomic
from refcodec.foundation.models_json import FORMAT, FORMAT_VERSION, LISTING, read_models_json, roles_in_folder
from refcodec.foundation.roles import ModelSource
from refcodec.networks import package_search


def own_set() -> Path:
    """The user's own set, which is found without being named."""
    return package_search.own() / "roles"


def record(folder: Path, found: ModelSource) -> None:
    """What fills a role, in the models.json of a set, in place of what did; all else stays.

    A folder inside the set is recorded by its relative path. ValueError for one that is not, SEM-E-803 for a models.json
    that is none, 102 where it cannot be written.
    """
    if os.path.lexists(folder / LISTING):
        document = read_models_json(folder)
    else:  # subfolders that filled roles by their names go on doing so
        roles = {role: {"source": role, "revision": None, "sha256": None} for role in roles_in_folder(folder)}
        document = {"format": FORMAT, "format_version": FORMAT_VERSION, "roles": roles}
    place = found.place
    if os.path.isdir(place):
        relative = relative_to(folder, Path(place))
        if relative is None:
            raise ValueError(f"{place} is not a folder of the set {folder}")
        place = relative
    document["roles"][found.role] = {"source": place, "revision": found.revision, "sha256": found.sha256}
    write_atomic(folder / LISTING, (json.dumps(document, indent=2, sort_keys=True) + "\n").encode("ascii"))


def relative_to(folder: Path, place: Path) -> str | None:
    """The path of `place` from the set `folder`, with slashes; None where it is not inside."""
    try:
        found = Path(os.path.abspath(place)).relative_to(os.path.abspath(folder)).as_posix()
    except ValueError:
        return None
    return found if found != "." else None


def free(target: Path, *, replace: bool = False) -> None:
    """ValueError where `target` is there already and is not to be replaced: said before long work is done for it."""
    if os.path.lexists(target) and not replace:
        raise ValueError(f"{shown(str(target))} is there already")


def role_free(folder: Path, role: str, *, replace: bool = False) -> None:
    """ValueError where the folder is a model itself, or the set has something for the role already.

    SEM-E-803 where its models.json is none.
    """
    if any(os.path.isfile(folder / name) for name in (package_search.MANIFEST, "model_index.json", "config.json")):
        raise ValueError(f"{shown(str(folder))} is a model, and no set of them")
    if os.path.lexists(folder / LISTING) and role in read_models_json(folder)["roles"] and not replace:
        raise ValueError(f"the role {role} of the set {shown(str(folder))} is filled already")


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A hidden folder inside `folder`, which is made where it is not there; gone in the end, Ctrl-C included. SEM-E-102."""
    around, made = folder / f".{os.urandom(8).hex()}.tmp", not os.path.lexists(folder)
    try:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            around.mkdir()
        yield around
    finally:
        shutil.rmtree(around, ignore_errors=True)
        if made:
            with suppress(OSError):  # it holds what it was made for
                folder.rmdir()


def settle(made: Path, target: Path) -> None:
    """What was made in a `scratch` folder takes its place, and what was there goes: whole or not at all. SEM-E-102."""
    old = made.with_name(f"{made.name}.old")
    with writing(target):
        if os.path.lexists(target):
            os.rename(target, old)
        try:
            os.rename(made, target)
        except BaseException:
            with suppress(OSError):
                os.rename(old, target)
            raise


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """What the file system says against writing, as SEM-E-102."""
    try:
        yield
    except OSError as error:
        raise SemError(Code.CANNOT_WRITE, f"{shown(str(target))}: {error.strerror or error}") from error
