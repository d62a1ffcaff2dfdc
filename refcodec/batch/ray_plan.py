# SPDX-License-Identifier: MIT
"""Decide what a batch has to do: inputs that no earlier run has done, and those whose outputs are to be checked."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from refcodec.batch.intact import OUTPUT_MAX
from refcodec.batch.outputs import Present
from refcodec.batch.ray_inputs import BatchInputs, Entry
from refcodec.batch.ray_rows import Record, packed, text
from refcodec.batch.ray_shards import Shards, input_row
from refcodec.batch.ray_store import Store
from refcodec.batch.ray_worker import Stage
from refcodec.batch.task import Task
from refcodec.errors import SemError
from refcodec.images.formats import MAX_BYTES
from refcodec.limits import Limits

BLOCK_ROWS: Final = 8  # inputs that a worker is passed at once


@dataclass(frozen=True)
class Batch:
    """What to do. inputs: files, folders, patterns and URLs; suffixes: of files in folders and tars.

    output: a folder or its URL, None for rows that are only reported. suffix: of outputs that are files below it; None:
    outputs are Parquet files there, with the bytes in the column `data`, if that is not None. options: a digest of the
    options that decide what an output holds. column, key_column: of inputs in Parquet, None: a usual name.
    """

    task: Task
    inputs: tuple[str, ...]
    suffixes: Collection[str]
    output: str | None = None
    suffix: str | None = None
    data: str | None = None
    options: str = ""
    present: Present = Present.REFUSE
    keep_suffix: bool = False
    pictures: bool = False
    column: str | None = None
    key_column: str | None = None
    level: int = 1
    limits: Limits | None = None

    @property
    def store(self) -> Store | None:
        """Where outputs go."""
        return None if self.output is None else Store(self.output)

    @property
    def files(self) -> Store | None:
        """Where outputs go that are files, None if there are none."""
        return self.store if self.suffix is not None else None


@dataclass
class Plan:
    """What is left to do. files: rows of inputs (`input_schema`). kept: keys of what need not be done.

    stale: rows of earlier runs that are no longer true: the number of the part of each key.
    """

    stage: Stage
    shards: Shards
    files: list[dict[str, Any]] = field(default_factory=list)
    shard_entries: list[Entry] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    stale: dict[str, int] = field(default_factory=dict)


def plan_of(batch: Batch, inputs: BatchInputs, files: list[Entry], records: Mapping[str, Record]) -> Plan:
    """Return what is left to do. records: of earlier runs, by key.

    Outputs that are files are checked by the workers; rows that have their output with them are done.
    """
    output = batch.files
    by_workers = output is not None and not output.in_process
    plan = Plan(_stage(batch, inputs, output if by_workers else None), _shards(batch, inputs, skip=not by_workers))
    plan.shard_entries = inputs.shards
    for entry in files:
        key = text(packed(entry.key))
        record = records.get(key)
        if record is not None and (record.version != entry.version or entry.error is not None):
            plan.stale[key] = record.number
            record = None
        if record is not None and not by_workers and (output is None or _is_there(output, entry.name, record)):
            plan.kept.append(key)
            continue
        plan.files.append(_file_row(inputs.stores[entry.store], entry, record))
    _add_shards(plan, inputs, records)
    return plan


def _add_shards(plan: Plan, inputs: BatchInputs, records: Mapping[str, Record]) -> None:
    """Sort what earlier runs have made of shards into what holds and what does not."""
    versions = {text(packed(shard.path)): shard.version for shard in inputs.shards}
    done: dict[str, dict[str, str | None]] = {}
    for key, record in records.items():
        if record.source not in versions:
            continue
        if versions[record.source] != record.version:
            plan.stale[key] = record.number
            continue
        done.setdefault(record.source, {})[key] = record.sha256
        if plan.shards.skip:
            plan.kept.append(key)
    plan.shards = replace(plan.shards, done=done)


def _stage(batch: Batch, inputs: BatchInputs, output: Store | None) -> Stage:
    resume = batch.present is Present.RESUME
    stores = tuple(inputs.stores)
    return Stage(batch.task, stores, MAX_BYTES, output, resume, batch.pictures, batch.level, batch.limits)


def _shards(batch: Batch, inputs: BatchInputs, *, skip: bool) -> Shards:
    return Shards(
        tuple(inputs.stores),
        frozenset(batch.suffixes),
        MAX_BYTES,
        BLOCK_ROWS,
        batch.suffix,
        batch.column,
        batch.key_column,
        skip=skip,
    )


def _file_row(store: Store, entry: Entry, record: Record | None) -> dict[str, Any]:
    """Return the row of a file, with its bytes if only this process can read it."""
    data = None
    if entry.error is None and store.in_process:
        try:
            data = store.read(entry.path, MAX_BYTES)
        except SemError as error:
            entry = replace(entry, error=error)
    origin = text(packed(f"{entry.store}:{entry.path}"))
    return input_row(entry, origin, None if record is None else record.sha256, entry.name, data)


def _is_there(output: Store, name: str, record: Record) -> bool:
    try:
        data = output.read(output.path(name), OUTPUT_MAX)
    except SemError:
        return False
    return hashlib.sha256(data).hexdigest() == record.sha256
