# SPDX-License-Identifier: MIT
"""Writes sets of models (`sources`): folders come in whole or not at all, and models.json records what fills which role."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from refcodec import modelpath
from refcodec.errors import SemError
from refcodec.files import shown, write_atomic
from refcodec.models.sources import FORMAT, FORMAT_VERSION, LISTING, Source, listing


def own_set() -> Path:
    """The user's own set, which is found without being named."""
    return modelpath.own() / "roles"


def record(folder: Path, found: Source) -> None:
    """What fills a role, in the models.json of a set, in place of what did; all else stays.

    A folder inside the set is recorded by its relative path. ValueError for one that is not, SEM-E-803 for a models.json
    that is none, 102 where it cannot be written.
    """
    document: dict[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION, "roles": {}}
    if os.path.lexists(folder / LISTING):
        document = listing(folder)
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


@contextmanager
def arriving(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder that takes the place of `target` when the block ends well, and is gone otherwise, Ctrl-C included.

    ValueError where `target` is there already and is not to be replaced; SEM-E-102 where it cannot be written.
    """
    if os.path.lexists(target) and not replace:
        raise ValueError(f"{shown(str(target))} is there already")
    # one level further down than the name it will have: nothing takes a half-made folder for a model
    around = target.parent / f".{os.urandom(8).hex()}.tmp"
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            around.mkdir()
            (around / "new").mkdir()
        yield around / "new"
        with writing(target):
            if os.path.lexists(target):
                os.rename(target, around / "old")
            try:
                os.rename(around / "new", target)
            except BaseException:
                with suppress(OSError):
                    os.rename(around / "old", target)
                raise
    finally:
        shutil.rmtree(around, ignore_errors=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """What the file system says against writing, as SEM-E-102."""
    try:
        yield
    except OSError as error:
        raise SemError(102, f"{shown(str(target))}: {error.strerror or error}") from error
