# SPDX-License-Identifier: MIT
"""The worker of a batch: an actor of Ray Data that has loaded its models once, and turns inputs into rows."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from refcodec.batch.intact import OUTPUT_MAX, is_picture
from refcodec.batch.outcome import Failure, Outcome
from refcodec.batch.ray_ledger import Claim
from refcodec.batch.ray_rows import arrow, text
from refcodec.batch.ray_store import Store
from refcodec.batch.task import Task
from refcodec.batch.verify import verify
from refcodec.errors import Code, SemError, one_line
from refcodec.fileio import shown
from refcodec.limits import Limits


@dataclass(frozen=True)
class Stage:
    """What workers do. It can be pickled.

    inputs: where they lie. output: where workers write files; None: the bytes are part of the rows. resume: keep outputs
    that are there and intact. pictures: outputs are pictures. limit: bytes of an input.
    """

    task: Task
    inputs: tuple[Store, ...]
    limit: int
    output: Store | None = None
    resume: bool = False
    pictures: bool = False
    level: int = 1
    limits: Limits | None = None


class Worker:
    """Turn tables of inputs into tables of rows. ledger: a handle of the actor that runs a `Ledger`."""

    def __init__(self, stage: Stage, ledger: Any) -> None:
        self._stage, self._ledger = stage, ledger
        self._passed: list[bytes] = []
        stage.task.prepare()

    def __call__(self, table: Any) -> Any:
        """Return the rows of a block of inputs."""
        if self._passed:
            self._ledger.forget.remote(self._passed)
        rows = [self._row(row) for row in table.to_pylist()]
        self._passed = [row["name"] for row in rows]
        return arrow().Table.from_pylist(rows, schema=row_schema())

    def _row(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        import ray

        if row["failure"] is not None:
            return _row_of(row, Outcome("", error=pickle.loads(row["failure"])))
        claim, finished = ray.get(self._ledger.start.remote(row["name"], row["origin"]))
        if claim is Claim.DONE:
            return dict(finished)
        if claim is not Claim.WORK:
            return _row_of(row, Outcome("", error=_refusal(claim, row)))
        done = self._done(row)
        ray.get(self._ledger.finish.remote(row["name"], done))
        return done

    def _done(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the row of an input after working on it, or after finding its output intact."""
        stage, name = self._stage, os.fsdecode(row["name"])
        if stage.resume and stage.output is not None and (kept := self._kept(row, stage.output, name)) is not None:
            return kept
        try:
            if stage.output is not None:
                check_name(name)
            source = row["data"] if row["data"] is not None else self._source(row)
        except SemError as error:
            return _row_of(row, Outcome("", error=Failure.of(error)))
        outcome = stage.task(text(row["key"]), source)
        if outcome.error is not None and stage.task.concerns_all(outcome.error):
            return _row_of(row, outcome) | {"common": pickle.dumps(outcome.error)}
        if outcome.error is None and outcome.data is not None and stage.output is not None:
            try:
                stage.output.write(name, outcome.data)
            except SemError as error:
                return _row_of(row, Outcome("", error=Failure.of(error)))
        return _row_of(row, outcome, with_data=stage.output is None)

    def _source(self, row: Mapping[str, Any]) -> str | bytes:
        """Return the path of a local file, the bytes of another."""
        store, path = self._stage.inputs[row["store"]], os.fsdecode(row["source"])
        return path if store.is_local else store.read(path, self._stage.limit)

    def _kept(self, row: Mapping[str, Any], output: Store, name: str) -> Mapping[str, Any] | None:
        """Return the row of an output that is there and is what the task would make; None if it must be made."""
        try:
            data = output.read(output.path(name), OUTPUT_MAX)
        except SemError:
            return None
        if row["sha256"] is not None and hashlib.sha256(data).hexdigest() == row["sha256"]:
            return _row_of(row, Outcome("", data, kept=True), state="kept")
        try:
            facts = (
                self._verified(row, data) if row["sha256"] is None and not self._is_older(row, output, name) else None
            )
        except Exception:  # noqa: BLE001 - what cannot be verified is made again
            return None
        return None if facts is None else _row_of(row, facts, state="found")

    def _verified(self, row: Mapping[str, Any], data: bytes) -> Outcome | None:
        """Return what is known of a valid output that no row is of, as when a run was killed before it wrote its rows."""
        sem = data
        if self._stage.pictures:
            if not is_picture(data):
                return None
            source = row["data"] if row["data"] is not None else self._source(row)
            sem = source if isinstance(source, bytes) else Store("").read(source, self._stage.limit)
        stage = self._stage
        limits = Limits.default() if stage.limits is None else stage.limits
        found = verify(sem, stage.task.package_environment, stage.level, limits)
        if found.error is not None or not found.members["complete"]:
            return None
        return Outcome("", data, found.width, found.height, found.method, found.bpp, found.members["check"])

    def _is_older(self, row: Mapping[str, Any], output: Store, name: str) -> bool:
        """Return whether an output is older than its input, as far as their times are known."""
        made = output.time_ns(output.path(name))
        read = self._stage.inputs[row["store"]].time_ns(os.fsdecode(row["source"]))
        return made is None or (read is not None and made < read)


