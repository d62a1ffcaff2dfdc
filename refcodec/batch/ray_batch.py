# SPDX-License-Identifier: MIT
"""Carry out a task on any number of inputs with Ray Data, on one machine or on a cluster.

    batch = Batch(Encode({"quality": 5}), ("photos/", "s3://bucket/*.jpg"), PICTURE_SUFFIXES, "out/", suffix=".sem")
    for row in run(batch, Cluster(workers=8)):
        print(row.key, row.state, row.error)

Workers write files, or pass their bytes on; this process alone writes the rows, as Parquet.
"""

from __future__ import annotations

import pickle
from collections.abc import Generator
from contextlib import ExitStack
from functools import partial
from typing import Final

from refcodec.batch.outputs import Present
from refcodec.batch.ray_cluster import Cluster, connected
from refcodec.batch.ray_inputs import BatchInputs, Entry, find, name_files
from refcodec.batch.ray_leftovers import remove_leftovers
from refcodec.batch.ray_pipeline import prepare_there, row_tables
from refcodec.batch.ray_plan import Batch, plan_of
from refcodec.batch.ray_rows import Parts, arrow
from refcodec.batch.ray_store import Store
from refcodec.batch.ray_writer import Row, Writer
from refcodec.batch.run import OutputsPresent

__all__ = ["Batch", "Cluster", "Row", "inputs_of", "rows_of", "run"]

ROWS: Final = "_rows"  # folder of the rows, beside outputs that are files


def run(batch: Batch, cluster: Cluster) -> Generator[Row, None, None]:
    """Yield a row for each input as it is done with, those that earlier runs have done first. Close it to end early.

    Raises OutputClash, OutputsPresent and ValueError for arguments that do not fit, and SemError for inputs that are not
    found, a cluster that is not reached and outputs that cannot be written.
    """
    inputs, files = inputs_of(batch)
    yield from rows_of(batch, cluster, inputs, files)


def inputs_of(batch: Batch) -> tuple[BatchInputs, list[Entry]]:
    """Return the inputs, and the files among them with the names of their outputs. Raises as `run` does."""
    arrow()
    inputs = find(batch.inputs, batch.suffixes, batch.output)
    files = name_files(inputs.files, batch.files, batch.suffix or "", keep_suffix=batch.keep_suffix)
    if batch.store is not None:
        _check_output(batch.store, batch.present)
    return inputs, files


def rows_of(batch: Batch, cluster: Cluster, inputs: BatchInputs, files: list[Entry]) -> Generator[Row, None, None]:
    """Yield the rows of `run` for the inputs of `inputs_of`.

    Raises as `run` does, and the error of an input if each would have it and none has been done before.
    """
    parts = _parts(batch)
    resume = parts is not None and batch.present is Present.RESUME
    records = parts.records() if parts is not None and resume else {}
    plan = plan_of(batch, inputs, files, records)
    for key in plan.stale:
        del records[key]
    yield from (Row(key, "kept") for key in plan.kept)
    if not plan.files and not plan.shard_entries:
        return
    if cluster.address is None:
        batch.task.prepare()
    with ExitStack() as stack:
        stack.push(partial(_clean_up, batch))  # when Ray has shut down
        ray = stack.enter_context(connected(cluster))
        if cluster.address is not None:
            prepare_there(ray, plan.stage, cluster)
        if parts is not None:
            parts.begin(plan.stale if resume else None)
        writer = Writer(parts, batch.files if plan.stage.output is None else None, records)
        stack.callback(writer.flush)
        any_done = bool(plan.kept)
        for table in row_tables(ray, plan, cluster):
            for columns in table.to_pylist():
                if columns["common"] is not None and not any_done:
                    raise pickle.loads(columns["common"]).as_error()
                any_done = any_done or columns["state"] != "failed"
                yield writer.add(columns)
            writer.flush_if_due()


def _clean_up(batch: Batch, error: type[BaseException] | None, *_: object) -> None:
    """Remove what the workers of a run that ends early leave beside files that they were writing."""
    if error is not None and batch.files is not None and batch.store is not None and batch.store.is_local:
        remove_leftovers(batch.store.root)


def _parts(batch: Batch) -> Parts | None:
    if batch.store is None:
        return None
    as_files = batch.files is not None
    return Parts(batch.store, ROWS if as_files else "", None if as_files else batch.data, batch.options)


def _check_output(output: Store, present: Present) -> None:
    """Raise `OutputsPresent` for a file, and for a folder with anything in it unless the caller says what to do."""
    name = output.shown("").rstrip("/")
    if output.is_file():
        raise OutputsPresent(f"{name} is not a folder: name one with -o")
    if present is Present.REFUSE and output.names():
        raise OutputsPresent(f"{name} is not empty: go on with --resume, or replace outputs with --force")
