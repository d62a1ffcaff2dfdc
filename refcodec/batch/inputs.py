# SPDX-License-Identifier: MIT
"""Find the files that a command line names: files as they are, folders with what is in them. Standard library only."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from refcodec.errors import Code, SemError
from refcodec.fileio import shown

Identity = tuple[int, int]  # device and inode of a folder


@dataclass(frozen=True)
class Found:
    """A file to work on. key: its path below the folder that was named, else its last name. error: it cannot be read."""

    source: str
    key: str
    error: SemError | None = None


@dataclass
class Inputs:
    """What a command line names. left_out: files of folders that have other suffixes, counted by suffix.

    loops: links of folders that lead to a folder around them, and are not followed. special: pipes, sockets and devices.
    """

    files: list[Found] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    loops: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)

    def add_left_out(self, other: Inputs) -> None:
        """Add what another search has left out."""
        self.left_out.update(other.left_out)
        self.loops += other.loops
        self.special += other.special


def is_folder(name: str) -> bool:
    """Return whether a name is that of a folder; False for one that cannot be looked up."""
    try:
        return os.path.isdir(name)
    except ValueError:  # a name with a null character
        return False


def find_inputs(names: Iterable[str], suffixes: Collection[str], output: str | None = None) -> Inputs:
    """Return the named files, and those in named folders whose suffix, in lower case, is one of `suffixes`.

    Folders are searched to any depth in the order of their names, without names that begin with a dot. Links are followed,
    but for one to a folder around it. output: a folder that is left out, if it lies within a named folder.
    """
    inputs = Inputs()
    skipped = None if output is None else _identity(output)
    for name in names:
        if is_folder(name):
            _search(name, suffixes, skipped, inputs)
        else:
            inputs.files.append(Found(name, os.path.basename(name)))
    return inputs


def _search(top: str, suffixes: Collection[str], skipped: Identity | None, inputs: Inputs) -> None:
    """Add the files of a folder. Folders are taken from a stack, since they may be deeper than Python's calls."""
    own = _identity(top)
    left: list[tuple[str, str, tuple[Identity | None, ...]]] = [(top, "", ())]
    while left:
        folder, key, around = left.pop()
        identity = _identity(folder)
        if identity is not None and identity in around:
            inputs.loops.append(folder)
            continue
        if identity is not None and identity == skipped and identity != own:
            continue
        inner = []
        try:
            for entry in _sorted_entries(folder):
                entry_key = os.path.join(key, entry.name)
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    inner.append((entry.path, entry_key, (*around, identity)))
                elif (suffix := os.path.splitext(entry.name)[1].lower()) not in suffixes:
                    inputs.left_out[suffix] += 1
                elif _has_an_end(entry):
                    inputs.files.append(Found(entry.path, entry_key))
                else:
                    inputs.special.append(entry.path)
        except OSError as error:
            what = f"{shown(folder)}: {error.strerror or error}"
            inputs.files.append(Found(folder, key or os.path.basename(folder), SemError(Code.CANNOT_READ, what)))
        left += reversed(inner)


def _sorted_entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: os.fsencode(entry.name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _has_an_end(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry can be read to an end: no pipe, no device."""
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:  # a broken link, which is reported when it is read
        return True


def _identity(folder: str) -> Identity | None:
    try:
        status = os.stat(folder)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
