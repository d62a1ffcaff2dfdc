# SPDX-License-Identifier: MIT
"""Name the outputs of many inputs in a folder, no two alike. Standard library only."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from refcodec.batch.inputs import Found
from refcodec.errors import Code, SemError
from refcodec.fileio import shown
from refcodec.temporary_files import new_name, remove_files


class Present(Enum):
    """What is done about an output that is there already."""

    REFUSE = "refuse"  # before the work starts
    REPLACE = "replace"
    KEEP = "keep"  # whatever it holds
    RESUME = "resume"  # keep what the task would make, make the others again


class OutputClash(ValueError):
    """Two inputs would be written to one file, or an output is one of the inputs."""


@dataclass(frozen=True)
class Item:
    """One file of many. source: its path; name: of its output below the folder; output: its path, None for no output."""

    source: str
    name: str
    output: str | None = None
    error: SemError | None = None


def unwritten(files: Iterable[Found]) -> list[Item]:
    """Return the items of inputs that are only read."""
    return [Item(found.source, found.key, None, found.error) for found in files]


def name_outputs(files: Iterable[Found], folder: str, suffix: str, *, keep_suffix: bool = False) -> list[Item]:
    """Return the items of inputs, whose outputs have the same subfolders below `folder` as the inputs in theirs.

    keep_suffix: a.jpg becomes a.jpg.sem instead of a.sem. An input that is named twice is one item.

    Raises `OutputClash` if two inputs have the same output, also one that differs in case on a file system that ignores it,
    or if an output is an input.
    """
    taken: dict[str, Item] = {}
    items = []
    for found in files:
        if found.error is not None:
            items.append(Item(found.source, found.key, None, found.error))
            continue
        name = (found.key if keep_suffix else os.path.splitext(found.key)[0]) + suffix
        item = Item(found.source, name, os.path.join(folder, name))
        other = taken.setdefault(name, item)
        if other is item:
            items.append(item)
        elif not _same_path(other.source, item.source):
            raise _clash(other, item, keep_suffix)
    _refuse_folded(items, folder, keep_suffix)
    _refuse_inputs(items)
    return items


def _refuse_folded(items: list[Item], folder: str, keep_suffix: bool) -> None:
    """Raise `OutputClash` for names that only differ in case or in the form of accents, if they are one file there."""
    seen: dict[str, Item] = {}
    for item in items:
        if item.output is None:
            continue
        other = seen.setdefault(unicodedata.normalize("NFC", item.name).casefold(), item)
        if other is not item and ignores_case(folder):
            raise _clash(other, item, keep_suffix)


def _refuse_inputs(items: list[Item]) -> None:
    sources = {_real(item.source) for item in items}
    for item in items:
        if item.output is not None and _real(item.output) in sources:
            raise OutputClash(f"{shown(item.output)} is one of the inputs: name another folder with -o")


def _clash(one: Item, other: Item, keep_suffix: bool) -> OutputClash:
    remedy = "name them apart" if keep_suffix else "name them apart, or give --keep-suffix"
    pair = f"{shown(one.source)} and {shown(other.source)}"
    return OutputClash(f"{pair} would both be written to {shown(str(other.output))}: {remedy}")


def _same_path(one: str, other: str) -> bool:
    return os.path.abspath(one) == os.path.abspath(other)


def _real(name: str) -> str:
    """Return a path with its folder resolved, so that links to folders do not hide that two files are one."""
    try:
        return os.path.join(os.path.realpath(os.path.dirname(name) or os.curdir), os.path.basename(name))
    except (OSError, ValueError):
        return name


def ignores_case(folder: str, exists: Callable[[str], bool] = os.path.lexists) -> bool:
    """Return whether names in a folder, or in the nearest folder around it that exists, are the same in any case."""
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    probe = os.path.join(folder, new_name())
    try:
        try:
            os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError:
            return False  # nothing can be written there
        found = exists(os.path.join(folder, os.path.basename(probe).upper()))
        remove_files([probe])
        return found
    except BaseException:  # also of a signal in the removal
        remove_files([probe])
        raise


def make_folder(folder: str) -> None:
    """Create a folder and those around it. Raises Code.CANNOT_WRITE (SEM-E-102)."""
    try:
        os.makedirs(folder or os.curdir, exist_ok=True)
    except OSError as error:
        raise SemError(Code.CANNOT_WRITE, f"{shown(folder)}: {error.strerror}") from error