def row_schema() -> Any:
    """Return the schema of rows on their way from a worker: those of the Parquet files, and what the report needs.

    state: "done", "failed", "kept" for an output that a row of an earlier run is of, "found" for one without.
    common: the pickled `Failure` of an error that each input would have, such as a missing model.
    """
    pa = arrow()
    kinds = {
        "key": pa.binary(),
        "name": pa.binary(),
        "data": pa.large_binary(),
        "width": pa.int32(),
        "height": pa.int32(),
    }
    kinds |= {"method": pa.string(), "bpp": pa.float64(), "check": pa.string(), "error": pa.string()}
    kinds |= {"bytes": pa.int64(), "sha256": pa.string(), "source": pa.binary(), "source_version": pa.string()}
    kinds |= {"state": pa.string(), "status": pa.int32(), "notices": pa.list_(pa.string()), "common": pa.binary()}
    return pa.schema(list(kinds.items()))


def check_name(name: str) -> None:
    """Raise CANNOT_WRITE for the name of an output that would lie outside its folder, or cannot be a path."""
    parts = re.split(r"[/\\]" if os.sep == "\\" else "/", name)
    if "\0" in name or os.path.isabs(name) or any(part in ("", ".", "..") for part in parts):
        what = f"{shown(name)}: the key is not a path below the output folder"
        raise SemError(Code.CANNOT_WRITE, what, hint="write Parquet instead, or name the inputs otherwise")


def _row_of(
    row: Mapping[str, Any], outcome: Outcome, *, with_data: bool = False, state: str | None = None
) -> dict[str, Any]:
    data, error = outcome.data, outcome.error
    return {
        "key": row["key"],
        "name": row["name"],
        "data": data if with_data else None,
        "width": outcome.width,
        "height": outcome.height,
        "method": outcome.method,
        "bpp": outcome.bpp,
        "check": outcome.check,
        "error": None if error is None else error.text,
        "bytes": None if data is None else len(data),
        "sha256": None if data is None else hashlib.sha256(data).hexdigest(),
        "source": row["source"],
        "source_version": row["version"],
        "state": state or ("done" if error is None else "failed"),
        "status": outcome.status,
        "notices": list(map(one_line, outcome.notices)),
    }


def _refusal(claim: Claim, row: Mapping[str, Any]) -> Failure:
    """Return why an input is not worked on."""
    if claim is Claim.TWICE:
        return Failure.of(ValueError(f"another input has the output {shown(text(row['name']))}, too: name them apart"))
    what = "two workers that worked on it have ended"
    hint = "memory may be short: try it alone; a library may also have failed on it"
    return Failure.of(SemError(Code.LIMIT_SYMBOLS, what, hint=hint))
