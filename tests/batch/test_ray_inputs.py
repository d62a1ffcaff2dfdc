# SPDX-License-Identifier: MIT
"""Inputs of batches: what names, patterns and URLs stand for, under which keys, and which outputs they have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from refcodec.batch.outputs import OutputClash
from refcodec.batch.ray_inputs import Entry, find, local_path, name_files
from refcodec.batch.ray_store import Store, is_url, version_of
from refcodec.errors import SemError

SUFFIXES = frozenset({".png", ".jpg"})


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures in folders, shards, and what is no input."""
    for name in ("a.png", "b/c.JPG", "b/d/e.png", "b/notes.txt", "s.tar", "t.tar.gz", "u.parquet"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    for name in ("_rows/part-000000.parquet", ".hidden/f.png", "b/.g.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "files", "shards"),
    [
        (["in"], ["a.png", "b/c.JPG", "b/d/e.png"], ["s.tar", "t.tar.gz", "u.parquet"]),
        (["in/"], ["a.png", "b/c.JPG", "b/d/e.png"], ["s.tar", "t.tar.gz", "u.parquet"]),
        (["in/a.png", "in/b"], ["a.png", "c.JPG", "d/e.png"], []),
        (["in/*.png"], ["a.png"], []),
        (["in/**/*.png"], ["a.png", "b/d/e.png"], []),
        (["in/b/**"], ["c.JPG", "d/e.png", "notes.txt"], []),  # as a shell expands it: named files need no suffix
        (["in/*.tar*"], [], ["s.tar", "t.tar.gz"]),
        (["in/[ab].png"], ["a.png"], []),
    ],
)
def test_names(tree: Path, names: list[str], files: list[str], shards: list[str]) -> None:
    found = find(names, SUFFIXES, None)
    assert sorted(entry.key for entry in found.files) == files
    assert sorted(entry.key for entry in found.shards) == shards


@pytest.mark.parametrize("url", ["file://{}", "file:{}", "file://localhost{}"])
def test_file_urls_are_paths(tree: Path, url: str) -> None:
    named = url.format(tree / "in" / "b")
    assert local_path(named) == str(tree / "in" / "b")
    assert [entry.key for entry in find([named], SUFFIXES, None).files] == ["c.JPG", "d/e.png"]


@pytest.mark.parametrize(
    ("name", "expected"), [("s3://b/x", True), ("zip://a::f.zip", True), ("C:\\x", False), ("a:b", False)]
)
def test_what_is_a_url(name: str, expected: bool) -> None:
    assert is_url(name) is expected


def test_a_file_whose_name_is_a_pattern_is_that_file(tree: Path) -> None:
    (tree / "in" / "[ab].png").write_bytes(b"x")
    assert [entry.path for entry in find(["in/[ab].png"], SUFFIXES, None).files] == ["in/[ab].png"]


@pytest.mark.parametrize("name", ["in/*.bmp", "empty"])
def test_nothing_to_work_on(tree: Path, name: str) -> None:
    (tree / "empty").mkdir()
    with pytest.raises(SemError, match="no file to work on") as error:
        find([name], SUFFIXES, None)
    assert error.value.id == "SEM-E-101"


def test_the_output_folder_is_no_input(tree: Path) -> None:
    (tree / "in" / "out").mkdir()
    (tree / "in" / "out" / "old.png").write_bytes(b"x")
    assert "out/old.png" not in [entry.key for entry in find(["in"], SUFFIXES, "in/out").files]


def test_the_version_of_a_file_changes_with_it(tree: Path) -> None:
    def version() -> str:
        return find(["in/a.png"], SUFFIXES, None).files[0].version

    before = version()
    assert version() == before
    os.utime(tree / "in" / "a.png", ns=(1, 1))
    assert version() != before


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"ETag": '"abc"', "size": 3}, "abc"),
        ({"size": 3, "mtime": 1.5}, "3:1.5"),
        ({"size": 3}, "3:"),
    ],
)
def test_versions_of_objects(info: dict[str, object], expected: str) -> None:
    assert version_of(info) == expected


class TestMemory:
    """URLs of fsspec, of the file system that is always there."""

    @pytest.fixture(autouse=True)
    def in_memory(self) -> None:
        system = pytest.importorskip("fsspec").filesystem("memory")
        system.store.clear()
        for name in ("/m/a.png", "/m/b/c.jpg", "/m/b/n.txt", "/m/_rows/p.parquet", "/m/s.tar"):
            system.pipe_file(name, b"x")

    @pytest.mark.parametrize(
        ("url", "files", "shards"),
        [
            ("memory://m", ["a.png", "b/c.jpg"], ["s.tar"]),
            ("memory://m/*.png", ["a.png"], []),
            ("memory://m/b/n.txt", ["n.txt"], []),
        ],
    )
    def test_names(self, url: str, files: list[str], shards: list[str]) -> None:
        found = find([url], SUFFIXES, None)
        assert sorted(entry.key for entry in found.files) == files
        assert sorted(entry.key for entry in found.shards) == shards

    def test_reading_and_writing(self) -> None:
        store = Store("memory://m")
        store.write("new/x.sem", b"data")
        assert store.read(store.path("new/x.sem"), 100) == b"data"
        assert store.names("new") == ["x.sem"]
        assert store.in_process
        store.remove("new/x.sem")
        assert store.names("new") == []
        with pytest.raises(SemError, match="SEM-E-606"):
            store.read(store.path("a.png"), 0)
        with pytest.raises(SemError, match="SEM-E-101"):
            store.read(store.path("absent"), 9)


def test_a_file_system_that_is_not_installed() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(SemError, match="install the package") as error:
        find(["sftp://host/x" if _lacks("paramiko") else "nosuch://x"], SUFFIXES, None)
    assert str(error.value).count("SEM-E-") == 1


def _lacks(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is None


@pytest.mark.parametrize("output", ["out", None])
def test_outputs_are_named_as_inputs(tree: Path, output: str | None) -> None:
    found = find(["in"], SUFFIXES, output)
    named = name_files(found.files, None if output is None else Store(output), ".sem", keep_suffix=False)
    expected = ["a", "b/c", "b/d/e"] if output else ["a.png", "b/c.JPG", "b/d/e.png"]
    assert [entry.name for entry in named] == [f"{name}.sem" if output else name for name in expected]


@pytest.mark.parametrize("output", ["out", "memory://out"])
def test_two_inputs_of_one_output_are_refused(tree: Path, output: str) -> None:
    pytest.importorskip("fsspec")
    (tree / "in" / "a.jpg").write_bytes(b"x")
    found = find(["in/a.png", "in/a.jpg"], SUFFIXES, None)
    with pytest.raises(OutputClash):
        name_files(found.files, Store(output), ".sem", keep_suffix=False)
    kept = name_files(found.files, Store(output), ".sem", keep_suffix=True)
    assert [entry.name for entry in kept] == ["a.png.sem", "a.jpg.sem"]


def test_an_input_that_is_named_twice_is_one(tree: Path) -> None:
    found = find(["in/a.png", "in/a.png"], SUFFIXES, None)
    for output in (Store("out"), None):
        assert len(name_files(found.files, output, ".sem", keep_suffix=False)) == 1


@pytest.mark.parametrize(
    ("key", "stem"), [("x/a.tar.gz", "x/a"), ("a.b.tar", "a.b"), ("a.parquet", "a"), ("a.b.png", "a.b")]
)
def test_stems(key: str, stem: str) -> None:
    assert Entry(key, 0, key, "").stem == stem
