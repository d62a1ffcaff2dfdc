# SPDX-License-Identifier: MIT
"""refcodec.fileio: bounded reads, writes that happen completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from refcodec import fileio
from refcodec.errors import SemError
from refcodec.fileio import read_bytes, read_stream, write_atomic, write_stream

posix = pytest.mark.skipif(os.name != "posix", reason="pipes, modes and devices are POSIX")


def code_of(call: Any, *args: Any) -> int:
    with pytest.raises(SemError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return caught.value.code


class Unseekable(io.RawIOBase):
    """A raw stream that gives and takes at most three bytes at a time."""

    def __init__(self, data: bytes = b"") -> None:
        self.rest, self.taken, self.flushed = data, b"", False

    def read(self, size: int = -1) -> bytes:
        chunk, self.rest = self.rest[: min(3, size)], self.rest[min(3, size) :]
        return chunk

    def write(self, data: Any) -> int:
        self.taken += bytes(data[:3])
        return min(3, len(data))

    def flush(self) -> None:
        self.flushed = True


class Broken(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def write(self, data: Any) -> int:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Stuck(io.RawIOBase):
    """A non-blocking stream with nothing to give and no room to take."""

    def read(self, size: int = -1) -> None:
        return None

    def write(self, data: Any) -> None:
        return None


# ---------------------------------------------------------------------------------------------------------------- read


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a b.png", "a b.png"),
        ("", "''"),
        ("a\nb", r"'a\nb'"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("\ud800", r"'\ud800'"),
        ("x" * 1000, "x" * 1000),
        ("x" * 1001, "x" * 500 + "…" + "x" * 500),
        ("\n" * 10**6, "'" + r"\n" * 500 + r"\u2026" + r"\n" * 500 + "'"),
    ],
)
def test_names_in_messages(name: str, text: str) -> None:
    assert fileio.shown(name) == text


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 9000])
def test_reads_the_whole_file_up_to_its_limit(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    assert read_bytes(path, len(data)) == data
    assert read_bytes(str(path), len(data) + 1) == data
    if data:
        assert code_of(read_bytes, path, len(data) - 1) == 606


def test_a_long_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 36)
    assert code_of(read_bytes, path, 1 << 35) == 606


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert code_of(read_bytes, tmp_path / "none", 9) == 101
    assert code_of(read_bytes, tmp_path, 9) == 101
    assert code_of(read_bytes, "", 9) == 101
    assert code_of(read_bytes, "nul\0byte", 9) == 101
    assert code_of(read_bytes, "line\nbreak", 9) == 101
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert code_of(read_bytes, loop, 9) == 101


@posix
def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.geteuid():
        assert code_of(read_bytes, path, 9) == 101


@posix
def test_reads_a_pipe_and_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    for limit, expected in ((200_000, None), (199_999, 606)):
        writer = threading.Thread(target=_feed, args=(path, b"ab" * 100_000))
        writer.start()
        try:
            if expected is None:
                assert read_bytes(path, limit) == b"ab" * 100_000
            else:
                assert code_of(read_bytes, path, limit) == expected
        finally:
            writer.join()


def _feed(path: Path, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        path.write_bytes(data)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
def test_an_endless_device_stops_at_the_limit() -> None:
    assert code_of(read_bytes, "/dev/zero", 5_000_000) == 606


@pytest.mark.parametrize("path", [b"bytes", 0, 3.5, None, io.BytesIO()])
def test_a_path_is_a_str_or_pathlike(path: Any) -> None:
    with pytest.raises(TypeError):
        read_bytes(path, 9)
    with pytest.raises(TypeError):
        write_atomic(path, b"")


def test_reads_a_stream_from_where_it_stands() -> None:
    stream = io.BytesIO(b"head and tail")
    stream.seek(5)
    assert read_stream(stream, 8) == b"and tail"
    assert not stream.closed
    assert read_stream(Unseekable(b"0123456789"), 10) == b"0123456789"  # type: ignore[arg-type]
    assert code_of(read_stream, Unseekable(b"0123456789"), 9) == 606


def test_a_bad_stream() -> None:
    assert code_of(read_stream, Broken(), 9) == 101
    assert code_of(read_stream, Stuck(), 9) == 101
    closed = io.BytesIO(b"x")
    closed.close()
    assert code_of(read_stream, closed, 9) == 101
    with pytest.raises(TypeError):
        read_stream(io.StringIO("text"), 9)  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------------------- write


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("data", [b"", b"new", bytearray(b"new"), memoryview(b"new"), bytes(3_000_000)])
def test_writes_and_overwrites(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "out.sem"
    for _ in range(2):
        write_atomic(path, data)
        assert path.read_bytes() == bytes(data)
        path.write_bytes(b"old and longer" * 9)
    write_atomic(str(path), data)
    assert path.read_bytes() == bytes(data)
    assert names(tmp_path) == ["out.sem"]


def test_writes_beside_itself_without_a_folder_and_under_long_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomic("plain", b"1")
    write_atomic("n" * 255, b"2")
    assert names(tmp_path) == ["n" * 255, "plain"]


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_gets_the_mode_of_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~umask


@posix
def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"x")
    path.chmod(0o640)
    write_atomic(path, b"y")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_changes(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, dangling = tmp_path / "there" / "real", tmp_path / "link", tmp_path / "dangling"
    target.write_bytes(b"old")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "there" / "fresh")
    write_atomic(link, b"new")
    write_atomic(dangling, b"made")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert dangling.is_symlink()
    assert (tmp_path / "there" / "fresh").read_bytes() == b"made"
    assert names(tmp_path / "there") == ["fresh", "real"]


@posix
def test_pipes_and_devices_are_written_in_place(tmp_path: Path) -> None:
    device = os.stat("/dev/null").st_rdev
    write_atomic("/dev/null", b"x")
    assert os.stat("/dev/null").st_rdev == device
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_atomic(pipe, b"through" * 30_000)
    reader.join()
    assert got == [b"through" * 30_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    paths = [
        tmp_path / "folder",
        tmp_path / "none" / "out",
        f"{tmp_path}/new/",
        "",
        "nul\0byte",
        tmp_path / ("n" * 300),
    ]
    for path in [*paths, loop]:
        assert code_of(write_atomic, path, b"x") == 102
    assert names(tmp_path) == ["folder", "loop"]


def test_a_write_protected_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"kept")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # as for everyone but root
    assert code_of(write_atomic, path, b"x") == 102
    assert path.read_bytes() == b"kept"


@pytest.mark.parametrize("call", ["fsync", "replace", "open", "chmod"])
@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), MemoryError()]
)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, fault: BaseException
) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(os, call, fail)
    if call == "chmod" and isinstance(fault, OSError):
        write_atomic(path, b"new")  # a file system without modes is no fault
        assert path.read_bytes() == b"new"
        return
    with pytest.raises(SemError if isinstance(fault, OSError) else type(fault)) as caught:
        write_atomic(path, b"new")
    if isinstance(caught.value, SemError):
        assert caught.value.code == 102
        assert "No space left on device" in str(caught.value)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("data", ["text", None, 3, [1]])
def test_only_bytes_are_written(tmp_path: Path, data: Any) -> None:
    with pytest.raises(TypeError):
        write_atomic(tmp_path / "out", data)
    assert names(tmp_path) == []


def test_a_stream_takes_everything_in_its_own_portions() -> None:
    raw, buffered = Unseekable(), io.BytesIO()
    write_stream(raw, b"0123456789")  # type: ignore[arg-type]
    write_stream(buffered, memoryview(b"0123456789"))
    assert raw.taken == buffered.getvalue() == b"0123456789"
    assert raw.flushed
    assert not buffered.closed
    assert code_of(write_stream, Broken(), b"x") == 102
    assert code_of(write_stream, Stuck(), b"x") == 102
    assert code_of(write_stream, io.BufferedReader(io.BytesIO()), b"x") == 102
    with pytest.raises(TypeError):
        write_stream(io.StringIO(), b"x")  # type: ignore[arg-type]


def test_neither_numpy_nor_pillow_is_imported() -> None:
    program = "import sys, refcodec.fileio; print(sorted({'numpy', 'PIL'} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
