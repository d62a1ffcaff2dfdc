# SPDX-License-Identifier: MIT
"""Whole files in and out: reads with a limit, and writes that happen completely or not at all.

Standard library only, so that `inspect` starts without numpy or Pillow. Every fault of the file system is a `SemError`:
101 cannot read, 102 cannot write, 606 longer than the limit.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import BinaryIO, Final

from refcodec.errors import Code, SemError

_CHUNK: Final = 1 << 20
_TEMPORARY: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_BINARY", 0)
)


def shipped_data(package: str, name: str, sha256: str) -> bytes:
    """`data/name` of a package of this program; SemError 802 if it is not the file that the digest names."""
    import hashlib
    from importlib.resources import files

    data = files(package).joinpath("data", name).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SemError(Code.MODEL_DIGEST, f"{name} is not the one of this release", hint="reinstall refcodec")
    return data


def read_bytes(path: str | os.PathLike[str], limit: int) -> bytes:
    """All bytes of the file, pipe or device `path`, of which there may be at most `limit`.

    A regular file that is longer is refused by its size, anything else after `limit` + 1 bytes.
    Raises SemError 101 (missing, forbidden, a folder, a failing disk) or 606.
    """
    name = path_text(path)
    try:
        with open(name, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > limit:
                raise _too_long(shown(name), limit)
            return _read(stream, limit, shown(name), size + 1)
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_READ, f"{shown(name)}: {_reason(error)}") from error


def read_stream(stream: BinaryIO, limit: int) -> bytes:
    """All bytes from where `stream` stands to its end, of which there may be at most `limit`; it is not closed.

    Raises SemError 101 or 606; TypeError for a stream of text.
    """
    try:
        return _read(stream, limit, "the stream", _CHUNK)
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_READ, f"the stream: {_reason(error)}") from error


def write_atomic(path: str | os.PathLike[str], data: bytes | bytearray | memoryview) -> None:
    """Make `path` hold exactly `data`, or leave it as it was.

    The bytes go to a temporary file beside the target, are synced and renamed over it. A new file gets the mode that
    the umask leaves, an existing one keeps its mode; a link keeps pointing to what it points to, which is replaced;
    a pipe or device is written to in place. Nothing stays behind on failure, Ctrl-C included.
    Raises SemError 102.
    """
    name = path_text(path)
    view = memoryview(data).cast("B")
    try:
        if not os.path.basename(name):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        mode = _mode(name)
        if mode is None or stat.S_ISREG(mode):
            _replace(os.path.realpath(name), view, mode)
        else:
            with open(name, "wb", buffering=0) as device:
                _write(device, view)
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_WRITE, f"{shown(name)}: {_reason(error)}") from error


def write_stream(stream: BinaryIO, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data` to `stream` and flush it; it is not closed. Raises SemError 102; TypeError for text."""
    try:
        _write(stream, memoryview(data).cast("B"))
        stream.flush()
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_WRITE, f"the stream: {_reason(error)}") from error


def path_text(path: str | os.PathLike[str]) -> str:
    """The path as str. Raises TypeError for what is no path: a number, or bytes, which elsewhere mean contents."""
    if isinstance(path, bytes):
        raise TypeError("a path is a str or os.PathLike, not bytes")
    return os.fsdecode(os.fspath(path))


def shown(name: str) -> str:
    """A path as it may stand in a one-line message: as it is, or escaped where it would not print."""
    return name if name and name.isprintable() else ascii(name)


def _read(stream: BinaryIO, limit: int, what: str, first: int) -> bytes:
    chunks: list[bytes] = []
    left, want = limit + 1, first
    while left:
        chunk = stream.read(min(want, left))
        if chunk is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if not isinstance(chunk, bytes):
            raise TypeError(f"a binary stream gives bytes, not {type(chunk).__name__}")
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        left, want = left - len(chunk), _CHUNK
    raise _too_long(what, limit)


def _write(stream: BinaryIO, view: memoryview) -> None:
    while view:
        count = stream.write(view)
        if count is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        view = view[count:]


def _replace(target: str, view: memoryview, mode: int | None) -> None:
    if mode is not None and not os.access(target, os.W_OK):  # a rename would override a file's write protection
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".{os.urandom(8).hex()}.tmp")
    try:
        with open(os.open(temporary, _TEMPORARY, 0o666), "wb", buffering=0) as stream:
            _write(stream, view)
            if mode is not None:
                with suppress(OSError):  # some file systems have no modes
                    os.chmod(temporary, stat.S_IMODE(mode) & 0o777)
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Make the rename survive a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _mode(name: str) -> int | None:
    """The mode of what `name` leads to, None where nothing is there yet."""
    try:
        return os.stat(name).st_mode
    except FileNotFoundError:
        return None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())


def _too_long(what: str, limit: int) -> SemError:
    return SemError(Code.LIMIT_FILE, f"{what} holds more than {limit} bytes")
