# SPDX-License-Identifier: MIT
"""Tars and Parquet files of many inputs: keys, what is skipped, and errors that become rows."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow")

import pyarrow.parquet as pq

from refcodec.batch.ray_inputs import find
from refcodec.batch.ray_shards import Member, Shards

SUFFIXES = frozenset({".png", ".jpg"})
MEMBERS = {"0001.jpg": b"one", "0001.json": b"{}", "sub/0002.PNG": b"two", "./0003.v2.jpg": b"three"}
KEYS = ["s/0001", "s/sub/0002", "s/0003.v2"]


def tar_bytes(members: dict[str, bytes] = MEMBERS, mode: str = "w") -> bytes:
    """An archive of these files, a folder and a link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, kind in (("folder.jpg", tarfile.DIRTYPE), ("link.jpg", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    return out.getvalue()


def members_of(path: Path, **settings: Any) -> list[Member]:
    found = find([str(path)], SUFFIXES, None)
    limit = settings.pop("limit", 1 << 20)
    return list(Shards(tuple(found.stores), SUFFIXES, limit, 2, ".sem", **settings).members(found.shards[0]))


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz"), (".tar.xz", "w:xz")]
)
def test_pictures_of_a_tar(tmp_path: Path, suffix: str, mode: str) -> None:
    path = tmp_path / f"s{suffix}"
    path.write_bytes(tar_bytes(mode=mode))
    members = members_of(path)
    assert [(each.key, each.data) for each in members] == list(zip(KEYS, [b"one", b"two", b"three"], strict=True))
    assert len({each.index for each in members}) == 3


@pytest.mark.parametrize("kept", [0, 100, 512, 515, 1024, 1500, 3000])
@pytest.mark.parametrize(("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz")])
def test_a_tar_that_is_cut_short_is_one_error_after_its_pictures(
    tmp_path: Path, suffix: str, mode: str, kept: int
) -> None:
    data = tar_bytes(mode=mode)
    path = tmp_path / f"s{suffix}"
    path.write_bytes(data[: kept if mode == "w" else len(data) * kept // 4000])
    members = members_of(path)
    assert members[-1].key == f"s{suffix}"
    assert members[-1].error is not None
    assert members[-1].error.id == "SEM-E-101"
    assert [each.key for each in members[:-1]] == KEYS[: len(members) - 1]
    assert all(each.error is None for each in members[:-1])


def test_garbage_in_the_middle_of_a_tar_is_an_error(tmp_path: Path) -> None:
    data = bytearray(tar_bytes())
    data[1024:1536] = b"\x55" * 512
    (tmp_path / "s.tar").write_bytes(data)
    members = members_of(tmp_path / "s.tar")
    assert [each.key for each in members] == ["s/0001", "s.tar"]


def test_a_large_member_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "s.tar").write_bytes(tar_bytes())
    members = members_of(tmp_path / "s.tar", limit=3)
    assert [each.error is None for each in members] == [True, True, False]
    assert members[2].error is not None
    assert members[2].error.id == "SEM-E-606"


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


HF = pa.array([{"bytes": b"x", "path": "p"}, {"bytes": None, "path": "q"}])


@pytest.mark.parametrize(
    ("columns", "settings", "expected"),
    [
        ({"key": ["a", "b"], "image": [b"x", b"y"]}, {}, [("a", b"x"), ("b", b"y")]),
        ({"__key__": ["a", "b"], "jpg": [b"x", b"y"]}, {}, [("a", b"x"), ("b", b"y")]),
        ({"image": [b"x", b"y"]}, {}, [("s/00000000", b"x"), ("s/00000001", b"y")]),
        ({"key": [7, 8], "sem": [b"x", b"y"]}, {}, [("7", b"x"), ("8", b"y")]),
        ({"id": ["a", "b"], "mine": [b"x", b"y"]}, {"column": "mine", "key_column": "id"}, [("a", b"x"), ("b", b"y")]),
        ({"image": ["text", "t"], "content": [b"x", b"y"]}, {}, [("s/00000000", b"x"), ("s/00000001", b"y")]),
        ({"key": ["a", "b"], "image": HF}, {}, [("a", b"x"), ("b", None)]),
        ({"key": ["a", "b"], "image": [b"x", None]}, {}, [("a", b"x"), ("b", None)]),
    ],
)
def test_rows_of_parquet(
    tmp_path: Path, columns: dict[str, Any], settings: dict[str, str], expected: list[tuple[str, bytes | None]]
) -> None:
    members = members_of(parquet(tmp_path / "s.parquet", **columns), **settings)
    assert [(each.key, each.data) for each in members] == expected
    assert [each.error is None for each in members] == [data is not None for _, data in expected]


@pytest.mark.parametrize("settings", [{}, {"column": "absent"}, {"key_column": "absent"}, {"column": "a\nb"}])
def test_parquet_without_the_column(tmp_path: Path, settings: dict[str, str]) -> None:
    (member,) = members_of(parquet(tmp_path / "s.parquet", text=["x"]), **settings)
    assert member.key == "s.parquet"
    assert member.error is not None
    assert "--column" in str(member.error)
    assert len(str(member.error).splitlines()) == 1


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"not parquet" * 50])
def test_damaged_parquet(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "s.parquet").write_bytes(data)
    (member,) = members_of(tmp_path / "s.parquet")
    assert member.error is not None
    assert member.error.id == "SEM-E-101"


def test_blocks_are_small_and_leave_out_what_is_done(tmp_path: Path) -> None:
    path = parquet(tmp_path / "s.parquet", key=list("abcde"), image=[b"x"] * 5)
    found = find([str(path)], SUFFIXES, None)
    done = {str(path): {"b": "sha", "d": None}}

    def rows(*, skip: bool) -> list[list[tuple[bytes, bytes, str | None]]]:
        shards = Shards(tuple(found.stores), SUFFIXES, 100, 2, ".sem", done=done, skip=skip)
        tables = shards(pa.table({"shard": [pickle.dumps(found.shards[0])]}))
        return [[(row["key"], row["name"], row["sha256"]) for row in table.to_pylist()] for table in tables]

    assert rows(skip=True) == [[(b"a", b"a.sem", None), (b"c", b"c.sem", None)], [(b"e", b"e.sem", None)]]
    assert [len(block) for block in rows(skip=False)] == [2, 2, 1]
    assert rows(skip=False)[0][1] == (b"b", b"b.sem", "sha")


@pytest.mark.parametrize(
    ("key", "name"), [("a.jpg", "a.sem"), ("a.v2", "a.v2.sem"), ("a/b.sem", "a/b.sem.sem"), ("a", "a.sem")]
)
def test_names_of_outputs(tmp_path: Path, key: str, name: str) -> None:
    path = parquet(tmp_path / "s.parquet", key=[key], image=[b"x"])
    found = find([str(path)], SUFFIXES, None)
    (table,) = Shards(tuple(found.stores), SUFFIXES, 100, 2, ".sem").blocks(found.shards[0])
    assert table.to_pylist()[0]["name"] == name.encode()
