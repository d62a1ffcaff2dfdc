# SPDX-License-Identifier: MIT
"""Files that cannot be replaced, descriptors, and what killed processes leave behind: write_atomic under unusual file systems."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refcodec import replace_file, temporary_files
from refcodec.descriptor_names import descriptor_of
from refcodec.errors import SemError
from refcodec.fileio import write_atomic

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes, links, mounts and devices are POSIX")

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
NEW = b"new contents"


def refused(path: Any, text: str, **options: Any) -> None:
    """The write ends with SEM-E-102 in one line that holds `text`."""
    with pytest.raises(SemError) as caught:
        write_atomic(path, NEW, **options)
    assert caught.value.code == 102
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def child(code: str, *args: str | Path) -> subprocess.CompletedProcess[bytes]:
    start = (
        f"import os, sys, signal, stat; sys.path.insert(0, {str(ROOT)!r})\nfrom refcodec.fileio import write_atomic\n"
    )
    return subprocess.run([sys.executable, "-c", start + code, *map(str, args)], capture_output=True, check=False)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter and write into."""
    folder = Path(tempfile.mkdtemp(prefix="sem-test-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


AS_NOBODY = f"if not os.geteuid():\n    os.setegid({NOBODY}); os.seteuid({NOBODY})\n"
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to own files as others do")


# --- files that cannot be replaced --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "number"),
    [("replace", n) for n in (errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.ETXTBSY, errno.EROFS)]
    + [("create_file", n) for n in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)],
)
@pytest.mark.parametrize("old", [b"", b"short", b"longer than the new contents" * 9])
def test_a_file_that_cannot_be_replaced_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, old: bytes
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "out"
    path.write_bytes(old)
    before = path.stat()
    monkeypatch.setattr(os if call == "replace" else replace_file, call, fail)
    write_atomic(path, NEW, times=(10**18, 10**18 + 7))
    after = path.stat()
    assert path.read_bytes() == NEW
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, 10**18 + 7)
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENOENT])
def test_other_errors_of_the_rename_do_not_touch_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "out"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        refused(path, os.strerror(number))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("size", [0, 3, 300_000])
@pytest.mark.parametrize("call", ["posix_fallocate", "fsync"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), OSError(errno.EDQUOT, "quota"), OSError(errno.EIO, "EIO"), SystemExit(143)]
)
def test_an_error_in_place_restores_the_old_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, call: str, error: BaseException
) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"x" * size)
    real, left = getattr(os, call), [error]

    def once(*args: Any) -> Any:
        if left:
            raise left.pop()
        return real(*args)

    monkeypatch.setattr(os, call, once)
    with pytest.raises(type(error)):
        replace_file.write_in_place(str(path), memoryview(bytes(5000)))
    assert path.read_bytes() == b"x" * size


def test_a_system_without_allocation_writes_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(errno.EOPNOTSUPP, "unsupported")

    path = tmp_path / "out"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    replace_file.write_in_place(str(path), memoryview(NEW))
    assert path.read_bytes() == NEW


@root
@pytest.mark.parametrize("kind", ["sticky", "read-only folder", "other owner", "other group"])
def test_files_of_others(open_folder: Path, kind: str) -> None:
    """Whoever may write a file keeps its owner, whatever the folder allows."""
    path = open_folder / "out"
    path.write_bytes(b"old")
    path.chmod(0o666)
    if kind == "other group":
        os.chown(path, NOBODY, 0)
    open_folder.chmod({"sticky": 0o1777, "read-only folder": 0o755}.get(kind, 0o777))
    before = path.stat()
    done = child(f"{AS_NOBODY}write_atomic(sys.argv[1], b'new contents')", path)
    assert (done.returncode, done.stderr) == (0, b"")
    after = path.stat()
    assert path.read_bytes() == NEW
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert names(open_folder) == ["out"]


@root
def test_a_file_that_may_not_be_written_stays(open_folder: Path) -> None:
    path = open_folder / "out"
    path.write_bytes(b"old")
    path.chmod(0o644)
    done = child(f"{AS_NOBODY}write_atomic(sys.argv[1], b'new contents')", path)
    assert b"SEM-E-102" in done.stderr
    assert (path.read_bytes(), names(open_folder)) == (b"old", ["out"])


@root
def test_root_keeps_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    path.chmod(0o640)
    write_atomic(path, NEW)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 4321, 0o640)


