# SPDX-License-Identifier: MIT
"""An exception of a signal anywhere in a write: no temporary file or folder stays, and the target is the old or the new."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from refcodec import temporary_files, unpacked
from refcodec.batch import outputs
from refcodec.errors import SemError
from refcodec.fileio import write_atomic
from refcodec.foundation import model_set

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
    # What is interrupted between opening and keeping a file is closed by the interpreter.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

MODULES = ("temporary_files.py", "replace_file.py", "fileio.py", "outputs.py", "unpacked.py", "model_set.py")
OLD, NEW = b"old contents", b"new" * 10


class Interrupted(BaseException):
    """Stands for what a handler of a signal raises."""


def interrupted_at(number: int, work: Callable[[], Any]) -> bool:
    """Run `work`, raising before the opcode of this number in the modules that write; return whether there was one."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.endswith(MODULES):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            count += 1
            if count == number:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except Interrupted:
        pass
    finally:
        sys.settrace(before)
    return count >= number


def at_every_opcode(work: Callable[[], Any], check: Callable[[], None]) -> int:
    """Interrupt `work` at every opcode in turn, and check what is left each time; return how many there were."""
    number = 1
    while interrupted_at(number, work):
        check()
        number += 1
    check()
    return number


def not_permitted(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("new", [NEW, b""])
@pytest.mark.parametrize("way", ["new", "over old", "in place", "exclusive", "exclusive without hard links"])
def test_a_file_is_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, new: bytes) -> None:
    target = tmp_path / "out"
    old = OLD if way in ("over old", "in place") else None
    if way == "in place":
        monkeypatch.setattr(os, "replace", not_permitted)
    if way == "exclusive without hard links":
        monkeypatch.setattr(os, "link", not_permitted)

    def work() -> None:
        target.unlink(missing_ok=True)
        if old is not None:
            target.write_bytes(old)
        write_atomic(target, new, exclusive=way.startswith("exclusive"))

    seen = set()

    def check() -> None:
        assert os.listdir(tmp_path) in ([], ["out"])
        contents = target.read_bytes() if target.exists() else None
        assert contents in (old, new)
        seen.add(contents)

    assert at_every_opcode(work, check) > 200
    assert seen == {old, new}


@pytest.mark.parametrize("taken", [1, 99])
def test_a_file_that_others_take_while_it_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """The first tries, or all of them, are taken for stale before they are locked."""
    real = temporary_files._lock
    left = 0

    def lock(descriptor: int) -> bool | None:
        nonlocal left
        left -= 1
        return False if left >= 0 else real(descriptor)

    monkeypatch.setattr(temporary_files, "_lock", lock)

    def work() -> None:
        nonlocal left
        left = taken
        try:
            write_atomic(tmp_path / "out", NEW)
        except SemError:
            assert taken == 99

    def check() -> None:
        assert os.listdir(tmp_path) in ([], ["out"])

    assert at_every_opcode(work, check) > 200


def test_a_file_of_another_stays_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file that was there before, or comes in between, is not taken for the one of this write."""
    monkeypatch.setattr(os, "link", not_permitted)
    target = tmp_path / "out"

    def work() -> None:
        target.write_bytes(b"")
        with pytest.raises(SemError, match="is there already"):
            write_atomic(target, NEW, exclusive=True)

    def check() -> None:
        assert os.listdir(tmp_path) == ["out"]
        assert target.read_bytes() == b""

    assert at_every_opcode(work, check) > 50


def test_the_folder_of_a_model_that_is_made(tmp_path: Path) -> None:
    def work() -> None:
        with model_set.temporary_dir(tmp_path / "set") as folder:
            (folder / "weights").write_bytes(NEW)

    def check() -> None:
        assert os.listdir(tmp_path) in ([], ["set"])
        if (tmp_path / "set").exists():
            assert os.listdir(tmp_path / "set") == []

    assert at_every_opcode(work, check) > 100


def test_the_folder_of_unpacked_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "archive" / "data").mkdir(parents=True)
    (tmp_path / "archive" / "data" / "weights").write_bytes(NEW)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path / "archive")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    registered: list[str] = []
    monkeypatch.setattr(unpacked.atexit, "register", lambda _, folder, __: registered.append(Path(folder).name))

    def work() -> None:
        temporary_files.remove_folders([str(path) for path in (tmp_path / "temporary").iterdir()])
        unpacked.unpacked.cache_clear()
        unpacked.unpacked("refcodec", "data")

    def check() -> None:
        """What stays is complete, and removed when the process ends."""
        for left in (tmp_path / "temporary").iterdir():
            assert left.name in registered
            assert (left / "data" / "weights").read_bytes() == NEW

    assert at_every_opcode(work, check) > 100
    unpacked.unpacked.cache_clear()


def test_the_probe_of_a_folder(tmp_path: Path) -> None:
    def check() -> None:
        assert os.listdir(tmp_path) == []

    assert at_every_opcode(lambda: outputs.ignores_case(str(tmp_path)), check) > 20


def test_a_folder_of_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray_cluster = pytest.importorskip("refcodec.batch.ray_cluster")
    monkeypatch.setattr(ray_cluster, "PATH_MAX", 999)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def work() -> None:
        with ray_cluster._temporary_folder():
            pass

    def check() -> None:
        assert os.listdir(tmp_path) == []

    monkeypatch.setitem(globals(), "MODULES", (*MODULES, "ray_cluster.py"))
    assert at_every_opcode(work, check) > 100
