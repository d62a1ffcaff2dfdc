# SPDX-License-Identifier: MIT
"""Rows of batches in Parquet: what a later run reads from them, and what it removes."""

from __future__ import annotations

import hashlib
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("pyarrow")

from refcodec.batch import ray_batch
from refcodec.batch.encode import Encode
from refcodec.batch.ray_batch import Batch, run
from refcodec.batch.ray_cluster import Cluster
from refcodec.batch.ray_ledger import Claim, Ledger
from refcodec.batch.ray_rows import DONE, FAILED, Parts, schema_of
from refcodec.batch.ray_shards import table_of
from refcodec.batch.ray_store import Store
from refcodec.batch.ray_worker import Worker, check_name
from refcodec.batch.ray_writer import Writer
from refcodec.errors import SemError

COLUMNS = ["key", "sem", "width", "height", "method", "bpp", "check", "error"]


def made(key: str, data: bytes = b"x", version: str = "1") -> dict[str, Any]:
    """A row of a file that was made."""
    digest = hashlib.sha256(data).hexdigest()
    return {
        "key": key,
        "sem": data,
        "width": 4,
        "height": 2,
        "sha256": digest,
        "source": key,
        "source_version": version,
    }


def parts_of(folder: Path, options: str = "o") -> Parts:
    return Parts(Store(str(folder)), "", "sem", options)


