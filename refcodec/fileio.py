# SPDX-License-Identifier: MIT
"""Read files up to a limit, and write files atomically.

Standard library only, so that `inspect` starts without numpy or Pillow. Errors of the file system raise a `SemError`:
Code.CANNOT_READ (101), CANNOT_WRITE (102), LIMIT_FILE (606) for a file beyond the limit.
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
    """Return `data/name` of a package of this library. Raises Code.MODEL_DIGEST (SEM-E-802) for another digest."""
    import hashlib
    from importlib.resources import files

    data = files(package).joinpath("data", name).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SemError(Code.MODEL_DIGEST, f"{name} is not the one of this release", hint="reinstall refcodec")
    return data


def read_bytes(path: str | os.PathLike[str], limit: int) -> bytes:
    """Return all bytes of the file, pipe or device `path`, at most `limit`.

    A longer file is refused by its size, a pipe or device after `limit` + 1 bytes. Raises Code.CANNOT_READ (SEM-E-101) if
    it cannot be read, LIMIT_FILE (606) if it is longer.
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
    """Return all bytes from the position of `stream` to its end, at most `limit`. Does not close it.

    Raises Code.CANNOT_READ (SEM-E-101) or LIMIT_FILE (606); TypeError for a text stream.
    """
    try:
        return _read(stream, limit, "the stream", _CHUNK)
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_READ, f"the stream: {_reason(error)}") from error


def write_atomic(path: str | os.PathLike[str], data: bytes | bytearray | memoryview) -> None:
    """Write `data` to `path` completely, or leave the file as it was.

    The bytes go to a temporary file beside the target, which is synced and then renamed. A new file has the mode of the
    umask, an existing one keeps its mode; of a symbolic link the target is replaced; pipes and devices are written in
    place. No temporary file is left on failure or Ctrl-C. Raises Code.CANNOT_WRITE (SEM-E-102).
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
    """Write all of `data` to `stream` and flush it, without closing it.

    Raises Code.CANNOT_WRITE (SEM-E-102); TypeError for a text stream.
    """
    try:
        _write(stream, memoryview(data).cast("B"))
        stream.flush()
    except (OSError, ValueError) as error:
        raise SemError(Code.CANNOT_WRITE, f"the stream: {_reason(error)}") from error


def path_text(path: str | os.PathLike[str]) -> str:
    """Return the path as str. Raises TypeError for other types, such as numbers or bytes."""
    if isinstance(path, bytes):
        raise TypeError("a path is a str or os.PathLike, not bytes")
    return os.fsdecode(os.fspath(path))


def shown(name: str) -> str:
    """Return a path for a one-line message, escaped if it is not printable."""
    return name if name and name.isprintable() else ascii(name)


def _read(stream: BinaryIO, limit: int, what: str, first_read: int) -> bytes:
    """Return all bytes of a stream. `first_read`: bytes to ask for first."""
    chunks: list[bytes] = []
    left, size = limit + 1, first_read
    while left:
        chunk = stream.read(min(size, left))
        if chunk is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if not isinstance(chunk, bytes):
            raise TypeError(f"a binary stream gives bytes, not {type(chunk).__name__}")
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        left, size = left - len(chunk), _CHUNK
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
    """Sync a folder, so that a rename survives a power failure, if the system supports it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _mode(name: str) -> int | None:
    """Return the mode of the file `name`, through links; None if it does not exist."""
    try:
        return os.stat(name).st_mode
    except FileNotFoundError:
        return None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())


def _too_long(what: str, limit: int) -> SemError:
    return SemError(Code.LIMIT_FILE, f"{what} holds more than {limit} bytes")