def test_an_access_list_and_attributes_stay(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    # version 2; owner rw-, user 1234 r--, group r--, mask rw-, others ---
    entries = ((1, 6, -1), (2, 4, 1234), (4, 4, -1), (16, 6, -1), (32, 0, -1))
    acl = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + mode.to_bytes(2, "little") + (user % (1 << 32)).to_bytes(4, "little")
        for tag, mode, user in entries
    )
    try:
        os.setxattr(path, "user.note", b"mine")
        os.setxattr(path, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("this file system has no access lists")
    write_atomic(path, NEW)
    assert path.read_bytes() == NEW
    assert os.getxattr(path, "system.posix_acl_access") == acl
    assert os.getxattr(path, "user.note") == b"mine"


def mounts(folder: Path, script: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell script where it may mount, and python as $PY with the library."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    if subprocess.run(["unshare", *user, "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from refcodec.fileio import write_atomic; "
    return subprocess.run(
        ["unshare", *user, "-m", "sh", "-ec", script],
        cwd=folder,
        env={**os.environ, "PY": sys.executable, "CODE": code},
        capture_output=True,
        check=False,
    )


def test_a_file_that_is_mounted_on_its_own(tmp_path: Path) -> None:
    done = mounts(
        tmp_path,
        """echo old > real; echo > out; ln real second; mount --bind real out
        "$PY" -c "$CODE write_atomic('out', b'new contents')"
        ls -a >&2; umount out; cat real second""",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == NEW * 2
    assert done.stderr.split() == [b".", b"..", b"out", b"real", b"second"]


def test_a_mounted_file_in_a_read_only_file_system(tmp_path: Path) -> None:
    done = mounts(
        tmp_path,
        """mkdir ro; echo old > real; mount -t tmpfs none ro; echo > ro/out; mount -o remount,ro ro
        mount --bind real ro/out
        "$PY" -c "$CODE write_atomic('ro/out', b'new contents')"; cat real""",
    )
    assert (done.returncode, done.stdout) == (0, NEW), done.stderr


@pytest.mark.parametrize("way", ["beside", "in place"])
def test_a_full_file_system_leaves_the_old_file(tmp_path: Path, way: str) -> None:
    place = "mount --bind small/old small/out;" if way == "in place" else "cp small/old small/out;"
    done = mounts(
        tmp_path,
        f"""mkdir small; mount -t tmpfs -o size=64k none small; echo old > small/old; echo > small/out; {place}
        "$PY" -c "$CODE write_atomic('small/out', bytes(200000))" 2>&1 | tail -n 1; ls -A small; cat small/out""",
    )
    assert done.returncode == 0, done.stderr
    assert b"SEM-E-102 cannot-write: small/out: No space left on device" in done.stdout
    assert done.stdout.endswith(b"\nold\nout\nold\n")


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); write_atomic(sys.argv[1], bytes(2000))"
    done = child(code, path)
    assert b"SEM-E-102 cannot-write: " in done.stderr
    assert b"File too large" in done.stderr
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["out"])


# --- names and links ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["n" * 255, "-o", "--", " ", "a b", "\udce9\udcff", "é" * 127, "*", ".", "~", "con"])
def test_names_of_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    if name == ".":
        refused(name, "directory")
        return
    for _ in range(2):
        write_atomic(name, NEW)
    assert Path(name).read_bytes() == NEW
    assert os.listdir() == [name]


def test_of_hard_links_only_one_changes(tmp_path: Path) -> None:
    path, other = tmp_path / "out", tmp_path / "other"
    path.write_bytes(b"old")
    os.link(path, other)
    write_atomic(path, NEW)
    assert (path.read_bytes(), other.read_bytes()) == (NEW, b"old")


def test_a_relative_link_in_a_folder_that_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "link").symlink_to("target")
    (tmp_path / "way").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    write_atomic("way/link", NEW)
    assert names(tmp_path / "real") == ["link", "target"]
    assert (tmp_path / "real" / "target").read_bytes() == NEW