def rows_in(folder: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return pq.read_table(folder).to_pylist() if any(folder.iterdir()) else []


def test_the_columns_begin_as_documented() -> None:
    assert schema_of("sem", "").names[:8] == COLUMNS
    assert schema_of(None, "").names[:2] == ["key", "width"]


def test_a_later_run_knows_what_was_made_and_tries_failures_again(tmp_path: Path) -> None:
    parts = parts_of(tmp_path)
    parts.write(DONE, [made("a"), made("b")])
    parts.write(FAILED, [{"key": "c", "error": "SEM-E-104 …"}])
    later = parts_of(tmp_path)
    records = later.records()
    assert sorted(records) == ["a", "b"]
    assert records["a"].sha256 == hashlib.sha256(b"x").hexdigest()
    assert len(rows_in(tmp_path)) == 3  # nothing is removed before the work begins
    later.begin({})
    assert [row["key"] for row in rows_in(tmp_path)] == ["a", "b"]
    later.write(DONE, [made("c")])
    assert later.existing() == ["part-000000.parquet", "part-000002.parquet"]


def test_a_row_of_a_later_part_holds(tmp_path: Path) -> None:
    parts = parts_of(tmp_path)
    parts.write(DONE, [made("a", version="1"), made("b")])
    parts.write(DONE, [made("a", version="2")])
    records = parts_of(tmp_path).records()
    assert (records["a"].version, records["a"].number) == ("2", 1)
    assert sorted(row["key"] for row in rows_in(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("damage", [b"", b"PAR1", None])
def test_a_damaged_part_counts_as_not_done(tmp_path: Path, damage: bytes | None) -> None:
    parts = parts_of(tmp_path)
    parts.write(DONE, [made("a")])
    parts.write(DONE, [made("b")])
    path = tmp_path / "part-000000.parquet"
    path.write_bytes(path.read_bytes()[:-9] if damage is None else damage)
    later = parts_of(tmp_path)
    assert list(later.records()) == ["b"]
    later.begin({})
    assert [row["key"] for row in rows_in(tmp_path)] == ["b"]


def test_rows_of_other_options_are_refused(tmp_path: Path) -> None:
    parts_of(tmp_path).write(DONE, [made("a")])
    with pytest.raises(ValueError, match="other options"):
        parts_of(tmp_path, "p").records()
    assert len(rows_in(tmp_path)) == 1


def test_stale_rows_are_dropped(tmp_path: Path) -> None:
    parts = parts_of(tmp_path)
    parts.write(DONE, [made("a"), made("b")])
    parts.write(DONE, [made("c")])
    later = parts_of(tmp_path)
    later.records()
    later.begin({"b": 0, "c": 1})
    assert [row["key"] for row in rows_in(tmp_path)] == ["a"]
    assert later.existing() == ["part-000000.parquet"]


def test_force_removes_parts_and_nothing_else(tmp_path: Path) -> None:
    parts_of(tmp_path).write(DONE, [made("a")])
    (tmp_path / "mine.parquet").write_bytes(b"x")
    parts_of(tmp_path, "p").begin(None)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.parquet"]


def worker_row(key: bytes, state: str, data: bytes | None = None, error: str | None = None) -> dict[str, Any]:
    """A row as a worker passes it on."""
    return {"key": key, "name": key, "data": data, "width": 1, "height": 1, "method": "elic", "bpp": 1.0} | {
        "check": "ok",
        "error": error,
        "bytes": None if data is None else len(data),
        "sha256": "0",
        "source": key,
        "source_version": "1",
        "state": state,
        "status": 7 if error else 0,
        "notices": [],
    }


def test_the_writer_keeps_one_row_of_each_input(tmp_path: Path) -> None:
    parts_of(tmp_path).write(DONE, [made("a"), made("b")])
    parts = parts_of(tmp_path)
    records = parts.records()
    parts.begin({})
    writer = Writer(parts, None, records)
    states = [
        writer.add(worker_row(b"a", "done", b"new")),
        writer.add(worker_row(b"b", "kept", b"x")),
        writer.add(worker_row(b"c", "found", b"y")),
        writer.add(worker_row(b"d", "failed", error="SEM-E-104 x")),
    ]
    writer.flush()
    assert [(row.key, row.state, row.bytes) for row in states] == [
        ("a", "done", 3),
        ("b", "kept", 0),
        ("c", "kept", 0),
        ("d", "failed", 0),
    ]
    rows = {row["key"]: row for row in rows_in(tmp_path)}
    assert sorted(rows) == ["a", "b", "c", "d"]
    assert len(rows_in(tmp_path)) == 4
    assert rows["a"]["sem"] == b"new"
    assert rows["d"]["error"] == "SEM-E-104 x"


def test_names_that_are_not_utf8_are_shown_with_escapes(tmp_path: Path) -> None:
    writer = Writer(parts_of(tmp_path), None, {})
    assert writer.add(worker_row(b"a\xff.png", "done", b"x")).key == "a\\xff.png"
    writer.flush()
    assert rows_in(tmp_path)[0]["key"] == "a\\xff.png"


class TestLedger:
    """What outlives a worker that is killed."""

    def test_an_input_is_begun_twice_at_most(self) -> None:
        ledger = Ledger()
        claims = [ledger.start(b"a", "s:1")[0] for _ in range(4)]
        assert claims == [Claim.WORK, Claim.WORK, Claim.KILLS, Claim.KILLS]

    def test_a_finished_input_is_not_done_again(self) -> None:
        ledger = Ledger()
        ledger.start(b"a", "s:1")
        ledger.finish(b"a", {"data": b"x"})
        assert ledger.start(b"a", "s:1") == (Claim.DONE, {"data": b"x"})
        ledger.forget([b"a"])
        assert ledger.start(b"a", "s:1")[0] is Claim.WORK  # its block was lost: it has killed nothing

    def test_a_large_output_is_not_kept(self) -> None:
        ledger = Ledger()
        ledger.start(b"a", "s:1")
        ledger.finish(b"a", {"data": bytes(1 << 20)})
        assert ledger.start(b"a", "s:1")[0] is Claim.WORK

    def test_another_input_of_the_same_key_is_refused(self) -> None:
        ledger = Ledger()
        assert ledger.start(b"a", "s:1")[0] is Claim.WORK
        assert ledger.start(b"a", "s:2")[0] is Claim.TWICE


@pytest.mark.parametrize("name", ["../x.sem", "/etc/x.sem", "a/../../x", "", "a//b", "./x", "a\0b"])
def test_names_outside_the_output_folder_are_refused(name: str) -> None:
    with pytest.raises(SemError, match="not a path below") as error:
        check_name(name)
    assert error.value.id == "SEM-E-102"


@pytest.mark.parametrize("name", ["x.sem", "a/b/x.sem", "..x", "a b/ü.sem"])
def test_other_names_are_taken(name: str) -> None:
    check_name(name)


class _Inline:
    """A handle of an actor that runs in this process."""

    def __init__(self, ledger: Ledger) -> None:
        for name in ("start", "finish", "forget"):
            setattr(self, name, SimpleNamespace(remote=getattr(ledger, name)))


@pytest.mark.parametrize("broken", [False, True])
def test_a_model_that_each_picture_would_need_ends_the_batch(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one error, not a row for each input; an input that cannot be read before it is a row all the same."""
    for name in "bcd":
        Image.new("RGB", (16, 16)).save(tmp_path / f"{name}.png")
    if broken:
        (tmp_path / "a.png").write_bytes(b"no picture")
    ray = ModuleType("ray")
    ray.get = lambda value: value  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(ray_batch, "connected", lambda _: nullcontext(ray))
    monkeypatch.setattr(
        ray_batch,
        "row_tables",
        lambda _, plan, __: [Worker(plan.stage, _Inline(Ledger()))(table_of(plan.files))],
    )
    batch = Batch(Encode({"method": "clip"}), (str(tmp_path),), frozenset({".png"}), str(tmp_path / "out"), ".sem")
    batch_rows, keys = run(batch, Cluster()), list[str]()
    with pytest.raises(SemError, match="nothing fills the role image_embedder"):
        keys.extend(row.key for row in batch_rows)
    assert keys == (["a.png"] if broken else [])
    assert not list((tmp_path / "out").rglob("*.sem"))
