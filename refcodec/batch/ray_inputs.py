# SPDX-License-Identifier: MIT
"""Find the inputs of a batch: files, folders and patterns, local or by URL; tar and Parquet files are shards of many."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.request import url2pathname

from refcodec.batch.inputs import Found, Inputs, find_inputs
from refcodec.batch.outputs import OutputClash, name_outputs
from refcodec.batch.ray_store import Store, has_wildcards, is_url, local_version
from refcodec.errors import Code, SemError
from refcodec.fileio import shown

TARS: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
PARQUET: Final = (".parquet", ".pq")
_FILE_URL: Final = re.compile(r"file:(?://(?:localhost)?)?(?=/)", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A file to work on, or a shard of many. key: its path below what was named; name: of its output; store: an index."""

    key: str
    store: int
    path: str
    version: str
    name: str = ""
    error: SemError | None = None

    @property
    def stem(self) -> str:
        """The key without its suffix."""
        suffix = next((each for each in (*TARS, *PARQUET) if self.key.lower().endswith(each)), "")
        return self.key[: -len(suffix)] if suffix else os.path.splitext(self.key)[0]

    @property
    def is_shard(self) -> bool:
        """Whether it is a file of many inputs, by its suffix."""
        return self.key.lower().endswith((*TARS, *PARQUET))

    def is_wanted(self, suffixes: Collection[str]) -> bool:
        """Return whether it is an input where a folder has it. suffixes: of files, in lower case."""
        apart = any(part.startswith((".", "_")) for part in re.split(r"[/\\]", self.key))  # hidden, or rows of a batch
        return not apart and (self.is_shard or os.path.splitext(self.key)[1].lower() in suffixes)


@dataclass
class BatchInputs:
    """The inputs of a batch. stores: where they lie, by index; others: what folders hold beside them."""

    stores: list[Store] = field(default_factory=list)
    files: list[Entry] = field(default_factory=list)
    shards: list[Entry] = field(default_factory=list)
    others: Inputs = field(default_factory=Inputs)


def find(names: Collection[str], suffixes: Collection[str], output: str | None) -> BatchInputs:
    """Return the inputs that names stand for. suffixes: of files in folders, in lower case; output: a folder left out.

    Raises CANNOT_READ for a pattern or folder without any.
    """
    found = BatchInputs()
    for name in map(local_path, names):
        store = Store(name)
        found.stores.append(store)
        entries = list(_of_url(store, suffixes) if is_url(name) else _of_path(name, suffixes, output, found.others))
        if not entries:
            hint = "name another folder or pattern, or the files themselves"
            raise SemError(Code.CANNOT_READ, f"{shown(name)}: no file to work on", hint=hint)
        for entry in entries:
            placed = replace(entry, store=len(found.stores) - 1)
            (found.shards if placed.is_shard else found.files).append(placed)
    return found


def local_path(name: str) -> str:
    """Return the path of a `file:` URL, and other names as they are."""
    match = _FILE_URL.match(name)
    return name if match is None else url2pathname(name[match.end() :])


def _of_path(name: str, suffixes: Collection[str], output: str | None, others: Inputs) -> Iterator[Entry]:
    wanted = {*suffixes, *(each[each.rindex(".") :] for each in TARS), *PARQUET}
    names, top = [name], os.path.dirname(name)
    pattern = has_wildcards(name) and not os.path.lexists(name)
    if pattern:
        names = sorted(glob.glob(name, recursive=True))
        top = os.path.dirname(name[: re.search(r"[*?\[]", name).start()])  # type: ignore[union-attr]
    seen = set()
    for each in names:
        inputs = find_inputs([each], wanted, output)
        others.add_left_out(inputs)
        in_folder = os.path.isdir(each)
        prefix = os.path.relpath(each if in_folder else os.path.dirname(each) or ".", top or ".") if pattern else ""
        for file in inputs.files:
            if file.source in seen:  # `**` finds what lies in a folder, too
                continue
            seen.add(file.source)
            entry = Entry(_joined(prefix, file.key), 0, file.source, local_version(file.source), error=file.error)
            if not in_folder or file.error is not None or replace(entry, key=file.key).is_wanted(suffixes):
                yield entry


def _of_url(store: Store, suffixes: Collection[str]) -> Iterator[Entry]:
    named = store.is_file()
    for path, key, version in store.find():
        entry = Entry(key, 0, path, version)
        if named or entry.is_wanted(suffixes):
            yield entry


def _joined(prefix: str, key: str) -> str:
    return key if prefix in ("", ".") else f"{prefix}{os.sep}{key}"


def name_files(files: list[Entry], output: Store | None, suffix: str, *, keep_suffix: bool) -> list[Entry]:
    """Return the files with the names of their outputs, each input once.

    output: None for rows alone, whose keys are the names. Raises `OutputClash` for two inputs with one output.
    """
    if output is not None and output.is_local:
        founds = [Found(entry.path, entry.key, entry.error) for entry in files]
        names = {item.source: item.name for item in name_outputs(founds, output.root, suffix, keep_suffix=keep_suffix)}
        unique = {entry.path: entry for entry in reversed(files)}
        return [replace(unique[path], name=name) for path, name in names.items()]
    taken: dict[str, Entry] = {}
    for entry in files:
        whole = output is None or keep_suffix
        name = (entry.key if whole else os.path.splitext(entry.key)[0]) + ("" if output is None else suffix)
        other = taken.setdefault(name, replace(entry, name=name))
        if other.path != entry.path:
            raise OutputClash(
                f"{shown(other.path)} and {shown(entry.path)} would both be {shown(name)}: name them apart"
            )
    return list(taken.values())