def test_a_folder_deeper_than_paths_may_be_long(tmp_path: Path) -> None:
    code = """
os.chdir(sys.argv[1])
for _ in range(30):
    os.mkdir("d" * 200); os.chdir("d" * 200)
write_atomic("out", b"1"); write_atomic("out", b"22"); os.symlink("out", "link")
assert os.listdir() in (["out", "link"], ["link", "out"])
assert open("out", "rb").read() == b"22"
"""
    done = child(code, tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_a_working_folder_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    code = """
os.chdir(sys.argv[1] + "/gone"); os.rmdir(sys.argv[1] + "/gone")
write_atomic(sys.argv[1] + "/out", b"new contents")
try: write_atomic("out", b"x")
except Exception as error: print(error)
"""
    done = child(code, tmp_path)
    assert (tmp_path / "out").read_bytes() == NEW
    assert done.stdout.startswith(b"SEM-E-102 cannot-write: out: No such file or directory")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_an_exclusive_file_has_the_mode_of_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "new", NEW, exclusive=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~umask


def test_a_file_is_never_readable_by_more_than_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "out", []
    path.write_bytes(b"old")
    path.chmod(0o600)
    real = replace_file.write_all
    monkeypatch.setattr(
        replace_file, "write_all", lambda s, v: (seen.append(os.fstat(s.fileno()).st_mode & 0o777), real(s, v))
    )
    write_atomic(path, NEW)
    assert seen == [0o600]


@pytest.mark.parametrize("links", ["yes", "EPERM", "ENOTSUP"])
@pytest.mark.parametrize("kind", ["file", "dangling link", "folder", "pipe", "absent"])
def test_exclusive_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: str, kind: str) -> None:
    path = tmp_path / "out"
    {
        "file": lambda: path.write_bytes(b"old"),
        "dangling link": lambda: path.symlink_to("nowhere"),
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "absent": lambda: None,
    }[kind]()  # type: ignore[no-untyped-call]
    if links != "yes":

        def fail(*_: Any, **__: Any) -> None:
            raise OSError(getattr(errno, links), "no links")

        monkeypatch.setattr(os, "link", fail)
    if kind == "absent":
        write_atomic(path, NEW, exclusive=True)
        assert path.read_bytes() == NEW
        refused(path, "is there already", exclusive=True)
        assert path.read_bytes() == NEW
    else:
        before = path.lstat()
        refused(path, "is there already", exclusive=True)
        assert path.lstat() == before
    assert names(tmp_path) == ["out"]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda d: (path.write_bytes(b"of another process"), real(d)))
    refused(path, "is there already", exclusive=True)
    assert (path.read_bytes(), names(tmp_path)) == (b"of another process", ["out"])


# --- descriptors, pipes and sockets -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}", "/proc/thread-self/fd/{}", "//dev/../dev/fd/{}", "/proc/{pid}/fd/{}"])  # fmt: skip
def test_a_descriptor_is_written_where_it_is(tmp_path: Path, form: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before, ")
    with path.open("ab") as stream:
        name = form.format(stream.fileno(), pid=os.getpid())
        assert descriptor_of(name) == stream.fileno()
        write_atomic(name, NEW)
        (tmp_path / "link").symlink_to(name)
        write_atomic(tmp_path / "link", b", after")
    assert path.read_bytes() == b"before, " + NEW + b", after"
    assert names(tmp_path) == ["link", "log"]


@pytest.mark.parametrize("name", ["/dev/null", "/dev/fd", "/dev/fd/x", "/dev/fd/-1", "/proc/1/fd/1", "/dev/fd/3/x", "dev/stdout", "", "nul\0"])  # fmt: skip
def test_other_names_are_no_descriptors(name: str) -> None:
    assert descriptor_of(name) is None


def test_descriptors_of_pipes_sockets_and_of_nothing() -> None:
    one, other = socket.socketpair()
    with one, other:
        write_atomic(f"/dev/fd/{one.fileno()}", NEW)
        assert other.recv(99) == NEW
        number = one.fileno()
    refused(f"/dev/fd/{number}", "Bad file descriptor")
    refused("/dev/fd/999999999", "Bad file descriptor")


def test_a_socket_and_a_full_device(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        refused(path, "No such device or address")
        assert stat.S_ISSOCK(path.stat().st_mode)
    if os.path.exists("/dev/full"):
        refused("/dev/full", "No space left on device")


# --- what killed processes leave ----------------------------------------------------------------------------------

POINTS = {
    "before the data": "import refcodec.replace_file as r; r.write_all = lambda *_: die()",
    "before the sync": "os.fsync = lambda *_: die()",
    "before the rename": "os.replace = os.link = lambda *_, **__: die()",
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("exclusive", [False, True])
def test_what_a_kill_leaves_is_gone_after_the_next_write(
    tmp_path: Path, point: str, old: bytes | None, exclusive: bool
) -> None:
    path = tmp_path / "out"
    if old is not None:
        path.write_bytes(old)
    if old is not None and exclusive:
        return
    code = f"die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n{POINTS[point]}\nwrite_atomic(sys.argv[1], b'new', exclusive={exclusive})"
    assert child(code, path).returncode == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == old
    assert len([name for name in names(tmp_path) if name != "out"]) == 1
    write_atomic(tmp_path / "another", NEW)
    assert names(tmp_path) == ["another"] + (["out"] if old else [])


def test_only_stale_files_of_ours_are_removed(tmp_path: Path) -> None:
    name = ".sem-0123456789abcdef.tmp"
    others = [".sem-0123456789abcde.tmp", ".sem-0123456789ABCDEF.tmp", "sem-0123456789abcdef.tmp", f"{name}~", ".0123456789abcdef.tmp"]  # fmt: skip
    for other in others:
        (tmp_path / other).write_bytes(b"mine")
    (tmp_path / ".sem-aaaaaaaaaaaaaaaa.tmp").symlink_to("target")
    os.mkfifo(tmp_path / ".sem-bbbbbbbbbbbbbbbb.tmp")
    (tmp_path / name).write_bytes(b"stale")
    descriptor, live = temporary_files.create_file(str(tmp_path), 0o600, [])
    lock, folder = temporary_files.create_folder(str(tmp_path), [])
    temporary_files.remove_stale(str(tmp_path))
    kept = sorted([*others, ".sem-aaaaaaaaaaaaaaaa.tmp", ".sem-bbbbbbbbbbbbbbbb.tmp"])
    assert names(tmp_path) == sorted([*kept, os.path.basename(live), os.path.basename(folder)])
    os.close(descriptor)
    assert lock is not None
    os.close(lock)
    temporary_files.remove_stale(str(tmp_path))
    assert names(tmp_path) == kept


@root
def test_temporary_files_of_other_users_stay(open_folder: Path) -> None:
    path = open_folder / ".sem-0123456789abcdef.tmp"
    path.write_bytes(b"theirs")
    os.chown(path, NOBODY, NOBODY)
    temporary_files.remove_stale(str(open_folder))
    assert path.exists()


def test_writers_side_by_side_do_not_remove_one_another(tmp_path: Path) -> None:
    def work(number: int) -> None:
        for i in range(60):
            write_atomic(tmp_path / f"{number}", bytes([i]) * 999)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    code = "for i in range(60): write_atomic(sys.argv[1], bytes([i]) * 999)"
    for thread in threads:
        thread.start()
    done = child(code, tmp_path / "4")
    for thread in threads:
        thread.join()
    assert (done.returncode, done.stderr) == (0, b"")
    assert names(tmp_path) == ["0", "1", "2", "3", "4"]
    assert {(tmp_path / name).read_bytes() for name in names(tmp_path)} == {bytes([59]) * 999}


def test_a_file_that_is_taken_before_it_is_locked_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, taken = temporary_files._lock, []

    def lock(descriptor: int) -> bool | None:
        if not taken:
            taken.extend(names(tmp_path))
            os.unlink(tmp_path / taken[0])
        return real(descriptor)

    monkeypatch.setattr(temporary_files, "_lock", lock)
    write_atomic(tmp_path / "out", NEW)
    assert taken
    assert (tmp_path / "out").read_bytes() == NEW
    assert names(tmp_path) == ["out"]


def test_a_killed_replacement_of_a_folder_is_undone(tmp_path: Path) -> None:
    """The old model had been moved aside, and the new one not yet into its place."""
    scratch = tmp_path / ".sem-0123456789abcdef.tmp"
    (scratch / "painter.old").mkdir(parents=True)
    (scratch / "painter.old" / "weights").write_bytes(b"old")
    (scratch / "painter").mkdir()
    (scratch / "language.old").mkdir()
    (tmp_path / "language").mkdir()
    temporary_files.remove_stale(str(tmp_path))
    assert names(tmp_path) == ["language", "painter"]
    assert (tmp_path / "painter" / "weights").read_bytes() == b"old"
